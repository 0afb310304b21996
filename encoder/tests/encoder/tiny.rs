//! A made-up model file of two layers, and the same weights as doubles.

use std::collections::HashMap;
use std::io::Write;

use half::f16;
use tempfile::NamedTempFile;

pub(crate) const HIDDEN: usize = 32;
pub(crate) const HEADS: usize = 4;
pub(crate) const WIDE: usize = 64;
pub(crate) const LAYERS: usize = 2;
pub(crate) const POSITIONS: usize = 24;
/// The embedding table has some rows more than there are pieces, as the real one.
const ROWS: usize = PIECES.len() + 3;

pub(crate) const PIECES: [(&str, f32); 19] = [
    ("<s>", 0.0),
    ("<pad>", 0.0),
    ("</s>", 0.0),
    ("<unk>", 0.0),
    ("▁", -2.0),
    ("a", -3.0),
    ("b", -3.5),
    ("c", -4.0),
    ("▁ab", -4.5),
    ("abc", -5.0),
    ("bc", -4.25),
    ("▁한국", -5.5),
    ("한", -7.0),
    ("국", -7.0),
    ("é", -6.0),
    ("가", -6.5),
    ("<", -6.0),
    (">", -6.0),
    ("<mask>", 0.0),
];

/// The id of a piece.
pub(crate) fn id(piece: &str) -> u32 {
    PIECES.iter().position(|(text, _)| *text == piece).expect("a piece of the tiny vocabulary") as u32
}

/// Characters written differently: a control character, a blank, a full-width letter, a unit.
const REPLACEMENTS: [(char, &str); 4] = [('\u{7}', ""), ('\n', " "), ('ａ', "a"), ('㏄', "cc")];

/// The bytes of the file, where its sections begin, and the weights.
pub(crate) struct Tiny {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sections: Vec<usize>,
    pub(crate) weights: HashMap<String, Vec<f64>>,
}

impl Tiny {
    pub(crate) fn new() -> Self {
        let mut bytes = b"E5S1".to_vec();
        let header = [1, HIDDEN, LAYERS, HEADS, WIDE, ROWS, POSITIONS, 2];
        header.iter().for_each(|value| bytes.extend((*value as u32).to_le_bytes()));
        bytes.extend(1e-12_f32.to_le_bytes());
        bytes.extend(32_u32.to_le_bytes());
        let mut sections = vec![0, 4, 8, 12, bytes.len()];
        push_vocabulary(&mut bytes, &mut sections);
        push_replacements(&mut bytes, &mut sections);
        let weights = push_tensors(&mut bytes, &mut sections);
        Self { bytes, sections, weights }
    }

    pub(crate) fn file(&self) -> NamedTempFile {
        file_of(&self.bytes)
    }
}

pub(crate) fn file_of(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for a small file");
    file
}

fn push_vocabulary(bytes: &mut Vec<u8>, sections: &mut Vec<usize>) {
    let blob: String = PIECES.iter().map(|(piece, _)| *piece).collect();
    for value in [PIECES.len() as u32, 0, 2, 1, 3] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend((blob.len() as u64).to_le_bytes());
    sections.push(bytes.len());
    let mut offset = 0_u32;
    for (piece, _) in PIECES {
        bytes.extend(offset.to_le_bytes());
        offset += piece.len() as u32;
    }
    bytes.extend(offset.to_le_bytes());
    sections.push(bytes.len());
    PIECES.iter().for_each(|(_, score)| bytes.extend(score.to_le_bytes()));
    sections.push(bytes.len());
    bytes.extend(blob.as_bytes());
    sections.push(bytes.len());
}

