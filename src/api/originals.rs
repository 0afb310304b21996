//! `GET /v1/documents/{id}/original`: a document's file as it was read.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::documents::readable_document;
use super::{ApiError, ApiState};

/// Gives a document's file as it was read, when originals are kept. It is a download and never a page of this server,
/// whatever it holds.
#[utoipa::path(get, path = "/v1/documents/{id}/original", params(("id" = String, Path, description = "Document id")),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "There is no such document, or no original of it is kept",
            body = super::error::ErrorBody),
    ))]
pub(super) async fn original(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let document = readable_document(&state, &id).await?;
    let none = || ApiError::NotFound(format!("no original of the document {id} is kept (ingest.keep_originals)"));
    let originals = state.app.indexer.originals().ok_or_else(none)?;
    let original = originals.get(&document.source.sha256).await?.ok_or_else(none)?;
    let name = document.uri.rsplit('/').next().unwrap_or_default();
    // What a header cannot say is not known to any browser either.
    let kind = HeaderValue::from_str(&document.media_type);
    let headers = [
        (header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream"))),
        (header::CONTENT_LENGTH, HeaderValue::from(original.bytes)),
        (header::CONTENT_DISPOSITION, attachment(name)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ];
    Ok((headers, Body::from_stream(original.stream)).into_response())
}

/// A download under this name, in the form of RFC 6266 that holds any letter.
fn attachment(name: &str) -> HeaderValue {
    let mut said = String::from("attachment; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => said.push(char::from(byte)),
            other => said.push_str(&format!("%{other:02X}")),
        }
    }
    HeaderValue::from_str(&said).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_name_is_a_name_of_a_download() {
        for (name, said) in [
            ("a b.md", "attachment; filename*=UTF-8''a%20b.md"),
            ("수.md", "attachment; filename*=UTF-8''%EC%88%98.md"),
            ("\"\r\n;x", "attachment; filename*=UTF-8''%22%0D%0A%3Bx"),
        ] {
            assert_eq!(super::attachment(name), said);
        }
    }
}
