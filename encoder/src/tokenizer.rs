//! The tokenizer: from a text to the ids of its pieces, as XLM-RoBERTa's SentencePiece model gives them.

use std::fmt;
use std::path::Path;

use crate::EncoderError;
use crate::format::{self, Header, Vocabulary};
use crate::normalizer::{Normalizer, append};
use crate::source::Source;
use crate::viterbi::{Pieces, Scratch};

/// What stands before each word instead of a blank.
const WORD_MARK: char = '\u{2581}';

/// A longer word is cut here, so that memory and time stay bounded when a text has no blanks. 512 tokens of at most
/// 16 characters lie far before it, so the ids given to the network do not depend on it.
const WORD_CHARS_MAX: usize = 16_384;

/// Cuts texts into the pieces of the model's vocabulary.
pub struct Tokenizer {
    normalizer: Normalizer,
    pieces: Pieces,
    bos: u32,
    eos: u32,
    tokens_max: usize,
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokenizer").field("tokens_max", &self.tokens_max).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads only the tokenizer of a model file, for callers that count and do not encode.
    ///
    /// # Errors
    /// When the file cannot be read, is no model, or is damaged.
    pub fn open(path: &Path) -> Result<Self, EncoderError> {
        let mut source = Source::open(path)?;
        let header = format::read_header(&mut source)?;
        Self::read(&mut source, &header)
    }

    /// Reads the tokenizer that follows the header.
    pub(crate) fn read(source: &mut Source, header: &Header) -> Result<Self, EncoderError> {
        let vocabulary = format::read_vocabulary(source, header)?;
        let replacements = format::read_replacements(source)?;
        let pieces = Pieces::new(&vocabulary, &hidden(&vocabulary), source)?;
        Ok(Self {
            normalizer: Normalizer::new(replacements),
            pieces,
            bos: vocabulary.bos,
            eos: vocabulary.eos,
            tokens_max: header.positions,
        })
    }

    /// How many ids the network takes, beginning and end included.
    #[must_use]
    pub fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// The ids that the network is given: beginning, pieces, end; cut to the model's limit.
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = vec![self.bos];
        let pieces_end = self.tokens_max - 1;
        self.each_word(text, |word, scratch| {
            self.pieces.cut(word, scratch, &mut ids);
            ids.len() < pieces_end
        });
        ids.truncate(pieces_end);
        ids.push(self.eos);
        ids
    }

    /// How many pieces `text` has, without beginning and end and without the model's limit.
    ///
    /// The time is linear in the text's length, whether or not it has blanks.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        let mut count = 0;
        let mut ids = Vec::new();
        self.each_word(text, |word, scratch| {
            ids.clear();
            self.pieces.cut(word, scratch, &mut ids);
            count += ids.len();
            true
        });
        count
    }

    /// Calls `visit` with each word, its mark in front, until it answers `false`.
    fn each_word(&self, text: &str, mut visit: impl FnMut(&[char], &mut Scratch) -> bool) {
        let mut scratch = Scratch::default();
        let mut written = Vec::new();
        let mut word = vec![WORD_MARK];
        for character in text.chars().chain([' ']) {
            written.clear();
            self.normalizer.push(character, &mut written);
            for &part in &written {
                let ends = part == ' ' && !word.is_empty() && word != [WORD_MARK];
                if part != ' ' {
                    append(&mut word, part);
                }
                if ends || word.len() == WORD_CHARS_MAX {
                    if !visit(&word, &mut scratch) {
                        return;
                    }
                    word.clear();
                }
                if part == ' ' && word.is_empty() {
                    word.push(WORD_MARK);
                }
            }
        }
    }
}

/// Ids that no text may produce: a document that spells out `<s>` or `<mask>` is cut into ordinary pieces.
fn hidden(vocabulary: &Vocabulary) -> Vec<u32> {
    let mut ids = vec![vocabulary.bos, vocabulary.eos, vocabulary.pad, vocabulary.unknown];
    ids.extend(vocabulary.pieces().find(|(piece, _)| *piece == "<mask>").map(|(_, id)| id));
    ids
}
