//! Carries the truth, vectors included, from one database to another: JSON lines out, JSON lines in.
//!
//! The first line says what the file is. Then come settings, collections, generations, vectors, documents with their text
//! and chunks, and gold queries, in an order that can be read in one pass. The last line counts the documents, so that a
//! file that was cut short is known as such. Chunk numbers are handed out anew; document ids, texts and vectors are the same.
//! The journal of runs stays where it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ibid_ingest::ChunkOptions;
use serde::{Deserialize, Serialize};

use crate::store::{DocumentQuery, GoldQuery, NewDocument, Store, StoreError};
use crate::types::{
    Chunk, CollectionName, Document, DocumentState, Failure, GenerationId, ModelId, Principal, TextHash, below_header,
    embedding_input,
};

/// Changes when a reader of the older form could not read the file.
const FORMAT: u32 = 1;
/// Vectors and documents that are read at a time.
const PAGE: u32 = 500;
/// Settings that belong to the folders that are mirrored, and not to this database.
const ROOTS: &str = "root:";

/// Why the truth cannot be carried.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read or written.
    #[error("the export cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// The file is not what it should be.
    #[error(
        "line {0} of the export cannot be understood ({1}); nothing after it was read: \
             import a whole file into an empty database"
    )]
    Line(usize, String),
    /// The file ends too early.
    #[error(
        "the export ends before its last line: it was cut short; export it again and import into an empty database"
    )]
    CutShort,
    /// An import into the database was begun and not finished.
    #[error("{0} holds generations of an index already, as after an import that failed; import into an empty database")]
    Begun(String),
    /// The database that is to be filled is not empty.
    #[error("{0} holds {1} documents already; import into an empty database")]
    NotEmpty(String, u64),
}

/// What was carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Documents, those that could not be read included.
    pub documents: u64,
    /// Vectors.
    pub vectors: u64,
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    IbidExport { format: u32 },
    Setting { name: String, value: String },
    Collection { name: CollectionName, readers: BTreeSet<Principal> },
    Generation { id: GenerationId, model: Option<ModelId>, chunking: Option<ChunkOptions>, serving: bool },
    Vector { generation: GenerationId, hash: String, vector: String },
    Document(Box<DocumentRecord>),
    Gold(GoldQuery),
    End(Carried),
}

#[derive(Debug, Serialize, Deserialize)]
struct DocumentRecord {
    document: NewDocument,
    /// Why it could not be read, if so.
    failure: Option<Failure>,
    /// Its chunks in generations that do not serve.
    others: Vec<(GenerationId, Vec<Chunk>)>,
}

/// Writes everything to `out`.
///
/// # Errors
/// [`TransferError`]; what was written then lacks its last line.
pub async fn export(store: &dyn Store, out: &mut (dyn Write + Send)) -> Result<Carried, TransferError> {
    let mut carried = Carried::default();
    write(out, &Record::IbidExport { format: FORMAT })?;
    for (name, value) in store.settings(ROOTS).await? {
        write(out, &Record::Setting { name, value })?;
    }
    for collection in store.collections().await? {
        write(out, &Record::Collection { name: collection.name, readers: collection.readers })?;
    }
    let generations = store.generations().await?;
    let mut models = BTreeSet::new();
    for generation in &generations {
        let (model, chunking) = (generation.model.clone(), generation.chunking.clone());
        write(out, &Record::Generation { id: generation.id, model, chunking, serving: generation.serving })?;
    }
    for generation in &generations {
        // Generations of one model share its vectors.
        if generation.model.as_ref().is_some_and(|model| models.insert(model.0.clone())) {
            carried.vectors += export_vectors(store, generation.id, out).await?;
        }
    }
    let ids: Vec<(GenerationId, bool)> = generations.iter().map(|known| (known.id, known.serving)).collect();
    let mut query = DocumentQuery { limit: PAGE, ..DocumentQuery::default() };
    loop {
        let page = store.documents(&query).await?;
        for document in page.documents {
            if let Some(record) = document_record(store, document, &ids).await? {
                write(out, &Record::Document(Box::new(record)))?;
                carried.documents += 1;
            }
        }
        query.after = page.next_cursor;
        if query.after.is_none() {
            break;
        }
    }
    for gold in store.gold_queries().await? {
        write(out, &Record::Gold(gold))?;
    }
    write(out, &Record::End(carried))?;
    out.flush()?;
    Ok(carried)
}

async fn export_vectors(
    store: &dyn Store,
    generation: GenerationId,
    out: &mut (dyn Write + Send),
) -> Result<u64, TransferError> {
    let (mut after, mut written) = (None, 0);
    loop {
        let vectors = store.embeddings_after(generation, after, PAGE).await?;
        let Some((last, _)) = vectors.last() else { return Ok(written) };
        after = Some(*last);
        for (hash, vector) in vectors {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            let record = Record::Vector { generation, hash: STANDARD.encode(hash.0), vector: STANDARD.encode(bytes) };
            write(out, &record)?;
            written += 1;
        }
    }
}

