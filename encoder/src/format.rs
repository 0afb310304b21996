//! The layout of an `E5S1` file: header, vocabulary, normalisation map, directory, tensors.
//!
//! All numbers are little-endian. Tensors are f32, or `Q4_0`: blocks of 32 weights, an f16 scale and 16 bytes whose
//! low halves are weights 0 to 15 and high halves weights 16 to 31, each less 8 (the layout of GGUF).

use std::collections::HashMap;

use crate::EncoderError;
use crate::source::Source;

/// Weights in one `Q4_0` block.
pub(crate) const BLOCK: usize = 32;
/// Bytes of one `Q4_0` block.
pub(crate) const BLOCK_BYTES: usize = 18;

const MAGIC: [u8; 4] = *b"E5S1";
const VERSION: u32 = 1;

/// The sizes of the network.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) feed_forward: usize,
    pub(crate) vocabulary: usize,
    pub(crate) positions: usize,
    pub(crate) types: usize,
    pub(crate) epsilon: f32,
}

/// The pieces of the tokenizer with their log probabilities; a piece's index is its token id.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) bos: u32,
    pub(crate) eos: u32,
    pub(crate) pad: u32,
    pub(crate) unknown: u32,
    pub(crate) scores: Vec<f32>,
    /// Where each piece begins in `text`; one more at the end.
    offsets: Vec<usize>,
    text: String,
}

impl Vocabulary {
    /// The pieces with their ids.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&str, u32)> {
        self.offsets.windows(2).zip(0..).map(|(pair, id)| (&self.text[pair[0]..pair[1]], id))
    }
}

/// How a tensor is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Float,
    Q4,
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) storage: Storage,
    pub(crate) elements: usize,
    pub(crate) offset: u64,
}

/// Reads magic, version and sizes. The bounds are several times those of any model of this family.
pub(crate) fn read_header(source: &mut Source) -> Result<Header, EncoderError> {
    if source.length() < 8 || source.bytes(4, "magic")? != MAGIC || source.u32("version")? != VERSION {
        return Err(source.foreign());
    }
    let header = Header {
        hidden: source.count("hidden size", BLOCK, 4096)?,
        layers: source.count("layer count", 1, 64)?,
        heads: source.count("head count", 1, 256)?,
        feed_forward: source.count("feed-forward size", BLOCK, 16_384)?,
        vocabulary: source.count("vocabulary size", 4, 4_000_000)?,
        positions: source.count("position count", 4, 8192)?,
        types: source.count("type count", 1, 16)?,
        epsilon: source.f32("epsilon")?,
    };
    if source.u32("block size")? as usize != BLOCK {
        return Err(source.damaged("block size is not 32"));
    }
    if !header.hidden.is_multiple_of(BLOCK) || !header.feed_forward.is_multiple_of(BLOCK) {
        return Err(source.damaged("hidden or feed-forward size is not a multiple of 32"));
    }
    if !header.hidden.is_multiple_of(header.heads) {
        return Err(source.damaged("hidden size is not a multiple of the head count"));
    }
    if !(header.epsilon > 0.0 && header.epsilon < 1.0) {
        return Err(source.damaged("epsilon is not between 0 and 1"));
    }
    Ok(header)
}

pub(crate) fn read_vocabulary(source: &mut Source, header: &Header) -> Result<Vocabulary, EncoderError> {
    let count = source.count("piece count", 4, header.vocabulary)?;
    let mut special = [0; 4];
    for id in &mut special {
        *id = u32::try_from(source.count("special token", 0, count - 1)?).unwrap_or(u32::MAX);
    }
    let text_bytes = source.u64("piece bytes")?;
    let offsets = source.bytes(4 * (count as u64 + 1), "piece offsets")?;
    let scores = floats(&source.bytes(4 * count as u64, "piece scores")?);
    let text = source.bytes(text_bytes, "pieces")?;
    let text = String::from_utf8(text).map_err(|_| source.damaged("pieces are not UTF-8"))?;
    if scores.iter().any(|score| !score.is_finite()) {
        return Err(source.damaged("a piece score is not a number"));
    }
    let offsets: Vec<usize> = words(&offsets).map(|offset| offset as usize).collect();
    if offsets.windows(2).any(|pair| text.get(pair[0]..pair[1]).is_none()) {
        return Err(source.damaged("a piece lies outside the piece bytes"));
    }
    let [bos, eos, pad, unknown] = special;
    Ok(Vocabulary { bos, eos, pad, unknown, scores, offsets, text })
}

/// Reads the characters that are written differently before the text is cut into pieces.
pub(crate) fn read_replacements(source: &mut Source) -> Result<Vec<(char, String)>, EncoderError> {
    let count = source.count("replacement count", 0, 0x11_0000)?;
    let size = source.u32("replacement bytes")?;
    let bytes = source.bytes(u64::from(size), "replacements")?;
    let mut replacements = Vec::with_capacity(count.min(bytes.len() / 5));
    let mut rest = bytes.as_slice();
    for _ in 0..count {
        let entry = take_replacement(&mut rest);
        replacements.push(entry.ok_or_else(|| source.damaged("a replacement is cut off or not a character"))?);
    }
    if !rest.is_empty() {
        return Err(source.damaged("bytes are left after the replacements"));
    }
    Ok(replacements)
}

fn take_replacement(rest: &mut &[u8]) -> Option<(char, String)> {
    let from = take_char(rest)?;
    let (&count, tail) = rest.split_first()?;
    *rest = tail;
    let to = (0..count).map(|_| take_char(rest)).collect::<Option<String>>()?;
    Some((from, to))
}

fn take_char(rest: &mut &[u8]) -> Option<char> {
    let (word, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    char::from_u32(u32::from_le_bytes(*word))
}

/// Reads the directory. The tensors together may not claim more bytes than the file has, so that no list of
/// overlapping tensors can ask for more memory than the file is long.
pub(crate) fn read_directory(source: &mut Source) -> Result<HashMap<String, Entry>, EncoderError> {
    let count = source.count("tensor count", 1, 4096)?;
    let mut entries = HashMap::with_capacity(count);
    let mut claimed = 0_u64;
    for _ in 0..count {
        let name_bytes = source.u16("tensor name length")?;
        let name = source.bytes(u64::from(name_bytes), "tensor name")?;
        let name = String::from_utf8(name).map_err(|_| source.damaged("a tensor name is not UTF-8"))?;
        let storage = match source.u8("tensor type")? {
            0 => Storage::Float,
            1 => Storage::Q4,
            other => return Err(source.damaged(format!("tensor {name} has unknown type {other}"))),
        };
        let elements = source.u32("tensor size")? as usize;
        let offset = source.u64("tensor offset")?;
        let bytes = source.u64("tensor bytes")?;
        let expected = match storage {
            Storage::Float => elements as u64 * 4,
            Storage::Q4 => elements as u64 / BLOCK as u64 * BLOCK_BYTES as u64,
        };
        let end = offset.checked_add(bytes).filter(|end| *end <= source.length());
        claimed = claimed.saturating_add(bytes);
        if bytes != expected || end.is_none() || claimed > source.length() {
            return Err(source.damaged(format!("tensor {name} does not fit")));
        }
        entries.insert(name, Entry { storage, elements, offset });
    }
    Ok(entries)
}

/// The f32 values of little-endian bytes.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    words(bytes).map(f32::from_bits).collect()
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))
}
