//! The index in its folder: one writer, one reader that sees every commit, and a checkpoint in each commit.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tantivy::directory::MmapDirectory;
use tantivy::indexer::LogMergePolicy;
use tantivy::schema::IndexRecordOption;
use tantivy::{
    DocSet, Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TERMINATED, TantivyError, Term,
};

use super::explain::explain;
use super::query::{ChunkExplanation, KeywordAnswer, KeywordQuery};
use super::schema::{Fields, check_version, write_version};
use super::scoring::scored_text;
use super::search::{Question, search};
use super::terms::{LAST_CHARACTERS, TermTokenizer, WORDS};
use super::{KeywordBatch, KeywordError};
use crate::analysis::{Language, query_languages};
use crate::types::{ChunkId, DocumentId, FacetQuery, Seq};

/// What an index may use.
#[derive(Debug, Clone)]
pub struct KeywordOptions {
    /// Memory for terms that are not committed, in bytes; at least 15 MB a thread.
    pub heap_bytes: usize,
    /// Threads that index.
    pub threads: usize,
}

impl Default for KeywordOptions {
    fn default() -> Self {
        Self { heap_bytes: 50_000_000, threads: 1 }
    }
}

/// An index of words in a folder.
///
/// Writes are atomic and durable at [`commit`](Self::commit), which also makes them visible. [`apply`](Self::apply)
/// may be repeated: a document's entries always replace the earlier ones. Several threads may call at once; writes wait
/// for each other, searches wait for nobody.
pub struct KeywordIndex {
    folder: PathBuf,
    options: KeywordOptions,
    index: Index,
    fields: Fields,
    reader: IndexReader,
    /// `None` after a failed write, until the next one.
    writer: Mutex<Option<IndexWriter>>,
    view: RwLock<Arc<View>>,
}

/// What a search sees: one commit.
struct View {
    searcher: Searcher,
    languages: Vec<Language>,
    checkpoint: Seq,
}

/// Segments with more deleted chunks than this share are written again without them.
const DELETED_SHARE_MAX: f32 = 0.3;

impl KeywordIndex {
    /// Opens the index in `folder`, which is created when it is absent or empty.
    ///
    /// # Errors
    /// [`KeywordError::Locked`] while it is open elsewhere, [`KeywordError::Version`] and [`KeywordError::Corrupt`]
    /// when it has to be built again.
    pub fn open(folder: &Path, options: KeywordOptions) -> Result<Self, KeywordError> {
        fs::create_dir_all(folder).map_err(|source| KeywordError::Io { path: folder.to_owned(), source })?;
        let corrupt = |reason: String| KeywordError::Corrupt { path: folder.to_owned(), reason };
        let exists = check_version(folder)?;
        if !exists {
            write_version(folder)?;
        }
        // Files that were cut short make tantivy panic.
        let read = catch_unwind(AssertUnwindSafe(|| read_index(folder, exists)));
        let (index, fields, reader, view) = match read {
            Ok(read) => read.map_err(|failed| corrupt(failed.to_string()))?,
            Err(_) => return Err(corrupt("a file was cut short".to_owned())),
        };
        let opened = Self {
            folder: folder.to_owned(),
            options,
            index,
            fields,
            reader,
            writer: Mutex::new(None),
            view: RwLock::new(Arc::new(view)),
        };
        // The writer holds the folder's lock for as long as the index is open.
        drop(opened.writer()?);
        Ok(opened)
    }

    /// How far the change log has been read, as of the last commit; 0 for a new index.
    pub fn checkpoint(&self) -> Seq {
        self.view().checkpoint
    }

    /// Applies changes. Nobody sees them, and a crash loses them, before [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`KeywordError::Engine`]: everything since the last commit is gone.
    pub fn apply(&self, batch: KeywordBatch) -> Result<(), KeywordError> {
        self.write(|writer| {
            for document in &batch.deletes {
                writer.delete_term(self.document_term(*document));
            }
            for (document, entries) in &batch.upserts {
                writer.delete_term(self.document_term(*document));
                for entry in entries {
                    writer.add_document(self.fields.document(entry))?;
                }
            }
            Ok(())
        })
    }

