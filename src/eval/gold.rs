//! Gold files: queries over the documents of a data folder, with the documents and passages that answer them.
//!
//! Each line is `{"query": "...", "relevant": ["docs/a.md"], "spans": [{"uri": "docs/a.md", "start": 0, "end": 42}]}`. Spans
//! are bytes of the extracted text, and may be left out. `ibid generations gold` reads the same lines.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use ibid_ingest::Span;
use serde::{Deserialize, Serialize};

use super::beir::name_of;
use super::dataset::{Dataset, DatasetError, JudgedQuery, answerable};
use super::lines::Lines;
use super::spans::GoldSpan;
use crate::store::{DocumentQuery, Store, StoreError};
use crate::types::{Document, DocumentId};

/// A line of a gold file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldLine {
    /// The question.
    pub query: String,
    /// URIs of the documents that answer it, all equally well.
    pub relevant: Vec<String>,
    /// The passages that answer it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<PlacedSpan>,
}

/// A passage of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlacedSpan {
    /// The document's URI.
    pub uri: String,
    /// First byte of the extracted text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Documents that one query of the database reads.
const PAGE: u32 = 500;

impl Dataset {
    /// Reads a gold file and holds it against the documents of `store`.
    ///
    /// # Errors
    /// [`DatasetError`] with the line and what is wrong: broken JSON, a query that comes twice, a document that is not there,
    /// a span that is not one of its text.
    pub async fn read_gold(file: &Path, store: &dyn Store) -> Result<Self, DatasetError> {
        let known = known_documents(store).await?;
        let mut lines = Lines::open(file)?;
        let mut seen = HashSet::new();
        let mut queries = Vec::new();
        while let Some(gold) = lines.next_json::<GoldLine>()? {
            if !seen.insert(gold.query.clone()) {
                return Err(lines.malformed(format!("the query {:?} is there already", gold.query)));
            }
            queries.push(judged(gold, queries.len() + 1, &lines, store, &known).await?);
        }
        let (queries, unanswerable) = answerable(queries);
        if queries.is_empty() {
            return Err(lines.empty("query with a relevant document"));
        }
        Ok(Self { name: name_of(file), corpus: None, queries, unanswerable })
    }
}

async fn judged(
    gold: GoldLine,
    number: usize,
    lines: &Lines,
    store: &dyn Store,
    known: &BTreeMap<String, DocumentId>,
) -> Result<JudgedQuery, DatasetError> {
    let absent = |uri: &str| lines.malformed(format!("there is no document {uri:?} in {}", store.place()));
    if let Some(uri) = gold.relevant.iter().find(|uri| !known.contains_key(*uri)) {
        return Err(absent(uri));
    }
    let mut spans = Vec::with_capacity(gold.spans.len());
    for PlacedSpan { uri, start, end } in gold.spans {
        let id = *known.get(&uri).ok_or_else(|| absent(&uri))?;
        let slice = store.text_slice(id, start, end).await?;
        let slice = slice.filter(|slice| start < end && (slice.start, slice.end) == (start, end));
        let slice =
            slice.ok_or_else(|| lines.malformed(format!("{start}..{end} are no bytes of the text of {uri:?}")))?;
        spans.push(GoldSpan { document: uri, span: Span { start, end }, text: slice.text });
    }
    let grades = gold.relevant.into_iter().map(|uri| (uri, 1.0)).collect();
    Ok(JudgedQuery { id: number.to_string(), text: gold.query, grades, spans })
}

/// The documents by URI. Where collections share one, it is that of one of them.
async fn known_documents(store: &dyn Store) -> Result<BTreeMap<String, DocumentId>, StoreError> {
    let documents = every_document(store).await?;
    Ok(documents.into_iter().map(|document| (document.uri, document.id)).collect())
}

/// Every document that the truth has, in the order of their ids.
pub(super) async fn every_document(store: &dyn Store) -> Result<Vec<Document>, StoreError> {
    let mut documents = Vec::new();
    let mut query = DocumentQuery { limit: PAGE, ..DocumentQuery::default() };
    loop {
        let page = store.documents(&query).await?;
        documents.extend(page.documents);
        query.after = page.next_cursor;
        if query.after.is_none() {
            return Ok(documents);
        }
    }
}
