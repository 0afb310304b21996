//! A file on its way into the truth, with the documents inside it: each is written as it is read, they before the file.
//!
//! The file's own row is written last. A stop anywhere leaves a file that looks changed, which the next run reads again.

use std::collections::BTreeSet;
use std::time::Instant;

use ibid_ingest::{Document, ExtractError, Span};
use sha2::Sha256;

use super::IndexingError;
use super::chunking::Cutter;
use super::cut_text::{Linear, Part, Shape, shape_of};
use super::mirror::{Mirror, settled};
use super::outcome::{FileOutcome, MirrorEvent};
use super::progress::Stage;
use super::row::{blank, fill};
use super::source::{FileLimits, FileRange, OpenedFile, is_change};
use crate::extraction::{Extractor, Read, Refusal};
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

/// What is left to do of a file that was read.
pub(super) enum Taken {
    /// Nothing.
    Done(FileRead),
    /// Its own row is to be written, and it is what it says then.
    Row(Box<NewDocument>, FileRead),
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
    /// Pages of all of them.
    pub(super) pages: usize,
    /// Pages that seem to be scanned.
    pub(super) pages_need_ocr: usize,
}

impl Inside {
    fn note(&mut self, document: &Document) {
        self.partial += usize::from(document.warnings.iter().any(ibid_ingest::Warning::is_loss));
        self.pages += document.pages.len();
        self.pages_need_ocr += document.pages.iter().filter(|page| page.needs_ocr).count();
    }
}

/// A file that is to be read.
pub(super) struct Incoming<'a> {
    pub(super) uri: &'a str,
    /// The name by which its bytes are read.
    pub(super) read_as: &'a str,
    /// Its title, when it is known better than the file says.
    pub(super) title: Option<String>,
    /// Its date, when that is another than the file says.
    pub(super) modified_ns: Option<i64>,
    /// Whether it is tried again when its reader dies: then what was there before stays until the last try.
    pub(super) may_retry: bool,
}

/// What came of reading a file: its document, or why there is none, and the hash of what was read.
struct Outcome {
    document: Result<Document, Refusal>,
    stamp: SourceStamp,
}

/// What is written of one file so far.
struct Intake<'a> {
    mirror: &'a Mirror,
    views: &'a OpenedGeneration,
    cutter: Cutter,
    uri: &'a str,
    container: DocumentId,
    modified_ns: i64,
    present: BTreeSet<DocumentId>,
    inside: Inside,
    chunks: usize,
}

impl<'a> Intake<'a> {
    fn new(mirror: &'a Mirror, views: &'a OpenedGeneration, uri: &'a str, modified_ns: i64) -> Self {
        let container = DocumentId::of(&mirror.options.collection, uri);
        let (cutter, present, inside) = (Cutter::of(views), BTreeSet::new(), Inside::default());
        Self { mirror, views, cutter, uri, container, modified_ns, present, inside, chunks: 0 }
    }

    /// Writes a document inside, or why it is none.
    async fn take(&mut self, path: &str, bytes: u64, outcome: Result<Document, Refusal>) -> Result<(), IndexingError> {
        let (store, clock) = (&self.mirror.store, self.mirror.clock);
        if self.present.is_empty() {
            self.mirror.look_again_at(self.container).await?;
        }
        let uri = format!("{}/{path}", self.uri);
        let stamp = SourceStamp { bytes, modified_ns: self.modified_ns, sha256: String::new() };
        let mut row = NewDocument { container: Some(self.container), ..self.mirror.new_document(&uri, stamp) };
        self.present.insert(DocumentId::of(&row.collection, &row.uri));
        match outcome {
            Ok(read) => {
                self.inside.note(&read);
                self.write(&mut row, read).await?;
                self.inside.documents += 1;
            }
            Err(refusal) => {
                self.inside.pages_need_ocr += refusal.pages_need_ocr();
                let failure = Failure::from(refusal);
                store.fail_document(&row, &failure, clock()).await?;
                self.inside.failed.push((uri, bytes, failure));
            }
        }
        Ok(())
    }

