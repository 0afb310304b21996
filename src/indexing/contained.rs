//! A file as it comes out of extraction, with the documents inside it: written before it, and gone before it.
//!
//! The file's own row is written last. A stop anywhere leaves a file that looks changed, which the next run reads again.

use std::collections::BTreeSet;

use super::IndexingError;
use super::chunking::Cutter;
use super::mirror::Mirror;
use super::outcome::{FileOutcome, MirrorEvent};
use super::row::{blank, fill};
use crate::extraction::Refusal;
use crate::generations::OpenedGeneration;
use crate::store::NewDocument;
use crate::types::{DocumentId, Failure, SourceStamp};

/// How a lane hands what happened to whoever shows it.
pub type MirrorListener<'a> = &'a (dyn Fn(&MirrorEvent) + Send + Sync);

/// What became of a file, and of what it holds.
pub(super) struct FileRead {
    pub(super) outcome: FileOutcome,
    pub(super) inside: Inside,
}

impl From<FileOutcome> for FileRead {
    fn from(outcome: FileOutcome) -> Self {
        Self { outcome, inside: Inside::default() }
    }
}

/// What is known of a file and the documents inside it, together.
#[derive(Default)]
pub(super) struct Inside {
    /// Documents inside that were read.
    pub(super) documents: usize,
    /// Documents inside that were not: URI, length and reason.
    pub(super) failed: Vec<(String, u64, Failure)>,
    /// Documents, the file included, of which a part is missing.
    pub(super) partial: usize,
    /// Pages that seem to be scanned.
    pub(super) pages_need_ocr: usize,
}

impl Inside {
    fn note(&mut self, document: &ibid_ingest::Document) {
        self.partial += usize::from(document.warnings.iter().any(ibid_ingest::Warning::is_loss));
        self.pages_need_ocr += document.pages.iter().filter(|page| page.needs_ocr).count();
    }
}

impl Mirror {
    /// Writes a file's document and those inside it, each in a transaction, and removes those that were inside before.
    /// Says how many chunks they have.
    pub(super) async fn put(
        &self,
        mut new: NewDocument,
        mut document: ibid_ingest::Document,
        views: &OpenedGeneration,
    ) -> Result<(usize, Inside), IndexingError> {
        let cutter = Cutter::of(views);
        let container = DocumentId::of(&new.collection, &new.uri);
        let (mut inside, mut chunks, mut present) = (Inside::default(), 0, BTreeSet::new());
        inside.note(&document);
        if !document.children.is_empty() {
            // Stopped between here and the end, it has to be read again even if the file of before comes back.
            let unread = SourceStamp { bytes: 0, modified_ns: 0, sha256: String::new() };
            self.store.touch_document(container, &unread).await?;
        }
        for child in std::mem::take(&mut document.children) {
            let uri = format!("{}/{}", new.uri, child.path);
            let stamp = SourceStamp { bytes: child.bytes, modified_ns: new.source.modified_ns, sha256: String::new() };
            let mut row = NewDocument { container: Some(container), ..self.new_document(&uri, stamp) };
            present.insert(DocumentId::of(&row.collection, &row.uri));
            match child.outcome {
                Ok(read) => {
                    inside.note(&read);
                    fill(&mut row, read, &cutter).await?;
                    chunks += row.chunks.len();
                    inside.documents += 1;
                    self.store.put_document(&row, views.id, (self.clock)()).await?;
                }
                Err(error) => {
                    let refusal = Refusal::Reader(error);
                    inside.pages_need_ocr += refusal.pages_need_ocr();
                    let failure = Failure::from(refusal);
                    self.store.fail_document(&row, &failure, (self.clock)()).await?;
                    inside.failed.push((uri, child.bytes, failure));
                }
            }
        }
        self.remove_contained(container, &present).await?;
        fill(&mut new, document, &cutter).await?;
        chunks += new.chunks.len();
        self.store.put_document(&new, views.id, (self.clock)()).await?;
        Ok((chunks, inside))
    }

    /// Records why a file gave nothing, and how many scanned pages it has.
    pub(super) async fn refuse(&self, new: NewDocument, refusal: Refusal) -> Result<FileRead, IndexingError> {
        let pages_need_ocr = refusal.pages_need_ocr();
        let read = self.fail(new, refusal.into()).await?;
        Ok(FileRead { inside: Inside { pages_need_ocr, ..read.inside }, ..read })
    }

    /// Records that a file could not be read. What was inside it is gone.
    pub(super) async fn fail(&self, new: NewDocument, failure: Failure) -> Result<FileRead, IndexingError> {
        self.store.fail_document(&new, &failure, (self.clock)()).await?;
        Ok(FileOutcome::Failed { failure }.into())
    }

    /// Notes that a file was touched and holds the same bytes; what is inside of it has the file's date, unless it names its
    /// own.
    pub(super) async fn touch(&self, id: DocumentId, stamp: &SourceStamp) -> Result<(), IndexingError> {
        for contained in self.store.contained_documents(id).await? {
            let Some(inside) = self.store.document(contained).await? else { continue };
            let moved = SourceStamp { modified_ns: stamp.modified_ns, ..inside.source };
            self.store.touch_document(contained, &moved).await?;
        }
        self.store.touch_document(id, stamp).await?;
        Ok(())
    }

    async fn remove_contained(&self, id: DocumentId, present: &BTreeSet<DocumentId>) -> Result<(), IndexingError> {
        let mut gone = self.store.contained_documents(id).await?;
        gone.retain(|known| !present.contains(known));
        if !gone.is_empty() {
            self.store.delete_documents(&gone, self.ingest, (self.clock)()).await?;
        }
        Ok(())
    }

    pub(super) fn new_document(&self, uri: &str, source: SourceStamp) -> NewDocument {
        let readers = self.options.readers.clone();
        NewDocument { readers, ingest: self.ingest, ..blank(self.options.collection.clone(), uri, source) }
    }
}
