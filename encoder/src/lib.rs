//! A transformer encoder: text goes in, and a vector of unit length or a score comes out.
//!
//! [`Encoder`] makes vectors with multilingual-e5-small, whose 4-bit weights it reads from one `E5S1` file, and its caller
//! writes the prefix that the model was trained with, `query: ` or `passage: `, before each text. [`CrossEncoder`] scores a
//! passage against a question with any BERT or (XLM-)RoBERTa classifier of one label in a Hugging Face folder.
//!
//! The crate holds its own matrix product and no unsafe code. A result depends on the text, the file and the kind of processor
//! only: not on the other texts of the call, their order, or the number of threads.

mod attention;
mod batch;
mod counts;
mod cross_encoder;
mod encoder;
mod error;
mod format;
mod hugging_face;
mod linear;
mod math;
mod model;
mod normalizer;
mod pair;
mod safetensors;
mod source;
mod storage;
mod tensors;
mod tile;
mod tokenizer;
mod viterbi;

pub use cross_encoder::CrossEncoder;
pub use encoder::Encoder;
pub use error::EncoderError;
pub use tokenizer::Tokenizer;