    /// Removes what was inside before and is not any more; the file itself is left to be written.
    async fn finish(mut self, mut new: NewDocument, document: Document) -> Result<Taken, IndexingError> {
        self.inside.note(&document);
        self.mirror.remove_contained(self.container, &self.present).await?;
        self.fill(&mut new, document).await?;
        let outcome = FileOutcome::Added { chunks: self.chunks };
        Ok(Taken::Row(Box::new(new), FileRead { outcome, inside: self.inside }))
    }

    /// Cuts a document and writes it.
    async fn write(&mut self, row: &mut NewDocument, document: Document) -> Result<(), IndexingError> {
        self.fill(row, document).await?;
        self.mirror.write_rows(std::slice::from_ref(row), self.views).await
    }

    async fn fill(&mut self, row: &mut NewDocument, document: Document) -> Result<(), IndexingError> {
        let began = Instant::now();
        fill(row, document, &self.cutter).await?;
        self.chunks += row.chunks.len();
        if let Some(live) = &self.mirror.live {
            live.spent(Stage::Chunk, began.elapsed());
        }
        Ok(())
    }
}

impl Mirror {
    /// Reads a file and writes the documents inside it, each in the place of the one that was there; its own row is left to be
    /// written. A file that changes meanwhile is read once more, and then given up.
    pub(super) async fn take_in(
        &self,
        extractor: &mut Extractor,
        incoming: &Incoming<'_>,
        mut file: OpenedFile,
        views: &OpenedGeneration,
    ) -> Result<Taken, IndexingError> {
        let limits = FileLimits::of(self.options.file_bytes_max);
        let mut tries = 0;
        loop {
            tries += 1;
            let modified_ns = incoming.modified_ns.unwrap_or(file.modified_ns());
            let mut intake = Intake::new(self, views, incoming.uri, modified_ns);
            let read = match shape_of(incoming.read_as, &file, limits) {
                Ok(Shape::Whole) => intake.read_whole(extractor, incoming.read_as, &file).await?,
                Ok(Shape::Parts(linear)) => intake.read_parts(extractor, incoming.read_as, (&file, &linear)).await?,
                Err(refusal) => Outcome { document: Err(refusal), stamp: file.unread_stamp() },
            };
            let stamp = settled(SourceStamp { modified_ns, ..read.stamp }, (self.clock)());
            let new = self.new_document(incoming.uri, stamp);
            let refusal = match read.document {
                Ok(mut document) => {
                    if let Err(failure) = self.keep(file.as_file(), &new.source).await? {
                        return self.fail(new, failure).await.map(Taken::Done);
                    }
                    document.title = incoming.title.clone().or(document.title);
                    return intake.finish(new, document).await;
                }
                Err(refusal) => refusal,
            };
            let changed = matches!(&refusal, Refusal::Process(failure) if is_change(failure));
            let died = matches!(&refusal, Refusal::Process(failure) if failure.code == "crashed");
            if died && incoming.may_retry {
                return Ok(Taken::Done(FileOutcome::Failed { failure: refusal.into() }.into()));
            }
            match if changed && tries == 1 { file.again(limits).await } else { None } {
                Some(Ok(reopened)) => file = reopened,
                Some(Err(failure)) => return self.fail(new, failure).await.map(Taken::Done),
                None => return self.refuse(new, refusal).await.map(Taken::Done),
            }
        }
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

    /// Stopped between here and its end, a file has to be read again even if the one of before comes back.
    async fn look_again_at(&self, id: DocumentId) -> Result<(), IndexingError> {
        let unread = SourceStamp { bytes: 0, modified_ns: 0, sha256: String::new() };
        Ok(self.store.touch_document(id, &unread).await?)
    }

    async fn remove_contained(&self, id: DocumentId, present: &BTreeSet<DocumentId>) -> Result<(), IndexingError> {
        let mut gone = self.store.contained_documents(id).await?;
        gone.retain(|known| !present.contains(known));
        if !gone.is_empty() {
            self.look_again_at(id).await?;
            self.store.delete_documents(&gone, self.ingest, (self.clock)()).await?;
        }
        Ok(())
    }

    pub(super) fn new_document(&self, uri: &str, source: SourceStamp) -> NewDocument {
        let readers = self.options.readers.clone();
        NewDocument { readers, ingest: self.ingest, ..blank(self.options.collection.clone(), uri, source) }
    }
}

impl Intake<'_> {
    /// Reads the file in one go; what comes out of it on the way is written at once.
    async fn read_whole(
        &mut self,
        extractor: &mut Extractor,
        read_as: &str,
        file: &OpenedFile,
    ) -> Result<Outcome, IndexingError> {
        let mut source = file.whole();
        let mut reading = extractor.read(read_as, &mut source);
        let mut whole = None;
        while let Some(read) = reading.next().await? {
            match read {
                Read::Inside(child) => {
                    self.take(&child.path, child.bytes, child.outcome.map_err(Refusal::Reader)).await?;
                }
                Read::Whole(outcome) => whole = Some(outcome),
            }
        }
        drop(reading);
        let document = whole.unwrap_or(Err(Refusal::Reader(ExtractError::Empty { bytes: 0 })));
        match source.rest_hashed().await {
            Ok(hash) => Ok(Outcome { document, stamp: file.stamp(hash) }),
            // What was read is not what is there.
            Err(failure) => Ok(Outcome { document: Err(Refusal::Process(failure)), stamp: file.unread_stamp() }),
        }
    }

