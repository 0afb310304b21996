//! Two tiny cross-encoders, against the scores that `transformers` gives them; fixtures/README.md says how they were made.

use std::fs;
use std::path::{Path, PathBuf};

use ibid_encoder::{CrossEncoder, EncoderError};
use serde_json::{Value, json};

use crate::tiny::Noise;

const MODELS: [&str; 2] = ["bert", "xlm-roberta"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy of a fixture, to be changed.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(fixture(name).join(file), folder.path().join(file)).expect("the fixture is there");
    }
    folder
}

fn cases(name: &str) -> Vec<(String, String, f64)> {
    let bytes = fs::read(fixture(name).join("cases.json")).expect("the fixture is there");
    let cases: Vec<Value> = serde_json::from_slice(&bytes).expect("cases are JSON");
    let text = |case: &Value, key: &str| case[key].as_str().expect("a text").to_owned();
    cases
        .iter()
        .map(|case| (text(case, "query"), text(case, "passage"), case["logit"].as_f64().expect("a logit")))
        .collect()
}

fn change_config(folder: &Path, key: &str, value: Value) {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    config[key] = value;
    fs::write(path, config.to_string()).expect("room for a small file");
}

#[test]
fn scores_are_those_of_transformers() {
    for name in MODELS {
        let encoder = CrossEncoder::open(&fixture(name)).expect("the fixture is sound");
        assert_eq!(encoder.tokens_max(), 48);
        let cases = cases(name);
        assert!(cases.len() >= 14);
        for (query, passage, logit) in cases {
            let score = encoder.score(&query, &[&passage], 1).expect("the files are there")[0];
            assert!((f64::from(score) - logit).abs() < 1e-4, "{name}, {query:?}, {passage:?}: {score} {logit}");
        }
    }
}

#[test]
fn a_score_depends_on_its_pair_only() {
    for name in MODELS {
        let encoder = CrossEncoder::open(&fixture(name)).expect("the fixture is sound");
        let texts: Vec<String> = (0..9).flat_map(|_| cases(name)).map(|(_, passage, _)| passage).collect();
        let passages: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = encoder.score("otter", &passages, 3).expect("the files are there");
        for (passage, score) in passages.iter().zip(&together) {
            assert_eq!(encoder.score("otter", &[passage], 1).expect("the files are there"), [*score], "{passage}");
        }
        assert!(encoder.score("otter", &[], 2).expect("nothing is read").is_empty());
    }
}

#[test]
fn a_passage_of_megabytes_is_cut_off() {
    for name in MODELS {
        let encoder = CrossEncoder::open(&fixture(name)).expect("the fixture is sound");
        let (long, longer) = ("otter crab ".repeat(10_000), "otter crab ".repeat(500_000));
        let scores =
            encoder.score("otter", &[&long, &longer, &"가".repeat(2_000_000)], 2).expect("the files are there");
        assert!(scores[0] == scores[1] && scores[2].is_finite(), "{scores:?}");
    }
}

/// The fixture's weights in another type, as `convert` writes each number.
fn converted(name: &str, dtype: &str, convert: impl Fn(f32) -> Vec<u8>) -> tempfile::TempDir {
    let folder = copy(name);
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).expect("the fixture is there");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    let mut head: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a head");
    let mut data = Vec::new();
    for (key, tensor) in head.as_object_mut().expect("an object") {
        if key == "__metadata__" {
            continue;
        }
        let place = |at: usize| tensor["data_offsets"][at].as_u64().expect("an offset") as usize;
        let numbers = bytes[8 + length + place(0)..8 + length + place(1)].as_chunks::<4>().0;
        let begin = data.len();
        numbers.iter().for_each(|number| data.extend(convert(f32::from_le_bytes(*number))));
        tensor["data_offsets"] = json!([begin, data.len()]);
        tensor["dtype"] = json!(dtype);
    }
    let head = head.to_string();
    let whole = [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &data].concat();
    fs::write(path, whole).expect("room for a small file");
    folder
}

#[test]
fn weights_in_half_the_bits_give_what_the_same_numbers_give_in_full() {
    let score = |folder: &tempfile::TempDir| {
        let encoder = CrossEncoder::open(folder.path()).expect("a sound model");
        encoder.score("otter", &["The otter eats crabs.", "탑"], 1).expect("the files are there")
    };
    let upper = |value: f32| f32::from_bits(value.to_bits() & 0xffff_0000);
    let full = converted("bert", "F32", |value| upper(value).to_le_bytes().to_vec());
    let brain = converted("bert", "BF16", |value| upper(value).to_le_bytes()[2..].to_vec());
    assert_eq!(score(&full), score(&brain));
    let half = |value: f32| half::f16::from_f32(value);
    let exact = converted("bert", "F32", |value| half(value).to_f32().to_le_bytes().to_vec());
    let halved = converted("bert", "F16", |value| half(value).to_le_bytes().to_vec());
    assert_eq!(score(&exact), score(&halved));
}

#[test]
fn a_model_of_another_kind_is_named() {
    for (key, value) in [
        ("model_type", json!("distilbert")),
        ("hidden_act", json!("relu")),
        ("position_embedding_type", json!("relative_key")),
        ("num_attention_heads", json!(5)),
        ("hidden_size", json!(48)),
        ("layer_norm_eps", json!(0.0)),
    ] {
        let folder = copy("bert");
        change_config(folder.path(), key, value);
        let error = CrossEncoder::open(folder.path()).expect_err("it cannot be run");
        assert!(matches!(error, EncoderError::Unsupported { .. }), "{key}: {error}");
    }
}