    /// Makes durable and visible what was applied, and that the change log has been read up to `checkpoint`.
    ///
    /// # Errors
    /// [`KeywordError::Engine`]: everything since the last commit is gone.
    pub fn commit(&self, checkpoint: Seq) -> Result<(), KeywordError> {
        self.write(|writer| {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(&checkpoint.0.to_string());
            prepared.commit().map(drop)
        })?;
        self.refresh()
    }

    /// Removes everything, durably, and sets the checkpoint to 0.
    ///
    /// # Errors
    /// [`KeywordError::Engine`]: the index is as it was at the last commit.
    pub fn clear(&self) -> Result<(), KeywordError> {
        self.write(|writer| {
            writer.delete_all_documents()?;
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload("0");
            prepared.commit().map(drop)
        })?;
        self.refresh()
    }

    /// The `k` best chunks for any query that pass `filter` and the query's clauses, best first, equal scores by chunk. A
    /// query without terms finds nothing, and neither does one that only excludes.
    ///
    /// # Errors
    /// [`KeywordError::Engine`] when the index cannot be read.
    pub fn search(&self, query: &KeywordQuery, filter: &FacetQuery, k: usize) -> Result<KeywordAnswer, KeywordError> {
        let view = self.view();
        let languages = query_languages(scored_text(query).as_str(), &view.languages);
        let question = Question { query, filter, languages: &languages };
        search(&view.searcher, &self.fields, &question, k)
    }

    /// How each of `chunks` stands for a query under `filter`; `None` for one that the index does not have.
    ///
    /// # Errors
    /// [`KeywordError::Engine`] when the index cannot be read.
    pub fn explain(
        &self,
        query: &KeywordQuery,
        filter: &FacetQuery,
        chunks: &[ChunkId],
    ) -> Result<Vec<Option<ChunkExplanation>>, KeywordError> {
        let view = self.view();
        let languages = query_languages(scored_text(query).as_str(), &view.languages);
        let question = Question { query, filter, languages: &languages };
        explain(&view.searcher, &self.fields, &question, chunks)
    }

    /// How many chunks can be found.
    pub fn chunk_count(&self) -> u64 {
        self.view().searcher.num_docs()
    }

    /// Every chunk that can be found, ascending.
    ///
    /// # Errors
    /// [`KeywordError::Engine`] when the index cannot be read.
    pub fn chunk_ids(&self) -> Result<Vec<ChunkId>, KeywordError> {
        let mut chunks = Vec::new();
        for segment in self.view().searcher.segment_readers() {
            let numbers = segment.fast_fields().u64(super::schema::CHUNK)?;
            chunks.extend(segment.doc_ids_alive().filter_map(|place| numbers.first(place)).map(ChunkId));
        }
        chunks.sort_unstable();
        Ok(chunks)
    }

    /// The chunks of a document that can be found, ascending.
    ///
    /// # Errors
    /// [`KeywordError::Engine`] when the index cannot be read.
    pub fn chunks_of(&self, document: DocumentId) -> Result<Vec<ChunkId>, KeywordError> {
        let (term, mut chunks) = (self.document_term(document), Vec::new());
        for segment in self.view().searcher.segment_readers() {
            let numbers = segment.fast_fields().u64(super::schema::CHUNK)?;
            let inverted = segment.inverted_index(self.fields.document)?;
            let Some(mut places) = inverted.read_postings(&term, IndexRecordOption::Basic)? else { continue };
            let alive = segment.alive_bitset();
            while places.doc() != TERMINATED {
                let place = places.doc();
                if alive.is_none_or(|alive| alive.is_alive(place)) {
                    chunks.extend(numbers.first(place).map(ChunkId));
                }
                places.advance();
            }
        }
        chunks.sort_unstable();
        Ok(chunks)
    }