fn push_replacements(bytes: &mut Vec<u8>, sections: &mut Vec<usize>) {
    let mut entries = Vec::new();
    for (from, to) in REPLACEMENTS {
        entries.extend((from as u32).to_le_bytes());
        entries.push(to.chars().count() as u8);
        to.chars().for_each(|character| entries.extend((character as u32).to_le_bytes()));
    }
    bytes.extend((REPLACEMENTS.len() as u32).to_le_bytes());
    bytes.extend((entries.len() as u32).to_le_bytes());
    sections.push(bytes.len());
    bytes.extend(entries);
    sections.push(bytes.len());
}

fn push_tensors(bytes: &mut Vec<u8>, sections: &mut Vec<usize>) -> HashMap<String, Vec<f64>> {
    let tensors = tensors();
    let mut noise = Noise(0x1b1d);
    let mut weights = HashMap::new();
    let directory_bytes: usize = tensors.iter().map(|(name, ..)| 2 + name.len() + 1 + 4 + 8 + 8).sum();
    let mut offset = bytes.len() + 4 + directory_bytes;
    let mut data = Vec::new();
    bytes.extend((tensors.len() as u32).to_le_bytes());
    for (name, quantised, elements) in tensors {
        let (stored, values) =
            if quantised { noise.blocks(elements) } else { noise.floats(elements, name.ends_with("ln.w")) };
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.push(u8::from(quantised));
        bytes.extend((elements as u32).to_le_bytes());
        bytes.extend((offset as u64).to_le_bytes());
        bytes.extend((stored.len() as u64).to_le_bytes());
        sections.push(bytes.len());
        offset += stored.len();
        data.extend(stored);
        weights.insert(name, values);
    }
    bytes.extend(data);
    weights
}

/// Name, whether in 4 bits, and size of each tensor.
fn tensors() -> Vec<(String, bool, usize)> {
    let square = HIDDEN * HIDDEN;
    let mut tensors = vec![
        ("emb.word".to_owned(), true, ROWS * HIDDEN),
        ("emb.pos".to_owned(), false, POSITIONS * HIDDEN),
        ("emb.type".to_owned(), false, 2 * HIDDEN),
        ("emb.ln.w".to_owned(), false, HIDDEN),
        ("emb.ln.b".to_owned(), false, HIDDEN),
    ];
    for layer in 0..LAYERS {
        let mut add = |part, quantised, size| tensors.push((format!("l{layer}.{part}"), quantised, size));
        for part in ["q", "k", "v", "ao"] {
            add(format!("{part}.w"), true, square);
            add(format!("{part}.b"), false, HIDDEN);
        }
        add("fi.w".to_owned(), true, WIDE * HIDDEN);
        add("fi.b".to_owned(), false, WIDE);
        add("fo.w".to_owned(), true, WIDE * HIDDEN);
        add("fo.b".to_owned(), false, HIDDEN);
        for part in ["aln.w", "aln.b", "oln.w", "oln.b"] {
            add(part.to_owned(), false, HIDDEN);
        }
    }
    tensors
}

/// Numbers from a seed (xorshift).
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn floats(&mut self, count: usize, near_one: bool) -> (Vec<u8>, Vec<f64>) {
        let centre = if near_one { 1.0 } else { 0.0 };
        let mut number = || centre + (self.next() % 1000) as f32 / 1000.0 - 0.5;
        let values: Vec<f32> = (0..count).map(|_| number()).collect();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (bytes, values.into_iter().map(f64::from).collect())
    }

    fn blocks(&mut self, count: usize) -> (Vec<u8>, Vec<f64>) {
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        for _ in 0..count / 32 {
            let scale = f16::from_f32(0.02 + (self.next() % 100) as f32 / 1000.0);
            let packed: [u8; 16] = std::array::from_fn(|_| self.next() as u8);
            bytes.extend(scale.to_le_bytes());
            bytes.extend(packed);
            let value = |nibble: u8| (f64::from(nibble) - 8.0) * scale.to_f64();
            values.extend(packed.iter().map(|byte| value(byte & 15)));
            values.extend(packed.iter().map(|byte| value(byte >> 4)));
        }
        (bytes, values)
    }
}
