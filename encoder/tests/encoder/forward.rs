//! The tiny model's vectors, against the reference and against each other.

use ibid_encoder::Encoder;

use crate::reference::Reference;
use crate::tiny::{HIDDEN, Noise, POSITIONS, Tiny};

fn open(tiny: &Tiny) -> Encoder {
    Encoder::open(tiny.file().path()).expect("the tiny model is sound")
}

/// Texts of many lengths over the tiny alphabet, some longer than the model takes.
fn texts(count: usize) -> Vec<String> {
    let mut noise = Noise(7);
    let letters: Vec<char> = "abc é가한국 xyz".chars().collect();
    let mut text = || {
        let length = noise.next() as usize % 40;
        (0..length).map(|_| letters[noise.next() as usize % letters.len()]).collect()
    };
    (0..count).map(|_| text()).collect()
}

#[test]
fn sizes_are_those_of_the_file() {
    let encoder = open(&Tiny::new());
    assert_eq!((encoder.dimensions(), encoder.tokens_max()), (HIDDEN, POSITIONS));
}

#[test]
fn vectors_equal_the_reference() {
    let tiny = Tiny::new();
    let encoder = open(&tiny);
    let texts = texts(40);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = encoder.encode(&texts, 1).expect("the file is there");
    for (text, vector) in texts.iter().zip(vectors) {
        let expected = Reference(&tiny.weights).vector(&encoder.tokenizer().encode(text));
        for (value, reference) in vector.iter().zip(expected) {
            assert!((f64::from(*value) - reference).abs() < 2e-6, "{text}: {value} {reference}");
        }
    }
}

#[test]
fn vectors_have_unit_length() {
    let encoder = open(&Tiny::new());
    for vector in encoder.encode(&["", "a", "abc abc", "x"], 1).expect("the file is there") {
        let square: f32 = vector.iter().map(|value| value * value).sum();
        assert!((square - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_vector_depends_on_its_text_only() {
    let encoder = open(&Tiny::new());
    let texts = texts(150);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = encoder.encode(&texts, 1).expect("the file is there");
    assert!(encoder.encode(&texts, 3).expect("the file is there") == together);
    let reversed: Vec<&str> = texts.iter().rev().copied().collect();
    let mut backwards = encoder.encode(&reversed, 2).expect("the file is there");
    backwards.reverse();
    assert!(backwards == together);
    for (text, vector) in texts.iter().zip(&together) {
        assert!(encoder.encode(&[text], 1).expect("the file is there")[0] == *vector, "{text}");
    }
}

#[test]
fn no_texts_give_no_vectors() {
    assert!(open(&Tiny::new()).encode(&[], 4).expect("nothing is read").is_empty());
}
