//! A document's row: filled from what extraction gives, chunks and language included.

use ibid_ingest::MediaType;

use super::IndexingError;
use super::chunking::{Cutter, aside, structure_of};
use crate::analysis::language_code;
use crate::store::NewDocument;
use crate::types::{CollectionName, SourceStamp, own_title, primary_language};

/// As much of a text as its language is judged by.
const LANGUAGE_SAMPLE_BYTES: usize = 4096;

/// A document of which nothing is known but where it is and what its source looks like.
pub(super) fn blank(collection: CollectionName, uri: &str, source: SourceStamp) -> NewDocument {
    NewDocument {
        collection,
        uri: uri.to_owned(),
        container: None,
        media_type: "application/octet-stream".to_owned(),
        title: uri.rsplit('/').next().unwrap_or(uri).to_owned(),
        metadata: Default::default(),
        language: None,
        readers: None,
        source,
        ingest: None,
        warnings: Vec::new(),
        text: String::new(),
        structure: Default::default(),
        boxes: Vec::new(),
        chunks: Vec::new(),
    }
}

/// Cuts the document into chunks and moves it into the row.
pub(super) async fn fill(
    new: &mut NewDocument,
    extracted: ibid_ingest::Document,
    cutter: &Cutter,
) -> Result<(), IndexingError> {
    if let Some(title) = extracted.title.as_ref().filter(|title| !title.trim().is_empty()) {
        new.title.clone_from(title);
    }
    let (cutter, title) = (cutter.clone(), own_title(&new.title, &new.uri).to_owned());
    let look = move |document: &ibid_ingest::Document| (cutter.chunks_of(document, &title), language_of(document));
    let (document, (chunks, language)) = aside(extracted, look).await?;
    new.structure = structure_of(&document);
    new.language = language;
    new.media_type = document.media_type.as_mime().to_owned();
    new.metadata = document.metadata;
    new.warnings = document.warnings.iter().map(ToString::to_string).collect();
    new.text = document.text;
    new.boxes = document.boxes;
    new.chunks = chunks;
    Ok(())
}

/// Metadata fields that may name a document's language.
const LANGUAGE_FIELDS: [&str; 2] = ["lang", "language"];

/// The language that the document names, or else the one that its words look like. Code has words of no language, unless
/// it says so.
fn language_of(document: &ibid_ingest::Document) -> Option<String> {
    let mut named = LANGUAGE_FIELDS.into_iter().filter_map(|field| document.metadata.get(field));
    if let Some(code) = named.find_map(|tag| primary_language(tag.trim())) {
        return Some(code.to_owned());
    }
    if matches!(document.media_type, MediaType::Code(_)) {
        return None;
    }
    let body = document.body.slice(&document.text);
    language_code(&body[..body.floor_char_boundary(LANGUAGE_SAMPLE_BYTES)]).map(str::to_owned)
}
