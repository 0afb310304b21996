//! A folder mirror that can be trusted: what a plan says, what moves, what is not deleted, what a receipt proves, what odd
//! files do, and what is left after random edits and after the process was killed at random moments.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::faults::visible_state;
use super::formats::tar_of;
use super::support::{Sandbox, until};

/// Rounds of kill -9 in CI; `IBID_KILL_ROUNDS` says another number.
const KILL_ROUNDS: u64 = 12;

fn plan(sandbox: &Sandbox, more: &[&str]) -> Value {
    let args: Vec<&str> = ["ingest", "docs", "--plan"].iter().chain(more).copied().collect();
    sandbox.json(&args)
}

fn counts(plan: &Value) -> BTreeMap<String, u64> {
    let counted = plan["counts"].as_object().unwrap().iter();
    counted.map(|(name, count)| (name.clone(), count.as_u64().unwrap())).filter(|(_, count)| *count > 0).collect()
}

fn counted(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// The events of an ingest that ends well.
fn events(sandbox: &Sandbox, more: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["ingest", "docs", "--json"].iter().chain(more).copied().collect();
    let output = sandbox.run(&args);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn summary(events: &[Value]) -> &Value {
    &events.iter().find(|event| event["event"] == "done").unwrap()["summary"]
}

/// What the newest ingest removed, each with its proof; all of it has to be gone.
fn receipt(sandbox: &Sandbox) -> Vec<Value> {
    let said = sandbox.stdout(&["receipt", "last", "--json"]);
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let removals = lines[1..lines.len() - 1].to_vec();
    for removal in &removals {
        let proof = &removal["proof"];
        let left = ["truth_left", "keyword_left", "vector_left"].map(|place| proof[place].as_u64());
        assert_eq!(left, [Some(0); 3], "{removal}");
        assert_eq!(removal["text_sha256"].as_str().unwrap().len(), 64);
    }
    removals
}

#[test]
fn a_plan_says_what_would_be_done_and_does_nothing() {
    let sandbox = Sandbox::with_documents();
    sandbox.write("docs/.gitignore", "*.tmp\n");
    sandbox.write("docs/a.tmp", "scratch");
    assert_eq!(counts(&plan(&sandbox, &[])), counted(&[("add", 5), ("ignored", 2)]));
    assert_eq!(sandbox.stdout(&["documents"]), "there are no documents\n");
    sandbox.ingest();
    assert_eq!(counts(&plan(&sandbox, &[])), counted(&[("unchanged", 5), ("ignored", 2)]));
    sandbox.write("docs/new.md", "# New\n\nSomething new.\n");
    sandbox.write("docs/notes.txt", "The meeting is off.\n");
    std::fs::remove_file(sandbox.path("docs/tower.html")).unwrap();
    std::fs::rename(sandbox.path("docs/otters.md"), sandbox.path("docs/ko/otters.md")).unwrap();
    let planned = plan(&sandbox, &[]);
    let expected = [("add", 1), ("change", 1), ("move", 1), ("remove", 1), ("unchanged", 2), ("ignored", 2)];
    assert_eq!(counts(&planned), counted(&expected));
    assert_eq!(planned["move"][0]["from"], "docs/otters.md");
    let reasons: Vec<_> = planned["ignored"].as_array().unwrap().iter().map(|entry| entry["reason"].clone()).collect();
    assert_eq!(reasons, ["hidden", "`*.tmp` in .gitignore"]);
    assert_eq!(planned["estimate"]["bytes"], 21 + 20, "{planned}");
    let shown = sandbox.stdout(&["ingest", "docs", "--plan"]);
    assert!(
        shown.contains("move    docs/otters.md -> docs/ko/otters.md") && shown.contains("nothing was done"),
        "{shown}"
    );
    assert_eq!(plan(&sandbox, &[]), planned, "a plan changes nothing");
    let done = events(&sandbox, &[]);
    let of = |what: &str| summary(&done)[what].as_u64().unwrap();
    assert_eq!([of("added"), of("changed"), of("moved"), of("removed"), of("unchanged")], [1, 1, 1, 1, 2]);
    assert_eq!(counts(&plan(&sandbox, &[])), counted(&[("unchanged", 5), ("ignored", 2)]));
}

#[test]
fn globs_say_what_is_taken_and_what_leaves() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let planned = plan(&sandbox, &["--include", "*.md", "--include", "*.txt"]);
    assert_eq!(counts(&planned), counted(&[("remove", 2), ("unchanged", 3), ("ignored", 2)]));
    assert_eq!(planned["ignored"][0]["reason"], "no include glob matches");
    let said = sandbox.refusal(&["ingest", "docs", "--exclude", "a["]);
    assert!(said.contains("glob"), "{said}");
}

#[test]
fn a_file_under_another_name_is_found_there_and_nothing_is_embedded_again() {
    let sandbox = Sandbox::with_documents();
    sandbox
        .write("docs/all.tar", tar_of(&[("inside.md", b"# Inside\n\nA walrus in an archive."), ("b.txt", b"More.")]));
    sandbox.ingest();
    std::fs::create_dir_all(sandbox.path("docs/moved")).unwrap();
    for name in ["otters.md", "all.tar", "notes.txt"] {
        std::fs::rename(sandbox.path(&format!("docs/{name}")), sandbox.path(&format!("docs/moved/{name}"))).unwrap();
    }
    let done = events(&sandbox, &[]);
    assert_eq!(summary(&done)["moved"], 3);
    assert!(done.iter().all(|event| event["event"] != "file"), "nothing is read: {done:?}");
    assert_eq!(sandbox.found("otters hold hands", "keyword")[0], "docs/moved/otters.md");
    assert_eq!(sandbox.found("otters hold hands", "vector")[0], "docs/moved/otters.md");
    assert_eq!(sandbox.found("walrus", "keyword"), ["docs/moved/all.tar/inside.md"]);
    let removals = receipt(&sandbox);
    assert_eq!(removals.len(), 5, "three files and what is inside: {removals:?}");
    assert!(removals.iter().all(|removal| removal["cause"] == "moved" && removal["moved_to"].is_string()));
    assert!(sandbox.is_consistent());
}

#[test]
fn what_was_removed_is_proven_to_be_gone() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    std::fs::remove_file(sandbox.path("docs/otters.md")).unwrap();
    sandbox.write("docs/notes.txt", "The meeting about the tunnel is on Friday.\n");
    sandbox.write("docs/tower.html", "");
    sandbox.ingest();
    let mut removed: Vec<(String, String)> = receipt(&sandbox)
        .iter()
        .map(|removal| (removal["cause"].as_str().unwrap().to_owned(), removal["uri"].as_str().unwrap().to_owned()))
        .collect();
    removed.sort();
    let expected = [("deleted", "docs/otters.md"), ("replaced", "docs/notes.txt"), ("unreadable", "docs/tower.html")];
    assert_eq!(removed, expected.map(|(cause, uri)| (cause.to_owned(), uri.to_owned())));
    // The hash is that of the text as it was extracted, which for plain text is the file.
    let removal = &receipt(&sandbox)[0];
    assert!(sandbox.found("bridge Tuesday", "keyword").is_empty() && sandbox.found("otters", "keyword").is_empty());
    assert!(removal["chunk_count"].as_u64().unwrap() > 0);
    let listed = sandbox.stdout(&["receipt"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(sandbox.refusal(&["receipt", "nonsense"]).contains("is not a UUID"));
}

#[test]
fn a_folder_that_was_emptied_keeps_its_documents() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let elsewhere = sandbox.path("elsewhere");
    std::fs::rename(sandbox.path("docs"), &elsewhere).unwrap();
    let gone = sandbox.refusal(&["ingest", "docs"]);
    assert!(gone.contains("nothing was changed"), "{gone}");
    std::fs::create_dir(sandbox.path("docs")).unwrap();
    let refused = sandbox.refusal(&["ingest", "docs"]);
    assert!(refused.contains("5 of 5 documents") && refused.contains("--yes"), "{refused}");
    assert_eq!(sandbox.found("otters", "keyword"), ["docs/otters.md"]);
    let listed: Value = serde_json::from_str(sandbox.stdout(&["receipt", "--json"]).lines().next().unwrap()).unwrap();
    assert_eq!(listed["state"], "refused");
    // Less than half may go, and a share may be named.
    sandbox.write("docs/notes.txt", "The meeting about the bridge is on Tuesday in the large room.\n");
    assert!(sandbox.refusal(&["ingest", "docs", "--max-delete", "79%"]).contains("4 of 5"));
    assert_eq!(sandbox.run(&["ingest", "docs", "--max-delete", "80%"]).status.code(), Some(0));
    assert!(sandbox.found("otters", "keyword").is_empty());
    std::fs::remove_file(sandbox.path("docs/notes.txt")).unwrap();
    assert_eq!(sandbox.run(&["ingest", "docs", "--yes"]).status.code(), Some(0));
    assert_eq!(sandbox.stdout(&["documents"]), "there are no documents\n");
}

#[test]
fn an_edit_that_leaves_length_and_date_is_found_by_checksum() {
    let sandbox = Sandbox::with_documents();
    let (path, old) = (sandbox.path("docs/notes.txt"), std::time::SystemTime::now() - Duration::from_secs(3600));
    let date =
        |path: &std::path::Path| std::fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    date(&path);
    sandbox.ingest();
    sandbox.write("docs/notes.txt", "The meeting about the bridge is on Sunday! in the large room.\n");
    date(&path);
    assert_eq!(counts(&plan(&sandbox, &[])).get("change"), None);
    assert_eq!(counts(&plan(&sandbox, &["--checksum"]))["change"], 1);
    sandbox.stdout(&["ingest", "docs", "--checksum"]);
    assert_eq!(sandbox.found("Sunday", "keyword"), ["docs/notes.txt"]);
    // An edit right after an ingest is found without it, though length and date may be the same.
    sandbox.write("docs/new.txt", "first");
    sandbox.ingest();
    sandbox.write("docs/new.txt", "other");
    sandbox.ingest();
    assert_eq!(sandbox.found("other", "keyword"), ["docs/new.txt"]);
    // A file that was only touched is not read again.
    sandbox.write("docs/new.txt", "other");
    assert_eq!(counts(&plan(&sandbox, &[])), counted(&[("unchanged", 6)]));
}

#[test]
fn what_failed_is_listed_and_tried_again_when_asked() {
    let sandbox = Sandbox::with_documents();
    sandbox.write("docs/broken.pdf", "%PDF-1.7 and nothing more");
    sandbox.ingest();
    assert!(sandbox.stdout(&["documents", "--failed"]).starts_with("docs/broken.pdf: "));
    let work = sandbox.json(&["documents", "--waiting"]);
    assert_eq!((&work["state"], &work["attempt"]), (&Value::from("failed"), &Value::from(1)), "{work}");
    assert_eq!(counts(&plan(&sandbox, &[])), counted(&[("unchanged", 6)]), "the same file would fail again");
    assert_eq!(counts(&plan(&sandbox, &["--retry-failed"]))["retry"], 1);
    sandbox.run(&["ingest", "docs", "--retry-failed"]);
    assert_eq!(sandbox.json(&["documents", "--waiting"])["attempt"], 2);
    sandbox.write("docs/broken.pdf", "now it is something else, and still no PDF at all");
    sandbox.ingest();
}

#[cfg(target_os = "linux")]
#[test]
fn odd_names_and_files_harm_nobody() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::with_documents();
    let docs = sandbox.path("docs");
    for (name, words) in
        [(&b"caf\xe9.md"[..], "espresso"), (b"two\nlines \x1b[31m.txt", "ristretto"), (b"-rf", "lungo")]
    {
        std::fs::write(docs.join(std::ffi::OsStr::from_bytes(name)), format!("A place for {words}.")).unwrap();
    }
    std::os::unix::fs::symlink(&docs, docs.join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", docs.join("dangling.md")).unwrap();
    std::fs::hard_link(docs.join("notes.txt"), docs.join("same.txt")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(docs.join("socket.md")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(docs.join("pipe.md")).status().unwrap().success());
    let huge = std::fs::File::create(docs.join("huge.bin")).unwrap();
    huge.set_len(4 << 30).unwrap();
    std::fs::File::create(docs.join("huge.pdf")).unwrap().set_len(4 << 30).unwrap();
    let began = Instant::now();
    assert_eq!(sandbox.ingest(), 3);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(sandbox.found("espresso", "keyword"), ["docs/caf%E9.md"]);
    assert_eq!(sandbox.found("ristretto", "keyword"), ["docs/two\nlines \u{1b}[31m.txt"]);
    assert_eq!(sandbox.found("lungo", "keyword"), ["docs/-rf"]);
    let mut both = sandbox.found("bridge Tuesday", "keyword");
    both.sort();
    assert!(
        both == ["docs/notes.txt"] || both == ["docs/notes.txt", "docs/same.txt"],
        "one may stand for both: {both:?}"
    );
    // A name cannot move the cursor or look like two lines.
    let listed = sandbox.stdout(&["documents"]);
    assert!(listed.contains(r"two\nlines \u{1b}[31m.txt") && !listed.contains('\u{1b}'), "{listed}");
    let failed = sandbox.stdout(&["documents", "--failed"]);
    for name in ["loop", "dangling.md", "huge.pdf"] {
        assert!(failed.contains(name), "{name} is not in {failed}");
    }
    let planned = plan(&sandbox, &[]);
    let ignored = planned["ignored"].as_array().unwrap();
    let reason = |name: &str| ignored.iter().find(|entry| entry["uri"] == name).unwrap()["reason"].clone();
    assert_eq!([reason("docs/socket.md"), reason("docs/pipe.md")], ["not a regular file", "not a regular file"]);
}

#[test]
fn an_interrupt_stops_within_a_second_and_the_next_ingest_goes_on() {
    let sandbox = Sandbox::new();
    let words: Vec<String> = (0..400).map(|word| format!("word{word}")).collect();
    for file in 0..1500 {
        sandbox.write(&format!("docs/{}/{file}.md", file % 20), format!("# File {file}\n\n{}", words.join(" ")));
    }
    let mut child =
        sandbox.ibid(&["ingest", "docs", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    lines.by_ref().map(Result::unwrap).filter(|line| line.contains("\"file\"")).nth(20).unwrap();
    let asked = Instant::now();
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(1));
    assert!(took < Duration::from_secs(3), "{took:?}; the machine may be busy, and three times as long is not");
    let listed: Value = serde_json::from_str(sandbox.stdout(&["receipt", "--json"]).lines().next().unwrap()).unwrap();
    assert_eq!(listed["state"], "cancelled");
    let done = events(&sandbox, &[]);
    let (added, unchanged) = (&summary(&done)["added"], &summary(&done)["unchanged"]);
    assert_eq!(added.as_u64().unwrap() + unchanged.as_u64().unwrap(), 1500);
    assert!(unchanged.as_u64().unwrap() >= 20, "what was done stays: {unchanged}");
    assert!(sandbox.is_consistent());
}

#[test]
fn of_ten_processes_one_writes_and_the_others_say_who() {
    let sandbox = Sandbox::with_documents();
    for file in 0..300 {
        sandbox.write(&format!("docs/many/{file}.md"), format!("# File {file}\n\nSome words about {file}."));
    }
    let start = || sandbox.ibid(&["ingest", "docs"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let all: Vec<_> = (0..10).map(|_| start()).collect();
    let ends: Vec<_> = all.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let (done, refused): (Vec<_>, Vec<_>) = ends.into_iter().partition(|end| end.status.success());
    assert!(!done.is_empty(), "at least one did it");
    for end in &refused {
        let said = String::from_utf8_lossy(&end.stderr);
        assert!(said.contains("is in use by process"), "{said}");
    }
    sandbox.ingest();
    assert!(sandbox.is_consistent());
    assert_eq!(sandbox.stdout(&["documents"]).lines().count(), 305);
}

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
    assert_eq!(visible_state(&sandbox), visible_state(&fresh), "seed {seed}: a fresh ingest sees something else");
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
    let whole = began.elapsed().max(Duration::from_millis(50));
    let mut killed = 0_u32;
    for round in 0..rounds {
        edit(&sandbox, &mut dice, usize::try_from(round).unwrap());
        let mut child =
            sandbox.ibid(&["ingest", "docs", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(dice.f64()));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());
    }
    until("the folder is free", || matches!(sandbox.run(&["ingest", "docs", "--yes"]).status.code(), Some(0 | 3)));
    println!("{killed} of {rounds} rounds were killed midway");
    assert!(u64::from(killed) * 2 >= rounds, "only {killed} of {rounds} were killed midway");
    assert_equal_to_the_folder(&sandbox, &format!("seed {seed}, {rounds} rounds"));
    let fresh = sandbox.replica("fresh");
    fresh.ingest();
    assert_eq!(visible_state(&sandbox), visible_state(&fresh), "seed {seed}: a fresh ingest sees something else");
}
