//! `config.json` of a Hugging Face folder: which family a model is of, and its sizes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::EncoderError;
use crate::format::{
    FEED_FORWARD_MAX, HEADS_MAX, HIDDEN_MAX, Header, LAYERS_MAX, POSITIONS_MAX, TYPES_MAX, VOCABULARY_MAX,
};
use crate::storage::BLOCK;

/// Longest `config.json`; usual ones have 1 kB.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// The families whose sequence classifiers can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Two token types; a pooler, then the classifier.
    Bert,
    /// RoBERTa and XLM-RoBERTa: positions begin after that of padding, and the classifier has the dense layer itself.
    Roberta,
}

/// Family, sizes, and the rows of the position table that no token uses.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) family: Family,
    pub(crate) header: Header,
    pub(crate) positions_skipped: usize,
}

/// The fields that are read, with the defaults that `transformers` has for them.
#[derive(Deserialize)]
struct Config {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "small")]
    layer_norm_eps: f32,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    pad_token_id: Option<usize>,
}

fn two() -> usize {
    2
}

fn small() -> f32 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// Reads and checks `config.json`.
pub(crate) fn read_shape(path: &Path) -> Result<Shape, EncoderError> {
    let bytes = read_whole(path, CONFIG_BYTES_MAX)?;
    let damaged = |what: String| EncoderError::Damaged { path: path.to_path_buf(), what };
    let config: Config = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    let unsupported = |what: String| EncoderError::Unsupported { path: path.to_path_buf(), what };
    let family = match config.model_type.as_str() {
        "bert" => Family::Bert,
        "roberta" | "xlm-roberta" => Family::Roberta,
        other => return Err(unsupported(format!("model_type is {other:?}, expected bert, roberta or xlm-roberta"))),
    };
    if config.hidden_act != "gelu" || config.position_embedding_type != "absolute" {
        let Config { hidden_act, position_embedding_type, .. } = &config;
        return Err(unsupported(format!(
            "hidden_act is {hidden_act:?} with {position_embedding_type:?} positions, expected gelu with absolute ones"
        )));
    }
    out_of_bounds(&config).map_or(Ok(()), |what| Err(damaged(what)))?;
    let header = header_of(&config);
    if let Some(what) = header.contradiction() {
        return Err(unsupported(what.to_owned()));
    }
    let positions_skipped =
        if family == Family::Roberta { config.pad_token_id.unwrap_or(1).saturating_add(1) } else { 0 };
    if header.positions < positions_skipped.saturating_add(TOKENS_MIN) {
        return Err(damaged(format!("{} positions are too few", header.positions)));
    }
    Ok(Shape { family, header, positions_skipped })
}

/// Marks and one token of each text.
const TOKENS_MIN: usize = 8;

fn out_of_bounds(config: &Config) -> Option<String> {
    let sizes = [
        ("hidden_size", config.hidden_size, BLOCK, HIDDEN_MAX),
        ("num_hidden_layers", config.num_hidden_layers, 1, LAYERS_MAX),
        ("num_attention_heads", config.num_attention_heads, 1, HEADS_MAX),
        ("intermediate_size", config.intermediate_size, BLOCK, FEED_FORWARD_MAX),
        ("vocab_size", config.vocab_size, TOKENS_MIN, VOCABULARY_MAX),
        ("max_position_embeddings", config.max_position_embeddings, TOKENS_MIN, POSITIONS_MAX),
        ("type_vocab_size", config.type_vocab_size, 1, TYPES_MAX),
    ];
    let wrong = sizes.into_iter().find(|(_, size, least, most)| !(least..=most).contains(&size));
    wrong.map(|(name, size, least, most)| format!("{name} is {size}, expected {least} to {most}"))
}

fn header_of(config: &Config) -> Header {
    Header {
        hidden: config.hidden_size,
        layers: config.num_hidden_layers,
        heads: config.num_attention_heads,
        feed_forward: config.intermediate_size,
        vocabulary: config.vocab_size,
        positions: config.max_position_embeddings,
        types: config.type_vocab_size,
        epsilon: config.layer_norm_eps,
    }
}

/// A file of at most `bytes_max` bytes.
pub(crate) fn read_whole(path: &Path, bytes_max: u64) -> Result<Vec<u8>, EncoderError> {
    let read_error = |source| EncoderError::Read { path: path.to_path_buf(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(read_error)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(read_error)?;
    if bytes.len() as u64 > bytes_max {
        let what = format!("it has more than {bytes_max} bytes");
        return Err(EncoderError::Damaged { path: path.to_path_buf(), what });
    }
    Ok(bytes)
}
