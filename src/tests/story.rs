//! The story of a user with a folder, told to the real program.

use serde_json::Value;

use super::support::Sandbox;

#[test]
fn a_folder_is_found_by_words_and_by_meaning_in_both_languages() {
    let sandbox = Sandbox::with_documents();
    assert_eq!(sandbox.ingest(), 0);
    for mode in ["keyword", "vector", "hybrid"] {
        assert_eq!(sandbox.found("otters hold hands", mode)[0], "docs/otters.md", "{mode}");
        assert_eq!(sandbox.found("고양이는 물을 싫어한다", mode)[0], "docs/ko/cats.md", "{mode}");
    }
    assert_eq!(sandbox.found("참치", "keyword")[0], "docs/ko/cats.md");
    assert!(sandbox.is_consistent());
}

#[test]
fn a_hit_is_exactly_its_span() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let found = sandbox.json(&["search", "고양이", "--explain"]);
    let source = std::fs::read_to_string(sandbox.path("docs/ko/cats.md")).unwrap();
    let hit = &found["hits"][0];
    let at = |end: &str| usize::try_from(hit["span"][end].as_u64().unwrap()).unwrap();
    assert_eq!(hit["text"].as_str().unwrap(), &source[at("start")..at("end")]);
    assert_eq!(hit["legs"]["keyword"]["rank"], 1);
    let units: Vec<u16> = hit["text"].as_str().unwrap().encode_utf16().collect();
    let mark = &hit["highlights"][0];
    let unit = |end: &str| usize::try_from(mark[end].as_u64().unwrap()).unwrap();
    assert_eq!(String::from_utf16(&units[unit("start")..unit("end")]).unwrap(), "고양이");
}

#[test]
fn the_mirror_follows_the_folder() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let second = sandbox.json(&["ingest", "docs"]);
    assert_eq!(second["summary"]["unchanged"], 5);
    assert_eq!(second["summary"]["added"], 0);
    sandbox.write("docs/notes.txt", "The meeting about the tunnel is on Friday.\n");
    std::fs::remove_file(sandbox.path("docs/otters.md")).unwrap();
    sandbox.write("docs/new.md", "# Volcano\n\nThe volcano sleeps.\n");
    let plan = sandbox.stdout(&["ingest", "docs", "--plan"]);
    assert!(
        plan.contains("1 to add, 1 to change, 0 to try again, 0 to move, 1 to delete, 3 unchanged, 0 ignored"),
        "{plan}"
    );
    let third = sandbox.json(&["ingest", "docs"]);
    let count = |what: &str| third["summary"][what].as_u64().unwrap();
    assert_eq!((count("added"), count("changed"), count("removed"), count("unchanged")), (1, 1, 1, 3));
    for mode in ["keyword", "vector"] {
        assert!(!sandbox.found("otters hold hands", mode).contains(&"docs/otters.md".to_owned()), "{mode}");
        assert_eq!(sandbox.found("tunnel Friday", mode)[0], "docs/notes.txt", "{mode}");
    }
    assert!(sandbox.found("bridge", "keyword").is_empty());
    assert!(sandbox.is_consistent());
}

#[test]
fn a_touched_file_is_not_written_again() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let text = std::fs::read(sandbox.path("docs/notes.txt")).unwrap();
    let file = std::fs::File::options().write(true).open(sandbox.path("docs/notes.txt")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).unwrap();
    assert_eq!(std::fs::read(sandbox.path("docs/notes.txt")).unwrap(), text);
    let again = sandbox.json(&["ingest", "docs"]);
    assert_eq!(again["summary"]["changed"], 0);
    assert_eq!(again["summary"]["unchanged"], 5);
}