/// A document with its text and chunks, all of one moment; `None` when it went away meanwhile.
async fn document_record(
    store: &dyn Store,
    document: Document,
    generations: &[(GenerationId, bool)],
) -> Result<Option<DocumentRecord>, TransferError> {
    let id = document.id;
    let readers = store.own_readers(id).await?;
    if let DocumentState::Failed { failure } = document.state.clone() {
        let document = NewDocument { readers, ..row_of(document) };
        return Ok(Some(DocumentRecord { document, failure: Some(failure), others: Vec::new() }));
    }
    loop {
        let Some(source) = store.chunk_source(id).await? else { return Ok(None) };
        let (mut serving, mut others) = (Vec::new(), Vec::new());
        for (generation, serves) in generations {
            let Some(indexed) = store.indexed_document(id, *generation).await? else { continue };
            let chunks: Vec<Chunk> = indexed.chunks.into_iter().map(|row| row.chunk).collect();
            if *serves {
                serving = chunks;
            } else if !chunks.is_empty() {
                others.push((*generation, chunks));
            }
        }
        // A document that was written again between two reads is read again.
        let Some(row) = store.document(id).await? else { return Ok(None) };
        let unchanged = store.chunk_source(id).await?.is_some_and(|after| after.revision == source.revision);
        if unchanged {
            let (text, structure) = (source.text, source.structure);
            let boxes = store.boxes(id).await?;
            let whole = NewDocument { readers, text, structure, boxes, chunks: serving, ..row_of(row) };
            return Ok(Some(DocumentRecord { document: whole, failure: None, others }));
        }
    }
}

fn row_of(document: Document) -> NewDocument {
    NewDocument {
        collection: document.collection,
        uri: document.uri,
        container: document.container,
        media_type: document.media_type,
        title: document.title,
        metadata: document.metadata,
        language: document.language,
        readers: None,
        source: document.source,
        ingest: None,
        warnings: document.warnings,
        text: String::new(),
        structure: Default::default(),
        boxes: Vec::new(),
        chunks: Vec::new(),
    }
}

