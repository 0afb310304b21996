//! The tokenizer: from a text to the ids of its pieces, as XLM-RoBERTa's SentencePiece model gives them.

use std::fmt;
use std::path::Path;

use crate::EncoderError;
use crate::counts::{CountsPool, Room};
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
    /// Bytes that are read as a blank and nothing else.
    blanks: [bool; 256],
    counts: CountsPool,
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
        let normalizer = Normalizer::new(replacements);
        Ok(Self {
            blanks: blanks(&normalizer),
            normalizer,
            pieces,
            counts: CountsPool::default(),
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
        let mut room = Room { ids: vec![self.bos], ..Room::default() };
        let pieces_end = self.tokens_max - 1;
        self.each_word(text, &mut room, |word, scratch, ids| {
            self.pieces.cut(word, scratch, ids);
            ids.len() < pieces_end
        });
        let mut ids = room.ids;
        ids.truncate(pieces_end);
        ids.push(self.eos);
        ids
    }

    /// How many pieces `text` has, without beginning and end and without the model's limit.
    ///
    /// The time is linear in the text's length, whether or not it has blanks. No piece reaches over a blank, so words are
    /// counted one by one, and a word that came before is not cut again.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        let mut counts = self.counts.take();
        let mut count = 0;
        let mut start = 0;
        let is_blank = |byte: &u8| self.blanks[usize::from(*byte)];
        while start < text.len() {
            let end = text.as_bytes()[start..].iter().position(is_blank).map_or(text.len(), |length| start + length);
            if start < end {
                count += counts.of(text, (start, end), |word, room| self.count_cut(word, room));
            }
            start = end + 1;
        }
        self.counts.give_back(counts);
        count
    }

    fn count_cut(&self, text: &str, room: &mut Room) -> usize {
        let mut count = 0;
        self.each_word(text, room, |word, scratch, ids| {
            ids.clear();
            self.pieces.cut(word, scratch, ids);
            count += ids.len();
            true
        });
        count
    }

    /// Calls `visit` with each word, its mark in front, until it answers `false`.
    fn each_word(
        &self,
        text: &str,
        room: &mut Room,
        mut visit: impl FnMut(&[char], &mut Scratch, &mut Vec<u32>) -> bool,
    ) {
        let Room { written, word, scratch, ids } = room;
        word.clear();
        word.push(WORD_MARK);
        for character in text.chars().chain([' ']) {
            written.clear();
            self.normalizer.push(character, written);
            for &part in &*written {
                let ends = part == ' ' && !word.is_empty() && *word != [WORD_MARK];
                if part != ' ' {
                    append(word, part);
                }
                if ends || word.len() == WORD_CHARS_MAX {
                    if !visit(word, scratch, ids) {
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

/// The ASCII characters that are written as one blank.
fn blanks(normalizer: &Normalizer) -> [bool; 256] {
    std::array::from_fn(|byte| {
        let mut written = Vec::new();
        let character = char::from(u8::try_from(byte).unwrap_or(u8::MAX));
        normalizer.push(character, &mut written);
        character.is_ascii() && written == [' ']
    })
}

/// Ids that no text may produce: a document that spells out `<s>` or `<mask>` is cut into ordinary pieces.
fn hidden(vocabulary: &Vocabulary) -> Vec<u32> {
    let mut ids = vec![vocabulary.bos, vocabulary.eos, vocabulary.pad, vocabulary.unknown];
    ids.extend(vocabulary.pieces().find(|(piece, _)| *piece == "<mask>").map(|(_, id)| id));
    ids
}