#[test]
fn sizes_that_the_files_do_not_have_are_refused_without_taking_memory() {
    for key in [
        "hidden_size",
        "num_hidden_layers",
        "intermediate_size",
        "vocab_size",
        "max_position_embeddings",
        "type_vocab_size",
        "num_attention_heads",
    ] {
        for value in [0_u64, 3, 4096, 1 << 31, u64::MAX] {
            let folder = copy("bert");
            change_config(folder.path(), key, json!(value));
            assert!(CrossEncoder::open(folder.path()).is_err(), "{key} {value}");
        }
    }
    let folder = copy("xlm-roberta");
    for pad in [json!(50), json!(u64::MAX)] {
        change_config(folder.path(), "pad_token_id", pad);
        assert!(matches!(CrossEncoder::open(folder.path()), Err(EncoderError::Damaged { .. })));
    }
}

/// Changes the head of the weights, which stay as they are.
fn change_head(folder: &Path, change: impl Fn(&mut Value)) {
    let path = folder.join("model.safetensors");
    let bytes = fs::read(&path).expect("a file");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    let mut head: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a head");
    change(&mut head);
    let head = head.to_string();
    let whole = [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &bytes[8 + length..]].concat();
    fs::write(path, whole).expect("room for a small file");
}

#[test]
fn a_model_that_has_one_token_type_does_not_tell_the_texts_apart() {
    let folder = copy("bert");
    change_config(folder.path(), "type_vocab_size", json!(1));
    change_head(folder.path(), |head| {
        let types = &mut head["bert.embeddings.token_type_embeddings.weight"];
        types["shape"] = json!([1, 32]);
        types["data_offsets"][1] = json!(types["data_offsets"][0].as_u64().expect("an offset") + 128);
    });
    let score = |place: &Path| {
        let encoder = CrossEncoder::open(place).expect("a sound model");
        encoder.score("otter", &["The otter eats crabs."], 1).expect("the files are there")[0]
    };
    let (one, two) = (score(folder.path()), score(&fixture("bert")));
    assert!(one.is_finite() && (one - two).abs() > 1e-3, "{one} {two}");
}

#[test]
fn a_model_with_several_labels_is_refused() {
    let folder = copy("bert");
    change_head(folder.path(), |head| {
        let weight = head["bert.pooler.dense.weight"].clone();
        head["classifier.weight"] = weight;
    });
    let error = CrossEncoder::open(folder.path()).expect_err("32 labels are no score");
    assert!(error.to_string().contains("classifier.weight"), "{error}");
}

#[test]
fn an_absent_file_is_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let folder = copy("bert");
        fs::remove_file(folder.path().join(file)).expect("it was there");
        let error = CrossEncoder::open(folder.path()).expect_err("a file is absent");
        assert!(matches!(error, EncoderError::Read { .. }) && error.to_string().contains(file), "{error}");
    }
}

#[test]
fn weights_cut_anywhere_are_refused() {
    let folder = copy("bert");
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).expect("the fixture is there");
    for length in (0..200).chain((200..bytes.len()).step_by(1_009)).chain([bytes.len() - 1]) {
        fs::write(&path, &bytes[..length]).expect("room for a small file");
        let error = CrossEncoder::open(folder.path()).expect_err("a part of a model is none");
        assert!(matches!(error, EncoderError::Damaged { .. }), "{length}: {error}");
    }
}

#[test]
fn tensors_that_overlap_may_not_claim_more_than_the_file() {
    let folder = copy("bert");
    let tensor = json!({"dtype": "F32", "shape": [1000], "data_offsets": [0, 4000]});
    let head: serde_json::Map<String, Value> = (0..9).map(|at| (at.to_string(), tensor.clone())).collect();
    let head = Value::Object(head).to_string();
    let whole = [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &[0; 4000]].concat();
    fs::write(folder.path().join("model.safetensors"), whole).expect("room for a small file");
    let error = CrossEncoder::open(folder.path()).expect_err("four bytes stand for nine");
    assert!(error.to_string().contains("does not fit"), "{error}");
}

#[test]
fn changed_bytes_never_panic() {
    let mut noise = Noise(5);
    for (file, rounds) in [("config.json", 300), ("tokenizer.json", 200), ("model.safetensors", 300)] {
        for name in MODELS {
            let folder = copy(name);
            let path = folder.path().join(file);
            let sound = fs::read(&path).expect("the fixture is there");
            // The head of the weights; numbers may be any.
            let head = if file == "model.safetensors" { 3_000 } else { sound.len() };
            for _ in 0..rounds {
                let mut bytes = sound.clone();
                for _ in 0..=noise.next() % 3 {
                    bytes[noise.next() as usize % head] = noise.next() as u8;
                }
                fs::write(&path, bytes).expect("room for a small file");
                if let Ok(encoder) = CrossEncoder::open(folder.path()) {
                    let _ = encoder.score("otter 수달", &["abc 한국", "x"], 1);
                }
            }
        }
    }
}
