//! Reading one document: what the child says of it, as it comes, and another try when the child dies.

use ibid_ingest::{Child, Document, ExtractOptions, TakenPaths};
use tokio::time::{Duration, Instant, timeout_at};

use super::extractor::{ExtractionError, Extractor, header};
use super::input::DocumentSource;
use super::process::{Heard, Process, death, too_large, too_slow};
use super::refusal::Refusal;
use super::wire::{Frame, Response, SendError, Task, inside_of, response_of, send_request};
use crate::types::Failure;

/// Parts of one document that are left out because they ended the process; a document with more is given up.
pub(super) const QUARANTINED_MAX: usize = 8;
/// What an archive or a mailbox may take in all, in times of the limit of one document: each document inside has its own.
pub(super) const CONTAINER_FACTOR: u32 = 20;

/// What reading a document gives, one after the other.
#[derive(Debug)]
pub enum Read {
    /// A document inside it, under a path that no other has. It comes before the document that it lies in.
    Inside(Child),
    /// The document itself, at the end.
    Whole(Result<Document, Refusal>),
}

/// A document that is being read. Dropping it stops that.
pub struct Reading<'e> {
    extractor: &'e mut Extractor,
    name: &'e str,
    source: &'e mut dyn DocumentSource,
    /// With what was left out so far, and what was given.
    options: ExtractOptions,
    task: Task,
    watch: Watch,
    /// The process that reads it, between two of its answers.
    process: Option<Process>,
    /// When the last answer was given.
    answered: Instant,
    taken: TakenPaths,
    done: bool,
}

/// How a try ended, or went on.
enum Step {
    Inside(Child),
    Answer(Response),
    Refused(Failure),
    /// The process is gone; whether for want of time.
    Gone(Failure, bool),
}

/// What is known of a document while it is read.
struct Watch {
    limit: Duration,
    began: Instant,
    deadline: Instant,
    /// The part that is read, and since when.
    part: Option<(String, Instant)>,
}

impl Watch {
    fn begin(limit: Duration) -> Self {
        let now = Instant::now();
        Self { limit, began: now, deadline: now + limit, part: None }
    }

    /// Whether there is time for another try: as much as one document has is left of what a container has.
    fn allows_another(&self) -> bool {
        self.began.elapsed() < self.limit * (CONTAINER_FACTOR - 1)
    }

    /// Begins another try. The time of all tries together is what counts.
    fn again(&mut self) {
        self.deadline = Instant::now() + self.limit;
        self.part = None;
    }

    fn hear(&mut self, part: String, is_document: bool) {
        let now = Instant::now();
        if is_document {
            self.deadline = (now + self.limit).min(self.began + self.limit * CONTAINER_FACTOR);
        }
        // A part without a name is the end of the one before.
        self.part = Some((part, now)).filter(|(part, _)| !part.is_empty());
    }

    /// Leaves out the time since `then`, in which the document waited for its reader's reader.
    fn resume(&mut self, then: Instant) {
        let waited = then.elapsed();
        self.began += waited;
        self.deadline += waited;
        if let Some((_, since)) = &mut self.part {
            *since += waited;
        }
    }

    /// The part to blame. A process that was stopped because of its time may only have had too much to do, unless it spent
    /// most of the time on one part.
    fn suspect(&self, out_of_time: bool) -> Option<String> {
        let (part, since) = self.part.as_ref()?;
        (!out_of_time || since.elapsed() * 2 >= self.limit.min(self.began.elapsed())).then(|| part.clone())
    }
}

impl<'e> Reading<'e> {
    pub(super) fn begin(
        extractor: &'e mut Extractor,
        name: &'e str,
        source: &'e mut dyn DocumentSource,
        task: Task,
    ) -> Self {
        let scans = extractor.parts.recognizer.is_some();
        let options = ExtractOptions { scans, ..extractor.parts.options.clone() };
        let watch = Watch::begin(extractor.parts.limits.wall_time_max);
        let answered = Instant::now();
        let taken = TakenPaths::default();
        Self { extractor, name, source, options, task, watch, process: None, answered, taken, done: false }
    }

