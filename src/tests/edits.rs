//! A folder that is edited at random: after each ingest the collection is what the folder is, with a receipt that holds, and
//! so it is after a process that was killed at random moments.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::formats::tar_of;
use super::mirror::{counts, events, plan, receipt, summary};
use super::support::{Sandbox, until};

/// Rounds of kill -9 in CI; `IBID_KILL_ROUNDS` says another number.
const KILL_ROUNDS: u64 = 12;

/// Edits a folder in a way that a seed decides. Never more than a third of it goes at once.
fn edit(sandbox: &Sandbox, dice: &mut fastrand::Rng, round: usize) {
    let docs = sandbox.path("docs");
    let mut files: Vec<_> = walk(&docs);
    for step in 0..dice.usize(1..6) {
        let words = [
            "otters hold hands",
            "고양이는 참치를 좋아한다",
            "the tower in Seoul",
            "a tunnel",
            "a volcano",
            "the bridge on Tuesday",
        ];
        let text = |dice: &mut fastrand::Rng| {
            let lines: Vec<&str> = (0..dice.usize(1..5)).map(|_| words[dice.usize(..words.len())]).collect();
            format!("# Round {round} step {step}\n\n{}.\n", lines.join(".\n\n"))
        };
        let name = format!("docs/{}/{round}-{step}", ["a", "b", "c/d"][dice.usize(..3)]);
        match dice.u8(..10) {
            0..=3 => {
                let content = text(dice);
                sandbox.write(&format!("{name}.{}", ["md", "txt"][dice.usize(..2)]), content);
            }
            4 => {
                let (first, second) = (text(dice), text(dice));
                sandbox
                    .write(&format!("{name}.tar"), tar_of(&[("x.md", first.as_bytes()), ("y.txt", second.as_bytes())]));
            }
            5 => sandbox.write(&format!("{name}.pdf"), "%PDF-1.7 broken"),
            _ if files.is_empty() => {}
            6 => {
                let file = &files[dice.usize(..files.len())];
                if file.extension().is_some_and(|extension| extension != "tar") {
                    std::fs::write(file, text(dice)).unwrap();
                }
            }
            7 | 8 => {
                let file = files.swap_remove(dice.usize(..files.len()));
                let to = sandbox.path(&format!("{name}.{}", file.extension().unwrap_or_default().to_string_lossy()));
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::rename(&file, &to).unwrap();
                files.push(to);
            }
            _ => {
                let file = files.swap_remove(dice.usize(..files.len()));
                std::fs::remove_file(file).unwrap();
            }
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The collection is what the folder is: every file a document, and both views equal to the truth.
fn assert_equal_to_the_folder(sandbox: &Sandbox, what: &str) {
    assert!(sandbox.is_consistent(), "{what}: the views differ from the truth");
    let root = sandbox.path("");
    let mut files: Vec<String> = walk(&sandbox.path("docs"))
        .iter()
        .map(|file| file.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
        .collect();
    let inside: Vec<String> = files
        .iter()
        .filter(|file| file.ends_with(".tar"))
        .flat_map(|file| [format!("{file}/x.md"), format!("{file}/y.txt")])
        .collect();
    files.extend(inside);
    files.sort();
    let documents = sandbox.stdout(&["documents", "--json"]);
    let mut known: Vec<String> = documents
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["uri"].as_str().unwrap().to_owned())
        .collect();
    known.sort();
    assert_eq!(known, files, "{what}");
}

/// The truth as it is exported: documents with their texts and chunks, but not their dates, and vectors.
fn truth(sandbox: &Sandbox, name: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    sandbox.stdout(&["export", name]);
    let (mut documents, mut vectors) = (BTreeSet::new(), BTreeSet::new());
    for line in std::fs::read_to_string(sandbox.path(name)).unwrap().lines() {
        let mut value: Value = serde_json::from_str(line).unwrap();
        if let Some(source) = value.pointer_mut("/document/document/source") {
            source.as_object_mut().unwrap().remove("modified_ns").unwrap();
            documents.insert(value.to_string());
        } else if value.get("vector").is_some() {
            vectors.insert(value.to_string());
        }
    }
    (documents, vectors)
}

/// Both have the same documents, texts, chunks and vectors of chunks, and views that are equal to that.
fn assert_alike(sandbox: &Sandbox, fresh: &Sandbox, what: &str) {
    let ((left, kept), (right, needed)) = (truth(sandbox, "left.jsonl"), truth(fresh, "right.jsonl"));
    let only = |these: &BTreeSet<String>, those: &BTreeSet<String>| -> Vec<String> {
        these.difference(those).take(2).map(|line| line.chars().take(400).collect()).collect()
    };
    assert!(!right.is_empty() && !needed.is_empty());
    assert!(
        left == right,
        "{what}: only here {:#?}, only in a fresh ingest {:#?}",
        only(&left, &right),
        only(&right, &left)
    );
    // Vectors of texts that are gone are kept, in case the same text comes back.
    assert!(needed.is_subset(&kept), "{what}: {:#?} are missing", only(&needed, &kept));
    assert!(sandbox.is_consistent() && fresh.is_consistent(), "{what}: the views differ from the truth");
}

#[test]
fn after_any_edits_the_collection_is_what_the_folder_is() {
    let seed = std::env::var("IBID_EDIT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut dice = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::with_documents();
    for round in 0..8 {
        edit(&sandbox, &mut dice, round);
        let planned = plan(&sandbox, &["--yes"]);
        let done = events(&sandbox, &["--yes"]);
        let (expected, happened) = (counts(&planned), summary(&done));
        let of = |name: &str| expected.get(name).copied().unwrap_or(0);
        assert_eq!([&happened["moved"], &happened["removed"]], [&Value::from(of("move")), &Value::from(of("remove"))]);
        receipt(&sandbox);
        assert_equal_to_the_folder(&sandbox, &format!("seed {seed}, round {round}"));
    }
    let fresh = sandbox.replica("fresh");
    fresh.ingest();
    assert_alike(&sandbox, &fresh, &format!("seed {seed}"));
}

#[test]
fn a_process_that_is_killed_at_any_moment_leaves_what_the_next_one_finishes() {
    let rounds = std::env::var("IBID_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(KILL_ROUNDS);
    let seed = std::env::var("IBID_EDIT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(11);
    let mut dice = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::with_documents();
    // How long a whole one takes, so that kills fall anywhere into it.
    let began = Instant::now();
    sandbox.ingest();
    let mut whole = began.elapsed().max(Duration::from_millis(50));
    let mut killed = 0_u32;
    for round in 0..rounds {
        edit(&sandbox, &mut dice, usize::try_from(round).unwrap());
        let mut child =
            sandbox.ibid(&["ingest", "docs", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(dice.f64()));
        child.kill().unwrap();
        let midway = child.wait().unwrap().code().is_none();
        killed += u32::from(midway);
        // A machine that others use is now faster and now slower.
        whole = whole.mul_f64(if midway { 1.05 } else { 0.8 });
    }
    until("the folder is free", || matches!(sandbox.run(&["ingest", "docs", "--yes"]).status.code(), Some(0 | 3)));
    println!("{killed} of {rounds} rounds were killed midway");
    assert!(u64::from(killed) * 2 >= rounds, "only {killed} of {rounds} were killed midway");
    assert_equal_to_the_folder(&sandbox, &format!("seed {seed}, {rounds} rounds"));
    let fresh = sandbox.replica("fresh");
    fresh.ingest();
    assert_alike(&sandbox, &fresh, &format!("seed {seed}"));
}
