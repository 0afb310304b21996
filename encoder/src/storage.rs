//! How numbers are stored in model files, and where a tensor lies in one.

use half::{bf16, f16};

/// Weights in one `Q4_0` block.
pub(crate) const BLOCK: usize = 32;
/// Bytes of one `Q4_0` block.
pub(crate) const BLOCK_BYTES: usize = 18;

/// How a tensor is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// IEEE single precision.
    Float,
    /// IEEE half precision.
    Half,
    /// The upper half of single precision.
    Brain,
    /// `Q4_0`: blocks of 32 weights, an f16 scale and 16 bytes whose low halves are weights 0 to 15 and high halves weights
    /// 16 to 31, each less 8 (the layout of GGUF).
    Q4,
}

impl Storage {
    /// Bytes of `elements` numbers.
    pub(crate) fn bytes(self, elements: usize) -> u64 {
        let elements = elements as u64;
        match self {
            Self::Float => elements.saturating_mul(4),
            Self::Half | Self::Brain => elements.saturating_mul(2),
            Self::Q4 => elements / BLOCK as u64 * BLOCK_BYTES as u64,
        }
    }

    /// Writes the numbers of little-endian `bytes` to `values`, which has room for all of them.
    pub(crate) fn decode(self, bytes: &[u8], values: &mut [f32]) {
        let pairs = || values_of_pairs(bytes);
        match self {
            Self::Float => values.iter_mut().zip(words(bytes)).for_each(|(place, word)| *place = f32::from_bits(word)),
            Self::Half => {
                values.iter_mut().zip(pairs()).for_each(|(place, bits)| *place = f16::from_bits(bits).to_f32())
            }
            Self::Brain => {
                values.iter_mut().zip(pairs()).for_each(|(place, bits)| *place = bf16::from_bits(bits).to_f32())
            }
            Self::Q4 => decode_blocks(bytes, values),
        }
    }
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) storage: Storage,
    pub(crate) elements: usize,
    pub(crate) offset: u64,
}

/// The f32 values of little-endian bytes.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    words(bytes).map(f32::from_bits).collect()
}

/// Little-endian words.
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))
}

fn values_of_pairs(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair))
}

fn decode_blocks(bytes: &[u8], values: &mut [f32]) {
    let places = values.chunks_exact_mut(BLOCK);
    for (block, place) in bytes.chunks_exact(BLOCK_BYTES).zip(places) {
        let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
        for (index, byte) in block[2..].iter().enumerate() {
            place[index] = (f32::from(byte & 15) - 8.0) * scale;
            place[index + BLOCK / 2] = (f32::from(byte >> 4) - 8.0) * scale;
        }
    }
}