    /// Reads a text part by part, each a document inside it. The document of the whole lists them.
    async fn read_parts(
        &mut self,
        extractor: &mut Extractor,
        read_as: &str,
        (file, linear): (&OpenedFile, &Linear),
    ) -> Result<Outcome, IndexingError> {
        let (mut last, mut hash, mut rows, mut listing) = (None, Sha256::default(), 0, Vec::new());
        let mut refused: Option<Refusal> = None;
        let gone = |failure| Ok(Outcome { document: Err(Refusal::Process(failure)), stamp: file.unread_stamp() });
        loop {
            let part = match linear.next_part(file, last).await {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(failure) => return gone(failure),
            };
            last = Some(part);
            let mut source = FileRange::new(file, linear.prefix(part), (part.from, part.to), hash);
            let mut reading = extractor.read(read_as, &mut source);
            let mut whole = None;
            while let Some(read) = reading.next().await? {
                if let Read::Whole(outcome) = read {
                    whole = Some(outcome);
                }
            }
            drop(reading);
            hash = match source.rest_hashed().await {
                Ok(so_far) => so_far,
                Err(failure) => return gone(failure),
            };
            match whole {
                Some(Ok(mut document)) => {
                    linear.place(&mut document, part, &mut rows);
                    self.take(&part.path(), part.to - part.from, Ok(document)).await?;
                    listing.push(listed(part));
                }
                // Nothing but white space is no part.
                None | Some(Err(Refusal::Reader(ExtractError::Empty { .. }))) => {}
                Some(Err(Refusal::Process(failure))) if is_change(&failure) => return gone(failure),
                Some(Err(refusal)) => {
                    self.take(&part.path(), part.to - part.from, Err(refusal.clone())).await?;
                    refused.get_or_insert(refusal);
                }
            }
            self.mirror.wake.notify_waiters();
        }
        let stamp = file.stamp(hash);
        let bytes = usize::try_from(file.bytes()).unwrap_or(usize::MAX);
        if listing.is_empty() {
            let refusal = refused.unwrap_or(Refusal::Reader(ExtractError::Empty { bytes }));
            return Ok(Outcome { document: Err(refusal), stamp });
        }
        let mut document = Document::of_text(linear.media_type, listing.join("\n"), Vec::new());
        document.body = Span::new(document.text.len(), document.text.len());
        let lines = last.map_or(0, |part: Part| part.last_line());
        document.metadata.insert("parts".to_owned(), last.map_or(0, |part| part.number).to_string());
        document.metadata.insert("lines".to_owned(), lines.to_string());
        Ok(Outcome { document: Ok(document), stamp })
    }
}

fn listed(part: Part) -> String {
    format!("{}: lines {} to {}, bytes {} to {}", part.path(), part.first_line, part.last_line(), part.from, part.to)
}