fn write(out: &mut (dyn Write + Send), record: &Record) -> Result<(), TransferError> {
    serde_json::to_writer(&mut *out, record).map_err(std::io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

/// Reads everything from `input` into a database without documents.
///
/// # Errors
/// [`TransferError`]; the database then holds a part, and is to be deleted.
pub async fn import(
    store: &dyn Store,
    input: &mut (dyn BufRead + Send),
    now_ms: i64,
) -> Result<Carried, TransferError> {
    let present = store.documents(&DocumentQuery { limit: 1, ..DocumentQuery::default() }).await?;
    if !present.documents.is_empty() {
        let count = store.collections().await?.iter().map(|known| known.documents + known.failed).sum();
        return Err(TransferError::NotEmpty(store.place(), count));
    }
    if store.generations().await?.len() > 1 {
        return Err(TransferError::Begun(store.place()));
    }
    let mut reader = Reader {
        store,
        now_ms,
        generations: BTreeMap::new(),
        serving: None,
        vectors: Vec::new(),
        carried: Carried::default(),
    };
    let mut gold = Vec::new();
    for (at, line) in input.lines().enumerate() {
        let line = line?;
        let bad = |reason: String| TransferError::Line(at + 1, reason);
        let record: Record = serde_json::from_str(&line).map_err(|error| bad(error.to_string()))?;
        match record {
            Record::IbidExport { format: FORMAT } if at == 0 => {}
            Record::IbidExport { format } => return Err(bad(format!("format {format}, this version reads {FORMAT}"))),
            _ if at == 0 => return Err(bad("the first line does not say that this is an export".to_owned())),
            Record::Gold(query) => gold.push(query),
            Record::End(said) => {
                reader.save_vectors().await?;
                if said != reader.carried {
                    return Err(bad(format!("it counts {said:?}, and {:?} came", reader.carried)));
                }
                store.set_gold_queries(&gold).await?;
                return Ok(said);
            }
            record => reader.read(record).await.map_err(|error| match error {
                ReadError::Store(error) => TransferError::Store(error),
                ReadError::Meaning(reason) => bad(reason),
            })?,
        }
    }
    Err(TransferError::CutShort)
}

enum ReadError {
    Store(StoreError),
    Meaning(String),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

struct Reader<'a> {
    store: &'a dyn Store,
    now_ms: i64,
    /// The number that each generation of the file has here.
    generations: BTreeMap<GenerationId, GenerationId>,
    /// The one that serves, by its number here.
    serving: Option<GenerationId>,
    vectors: Vec<(GenerationId, TextHash, Vec<f32>)>,
    carried: Carried,
}

impl Reader<'_> {
    async fn read(&mut self, record: Record) -> Result<(), ReadError> {
        match record {
            Record::Setting { name, value } if name.starts_with(ROOTS) => self.store.set_setting(&name, &value).await?,
            Record::Collection { name, readers } => {
                self.store.ensure_collection(&name, self.now_ms).await?;
                self.store.set_collection_readers(&name, &readers).await?;
            }
            Record::Generation { id, model, chunking, serving } => {
                let here = self.generation(model, chunking.unwrap_or_default(), serving).await?;
                self.generations.insert(id, here);
                self.serving = self.serving.or(serving.then_some(here));
            }
            Record::Vector { generation, hash, vector } => {
                let known = self.known(generation)?;
                let hash = decoded(&hash).and_then(|bytes| TextHash::from_bytes(&bytes));
                let hash = hash.ok_or_else(|| ReadError::Meaning("a vector's hash is not one".to_owned()))?;
                let bytes = decoded(&vector).filter(|bytes| bytes.len().is_multiple_of(4));
                let bytes = bytes.ok_or_else(|| ReadError::Meaning("a vector is not one".to_owned()))?;
                let numbers =
                    bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]]));
                self.vectors.push((known, hash, numbers.collect()));
                self.carried.vectors += 1;
                if self.vectors.len() >= PAGE as usize {
                    self.save_vectors().await?;
                }
            }
            Record::Document(record) => self.document(*record).await?,
            other => return Err(ReadError::Meaning(format!("{other:?} is not expected here"))),
        }
        Ok(())
    }

    /// The generation that serves takes the place of the one that an empty database has.
    async fn generation(
        &self,
        model: Option<ModelId>,
        chunking: ChunkOptions,
        serving: bool,
    ) -> Result<GenerationId, ReadError> {
        if !serving {
            return Ok(self.store.add_generation(model.as_ref(), &chunking, self.now_ms).await?);
        }
        let known = self.store.generations().await?;
        let here = known.into_iter().find(|generation| generation.serving);
        let here = here.ok_or_else(|| ReadError::Meaning("the database has no generation that serves".to_owned()))?;
        self.store.settle_generation(here.id, model.as_ref(), &chunking).await?;
        if here.model.is_some() && here.model != model {
            return Err(ReadError::Meaning("the database was opened with another embedding model".to_owned()));
        }
        Ok(here.id)
    }

    fn known(&self, generation: GenerationId) -> Result<GenerationId, ReadError> {
        let known = self.generations.get(&generation).copied();
        known.ok_or_else(|| ReadError::Meaning(format!("generation {generation} was not introduced")))
    }

    async fn save_vectors(&mut self) -> Result<(), StoreError> {
        let mut grouped: BTreeMap<GenerationId, Vec<(TextHash, Vec<f32>)>> = BTreeMap::new();
        for (generation, hash, vector) in self.vectors.drain(..) {
            grouped.entry(generation).or_default().push((hash, vector));
        }
        for (generation, vectors) in grouped {
            self.store.save_embeddings(generation, &vectors, &[]).await?;
        }
        Ok(())
    }

    async fn document(&mut self, record: DocumentRecord) -> Result<(), ReadError> {
        self.save_vectors().await?;
        let DocumentRecord { document, failure, others } = record;
        let mut all = document.chunks.iter().chain(others.iter().flat_map(|(_, chunks)| chunks));
        let fits = |chunk: &Chunk| {
            let header = chunk.header.map(|header| document.text.get(header.start..header.end));
            let words = document.text.get(chunk.span.start..chunk.span.end);
            let read = words.filter(|_| header != Some(None)).map(|words| below_header(header.flatten(), words));
            read.is_some_and(|whole| is_hash_of(chunk, &document.title, &whole))
        };
        if !all.all(fits) {
            return Err(ReadError::Meaning(format!("a chunk of {} is not a part of its text", document.uri)));
        }
        self.store.ensure_collection(&document.collection, self.now_ms).await?;
        self.carried.documents += 1;
        if let Some(failure) = failure {
            self.store.fail_document(&document, &failure, self.now_ms).await?;
            return Ok(());
        }
        let serving = self.serving.ok_or_else(|| ReadError::Meaning("no generation serves".to_owned()))?;
        self.store.put_document(&document, serving, self.now_ms).await?;
        let id = crate::types::DocumentId::of(&document.collection, &document.uri);
        for (generation, chunks) in others {
            let here = self.known(generation)?;
            if let Some(source) = self.store.chunk_source(id).await? {
                self.store.put_chunks(&source, here, &chunks).await?;
            }
        }
        Ok(())
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether a chunk's hash is that of these words as they are embedded; chunks of earlier versions were embedded without the title.
fn is_hash_of(chunk: &Chunk, title: &str, words: &str) -> bool {
    let hash = |read_title| TextHash::of(&embedding_input(read_title, &chunk.heading_path, words));
    hash(title) == chunk.text_hash || hash("") == chunk.text_hash
}
