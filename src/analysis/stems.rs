//! The stems of one language, with those that it gave last: words repeat (Zipf), and a stemmer is slow.

use rust_stemmers::Stemmer;

use super::Language;
use super::normalize::fold;
use super::piece::{Form, Piece};

/// Shorter words are their own stem in every language; longer ones are names and data.
const STEMMED_BYTES: std::ops::RangeInclusive<usize> = 3..=40;
/// A power of two. So many words of up to 15 bytes hold 19 of 20 running words of documentation, in a quarter of a megabyte.
const SHORT_SLOTS: usize = 1 << 13;
/// A power of two, of words that are longer or have a longer stem.
const LONG_SLOTS: usize = 1 << 10;

/// A word or stem of at most 15 bytes, filled up with zeros, and its length behind it.
type Short = [u8; 16];

/// One language's stemmer with the stems that it gave last.
pub(super) struct Stems {
    stemmer: Stemmer,
    /// English has accents only in words that are as often written without, and its stemmer knows none.
    folds_first: bool,
    short: Vec<(Short, Short)>,
    long: Vec<(String, String)>,
}

impl Stems {
    pub(super) fn of(language: Language) -> Self {
        let folds_first = language == Language::English;
        Self { stemmer: language.stemmer(), folds_first, short: Vec::new(), long: Vec::new() }
    }

    /// Calls `with` with the term of a word or name.
    pub(super) fn term<R>(&mut self, piece: Piece<'_>, with: impl FnOnce(&str) -> R) -> R {
        let word = piece.text;
        if piece.form != Form::Word || !STEMMED_BYTES.contains(&word.len()) {
            return with(&fold(word));
        }
        let Some(key) = short(word) else { return with(self.long_stem(word)) };
        if self.short.is_empty() {
            self.short = vec![Default::default(); SHORT_SLOTS];
        }
        let place = hash(key) & (SHORT_SLOTS - 1);
        if self.short[place].0 != key {
            let stem = self.stem(word);
            let Some(kept) = short(&stem) else { return with(&stem) };
            self.short[place] = (key, kept);
        }
        with(shown(&self.short[place].1))
    }

    fn long_stem(&mut self, word: &str) -> &str {
        if self.long.is_empty() {
            self.long = vec![(String::new(), String::new()); LONG_SLOTS];
        }
        let parts = word.as_bytes().chunks(size_of::<Short>() - 1).map(|part| hash(held(part)));
        let place = parts.fold(0, |sum: usize, part| sum.rotate_left(7) ^ part) & (LONG_SLOTS - 1);
        if self.long[place].0 != word {
            let stem = self.stem(word);
            let slot = &mut self.long[place];
            slot.0.clear();
            slot.0.push_str(word);
            slot.1 = stem;
        }
        &self.long[place].1
    }

    fn stem(&self, word: &str) -> String {
        if self.folds_first {
            self.stemmer.stem(&fold(word)).into_owned()
        } else {
            fold(&self.stemmer.stem(word)).into_owned()
        }
    }
}

fn short(word: &str) -> Option<Short> {
    (word.len() < size_of::<Short>()).then(|| held(word.as_bytes()))
}

fn held(word: &[u8]) -> Short {
    let mut short = [0; size_of::<Short>()];
    short[..word.len()].copy_from_slice(word);
    short[size_of::<Short>() - 1] = word.len() as u8;
    short
}

fn shown(short: &Short) -> &str {
    let length = usize::from(short[size_of::<Short>() - 1]);
    std::str::from_utf8(&short[..length]).expect("what was kept is text")
}

/// The halves of a key multiplied, and the halves of the product folded.
fn hash(key: Short) -> usize {
    let (low, high) = (u64::from_le_bytes(half(key, 0)), u64::from_le_bytes(half(key, 8)));
    let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0xe703_7ed1_a0b4_28db);
    (product as u64 ^ (product >> 64) as u64) as usize
}

fn half(key: Short, at: usize) -> [u8; 8] {
    std::array::from_fn(|place| key[at + place])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::scan::scan;

    #[test]
    fn a_kept_stem_is_the_stem() {
        let mut random = fastrand::Rng::with_seed(3);
        for language in [Language::English, Language::German, Language::Turkish] {
            let mut stems = Stems::of(language);
            for _ in 0..60_000 {
                let (root, ending) = (random.u32(0..9_000), ["ings", "ungen", "ß", "s", "éesundsoweiterundsofort"]);
                let word = format!("{}{}", letters(root), ending[random.usize(0..ending.len())]);
                let fresh = Stems::of(language).stem(&word);
                scan(&word, |piece| stems.term(piece, |term| assert_eq!(term, fresh, "{word}")));
            }
        }
    }

    fn letters(mut number: u32) -> String {
        let mut word = String::from("w");
        while number > 0 {
            word.push(char::from(b'a' + (number % 26) as u8));
            number /= 26;
        }
        word
    }
}