    fn document_term(&self, document: DocumentId) -> Term {
        Term::from_field_bytes(self.fields.document, document.as_bytes())
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn refresh(&self) -> Result<(), KeywordError> {
        self.reader.reload()?;
        let view = View::of(&self.index, &self.reader, &self.fields)?;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        Ok(())
    }

    /// Writes, and gives up the writer when that fails: what it holds cannot be trusted to be whole.
    fn write(&self, work: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>) -> Result<(), KeywordError> {
        let mut slot = self.writer()?;
        let Some(writer) = slot.as_mut() else { return Err(KeywordError::Locked { path: self.folder.clone() }) };
        work(writer).map_err(|failed| {
            *slot = None;
            failed.into()
        })
    }

    /// The writer, opened when there is none.
    fn writer(&self) -> Result<MutexGuard<'_, Option<IndexWriter>>, KeywordError> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let opened = self.index.writer_with_num_threads(self.options.threads, self.options.heap_bytes);
            let writer: IndexWriter = opened.map_err(|failed| match failed {
                TantivyError::LockFailure(..) => KeywordError::Locked { path: self.folder.clone() },
                failed => failed.into(),
            })?;
            let mut merging = LogMergePolicy::default();
            merging.set_del_docs_ratio_before_merge(DELETED_SHARE_MAX);
            writer.set_merge_policy(Box::new(merging));
            // A commit that was cut off leaves files that the next one would make again under the same name.
            writer.garbage_collect_files().wait()?;
            // tantivy numbers what it does, and gives the first thing that a writer does the number of the last commit: a
            // merge of that commit would take a deletion for one that it has already applied. Nothing has that number.
            writer.run([])?;
            *slot = Some(writer);
        }
        Ok(slot)
    }
}

#[cfg(test)]
impl KeywordIndex {
    /// Nothing is merged, as when a process ends before its merges do.
    pub(super) fn leave_unmerged(&self) {
        let writer = self.writer().unwrap();
        writer.as_ref().unwrap().set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
    }

    /// Waits for the merges that the last commit began.
    pub(super) fn let_merges_end(&self) {
        let writer = self.writer().unwrap().take().unwrap();
        writer.wait_merging_threads().unwrap();
        self.refresh().unwrap();
    }
}

fn read_index(folder: &Path, exists: bool) -> tantivy::Result<(Index, Fields, IndexReader, View)> {
    let fields = Fields::new();
    let directory = MmapDirectory::open(folder)?;
    let index = if exists {
        Index::open(directory)?
    } else {
        Index::create(directory, fields.schema.clone(), IndexSettings::default())?
    };
    if index.schema() != fields.schema {
        return Err(TantivyError::SchemaError("it has other fields".to_owned()));
    }
    index.tokenizers().register(WORDS, TermTokenizer::words());
    index.tokenizers().register(LAST_CHARACTERS, TermTokenizer::last_characters());
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let view = View::of(&index, &reader, &fields)?;
    Ok((index, fields, reader, view))
}

impl View {
    fn of(index: &Index, reader: &IndexReader, fields: &Fields) -> tantivy::Result<Self> {
        let searcher = reader.searcher();
        let mut codes = BTreeSet::new();
        for segment in searcher.segment_readers() {
            let inverted = segment.inverted_index(fields.language)?;
            let mut stream = inverted.terms().stream()?;
            while stream.advance() {
                codes.extend(std::str::from_utf8(stream.key()).ok().and_then(Language::from_code));
            }
        }
        let payload = index.load_metas()?.payload;
        let checkpoint = payload.and_then(|number| number.parse().ok()).map_or(Seq(0), Seq);
        Ok(Self { searcher, languages: codes.into_iter().collect(), checkpoint })
    }
}

impl std::fmt::Debug for KeywordIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeywordIndex").field("folder", &self.folder).finish_non_exhaustive()
    }
}
