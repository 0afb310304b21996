//! Folders that are followed while the server runs: what is dropped in is found, what is taken out is not.

use serde_json::Value;

use super::support::{Sandbox, Server, until};

/// A server that follows `docs` by its events alone.
fn following(sandbox: &Sandbox) -> Server {
    sandbox.write("ibid-data/ibid.toml", "[[sources]]\nname = \"docs\"\npath = \"docs\"\nevery_s = 0\n");
    sandbox.serve()
}

fn source(server: &Server) -> Value {
    server.get("/v1/sources").1["sources"][0].clone()
}

fn is_found(server: &Server, query: &str, uri: &str) -> bool {
    server.found(query, "keyword").iter().any(|found| found == uri)
}

#[test]
fn a_file_that_is_dropped_in_is_found_and_one_that_is_taken_out_is_not() {
    let sandbox = Sandbox::with_documents();
    let server = following(&sandbox);
    until("the folder is in and watched", || {
        let source = source(&server);
        source["state"] == "idle" && source["watch"][0]["state"] == "watching"
    });
    until("its words are found", || is_found(&server, "otters hold hands", "docs/otters.md"));
    sandbox.write("docs/deep/below/walrus.md", "# Walruses\n\nThe walrus sings at midnight.");
    until("the new file is found", || is_found(&server, "walrus sings", "docs/deep/below/walrus.md"));
    sandbox.write("docs/deep/below/walrus.md", "# Walruses\n\nThe walrus sleeps at noon.");
    until("its new text is found", || is_found(&server, "walrus noon", "docs/deep/below/walrus.md"));
    std::fs::rename(sandbox.path("docs/deep/below/walrus.md"), sandbox.path("docs/up.md")).unwrap();
    until("it is found under its new name", || server.found("walrus noon", "keyword") == ["docs/up.md"]);
    std::fs::remove_file(sandbox.path("docs/up.md")).unwrap();
    until("it is not found", || server.found("walrus noon", "keyword").is_empty());
    let ingests = server.get("/v1/ingests").1["ingests"].as_array().unwrap().len();
    sandbox.write("ibid-data/beside.txt", "Our own folder is none of a source's business.");
    std::fs::read(sandbox.path("docs/otters.md")).unwrap();
    assert!(is_found(&server, "otters hold hands", "docs/otters.md"));
    assert_eq!(server.get("/v1/ingests").1["ingests"].as_array().unwrap().len(), ingests, "looking is no change");
}

#[test]
fn a_folder_that_vanishes_takes_nothing_with_it_and_is_followed_when_it_is_back() {
    let sandbox = Sandbox::with_documents();
    let server = following(&sandbox);
    until("the folder is in", || is_found(&server, "otters hold hands", "docs/otters.md"));
    until("it is watched", || source(&server)["watch"][0]["state"] == "watching");
    std::fs::rename(sandbox.path("docs"), sandbox.path("away")).unwrap();
    until("that is an error", || source(&server)["state"] == "failed");
    assert!(source(&server)["last_error"].as_str().unwrap().contains("nothing was changed"));
    assert_eq!(source(&server)["watch"][0]["state"], "away");
    assert!(is_found(&server, "otters hold hands", "docs/otters.md"));
    sandbox.write("away/walrus.md", "The walrus sings at midnight.");
    std::fs::rename(sandbox.path("away"), sandbox.path("docs")).unwrap();
    until("what is in it is found", || is_found(&server, "walrus sings", "docs/walrus.md"));
    until("all is well", || source(&server)["failures"] == 0);
    sandbox.write("docs/seal.md", "The seal barks at noon.");
    until("and it is followed", || is_found(&server, "seal barks", "docs/seal.md"));
}
