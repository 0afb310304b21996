//! The counts of words that were cut before, because a word that comes again has as many pieces as the first time.
//!
//! A text has few words and says them often (Zipf). What is remembered is bounded, and each word is compared in full, so a
//! count from here is the count that cutting would give.

use std::sync::{Mutex, PoisonError};

use crate::viterbi::Scratch;

/// A power of two. So many words hold nine tenths of the running words of documentation, in a megabyte.
const SLOTS: usize = 1 << 15;
/// Most words are as long or shorter, and are kept in place.
const SHORT_BYTES_MAX: usize = 31;
/// A power of two, of words that are longer: links and paths, mostly, which a chunker counts several times.
const LONG_SLOTS: usize = 1 << 11;
/// Longer words are cut each time.
const LONG_BYTES_MAX: usize = 255;
/// More are thrown away: it is as many as there are threads that count at once.
const KEPT_MAX: usize = 16;

/// A word of at most [`SHORT_BYTES_MAX`] bytes, filled up with zeros; its length is the last byte, so that a word that ends with
/// a zero byte is not the shorter one. No word is all zeros.
type Key = [u64; 4];

/// Memory for counting, used again from text to text.
pub(crate) struct Counts {
    keys: Vec<Key>,
    pieces: Vec<u8>,
    long: Vec<(String, usize)>,
    pub(crate) room: Room,
}

/// Memory for cutting words.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) written: Vec<char>,
    pub(crate) word: Vec<char>,
    pub(crate) scratch: Scratch,
    pub(crate) ids: Vec<u32>,
}

impl Counts {
    fn new() -> Self {
        let long = vec![(String::new(), 0); LONG_SLOTS];
        Self { keys: vec![[0; 4]; SLOTS], pieces: vec![0; SLOTS], long, room: Room::default() }
    }

    /// How many pieces the word has that is `text[start..end]`, remembered or as `cut` says.
    pub(crate) fn of(
        &mut self,
        text: &str,
        (start, end): (usize, usize),
        cut: impl FnOnce(&str, &mut Room) -> usize,
    ) -> usize {
        let length = end - start;
        if length > SHORT_BYTES_MAX {
            let word = &text[start..end];
            return if length > LONG_BYTES_MAX { cut(word, &mut self.room) } else { self.of_long(word, cut) };
        }
        let key = key(text.as_bytes(), start, end);
        let first = hash(key) as usize & (SLOTS - 1);
        // What a slot held before is in its neighbour, until something else is.
        let second = first ^ 1;
        if self.keys[first] == key {
            return usize::from(self.pieces[first]);
        }
        if self.keys[second] == key {
            return usize::from(self.pieces[second]);
        }
        let pieces = cut(&text[start..end], &mut self.room);
        if let Ok(small) = u8::try_from(pieces) {
            (self.keys[second], self.pieces[second]) = (self.keys[first], self.pieces[first]);
            (self.keys[first], self.pieces[first]) = (key, small);
        }
        pieces
    }

    fn of_long(&mut self, word: &str, cut: impl FnOnce(&str, &mut Room) -> usize) -> usize {
        let bytes = word.as_bytes();
        let hashed = |sum, at| folded(sum ^ eight(bytes, at, bytes.len()), 0xe703_7ed1_a0b4_28db);
        let slot = (0..bytes.len()).step_by(8).fold(0x9e37_79b9_7f4a_7c15, hashed) as usize & (LONG_SLOTS - 1);
        let (kept, pieces) = &mut self.long[slot];
        if kept != word {
            *pieces = cut(word, &mut self.room);
            kept.clear();
            kept.push_str(word);
        }
        *pieces
    }
}

fn key(bytes: &[u8], start: usize, end: usize) -> Key {
    let mut key = [0; 4];
    let length = end - start;
    for (place, part) in key.iter_mut().enumerate().take(length.div_ceil(8)) {
        *part = eight(bytes, start + 8 * place, end);
    }
    key[3] |= (length as u64) << 56;
    key
}

/// The up to eight bytes from `at` that lie before `end`, the first the lowest.
fn eight(bytes: &[u8], at: usize, end: usize) -> u64 {
    let held = end - at;
    if let Some(read) = bytes.get(at..at + 8) {
        let all = u64::from_le_bytes(read.try_into().expect("eight bytes are eight"));
        return if held >= 8 { all } else { all & ((1 << (8 * held)) - 1) };
    }
    bytes[at..end].iter().rev().fold(0, |part, byte| part << 8 | u64::from(*byte))
}

/// Products of parts, folded: every bit of the word moves the hash.
fn hash(key: Key) -> u64 {
    let low = folded(key[0] ^ 0x9e37_79b9_7f4a_7c15, key[1] ^ 0xe703_7ed1_a0b4_28db);
    let high = folded(key[2] ^ 0x8ebc_6af0_9c88_c6e3, key[3] ^ 0x5899_65cc_7537_4cc3);
    folded(low ^ 0x1d8e_4e27_c47d_124f, high ^ 0xeb44_acca_b455_d165)
}

fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Memory for as many threads as count at once. A call takes one and gives it back.
#[derive(Default)]
pub(crate) struct CountsPool(Mutex<Vec<Counts>>);

impl CountsPool {
    /// One that no other call has.
    pub(crate) fn take(&self) -> Counts {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(Counts::new)
    }

    /// Keeps it for the next call.
    pub(crate) fn give_back(&self, counts: Counts) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_the_word_and_nothing_beside_it() {
        let text = "ab\0 abcdefgh abcdefghijklmnopqrstuvwxyz01234 z";
        let word = |part: &str, within: &str| {
            let start = within.find(part).expect("the word is there");
            key(within.as_bytes(), start, start + part.len())
        };
        for part in ["ab", "ab\0", "abcdefgh", "abcdefghi", "abcdefghijklmnopqrstuvwxyz01234", "z"] {
            assert_eq!(word(part, text), word(part, part), "{part}");
            assert_eq!(word(part, text), word(part, &format!("_{part}________")), "{part}");
        }
        assert_ne!(word("ab", text), word("ab\0", text));
    }

    #[test]
    fn a_word_is_cut_once_and_a_very_long_one_each_time() {
        let mut counts = Counts::new();
        let mut cuts = 0;
        for _ in 0..3 {
            for word in ["word", "other", &"x".repeat(31), &"y".repeat(40), &"z".repeat(300)] {
                let cut = |piece: &str, _: &mut Room| {
                    cuts += 1;
                    piece.len()
                };
                assert_eq!(counts.of(word, (0, word.len()), cut), word.len());
            }
        }
        assert_eq!(cuts, 4 + 3);
    }

    #[test]
    fn words_that_want_one_slot_keep_their_counts() {
        let mut counts = Counts::new();
        let words: Vec<String> = (0..4 * SLOTS).map(|number| format!("{number:x}")).collect();
        let long: Vec<String> = (0..4 * LONG_SLOTS).map(|number| format!("{number:064x}")).collect();
        let ones = |text: &str| text.bytes().filter(|byte| *byte == b'1').count();
        for word in words.iter().chain(&long).chain(&words) {
            assert_eq!(counts.of(word, (0, word.len()), |cut, _| ones(cut)), ones(word));
        }
    }
}