#[test]
fn filters_narrow_both_legs() {
    let sandbox = Sandbox::with_documents();
    sandbox.write("docs/ko/tagged.md", "---\nteam: animals\n---\n# 개\n\n개와 고양이는 친구다.\n");
    sandbox.ingest();
    let uris = |filter: &str, mode: &str| {
        let found = sandbox.json(&["search", "고양이", "--filter", filter, "--mode", mode]);
        let uri = |hit: &Value| hit["uri"].as_str().unwrap().to_owned();
        let mut uris: Vec<String> = found["hits"].as_array().unwrap().iter().map(uri).collect();
        uris.sort();
        uris.dedup();
        uris
    };
    for mode in ["keyword", "vector"] {
        assert_eq!(uris("team=animals", mode), ["docs/ko/tagged.md"], "{mode}");
        assert_eq!(uris("uri=docs/ko", mode), ["docs/ko/cats.md", "docs/ko/tagged.md"], "{mode}");
        assert!(uris("uri=docs/k", mode).is_empty(), "{mode}");
        assert!(uris("collection=other", mode).is_empty(), "{mode}");
        assert!(uris("type=text/html", mode).iter().all(|uri| uri == "docs/tower.html"), "{mode}");
    }
}

#[test]
fn bad_files_fail_alone_with_a_reason() {
    let sandbox = Sandbox::with_documents();
    sandbox.write("docs/bad/empty.txt", "");
    sandbox.write("docs/bad/binary.txt", [0_u8, 159, 146, 150, 0, 0, 1, 2, 3, 0].repeat(40));
    sandbox.write("docs/bad/cut.pdf", "%PDF-1.7\n1 0 obj\n<<");
    sandbox.write("docs/bad/archive.zip", b"PK\x03\x04 and so on");
    sandbox.write("docs/good/cp949.txt", b"\xb0\xed\xbe\xe7\xc0\xcc\xb4\xc2 \xbb\xfd\xbc\xb1\xc0\xbb \xb8\xd4\xb4\xc2\xb4\xd9. \xb0\xed\xbe\xe7\xc0\xcc\xb4\xc2 \xc1\xc1\xb4\xd9.");
    std::os::unix::fs::symlink("..", sandbox.path("docs/bad/loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", sandbox.path("docs/bad/dangling.md")).unwrap();
    let output = sandbox.run(&["ingest", "docs"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.lines().last().unwrap().starts_with("6 documents could not be read"), "{said}");
    let failed = sandbox.stdout(&["documents", "--failed"]);
    for (name, code) in [
        ("empty.txt", "empty"),
        ("binary.txt", "binary"),
        ("cut.pdf", "damaged"),
        ("archive.zip", "damaged"),
        ("loop", "unreadable"),
        ("dangling.md", "unreadable"),
    ] {
        let line = failed.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} in {failed}"));
        assert!(line.contains(&format!(": {code}: ")), "{line}");
    }
    assert_eq!(sandbox.found("고양이는 생선을 먹는다", "keyword")[0], "docs/good/cp949.txt");
    // What failed and did not change fails again without being read again, and is counted.
    assert_eq!(sandbox.ingest(), 3);
    std::fs::remove_dir_all(sandbox.path("docs/bad")).unwrap();
    assert_eq!(sandbox.ingest(), 0);
}

#[test]
fn an_answer_quotes_and_cites_or_says_that_there_is_none() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let answer = sandbox.json(&["ask", "How tall is the tower in Seoul?"]);
    let text = answer["answer"].as_str().unwrap();
    assert!(text.contains("236 metres") && answer["grounded"] == true, "{answer}");
    let citation = &answer["citations"][0];
    assert_eq!(citation["source"], "docs/tower.html");
    assert!(text.contains(citation["sourceContent"][0]["text"].as_str().unwrap()), "{answer}");
    let nothing = sandbox.json(&["ask", "Who won the chess championship in 1972?"]);
    assert_eq!(nothing["grounded"], false, "{nothing}");
    assert!(!nothing["answer"].as_str().unwrap().contains('['), "{nothing}");
    let korean = sandbox.json(&["ask", "고양이는 무엇을 좋아하는가?"]);
    assert!(korean["answer"].as_str().unwrap().contains("참치"), "{korean}");
}

