//! The answer while it is being said: what a model writes is cleaned, cut into sentences, verified, and shown or held back.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::links::LinkFilter;
use super::live::LiveRun;
use super::offsets::Utf16Index;
use super::{AgentEvent, RunError};
use crate::citation::{MarkerFilter, Segmenter, Verifier};
use crate::store::Store;
use crate::types::{Citation, CitationId, Hit};

/// How long words wait for more, so that a client does its work for a few at once and not for each.
const COALESCED: Duration = Duration::from_millis(25);
/// Citations of one answer. Beyond it, sentences with markers are shown without being judged, and in strict verification
/// held back: a list goes out with each event that adds to it.
const CITATIONS_MAX: usize = 100;

/// What becomes of sentences that nothing supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// They are shown, and their citations say so.
    #[default]
    Annotate,
    /// They are held back and counted. A sentence is shown when every citation of it is supported.
    Strict,
}

/// What verifies, and what may be cited.
pub(super) struct Grounds<'a> {
    pub(super) run_id: &'a str,
    pub(super) hits: &'a [Hit],
    pub(super) verifier: &'a Verifier,
    pub(super) store: &'a dyn Store,
    pub(super) verification: Verification,
}

/// An answer while it is being said.
pub(super) struct Saying<'a> {
    grounds: Grounds<'a>,
    run: &'a LiveRun,
    markers: MarkerFilter,
    links: LinkFilter<'a>,
    segments: Segmenter,
    /// What was shown.
    text: String,
    /// Where in `text` the sentence begins that is not complete; in strict verification it is not in `text`.
    sentence: usize,
    /// Sentences that claim nothing, which are shown when one that does follows.
    waiting: String,
    citations: BTreeMap<CitationId, Citation>,
    utf16: Utf16Index,
    withheld: u32,
    /// Words that are in `text` and were not sent.
    unsent: String,
    sent_at: Option<Instant>,
}

/// What was said in the end.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) citations: Vec<Citation>,
    pub(super) withheld: u32,
}

impl<'a> Saying<'a> {
    pub(super) fn new(grounds: Grounds<'a>, run: &'a LiveRun) -> Self {
        Self {
            markers: MarkerFilter::new(grounds.hits.len()),
            links: LinkFilter::new(grounds.hits),
            grounds,
            run,
            segments: Segmenter::new(),
            text: String::new(),
            sentence: 0,
            waiting: String::new(),
            citations: BTreeMap::new(),
            utf16: Utf16Index::default(),
            withheld: 0,
            unsent: String::new(),
            sent_at: None,
        }
    }

    /// When the words that wait have to go out.
    pub(super) fn due(&self) -> Option<Instant> {
        self.sent_at.filter(|_| !self.unsent.is_empty()).map(|sent| sent + COALESCED)
    }

    /// Sends the words that wait.
    pub(super) fn flush(&mut self) {
        if !self.unsent.is_empty() {
            let text = std::mem::take(&mut self.unsent);
            self.run.push(AgentEvent::AnswerDelta { text, citations: None });
            self.sent_at = Some(Instant::now());
        }
    }

    /// Takes the next words of the model.
    pub(super) async fn add(&mut self, piece: &str) -> Result<(), RunError> {
        let marked = self.markers.push(piece);
        let shown = self.links.push(&marked);
        self.take(shown, false).await
    }

    /// Takes what is held at the end.
    pub(super) async fn finish(mut self) -> Result<Said, RunError> {
        let marked = self.markers.finish();
        let rest = self.links.push(&marked) + &self.links.finish();
        self.take(rest, true).await?;
        self.flush();
        if self.markers.dropped() > 0 {
            tracing::warn!(
                run_id = self.grounds.run_id,
                dropped = self.markers.dropped(),
                "the answer cited passages that do not exist"
            );
        }
        Ok(Said { citations: self.listed(), text: self.text, withheld: self.withheld })
    }

    async fn take(&mut self, shown: String, last: bool) -> Result<(), RunError> {
        let mut complete = self.segments.push(&shown);
        if last {
            complete.extend(self.segments.finish());
        }
        match self.grounds.verification {
            Verification::Annotate => self.annotate(&shown, &complete).await,
            Verification::Strict => self.sift(complete).await,
        }
    }

