//! From a question and a passage to the ids of one sequence, as `tokenizer.json` of a Hugging Face folder says.

use std::fmt;
use std::path::{Path, PathBuf};

use tokenizers::{PostProcessorWrapper, Tokenizer};

use crate::EncoderError;
use crate::hugging_face::{Family, Shape, read_whole};
use crate::model::Sequence;

/// Longest `tokenizer.json`; that of XLM-RoBERTa has 17 MB.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a text that are cut into tokens, so that time stays bounded. A window of 512 tokens ends far before it.
const TEXT_BYTES_MAX: usize = 1 << 16;

/// Cuts pairs of texts into tokens.
pub(crate) struct PairTokenizer {
    tokenizer: Tokenizer,
    path: PathBuf,
    /// Marks between the two texts.
    separators: usize,
    /// Whether the second text has a token type of its own.
    tells_apart: bool,
    /// `[CLS]` or `<s>`.
    begin: u32,
    /// `[SEP]` or `</s>`.
    end: u32,
    tokens_max: usize,
}

/// The ids of a pair, marks included.
#[derive(Debug)]
pub(crate) struct Pair {
    ids: Vec<u32>,
    second: usize,
}

impl fmt::Debug for PairTokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PairTokenizer").field("tokens_max", &self.tokens_max).finish_non_exhaustive()
    }
}

impl Pair {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn sequence(&self) -> Sequence<'_> {
        Sequence { tokens: &self.ids, second: self.second }
    }
}

impl PairTokenizer {
    /// Reads `tokenizer.json` for a model of this shape. Its own templates, truncation and padding are left aside, because
    /// the family says what a pair looks like.
    pub(crate) fn open(path: &Path, shape: &Shape) -> Result<Self, EncoderError> {
        let damaged = |what: String| EncoderError::Damaged { path: path.to_path_buf(), what };
        let bytes = read_whole(path, FILE_BYTES_MAX)?;
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| damaged(error.to_string()))?;
        tokenizer.with_truncation(None).map_err(|error| damaged(error.to_string()))?;
        tokenizer.with_padding(None).with_post_processor(None::<PostProcessorWrapper>);
        // A document that spells out a mark is cut into ordinary pieces.
        tokenizer.set_encode_special_tokens(true);
        let vocabulary = tokenizer.get_vocab(true);
        if let Some((token, id)) = vocabulary.iter().find(|(_, id)| **id as usize >= shape.header.vocabulary) {
            return Err(damaged(format!("token {token:?} has id {id}, and there are {}", shape.header.vocabulary)));
        }
        let (begin, end) = match shape.family {
            Family::Bert => ("[CLS]", "[SEP]"),
            Family::Roberta => ("<s>", "</s>"),
        };
        let id = |mark: &str| vocabulary.get(mark).copied().ok_or_else(|| damaged(format!("it has no token {mark}")));
        Ok(Self {
            begin: id(begin)?,
            end: id(end)?,
            tokenizer,
            path: path.to_path_buf(),
            separators: if shape.family == Family::Bert { 1 } else { 2 },
            tells_apart: shape.family == Family::Bert && shape.header.types > 1,
            tokens_max: shape.header.positions - shape.positions_skipped,
        })
    }

    pub(crate) fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// The ids of a text without marks.
    pub(crate) fn ids(&self, text: &str) -> Result<Vec<u32>, EncoderError> {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        let encoded = self.tokenizer.encode_fast(text, false).map_err(|error| EncoderError::Damaged {
            path: self.path.clone(),
            what: format!("it cannot cut a text: {error}"),
        })?;
        Ok(encoded.get_ids().to_vec())
    }

    /// `[CLS] query [SEP] passage [SEP]`, or `<s> query </s></s> passage </s>`, cut to the model's window.
    pub(crate) fn pair(&self, query: &[u32], passage: &[u32]) -> Pair {
        let room = self.tokens_max - 2 - self.separators;
        let (of_query, of_passage) = longest_first(query.len(), passage.len(), room);
        let mut ids = vec![self.begin];
        ids.extend(&query[..of_query]);
        ids.extend(std::iter::repeat_n(self.end, self.separators));
        let passage_start = ids.len();
        ids.extend(&passage[..of_passage]);
        ids.push(self.end);
        let second = if self.tells_apart { passage_start } else { ids.len() };
        Pair { ids, second }
    }
}

/// How much of two texts is kept: the longer one is cut, and both to half when both are longer than that
/// (`longest_first` of `transformers`, which a cross-encoder is trained with).
fn longest_first(first: usize, second: usize, room: usize) -> (usize, usize) {
    if first + second <= room {
        return (first, second);
    }
    let half = room / 2;
    match (first <= half, second <= half) {
        (true, _) => (first, room - first),
        (false, true) => (room - second, second),
        (false, false) if first <= second => (half, room - half),
        (false, false) => (room - half, half),
    }
}
