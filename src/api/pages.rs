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
    ("agui.js", SCRIPT, include_str!("../../web/chat/agui.js")),
    ("chat.js", SCRIPT, include_str!("../../web/chat/chat.js")),
    ("conversation.js", SCRIPT, include_str!("../../web/chat/conversation.js")),
    ("prose.js", SCRIPT, include_str!("../../web/chat/prose.js")),
    ("source.js", SCRIPT, include_str!("../../web/chat/source.js")),
    ("turn.js", SCRIPT, include_str!("../../web/chat/turn.js")),
    ("why.js", SCRIPT, include_str!("../../web/chat/why.js")),
    ("words.js", SCRIPT, include_str!("../../web/chat/words.js")),
    ("icon.svg", SVG, include_str!("../../web/chat/icon.svg")),
];

const DOCS_FILES: &[PageFile] = &[
    ("docs.css", CSS, include_str!("../../web/docs/docs.css")),
    ("docs.js", SCRIPT, include_str!("../../web/docs/docs.js")),
    ("schema.js", SCRIPT, include_str!("../../web/docs/schema.js")),
];

/// Only our own scripts and styles run, and nothing is loaded from elsewhere, whatever a document or a model says.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

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
