//! The tokenizer over the tiny vocabulary.

use ibid_encoder::Tokenizer;

use crate::tiny::{Noise, POSITIONS, Tiny, id};

fn open() -> Tokenizer {
    Tokenizer::open(Tiny::new().file().path()).expect("the tiny model is sound")
}

/// The ids between beginning and end.
fn ids(text: &str) -> Vec<u32> {
    let ids = open().encode(text);
    assert_eq!((ids.first(), ids.last()), (Some(&id("<s>")), Some(&id("</s>"))));
    ids[1..ids.len() - 1].to_vec()
}

fn pieces(pieces: &[&str]) -> Vec<u32> {
    pieces.iter().map(|piece| id(piece)).collect()
}

#[test]
fn the_likeliest_pieces_win() {
    assert_eq!(ids("abc"), pieces(&["▁", "abc"]));
    assert_eq!(ids("ab abcbc"), pieces(&["▁ab", "▁", "abc", "bc"]));
    assert_eq!(ids("한국"), pieces(&["▁한국"]));
}

#[test]
fn white_space_is_collapsed_and_trimmed() {
    assert_eq!(ids("  ab \n  ab "), pieces(&["▁ab", "▁ab"]));
    assert_eq!(ids(" \n "), pieces(&[]));
}

#[test]
fn characters_are_replaced_and_marks_composed() {
    assert_eq!(ids("ａ\u{7}b㏄"), pieces(&["▁", "abc", "c"]));
    assert_eq!(ids("e\u{301}\u{1100}\u{1161}"), pieces(&["▁", "é", "가"]));
}

#[test]
fn neighbouring_unknown_characters_are_one_unknown() {
    assert_eq!(ids("xyzaxx"), pieces(&["▁", "<unk>", "a", "<unk>"]));
}

#[test]
fn a_text_that_spells_a_mark_is_cut_as_text() {
    let mark_ids = pieces(&["<s>", "</s>", "<pad>", "<mask>"]);
    let found = ids("<s></s><pad><mask><unk>");
    assert!(found.iter().all(|token| !mark_ids.contains(token)), "{found:?}");
    assert_eq!(found[..2], pieces(&["▁", "<"]));
}

#[test]
fn ids_are_cut_to_the_limit_and_counts_are_not() {
    let text = "c ".repeat(100);
    let tokenizer = open();
    assert_eq!(tokenizer.encode(&text).len(), POSITIONS);
    assert_eq!(tokenizer.count(&text), 200);
}

#[test]
fn the_count_is_the_number_of_pieces() {
    let tokenizer = open();
    for text in ["", "ab", "xx ab", "한국 한 국", "a\u{301}"] {
        assert_eq!(tokenizer.count(text), ids(text).len(), "{text}");
    }
}

#[test]
fn a_remembered_count_is_the_number_of_pieces() {
    const CHARACTERS: [char; 16] =
        ['a', 'b', 'c', 'x', ' ', '\n', '\t', '\u{a0}', '\u{7}', '한', '국', 'e', '\u{301}', '㏄', '▁', '\0'];
    let tokenizer = open();
    let mut noise = Noise(0x5eed);
    for _ in 0..20_000 {
        let length = noise.next() as usize % 10;
        let text: String = (0..length).map(|_| CHARACTERS[noise.next() as usize % CHARACTERS.len()]).collect();
        let pieces = tokenizer.encode(&text).len() - 2;
        assert_eq!((tokenizer.count(&text), tokenizer.count(&text)), (pieces, pieces), "{text:?}");
    }
}

#[test]
fn counts_of_words_add_up() {
    let tokenizer = open();
    assert_eq!(
        tokenizer.count("abc 한국 xyz"),
        ["abc", "한국", "xyz"].map(|word| tokenizer.count(word)).iter().sum::<usize>()
    );
}

#[test]
fn five_megabytes_without_a_blank_are_counted() {
    let pieces = open().count(&"abc".repeat(5_000_000 / 3));
    assert!((1_666_000..1_667_200).contains(&pieces), "{pieces}");
}
