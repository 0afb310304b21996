//! `POST /v1/collections/{name}/documents`: files, or a text, into a collection.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use axum::body::Body;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use ibid_ingest::MediaType;
use multer::{Field, Multipart};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use unicode_normalization::UnicodeNormalization;

use super::body::{BodyError, BodyLimits, pieces};
use super::error::accepted;
use super::json::{ApiJson, is_json};
use super::{ApiError, ApiState, guard};
use crate::indexing::Upload;
use crate::types::{CollectionName, Document, DocumentId, DocumentState};

/// Parts of one request. Each file among them is open until it is read.
const PARTS_MAX: usize = 100;
/// Longest name of a file, as file systems have it.
const NAME_BYTES_MAX: usize = 255;

/// Files of a form. Every part that has a file name is one, whatever the part is called.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes a form, which is read part by part")]
pub(super) struct FileForm {
    /// The bytes of a file; its name says how they are read.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<Vec<u8>>,
}

/// A document that comes as text.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextUpload {
    /// Its name, as a file would have it, such as `notes.md`. Of a path only the last part counts.
    uri: String,
    /// Its title; what the text says, or the name, when it is not given.
    title: Option<String>,
    /// The text.
    text: String,
    /// Its MIME type; what the name's extension says when it is not given.
    media_type: Option<String>,
}

/// What became of the files.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Uploaded {
    /// The documents, in the order of the files. Words are found in a moment, meaning when it is embedded:
    /// `GET /v1/documents/{id}` says so.
    documents: Vec<UploadedDocument>,
}

/// What became of a file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct UploadedDocument {
    /// The document.
    id: DocumentId,
    /// Its URI, `uploads/NAME`.
    uri: String,
    /// Its title.
    title: String,
    /// `ready`, or `failed` when the file could not be read.
    state: &'static str,
    /// Why it could not be read, as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<String>,
    /// Why it could not be read, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_message: Option<String>,
}

impl From<Document> for UploadedDocument {
    fn from(document: Document) -> Self {
        let (state, failure) = match document.state {
            DocumentState::Ready { .. } => ("ready", None),
            DocumentState::Failed { failure } => ("failed", Some(failure)),
        };
        let (failure_code, failure_message) = failure.map(|failure| (failure.code, failure.message)).unzip();
        let Document { id, uri, title, .. } = document;
        Self { id, uri, title, state, failure_code, failure_message }
    }
}

/// Puts files into a collection, which is made if it is not there. A file with the name of an earlier one takes its place.
/// Nothing is kept of a request that breaks off. A mirrored folder and what is put here do not touch each other.
#[utoipa::path(post, path = "/v1/collections/{name}/documents",
    params(("name" = String, Path, description = "Collection")),
    request_body(content((FileForm = "multipart/form-data"), (TextUpload = "application/json"))),
    responses(
        (status = 202, description = "The files are read; those that could not be say why", body = Uploaded),
        (status = 408, description = "Nothing came for a while", body = super::error::ErrorBody),
        (status = 413, description = "The request is over the limit", body = super::error::ErrorBody),
        (status = 415, description = "The body is neither a form nor JSON", body = super::error::ErrorBody),
        (status = 422, description = "A name or the collection's is none, or there is no file", body = super::error::ErrorBody),
        (status = 429, description = "Too many uploads at the same time", body = super::error::ErrorBody),
    ))]
pub(super) async fn upload(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    // A form is sent by any page without asking first.
    guard::own_origin(request.headers(), &state.allowed_origins)?;
    let collection: CollectionName = name.parse().map_err(invalid)?;
    let permit = state.uploads.clone().try_acquire_owned().map_err(|_| ApiError::Busy)?;
    let files = if is_json(request.headers()) {
        let ApiJson(text) = ApiJson::<TextUpload>::from_request(request, &state).await?;
        vec![text_file(text, state.app.folder.clone()).await?]
    } else if let Some(boundary) = boundary(request.headers()) {
        form_files(request.into_body(), boundary?, &state).await?
    } else {
        return Err(ApiError::WrongType("the body has to be multipart/form-data or application/json".to_owned()));
    };
    let mirror = state.app.indexer.mirror(state.app.mirror_options(collection, None));
    // What has come in whole is read to the end, whether or not the client waits for it.
    let reading = tokio::spawn(async move {
        let _permit = permit;
        mirror.upload(files).await
    });
    let ids = reading.await.map_err(|_| ApiError::Internal("an upload broke".to_owned()))??;
    let mut documents = Vec::new();
    for id in ids {
        documents.extend(state.app.store.document(id).await?.map(UploadedDocument::from));
    }
    Ok(accepted(Uploaded { documents }))
}

/// The boundary that a form names; `None` for bodies of another type.
fn boundary(headers: &HeaderMap) -> Option<Result<String, ApiError>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("multipart/form-data");
    is_form.then(|| multer::parse_boundary(kind).map_err(invalid))
}

