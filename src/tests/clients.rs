//! The clients that people use, against the real server: both generations of the official AG-UI client, the frozen
//! schema, and a browser.

use super::support::{Sandbox, Server, node, prepared, program};

/// A server over a few documents with the real embedding model, as a user has it.
pub fn served() -> (Sandbox, Server) {
    let sandbox = Sandbox::with_documents();
    let models = prepared("IBID_MODELS");
    let with_model = |args: &[&str]| {
        let mut command = program();
        command.current_dir(sandbox.path("")).args(args).env("IBID_MODELS", &models);
        command
    };
    let output = with_model(&["ingest", "docs"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = Server::start(with_model(&["serve", "--listen", "127.0.0.1:0"]));
    (sandbox, server)
}

#[test]
fn both_generations_of_the_official_client_show_the_answer_with_its_citations() {
    let (_sandbox, server) = served();
    let nothing = "Who won the world chess championship in 1972?";
    node("clients.mjs", &[&server.base_url, "How tall is the tower in Seoul?", "236 metres", nothing]);
    node("clients.mjs", &[&server.base_url, "고양이는 무엇을 좋아하는가?", "참치"]);
}

#[test]
fn every_frame_is_of_the_frozen_schema() {
    let (_sandbox, server) = served();
    node("wire.mjs", &[&server.base_url, "What do otters eat?"]);
}

#[test]
fn the_page_opens_the_very_sentence() {
    let (sandbox, server) = served();
    let screenshots = sandbox.path("screenshots");
    std::fs::create_dir_all(&screenshots).unwrap();
    let folder = screenshots.to_string_lossy().into_owned();
    node("page.mjs", &[&server.base_url, "How tall is the tower in Seoul?", "236 metres", &folder]);
    assert!(std::fs::read_dir(screenshots).unwrap().count() > 0);
}
