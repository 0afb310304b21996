//! Documents: written whole in one transaction, listed by cursor.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use ibid_ingest::LineBox;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::types::{
    Chunk, CollectionName, Document, DocumentId, Failure, GenerationId, IngestId, Principal, Seq, SourceStamp,
    Structure,
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
    /// The ingest that brings it.
    #[serde(skip)]
    pub ingest: Option<IngestId>,
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
    /// When it may be tried again after a failure that may have passed, in milliseconds since 1970 (UTC).
    pub retry_at_ms: Option<i64>,
}

impl KnownSource {
    /// Whether a reader that can do more may find more.
    pub fn is_incomplete(&self) -> bool {
        self.partial || self.failure_code.is_some()
    }
}

/// A file that has another name now, and the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentMove {
    /// The document under its old name.
    pub from: DocumentId,
    /// Its new URI.
    pub uri: String,
    /// What its source looks like now.
    pub source: SourceStamp,
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
pub trait Documents: Send + Sync {
    /// Writes documents in one transaction, each with its text, its chunks in one generation and a change, in the place of what
    /// was there, and says the last change. What came inside of another document and is new has that one's readers, unless it
    /// names its own. Chunks that other generations had of them go away; they are cut anew behind it. A document whose texts
    /// were all embedded before is ready for both legs at once.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and other database errors; then nothing is written.
    async fn put_documents(
        &self,
        new: &[NewDocument],
        generation: GenerationId,
        now_ms: i64,
    ) -> Result<Seq, StoreError>;

    /// Writes one document. See [`put_documents`](Self::put_documents).
    ///
    /// # Errors
    /// As there.
    async fn put_document(&self, new: &NewDocument, generation: GenerationId, now_ms: i64) -> Result<Seq, StoreError> {
        self.put_documents(std::slice::from_ref(new), generation, now_ms).await
    }

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

    /// Removes documents with their text and chunks, and those that came inside of them, for `ingest` if it is one, and says
    /// how many there were. Embeddings stay: the same text may come back. What was removed is written down.
    ///
    /// # Errors
    /// Database errors; then nothing is removed.
    async fn delete_documents(
        &self,
        ids: &[DocumentId],
        ingest: Option<IngestId>,
        now_ms: i64,
    ) -> Result<u64, StoreError>;

    /// Gives a document, and those that came inside of it, another name: the same text and chunks, which have new numbers, in
    /// every generation, and nothing is embedded again. A title that is the name of the file follows it. `false`, and nothing
    /// done, when it is not there any more or something is at the new name already.
    ///
    /// # Errors
    /// Database errors; then nothing is moved.
    async fn move_document(
        &self,
        moved: &DocumentMove,
        ingest: Option<IngestId>,
        now_ms: i64,
    ) -> Result<bool, StoreError>;

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

/// The document that is at `uri` of the same collection when the one at `from` is at `to`: the file itself, or something
/// inside of it.
fn moved_uri(uri: &str, from: &str, to: &str) -> String {
    format!("{to}{}", uri.strip_prefix(from).unwrap_or_default())
}

/// The title under the new name: that of the source, or the name of the file.
fn moved_title(title: &str, from: &str, to: &str) -> String {
    let name = |uri: &str| uri.rsplit('/').next().unwrap_or_default().to_owned();
    if title == name(from) { name(to) } else { title.to_owned() }
}

/// Copies a document's row, `$1`, to another id, URI, title, source, time and container: `$2` to `$9`.
pub(super) const COPY_ROW: &str = "insert into documents (id, collection_id, uri, media_type, title, metadata, readers,
        state, failure_code, failure_message, source_bytes, source_modified_ns, source_sha256, text_bytes, warnings,
        updated_at_ms, language, container, revision)
    select $2, collection_id, $3, media_type, $4, metadata, readers, state, failure_code, failure_message, $5, $6, $7,
        text_bytes, warnings, $8, language, $9, revision + 1
    from documents where id = $1";

/// Copies a document's text and chunks, `$1`, to another id, `$2`, as what no generation has embedded yet.
pub(super) const COPY_PARTS: [&str; 3] = [
    "insert into texts (document_id, body, pages, outline, boxes)
        select $2, body, pages, outline, boxes from texts where document_id = $1",
    "insert into chunkings (document_id, generation, chunk_count)
        select $2, generation, chunk_count from chunkings where document_id = $1",
    "insert into chunks (document_id, generation, span_start, span_end, page_first, page_last, heading_path, text_hash,
            simhash, kind, location, header_start, header_end)
        select $2, generation, span_start, span_end, page_first, page_last, heading_path, text_hash, simhash, kind,
            location, header_start, header_end
        from chunks where document_id = $1 order by id",
];

/// What a document, or one inside of it, is after a move.
pub(super) struct MovedRow {
    pub(super) from: DocumentId,
    pub(super) to: DocumentId,
    pub(super) uri: String,
    pub(super) title: String,
    pub(super) source: SourceStamp,
    pub(super) container: Option<DocumentId>,
}

impl MovedRow {
    /// `document` is the one that moves, whose URI was `before`, or one inside of it.
    pub(super) fn of(document: &Document, moved: &DocumentMove, before: &str) -> Self {
        let uri = moved_uri(&document.uri, before, &moved.uri);
        let itself = document.id == moved.from;
        let modified_ns = moved.source.modified_ns;
        Self {
            from: document.id,
            to: DocumentId::of(&document.collection, &uri),
            title: moved_title(&document.title, &document.uri, &uri),
            source: if itself { moved.source.clone() } else { SourceStamp { modified_ns, ..document.source.clone() } },
            container: if itself { document.container } else { Some(DocumentId::of(&document.collection, &moved.uri)) },
            uri,
        }
    }
}
