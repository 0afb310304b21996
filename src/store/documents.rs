//! Documents: written whole in one transaction, listed by cursor.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use ibid_ingest::LineBox;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::types::{
    Chunk, CollectionName, Document, DocumentId, Failure, GenerationId, Principal, Seq, SourceStamp, Structure,
};

/// A document as the pipeline hands it over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewDocument {
    /// Its collection, which must exist.
    pub collection: CollectionName,
    /// Where it came from.
    pub uri: String,
    /// The document that it came inside of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<DocumentId>,
    /// MIME type.
    pub media_type: String,
    /// Title.
    pub title: String,
    /// Metadata of the source.
    pub metadata: BTreeMap<String, String>,
    /// ISO 639-1 code of the text's language, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Who may read it; `None` keeps what was there, and for a new document means whoever may read the collection.
    pub readers: Option<BTreeSet<Principal>>,
    /// What the source looked like.
    pub source: SourceStamp,
    /// What extraction had to leave out or repair.
    pub warnings: Vec<String>,
    /// The extracted text, which spans index.
    pub text: String,
    /// Its pages, headings and the like.
    pub structure: Structure,
    /// Where its lines stand on their pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boxes: Vec<LineBox>,
    /// Its chunks in the generation that it is written for.
    pub chunks: Vec<Chunk>,
}

/// What a mirror needs to see whether a source changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSource {
    /// The document.
    pub id: DocumentId,
    /// What its source looked like.
    pub stamp: SourceStamp,
    /// Why it failed, if it did.
    pub failure_code: Option<String>,
    /// Whether pages of it wait for recognition, or something inside of it could not be read.
    pub partial: bool,
}

impl KnownSource {
    /// Whether a reader that can do more may find more.
    pub fn is_incomplete(&self) -> bool {
        self.partial || self.failure_code.is_some()
    }
}

/// Which documents to list.
#[derive(Debug, Clone, Default)]
pub struct DocumentQuery {
    /// Only of this collection.
    pub collection: Option<CollectionName>,
    /// Only those that failed.
    pub failed_only: bool,
    /// Only after this one, as the last page's `next_cursor` says.
    pub after: Option<DocumentId>,
    /// At most this many.
    pub limit: u32,
}

/// A page of documents.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<DocumentId>,
}

impl DocumentPage {
    /// The page out of one row more than it may have.
    pub(super) fn of(mut documents: Vec<Document>, limit: u32) -> Self {
        let more = documents.len() > limit as usize;
        documents.truncate(limit as usize);
        let next_cursor = documents.last().filter(|_| more).map(|last| last.id);
        Self { documents, next_cursor }
    }
}

/// Documents.
#[async_trait]
pub trait Documents {
    /// Writes a document, its text, its chunks in one generation and a change in one transaction, in the place of what was
    /// there. What came inside of another document and is new has that one's readers, unless it names its own. Chunks that other generations had of it go away; they are cut anew behind it. A document whose texts were all
    /// embedded before is ready for both legs at once.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and other database errors; then nothing is written.
    async fn put_document(&self, new: &NewDocument, generation: GenerationId, now_ms: i64) -> Result<Seq, StoreError>;

    /// Records that a document could not be read; what was indexed of it before, and what came inside of it, goes away.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    async fn fail_document(&self, new: &NewDocument, failure: &Failure, now_ms: i64) -> Result<Seq, StoreError>;

    /// Notes that a source was touched but holds the same bytes, or with an empty hash that it has to be read again. Adds a change when that gives the document another date.
    ///
    /// # Errors
    /// Database errors.
    async fn touch_document(&self, id: DocumentId, source: &SourceStamp) -> Result<(), StoreError>;

    /// Says who may read documents, and what came inside of them, and adds a change for each that had other readers. `None` means whoever may read the
    /// collection. Says how many changed.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    async fn set_readers(&self, ids: &[DocumentId], readers: Option<&BTreeSet<Principal>>) -> Result<u64, StoreError>;

    /// The readers that a document names itself, whatever its state; `None` when it names none or is not there.
    ///
    /// # Errors
    /// Database errors.
    async fn own_readers(&self, id: DocumentId) -> Result<Option<BTreeSet<Principal>>, StoreError>;

    /// Removes documents with their text and chunks, and those that came inside of them, and says how many there were.
    /// Embeddings stay: the same text may come back.
    ///
    /// # Errors
    /// Database errors; then nothing is removed.
    async fn delete_documents(&self, ids: &[DocumentId]) -> Result<u64, StoreError>;

    /// The documents that came inside of one.
    ///
    /// # Errors
    /// Database errors.
    async fn contained_documents(&self, container: DocumentId) -> Result<Vec<DocumentId>, StoreError>;

    /// Every source known in a collection at or under one of the URIs in `roots`: files of their own, and what came inside of
    /// a document that is not there.
    ///
    /// # Errors
    /// Database errors.
    async fn known_sources(
        &self,
        collection: &CollectionName,
        roots: &[String],
    ) -> Result<BTreeMap<String, KnownSource>, StoreError>;

    /// A document by its id.
    ///
    /// # Errors
    /// Database errors.
    async fn document(&self, id: DocumentId) -> Result<Option<Document>, StoreError>;

    /// Documents in the order of their ids, which is stable.
    ///
    /// # Errors
    /// Database errors.
    async fn documents(&self, query: &DocumentQuery) -> Result<DocumentPage, StoreError>;
}

/// What a document's row says of how it went.
pub(super) struct RowState<'a> {
    pub(super) state: &'static str,
    pub(super) failure: Option<&'a Failure>,
    pub(super) text_bytes: usize,
}