    /// Shows the words at once. A citation is judged when its marker comes, and again when its sentence is complete.
    async fn annotate(&mut self, shown: &str, complete: &[String]) -> Result<(), RunError> {
        self.text.push_str(shown);
        let mut changed = false;
        for piece in complete {
            let end = self.sentence + piece.len();
            changed |= self.verify(self.sentence, end).await?;
            self.sentence = end;
        }
        if shown.contains(']') {
            changed |= self.verify(self.sentence, self.text.len()).await?;
        }
        let citations = changed.then(|| self.listed());
        self.say(shown, citations);
        Ok(())
    }

    /// Shows complete sentences that are supported. One without a marker is shown with that of the passage that supports it.
    async fn sift(&mut self, complete: Vec<String>) -> Result<(), RunError> {
        let Grounds { run_id, hits, verifier, .. } = self.grounds;
        for mut piece in complete {
            let before = format!("{}{}", self.text, self.waiting);
            let mut released = verifier.release(run_id, &before, &piece, hits).await;
            let unmarked = |citation: &&Citation| !piece.contains(&format!("[{}]", citation.n));
            let attributed = released.citations.iter().find(unmarked).map(|citation| citation.n);
            if attributed.is_some() && !Verifier::is_claim(&piece) {
                released.citations.clear();
            } else if let (true, Some(n)) = (released.shown, attributed) {
                let words = piece.trim_end();
                piece = format!("{words} [{n}]{}", &piece[words.len()..]);
                released = verifier.release(run_id, &before, &piece, hits).await;
            }
            match (released.shown, released.citations.is_empty()) {
                (true, true) => self.waiting.push_str(&piece),
                (true, false) if self.citations.len() < CITATIONS_MAX => {
                    self.release(&before, piece, released.citations).await?;
                }
                _ => self.withheld += 1,
            }
        }
        Ok(())
    }

    async fn release(&mut self, before: &str, piece: String, citations: Vec<Citation>) -> Result<(), RunError> {
        let shown = format!("{}{piece}", std::mem::take(&mut self.waiting));
        self.text = format!("{before}{piece}");
        for citation in citations {
            self.keep(citation).await?;
        }
        let listed = self.listed();
        self.say(&shown, Some(listed));
        Ok(())
    }

    /// Judges the citations of a part of the text and says whether anything changed.
    async fn verify(&mut self, start: usize, end: usize) -> Result<bool, RunError> {
        let Grounds { run_id, hits, verifier, .. } = self.grounds;
        if !self.text[start..end].contains(']') || self.citations.len() >= CITATIONS_MAX {
            return Ok(false);
        }
        let found = verifier.verify(run_id, &self.text[..start], &self.text[start..end], hits).await;
        let mut changed = false;
        for citation in found {
            changed |= self.keep(citation).await?;
        }
        Ok(changed)
    }

    async fn keep(&mut self, mut citation: Citation) -> Result<bool, RunError> {
        let (document, place) = (citation.document_id, &citation.location);
        let units = self.utf16.units(self.grounds.store, document, [place.start, place.end]).await?;
        citation.location.start_utf16 = units.map(|units| units[0]);
        citation.location.end_utf16 = units.map(|units| units[1]);
        let known = self.citations.get(&citation.id);
        let changed = known != Some(&citation);
        self.citations.insert(citation.id.clone(), citation);
        Ok(changed)
    }

    /// The citations in the order of their places in the answer.
    fn listed(&self) -> Vec<Citation> {
        let mut listed: Vec<Citation> = self.citations.values().cloned().collect();
        listed.sort_by_key(|citation| (citation.text_offset, citation.n));
        listed
    }

    /// Sends words, at once when something is cited or nothing was sent for a while.
    fn say(&mut self, text: &str, citations: Option<Vec<Citation>>) {
        self.unsent.push_str(text);
        if citations.is_some() {
            let unsent = std::mem::take(&mut self.unsent);
            self.run.push(AgentEvent::AnswerDelta { text: unsent, citations });
            self.sent_at = Some(Instant::now());
        } else if self.sent_at.is_none_or(|sent| sent.elapsed() >= COALESCED) {
            self.flush();
        }
    }
}