    /// What comes next; `None` after the document itself. It may take its time: only that of the child counts.
    ///
    /// # Errors
    /// [`ExtractionError`] when no process can be started.
    pub async fn next(&mut self) -> Result<Option<Read>, ExtractionError> {
        if self.done {
            return Ok(None);
        }
        self.watch.resume(self.answered);
        let read = loop {
            match self.step().await? {
                Step::Inside(child) => break Read::Inside(child),
                Step::Answer(Ok(document)) => break Read::Whole(self.recognized(document).await?),
                Step::Answer(Err(error)) => break Read::Whole(Err(Refusal::Reader(error))),
                Step::Refused(failure) => break Read::Whole(Err(Refusal::Process(failure))),
                Step::Gone(failure, out_of_time) => {
                    if !self.may_try_without(out_of_time) {
                        break Read::Whole(Err(Refusal::Process(failure)));
                    }
                }
            }
        };
        self.done = matches!(read, Read::Whole(_));
        self.answered = Instant::now();
        Ok(Some(read))
    }

    /// Goes on to the next answer of the process.
    async fn step(&mut self) -> Result<Step, ExtractionError> {
        let mut process = match self.process.take() {
            Some(process) => process,
            None => match self.sent().await? {
                Ok(process) => process,
                Err(step) => return Ok(step),
            },
        };
        let limits = self.extractor.parts.limits;
        let mut text = None;
        loop {
            match process.hear(self.watch.deadline).await {
                Heard::Frame(Frame::Part(part)) => self.watch.hear(part, false),
                Heard::Frame(Frame::Child(path)) => self.watch.hear(path, true),
                Heard::Frame(Frame::Text(words)) => text = Some(words),
                Heard::Frame(Frame::Inside(json)) => {
                    let Some((key, mut child)) = inside_of(&json, text.take()) else { continue };
                    // One that must be given again, because it waited for others, is the same.
                    if self.options.given.insert(key) {
                        child.path = self.taken.free(child.path);
                        self.process = Some(process);
                        return Ok(Step::Inside(child));
                    }
                }
                Heard::Frame(Frame::Result(json)) => {
                    self.extractor.keep(process, self.source.bytes());
                    return Ok(Step::Answer(response_of(&json, text)));
                }
                Heard::TooSlow => {
                    process.kill().await;
                    return Ok(Step::Gone(too_slow(&limits), true));
                }
                Heard::TooLarge => {
                    process.kill().await;
                    return Ok(Step::Gone(too_large(&limits), false));
                }
                Heard::Frame(Frame::Drawing(_) | Frame::Picture(_)) | Heard::Broken => {
                    let (failure, out_of_time) = death(process.ended().await?, &limits);
                    return Ok(Step::Gone(failure, out_of_time));
                }
            }
        }
    }

    /// A process that was given the document; or how that ended.
    async fn sent(&mut self) -> Result<Result<Process, Step>, ExtractionError> {
        let mut process = self.extractor.take()?;
        let limits = self.extractor.parts.limits;
        let header = header(self.name, self.source.bytes(), &limits, &self.options, &self.task);
        self.watch.again();
        match timeout_at(self.watch.deadline, send_request(&mut process.input, &header, self.source)).await {
            Ok(Ok(())) => Ok(Ok(process)),
            Ok(Err(SendError::Broken)) => {
                let (failure, out_of_time) = death(process.ended().await?, &limits);
                Ok(Err(Step::Gone(failure, out_of_time)))
            }
            Ok(Err(SendError::Source(failure))) => {
                // It waits for bytes that do not come.
                process.kill().await;
                Ok(Err(Step::Refused(failure)))
            }
            Err(_) => {
                process.kill().await;
                Ok(Err(Step::Gone(too_slow(&limits), true)))
            }
        }
    }

    /// Leaves out the part that ended the process, if there is one, and time and patience for another try.
    fn may_try_without(&mut self, out_of_time: bool) -> bool {
        let may_try = self.options.skip.len() < QUARANTINED_MAX && self.watch.allows_another();
        let suspect = self.watch.suspect(out_of_time).filter(|_| may_try);
        suspect.is_some_and(|part| self.options.skip.insert(part))
    }

    /// The document with the words on its scanned pages, when there is something that reads them.
    async fn recognized(&mut self, document: Document) -> Result<Result<Document, Refusal>, ExtractionError> {
        self.extractor.with_recognized(document, self.name, self.source, &self.options).await
    }
}
