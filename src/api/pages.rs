//! The bundled pages: files of `web/`, held in the binary.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use super::error::found;

/// A file of a page: its name, its type, its bytes.
type PageFile = (&'static str, &'static str, &'static str);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const CHAT_FILES: &[PageFile] = &[
    ("chat.css", CSS, include_str!("../../web/chat/chat.css")),
    ("threads.css", CSS, include_str!("../../web/chat/threads.css")),
    ("turn.css", CSS, include_str!("../../web/chat/turn.css")),
    ("prose.css", CSS, include_str!("../../web/chat/prose.css")),
    ("notes.css", CSS, include_str!("../../web/chat/notes.css")),
    ("source.css", CSS, include_str!("../../web/chat/source.css")),
    ("composer.css", CSS, include_str!("../../web/chat/composer.css")),
    ("dialogs.css", CSS, include_str!("../../web/chat/dialogs.css")),
    ("actions.js", SCRIPT, include_str!("../../web/chat/actions.js")),
    ("agui.js", SCRIPT, include_str!("../../web/chat/agui.js")),
    ("announcer.js", SCRIPT, include_str!("../../web/chat/announcer.js")),
    ("chat.js", SCRIPT, include_str!("../../web/chat/chat.js")),
    ("cites.js", SCRIPT, include_str!("../../web/chat/cites.js")),
    ("clipboard.js", SCRIPT, include_str!("../../web/chat/clipboard.js")),
    ("confirm.js", SCRIPT, include_str!("../../web/chat/confirm.js")),
    ("conversation.js", SCRIPT, include_str!("../../web/chat/conversation.js")),
    ("dom.js", SCRIPT, include_str!("../../web/chat/dom.js")),
    ("drawer.js", SCRIPT, include_str!("../../web/chat/drawer.js")),
    ("fate.js", SCRIPT, include_str!("../../web/chat/fate.js")),
    ("look.js", SCRIPT, include_str!("../../web/chat/look.js")),
    ("markdown.js", SCRIPT, include_str!("../../web/chat/markdown.js")),
    ("marks.js", SCRIPT, include_str!("../../web/chat/marks.js")),
    ("notes.js", SCRIPT, include_str!("../../web/chat/notes.js")),
    ("place.js", SCRIPT, include_str!("../../web/chat/place.js")),
    ("prose.js", SCRIPT, include_str!("../../web/chat/prose.js")),
    ("scope.js", SCRIPT, include_str!("../../web/chat/scope.js")),
    ("server.js", SCRIPT, include_str!("../../web/chat/server.js")),
    ("since.js", SCRIPT, include_str!("../../web/chat/since.js")),
    ("source.js", SCRIPT, include_str!("../../web/chat/source.js")),
    ("status.js", SCRIPT, include_str!("../../web/chat/status.js")),
    ("steps.js", SCRIPT, include_str!("../../web/chat/steps.js")),
    ("talk.js", SCRIPT, include_str!("../../web/chat/talk.js")),
    ("threads.js", SCRIPT, include_str!("../../web/chat/threads.js")),
    ("turn.js", SCRIPT, include_str!("../../web/chat/turn.js")),
    ("upload.js", SCRIPT, include_str!("../../web/chat/upload.js")),
    ("why.js", SCRIPT, include_str!("../../web/chat/why.js")),
    ("words.js", SCRIPT, include_str!("../../web/chat/words.js")),
    ("words-en.js", SCRIPT, include_str!("../../web/chat/words-en.js")),
    ("words-ko.js", SCRIPT, include_str!("../../web/chat/words-ko.js")),
    ("marked.esm.js", SCRIPT, include_str!("../../web/vendor/marked.esm.js")),
    ("purify.es.mjs", SCRIPT, include_str!("../../web/vendor/purify.es.mjs")),
    ("icon.svg", SVG, include_str!("../../web/chat/icon.svg")),
];

const DOCS_FILES: &[PageFile] = &[
    ("docs.css", CSS, include_str!("../../web/docs/docs.css")),
    ("docs.js", SCRIPT, include_str!("../../web/docs/docs.js")),
    ("schema.js", SCRIPT, include_str!("../../web/docs/schema.js")),
];

/// Only our own scripts and styles run, and nothing is loaded from elsewhere, whatever a document or a model says. Text
/// becomes markup in one place only, the library that cleans it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    object-src 'none'; require-trusted-types-for 'script'; trusted-types dompurify";

/// To the page.
pub(super) async fn root() -> Response {
    found("/chat/")
}

/// The chat page.
pub(super) async fn chat() -> Response {
    page(HTML, include_str!("../../web/chat/index.html"))
}

/// A file of the chat page.
pub(super) async fn chat_file(Path(file): Path<String>) -> Result<Response, ApiError> {
    find(CHAT_FILES, &file)
}

/// The page that shows the API.
pub(super) async fn docs() -> Response {
    page(HTML, include_str!("../../web/docs/index.html"))
}

/// A file of the API page.
pub(super) async fn docs_file(Path(file): Path<String>) -> Result<Response, ApiError> {
    find(DOCS_FILES, &file)
}

fn find(files: &'static [PageFile], name: &str) -> Result<Response, ApiError> {
    let file = files.iter().find(|(known, ..)| *known == name);
    let (_, kind, body) = file.ok_or_else(|| ApiError::NotFound(format!("the page has no file {name:?}")))?;
    Ok(page(kind, body))
}

fn page(kind: &'static str, body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The files change with the binary and are small.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_pages_is_served() {
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        for (folder, served) in [("chat", CHAT_FILES), ("docs", DOCS_FILES), ("vendor", CHAT_FILES)] {
            for entry in std::fs::read_dir(web.join(folder)).unwrap() {
                let name = entry.unwrap().file_name().to_string_lossy().into_owned();
                let is_page = name == "index.html" || name == "README.md" || name.starts_with("LICENSE-");
                assert!(is_page || served.iter().any(|(known, ..)| *known == name), "{folder}/{name} is not served");
            }
        }
    }
}
