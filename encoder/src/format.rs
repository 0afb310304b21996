//! The layout of an `E5S1` file: header, vocabulary, normalisation map, directory, tensors.
//!
//! All numbers are little-endian. Tensors are f32 or `Q4_0`.

use std::collections::HashMap;

use crate::EncoderError;
use crate::source::Source;
use crate::storage::{BLOCK, Entry, Storage, floats, words};

const MAGIC: [u8; 4] = *b"E5S1";
const VERSION: u32 = 1;

// Bounds several times those of any model of this family.
pub(crate) const HIDDEN_MAX: usize = 4096;
pub(crate) const LAYERS_MAX: usize = 64;
pub(crate) const HEADS_MAX: usize = 256;
pub(crate) const FEED_FORWARD_MAX: usize = 16_384;
pub(crate) const VOCABULARY_MAX: usize = 4_000_000;
pub(crate) const POSITIONS_MAX: usize = 16_384;
pub(crate) const TYPES_MAX: usize = 16;

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

impl Header {
    /// What of the sizes does not go together, or cannot be worked with.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        if !self.hidden.is_multiple_of(BLOCK) || !self.feed_forward.is_multiple_of(BLOCK) {
            return Some("hidden or feed-forward size is not a multiple of 32");
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return Some("hidden size is not a multiple of the head count");
        }
        (!(self.epsilon > 0.0 && self.epsilon < 1.0)).then_some("epsilon is not between 0 and 1")
    }
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

/// Reads magic, version and sizes.
pub(crate) fn read_header(source: &mut Source) -> Result<Header, EncoderError> {
    if source.length() < 8 || source.bytes(4, "magic")? != MAGIC || source.u32("version")? != VERSION {
        return Err(source.foreign());
    }
    let mut size = |what, least, most| source.count(what, least, most);
    let header = Header {
        hidden: size("hidden size", BLOCK, HIDDEN_MAX)?,
        layers: size("layer count", 1, LAYERS_MAX)?,
        heads: size("head count", 1, HEADS_MAX)?,
        feed_forward: size("feed-forward size", BLOCK, FEED_FORWARD_MAX)?,
        vocabulary: size("vocabulary size", 4, VOCABULARY_MAX)?,
        positions: size("position count", 4, POSITIONS_MAX)?,
        types: size("type count", 1, TYPES_MAX)?,
        epsilon: source.f32("epsilon")?,
    };
    if source.u32("block size")? as usize != BLOCK {
        return Err(source.damaged("block size is not 32"));
    }
    header.contradiction().map_or(Ok(header), |what| Err(source.damaged(what)))
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
        let end = offset.checked_add(bytes).filter(|end| *end <= source.length());
        claimed = claimed.saturating_add(bytes);
        if bytes != storage.bytes(elements) || end.is_none() || claimed > source.length() {
            return Err(source.damaged(format!("tensor {name} does not fit")));
        }
        entries.insert(name, Entry { storage, elements, offset });
    }
    Ok(entries)
}
