//! A sentence encoder: text goes in, a vector of unit length comes out.
//!
//! The model is multilingual-e5-small with 4-bit weights, read from one `E5S1` file. The crate holds its own
//! tokenizer, its own matrix product and no unsafe code. The vector of a text depends on the text, the file and
//! the kind of processor only: not on the other texts of the call, their order, or the number of threads.
//!
//! The caller writes the prefix that the model was trained with, `query: ` or `passage: `, before each text.

mod attention;
mod encoder;
mod error;
mod format;
mod linear;
mod math;
mod model;
mod normalizer;
mod source;
mod tile;
mod tokenizer;
mod viterbi;

pub use encoder::Encoder;
pub use error::EncoderError;
pub use tokenizer::Tokenizer;
