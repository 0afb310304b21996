//! Files that are no models: every one is refused with a typed error, or opens and works.

use std::path::Path;

use ibid_encoder::{Encoder, EncoderError, Tokenizer};

use crate::tiny::{Noise, Tiny, file_of};

fn open(bytes: &[u8]) -> Result<Encoder, EncoderError> {
    Encoder::open(file_of(bytes).path())
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let tiny = Tiny::new();
    let last = *tiny.sections.last().expect("sections");
    let nearby = tiny.sections.iter().flat_map(|place| [*place, place + 1, place.saturating_sub(1)]);
    let inside = (last..tiny.bytes.len()).step_by(997);
    for length in nearby.chain(inside).chain([tiny.bytes.len() - 1]) {
        let error = open(&tiny.bytes[..length]).expect_err("a part of a model is none");
        assert!(matches!(error, EncoderError::Foreign { .. } | EncoderError::Damaged { .. }), "{length}: {error}");
    }
}

#[test]
fn another_magic_or_version_is_foreign() {
    let mut bytes = Tiny::new().bytes;
    bytes[4] = 2;
    assert!(matches!(open(&bytes), Err(EncoderError::Foreign { .. })));
    assert!(matches!(open(b"GGUF and more bytes"), Err(EncoderError::Foreign { .. })));
    assert!(matches!(open(b""), Err(EncoderError::Foreign { .. })));
}

#[test]
fn an_absent_file_and_a_folder_are_not_models() {
    let absent = Encoder::open(Path::new("/no/such/model.bin"));
    assert!(matches!(absent, Err(EncoderError::Read { .. })));
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert!(matches!(Tokenizer::open(folder.path()), Err(EncoderError::Foreign { .. })));
}

#[test]
fn absurd_counts_are_refused_without_taking_memory() {
    let tiny = Tiny::new();
    let vocabulary = tiny.sections[4];
    let replacements = tiny.sections[8];
    let counts = (8..vocabulary).chain(vocabulary..vocabulary + 28).chain(replacements..replacements + 8);
    for place in counts.step_by(4).filter(|place| *place != 36) {
        for value in [u32::MAX, 0x7fff_ffff, 0x00ff_ffff] {
            let mut bytes = tiny.bytes.clone();
            bytes[place..place + 4].copy_from_slice(&value.to_le_bytes());
            let error = open(&bytes).expect_err("the count cannot be");
            assert!(matches!(error, EncoderError::Damaged { .. }), "{place}: {error}");
        }
    }
}

#[test]
fn overlapping_tensors_may_not_claim_more_than_the_file() {
    let tiny = Tiny::new();
    let (entry, next) = (tiny.sections[9], tiny.sections[10]);
    let mut bytes = tiny.bytes.clone();
    let elements = (tiny.bytes.len() / 4) as u32;
    bytes[next - 20..next - 16].copy_from_slice(&elements.to_le_bytes());
    bytes[next - 16..next - 8].copy_from_slice(&0_u64.to_le_bytes());
    bytes[next - 8..next].copy_from_slice(&(u64::from(elements) * 4).to_le_bytes());
    assert!(entry < next);
    assert!(matches!(open(&bytes), Err(EncoderError::Damaged { .. })));
}

#[test]
fn changed_bytes_never_panic() {
    let tiny = Tiny::new();
    let head = *tiny.sections.last().expect("sections");
    let mut noise = Noise(99);
    for _ in 0..600 {
        let mut bytes = tiny.bytes.clone();
        for _ in 0..=noise.next() % 3 {
            let place = noise.next() as usize % head;
            bytes[place] = noise.next() as u8;
        }
        if let Ok(encoder) = open(&bytes) {
            let _ = encoder.encode(&["abc 한국", "x"], 1);
        }
    }
}

#[test]
fn a_file_shortened_after_opening_is_a_read_error() {
    let file = Tiny::new().file();
    let encoder = Encoder::open(file.path()).expect("the tiny model is sound");
    file.as_file().set_len(100).expect("the file may be shortened");
    assert!(matches!(encoder.encode(&["abc"], 2), Err(EncoderError::Read { .. })));
}

#[test]
fn a_piece_that_is_there_twice_is_refused() {
    let tiny = Tiny::new();
    let mut bytes = tiny.bytes.clone();
    let place = tiny.sections[7] + "<s><pad></s><unk>▁a".len();
    assert_eq!(bytes[place], b'b');
    bytes[place] = b'a';
    assert!(matches!(open(&bytes), Err(EncoderError::Damaged { .. })));
}
