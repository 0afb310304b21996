//! Permalinks: a citation as it was, and what stands in its place today.

use serde::Serialize;

use super::fate::{DiffPart, QuoteToday, where_today};
use crate::store::{Store, StoreError};
use crate::types::{Caller, Citation, CitationId, Document, DocumentState};

/// A citation as it was and as it is.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Permalink {
    /// As it was when the answer was given; without the quoted words when the caller may not read them any more.
    #[schema(value_type = Object)]
    pub citation: Citation,
    /// When the answer was given, in milliseconds since 1970 (UTC).
    pub made_at_ms: i64,
    /// What stands there today.
    pub today: Today,
}

/// What became of a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TodayState {
    /// It stands where it stood.
    Same,
    /// It stands elsewhere in the document.
    Moved,
    /// Something like it stands there.
    Edited,
    /// Nothing like it is left, or the document is gone.
    Deleted,
    /// The caller may not read the document any more.
    NotPermitted,
}

/// What stands in the place of a quote today.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Today {
    /// What became of it.
    pub state: TodayState,
    /// Where it stands, when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<PlaceToday>,
    /// What stands there, when it is not what was quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The quote and what stands there, part by part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<DiffPart>,
}

/// A place in a document as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlaceToday {
    /// First byte of the document's extracted text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The same in UTF-16 code units.
    pub start_utf16: usize,
    /// The same in UTF-16 code units.
    pub end_utf16: usize,
}

impl Today {
    fn only(state: TodayState) -> Self {
        Self { state, location: None, text: None, parts: Vec::new() }
    }
}

/// A citation that was given to this caller, and what became of it; `None` when there is none.
///
/// # Errors
/// Database errors.
pub async fn look_up(store: &dyn Store, id: &CitationId, caller: &Caller) -> Result<Option<Permalink>, StoreError> {
    let Some(logged) = store.citation(id, &caller.account()).await? else { return Ok(None) };
    let mut citation = logged.citation;
    let document = store.document(citation.document_id).await?;
    let today = match document {
        Some(document) if !caller.may_read(&document.readers) => {
            citation.source_content.clear();
            citation.reason.clear();
            Today::only(TodayState::NotPermitted)
        }
        Some(document) => today_of(store, &citation, &document).await?,
        None => Today::only(TodayState::Deleted),
    };
    Ok(Some(Permalink { citation, made_at_ms: logged.made_at_ms, today }))
}

async fn today_of(store: &dyn Store, citation: &Citation, document: &Document) -> Result<Today, StoreError> {
    let quote: String = citation.source_content.iter().map(|piece| piece.text.as_str()).collect();
    let text = match document.state {
        DocumentState::Ready { .. } => store.text_slice(document.id, 0, usize::MAX).await?,
        _ => None,
    };
    let Some(text) = text.map(|slice| slice.text) else { return Ok(Today::only(TodayState::Deleted)) };
    let was = ibid_ingest::Span { start: citation.location.start, end: citation.location.end };
    // A long document takes a while to compare.
    let compared = tokio::task::spawn_blocking(move || {
        let found = where_today(&quote, was, &text);
        today_from(found, &text, was)
    });
    compared.await.map_err(|_| StoreError::Corrupt { what: "quote", key: citation.id.to_string() })
}

fn today_from(found: QuoteToday, text: &str, was: ibid_ingest::Span) -> Today {
    let place = |span: ibid_ingest::Span| {
        let units = |byte: usize| text[..byte].encode_utf16().count();
        PlaceToday { start: span.start, end: span.end, start_utf16: units(span.start), end_utf16: units(span.end) }
    };
    match found {
        QuoteToday::Same => Today { location: Some(place(was)), ..Today::only(TodayState::Same) },
        QuoteToday::Moved { span } => Today { location: Some(place(span)), ..Today::only(TodayState::Moved) },
        QuoteToday::Edited { span, parts } => Today {
            location: Some(place(span)),
            text: Some(text[span.start..span.end].to_owned()),
            parts,
            ..Today::only(TodayState::Edited)
        },
        QuoteToday::Gone => Today::only(TodayState::Deleted),
    }
}