#[test]
fn up_ask_does_it_all_in_one_command() {
    let sandbox = Sandbox::with_documents();
    let output = sandbox.run(&["up", "docs", "--ask", "What do otters eat?"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("crabs") && said.contains("[1] docs/otters.md"), "{said}");
}

#[test]
fn reindex_builds_the_same_views_without_embedding() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let before = (sandbox.found("otters", "keyword"), sandbox.found("otters", "vector"));
    std::fs::remove_dir_all(sandbox.path("ibid-data/keyword")).unwrap();
    std::fs::write(sandbox.path("ibid-data/vector/garbage"), "x").unwrap();
    sandbox.stdout(&["reindex"]);
    assert_eq!((sandbox.found("otters", "keyword"), sandbox.found("otters", "vector")), before);
    assert!(sandbox.is_consistent());
}

/// A keyword index that another version made could only be opened after `ibid reindex`.
#[test]
fn a_keyword_index_of_another_version_is_built_again_by_itself() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let before = sandbox.found("otters", "keyword");
    let version = sandbox.path("ibid-data/keyword/ibid-version");
    let needed = std::fs::read_to_string(&version).unwrap();
    std::fs::write(&version, "1.1").unwrap();
    assert_eq!(sandbox.found("otters", "keyword"), before);
    assert!(!before.is_empty() && sandbox.is_consistent());
    assert_eq!(std::fs::read_to_string(&version).unwrap(), needed);
}

#[test]
fn two_folders_of_one_name_do_not_erase_each_other() {
    let sandbox = Sandbox::new();
    sandbox.write("a/docs/one.md", "# One\n\nThe first folder speaks of apples.\n");
    sandbox.write("b/docs/two.md", "# Two\n\nThe second folder speaks of pears.\n");
    sandbox.stdout(&["ingest", "a/docs"]);
    sandbox.stdout(&["ingest", "b/docs"]);
    assert_eq!(sandbox.found("apples", "keyword"), ["docs/one.md"]);
    assert_eq!(sandbox.found("pears", "keyword"), ["docs-2/two.md"]);
}

#[test]
fn a_missing_folder_changes_nothing_and_says_so() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    std::fs::rename(sandbox.path("docs"), sandbox.path("elsewhere")).unwrap();
    let output = sandbox.run(&["ingest", "docs"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("nothing was changed"), "{said}");
    assert_eq!(sandbox.found("otters", "keyword")[0], "docs/otters.md");
}

#[test]
fn a_newer_and_a_locked_data_folder_are_refused_in_one_sentence() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let server = sandbox.serve();
    let output = sandbox.run(&["search", "otters"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(&server.base_url) && said.lines().count() == 1, "{said}");
    drop(server);
    std::fs::write(sandbox.path("ibid-data/ibid.db"), "this is no database, but it is long enough to be read as one")
        .unwrap();
    for name in ["ibid-data/ibid.db-wal", "ibid-data/ibid.db-shm"] {
        drop(std::fs::remove_file(sandbox.path(name)));
    }
    let output = sandbox.run(&["search", "otters"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("not a readable database"), "{said}");
}

#[test]
fn another_embedder_is_refused_and_told_why() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let mut command = sandbox.ibid(&["search", "otters"]);
    let output =
        command.env("IBID_EMBEDDER", "e5-small-q4").env("IBID_MODELS", super::support::prepared("IBID_MODELS"));
    let output = output.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("holds vectors of the model hashing-256"), "{said}");
}

#[test]
fn without_a_model_words_are_found() {
    let sandbox = Sandbox::with_documents();
    let empty = sandbox.path("no-models");
    std::fs::create_dir_all(&empty).unwrap();
    let run = |args: &[&str]| {
        let mut command = sandbox.ibid(args);
        // No Python on the path, so nothing can be fetched.
        command.env("IBID_EMBEDDER", "e5-small-q4").env("IBID_MODELS", &empty).env("PATH", &empty);
        command.output().unwrap()
    };
    let output = run(&["ingest", "docs"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("words are found without it"), "{said}");
    let found = String::from_utf8(run(&["search", "otters", "--json"]).stdout).unwrap();
    assert!(found.contains("docs/otters.md"), "{found}");
}
