//! Writes a text the way the vocabulary was made: compatibility forms replaced, marks composed, white space as one blank.

use std::ops::Range;

use unicode_normalization::char::compose;

/// Characters in one page of the lookup table.
const PAGE: usize = 256;
const PAGES: usize = 0x11_0000 / PAGE;

/// The replacements of single characters, found through the page of the character.
#[derive(Debug)]
pub(crate) struct Normalizer {
    /// Per page, where its entries begin; one more at the end.
    pages: Vec<u32>,
    entries: Vec<(char, Range<u32>)>,
    output: String,
    /// Whether a character of ASCII is replaced. Most are not, and they share their page with some that are.
    ascii: [bool; 128],
}

impl Normalizer {
    pub(crate) fn new(mut replacements: Vec<(char, String)>) -> Self {
        replacements.sort_by_key(|(from, _)| *from);
        replacements.dedup_by_key(|(from, _)| *from);
        let mut pages = vec![0_u32; PAGES + 1];
        let mut entries = Vec::with_capacity(replacements.len());
        let mut output = String::new();
        let mut ascii = [false; 128];
        for (from, to) in replacements {
            pages[from as usize / PAGE + 1] += 1;
            let start = output.len() as u32;
            output.push_str(&to);
            if let Some(replaced) = ascii.get_mut(from as usize) {
                *replaced = true;
            }
            entries.push((from, start..output.len() as u32));
        }
        for page in 0..PAGES {
            pages[page + 1] += pages[page];
        }
        Self { pages, entries, output, ascii }
    }

    /// Appends what `character` is written as.
    pub(crate) fn push(&self, character: char, out: &mut Vec<char>) {
        match self.find(character) {
            Some(replacement) => out.extend(replacement.chars()),
            None => out.push(character),
        }
    }

    fn find(&self, character: char) -> Option<&str> {
        if self.ascii.get(character as usize) == Some(&false) {
            return None;
        }
        let page = character as usize / PAGE;
        let entries = &self.entries[self.pages[page] as usize..self.pages[page + 1] as usize];
        if entries.is_empty() {
            return None;
        }
        let index = entries.binary_search_by_key(&character, |(from, _)| *from).ok()?;
        let range = &entries[index].1;
        Some(&self.output[range.start as usize..range.end as usize])
    }
}

/// Appends `character` to `word`, as one character with the last where Unicode has one: a letter and its accent, or the
/// parts of a Hangul syllable.
///
/// The file's map holds single characters only, while the map that it was made from holds such sequences too; without
/// this step a text in decomposed form, as some file systems give it, falls apart into marks and jamo. Marks are not
/// put in canonical order first, because SentencePiece does not do that either.
pub(crate) fn append(word: &mut Vec<char>, character: char) {
    if !stands_alone(character)
        && let Some(last) = word.last_mut()
        && let Some(composed) = compose(*last, character)
    {
        *last = composed;
    } else {
        word.push(character);
    }
}

/// Whether a character joins with none before it: a cheap answer for most text.
fn stands_alone(character: char) -> bool {
    matches!(character,
        '\0'..='\u{2ff}' | '\u{3001}'..='\u{3029}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fe}'
        | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::{IsNormalized, is_nfc_quick};

    #[test]
    fn characters_that_stand_alone_join_with_none_before() {
        for character in ('\0'..=char::MAX).filter(|character| stands_alone(*character)) {
            assert!(matches!(is_nfc_quick(std::iter::once(character)), IsNormalized::Yes), "{character:?}");
        }
    }

    #[test]
    fn a_replacement_is_found_and_others_pass() {
        let normalizer = Normalizer::new(vec![('Ａ', "A".into()), ('\u{7f}', String::new()), ('㎏', "kg".into())]);
        let mut out = Vec::new();
        "Ａ\u{7f}㎏b".chars().for_each(|character| normalizer.push(character, &mut out));
        assert_eq!(out.into_iter().collect::<String>(), "Akgb");
    }

    #[test]
    fn decomposed_hangul_and_accents_are_composed() {
        let mut word = Vec::new();
        "\u{1112}\u{1161}\u{11ab}e\u{301}か\u{3099}".chars().for_each(|part| append(&mut word, part));
        assert_eq!(word, ['한', 'é', 'が']);
    }
}
