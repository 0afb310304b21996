//! The law of the house: what ARCHITECTURE.md draws is what the `use` lines say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Floors from the top. A room may use rooms of lower floors and no other. The ground is what unit tests stand on: a
/// database of their own.
const FLOORS: [&[&str]; 11] = [
    &["main"],
    &["cli"],
    &["api", "boot"],
    &["app"],
    &["agent", "eval"],
    &["indexing", "retrieval", "transfer", "citation"],
    &["generations"],
    &["store", "vector", "keyword"],
    &["models", "extraction", "originals"],
    &["types", "config", "analysis", "telemetry", "faults", "memory"],
    &["database", "s3_peer"],
];

/// Names of backends, and the only rooms that may say them.
const BACKENDS: [(&str, &[&str]); 15] = [
    ("QdrantIndex", &["vector", "boot"]),
    ("EdgeIndex", &["vector", "boot"]),
    ("ExactIndex", &["vector", "boot"]),
    ("PgvectorIndex", &["vector", "boot"]),
    ("PostgresStore", &["store", "boot"]),
    ("SqliteStore", &["store", "boot"]),
    ("LocalEmbedder", &["models", "boot"]),
    ("Hashing::new", &["models", "boot"]),
    ("LocalReranker", &["models", "boot"]),
    ("RerankEndpoint::new", &["models", "boot"]),
    ("Originals::in_folder", &["originals", "boot"]),
    ("Originals::at_url", &["originals", "boot"]),
    ("Tesseract::new", &["extraction", "boot"]),
    ("OpenAi::new", &["models", "boot"]),
    ("Extractive::new", &["models", "boot"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder` with its path relative to the root and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (relative(path), std::fs::read_to_string(path).unwrap())).collect()
}

fn product_sources() -> Vec<(String, String)> {
    let mut all = sources("src");
    all.retain(|(path, _)| !path.starts_with("src/tests/"));
    all
}

/// The room of a file: the first part of its path below `src`.
fn room(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

/// The text before the unit tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

fn floor(room: &str) -> usize {
    FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| panic!("no floor holds the room {room}"))
}

#[test]
fn imports_go_down_the_floors_only() {
    for (path, text) in product_sources() {
        let from = room(&path);
        if from == "lib" {
            continue;
        }
        for (_, after) in without_tests(&text).match_indices("crate::").map(|(at, word)| (at, &text[at + word.len()..]))
        {
            let named = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            if !named.is_empty() && named != from {
                assert!(floor(from) < floor(named), "{path} uses {named}, which is not below {from}");
            }
        }
    }
}

#[test]
fn only_the_composition_root_names_a_backend() {
    for (path, text) in product_sources() {
        for (backend, rooms) in BACKENDS {
            let allowed = rooms.contains(&room(&path));
            assert!(allowed || !without_tests(&text).contains(backend), "{path} names {backend}");
        }
    }
}

#[test]
fn what_must_not_be_known_is_not_named() {
    let never: [(&str, &[&str], &str); 7] = [
        ("agent", &["axum", "http::", "sse::"], "agent knows HTTP"),
        ("app", &["axum", "config::"], "app knows axum or config"),
        ("store", &["tantivy", "qdrant"], "store knows an index"),
        ("retrieval", &["crate::indexing"], "retrieval knows indexing"),
        ("types", &["sqlx", "tantivy", "axum"], "types know a library of another room"),
        ("indexing", &["axum", "tantivy::", "qdrant_edge"], "indexing knows an engine"),
        ("models", &["axum", "sqlx"], "models know a door or the truth"),
    ];
    for (path, text) in product_sources() {
        for (kept, words, what) in never {
            if room(&path) == kept {
                words.iter().for_each(|word| assert!(!without_tests(&text).contains(word), "{path}: {what}"));
            }
        }
    }
}

#[test]
fn one_file_knows_status_codes_and_one_knows_the_protocol() {
    for (path, text) in product_sources() {
        let text = without_tests(&text);
        if path != "src/api/error.rs" {
            assert!(!text.contains("StatusCode::"), "{path} knows a status code");
        }
        if path != "src/api/agui.rs" {
            assert!(!text.contains("RUN_STARTED") && !text.contains("TEXT_MESSAGE"), "{path} knows AG-UI");
        }
    }
}

#[test]
fn ingest_and_encoder_reach_no_network_database_or_clock() {
    let forbidden = ["std::net", "SystemTime", "Instant::now", "std::process", "tokio", "sqlx", "reqwest", "async fn"];
    for (path, text) in sources("ingest/src").into_iter().chain(sources("encoder/src")) {
        let code: String = without_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        forbidden.iter().for_each(|word| assert!(!code.contains(word), "{path} uses {word}"));
    }
}

#[test]
fn every_file_says_what_it_is_and_stays_short() {
    const LINES_MAX: usize = 400;
    let rooms = ["src", "ingest", "encoder", "xtask", "benches"];
    for (path, text) in rooms.into_iter().flat_map(sources) {
        assert!(text.starts_with("//! "), "{path} does not begin with what it is");
        let lines = without_tests(&text).lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines");
        let name = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
        for vague in ["util", "utils", "common", "helpers", "misc", "manager"] {
            assert_ne!(name, vague, "{path} has a name that says nothing");
        }
        for (at, line) in text.lines().enumerate() {
            let code = line.trim_start();
            assert!(!code.starts_with("unsafe "), "{path}:{} is unsafe", at + 1);
            assert!(!code.starts_with("#[ignore"), "{path}:{} ignores a test", at + 1);
        }
    }
}

#[test]
fn the_drawing_names_every_room() {
    let drawing = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rooms: BTreeSet<String> = product_sources().iter().map(|(path, _)| room(path).to_owned()).collect();
    for known in rooms.iter().filter(|known| !["main", "lib"].contains(&known.as_str())) {
        let named = drawing.contains(&format!("`{known}/`")) || drawing.contains(&format!("`{known}.rs`"));
        assert!(named, "ARCHITECTURE.md does not name {known}");
    }
}

#[test]
fn migrations_are_numbered_without_gaps() {
    let names = ["sqlite", "postgres"].map(|database| {
        let folder = std::fs::read_dir(root().join("migrations").join(database)).unwrap();
        let name =
            |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
        folder.map(name).collect::<BTreeSet<String>>()
    });
    assert_eq!(names[0], names[1], "both databases have the same ones");
    for (at, name) in names[0].iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name} is out of order");
    }
}