/// The files of a form, in their order. A request that cannot be taken is read to its end all the same, so that the client
/// hears why.
async fn form_files(body: Body, boundary: String, state: &ApiState) -> Result<Vec<Upload>, ApiError> {
    let limits = BodyLimits { bytes_max: state.upload_bytes_max, silence: state.body_silence };
    let mut form = Multipart::new(pieces(body, limits), boundary);
    let (mut files, mut names, mut parts, mut refusal) = (Vec::new(), BTreeSet::new(), 0, None);
    while let Some(part) = form.next_field().await.map_err(broken)? {
        parts += 1;
        if parts > PARTS_MAX {
            refusal.get_or_insert(ApiError::Invalid(format!("the form has more than {PARTS_MAX} parts")));
        }
        let Some(given) = part.file_name().map(str::to_owned).filter(|_| refusal.is_none()) else { continue };
        match safe_name(&given).filter(|name| names.insert(name.clone())) {
            Some(name) => files.push(stored(part, name, state.app.folder.clone()).await?),
            None => refusal = Some(refused_name(&given)),
        }
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None if files.is_empty() => Err(ApiError::Invalid("no part of the form has a file name".to_owned())),
        None => Ok(files),
    }
}

/// A part in a file of its own, which has no name and is gone with its last user.
async fn stored(mut part: Field<'static>, name: String, folder: PathBuf) -> Result<Upload, ApiError> {
    let mut file = tokio::fs::File::from_std(unnamed_file(folder).await?);
    while let Some(piece) = part.chunk().await.map_err(broken)? {
        file.write_all(&piece).await.map_err(unwritten)?;
    }
    file.flush().await.map_err(unwritten)?;
    Ok(Upload { read_as: name.clone(), name, title: None, file: file.into_std().await })
}

async fn text_file(text: TextUpload, folder: PathBuf) -> Result<Upload, ApiError> {
    let name = safe_name(&text.uri).ok_or_else(|| refused_name(&text.uri))?;
    let read_as = match &text.media_type {
        None => name.clone(),
        Some(mime) => {
            let known = MediaType::from_mime(mime).and_then(|known| known.extensions().first().copied());
            let extension = known.ok_or_else(|| ApiError::Invalid(format!("media_type {mime:?} is not known")))?;
            format!("{name}.{extension}")
        }
    };
    let mut file = tokio::fs::File::from_std(unnamed_file(folder).await?);
    file.write_all(text.text.as_bytes()).await.map_err(unwritten)?;
    file.flush().await.map_err(unwritten)?;
    let title = text.title.filter(|title| !title.trim().is_empty());
    Ok(Upload { name, read_as, title, file: file.into_std().await })
}

async fn unnamed_file(folder: PathBuf) -> Result<File, ApiError> {
    let made = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder)).await;
    made.map_err(|_| ApiError::Internal("an upload was cancelled".to_owned()))?.map_err(unwritten)
}

/// The last part of a path, without what cannot be seen or turns the direction of writing, in composed form: some systems
/// send the same name in another one. `None` when nothing of it is left, or too much.
fn safe_name(given: &str) -> Option<String> {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let seen: String = last.nfc().filter(|c| !c.is_control() && !turns(*c)).collect();
    let name = seen.trim();
    let is_name = !matches!(name, "" | "." | "..") && name.len() <= NAME_BYTES_MAX;
    is_name.then(|| name.to_owned())
}

fn refused_name(given: &str) -> ApiError {
    let shown: String = given.chars().take(80).collect();
    ApiError::Invalid(format!("{shown:?} is no file name of 1 to {NAME_BYTES_MAX} bytes, or comes twice"))
}

fn invalid(error: impl std::fmt::Display) -> ApiError {
    ApiError::Invalid(error.to_string())
}

fn unwritten(error: std::io::Error) -> ApiError {
    ApiError::Internal(format!("an upload could not be stored: {error}"))
}

/// What is wrong with a form: with the body that it comes in, or with the form.
fn broken(error: multer::Error) -> ApiError {
    if let multer::Error::StreamReadFailed(cause) = &error
        && let Some(body) = cause.downcast_ref::<BodyError>()
    {
        return body.into();
    }
    ApiError::Invalid(format!("the form cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::safe_name;

    #[test]
    fn names_are_the_last_part_of_a_path_and_can_be_seen() {
        for (given, name) in [
            ("수달.md", "수달.md"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ann\\notes.txt", "notes.txt"),
            ("a\u{0}b\r\n.md", "ab.md"),
            ("  spaced name.md ", "spaced name.md"),
            ("\u{202e}fdp.exe", "fdp.exe"),
            // The same syllable in parts, as some systems have it.
            ("\u{1112}\u{1161}\u{11ab}.md", "한.md"),
            (".env", ".env"),
        ] {
            assert_eq!(safe_name(given).as_deref(), Some(name), "{given:?}");
        }
        for bad in ["", " ", ".", "..", "docs/", "a/..", "\u{7}\u{200b}", &"가".repeat(86)] {
            assert_eq!(safe_name(bad), None, "{bad:?}");
        }
    }
}
