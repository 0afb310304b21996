//! Which candidates become hits: near-duplicates collapse, neighbours become one passage, and no document takes every place.

use std::collections::HashMap;

use ibid_ingest::Span;

use super::fusion::Fused;
use super::request::{Expand, PerDocument};
use crate::analysis::near_duplicate;
use crate::store::ChunkInTruth;
use crate::types::{ChunkId, DocumentId, DroppedBy};

/// Bytes between two chunks that touch: the white space that chunking leaves out.
const GAP_BYTES_MAX: usize = 4;
/// Chunks that become one passage; more would be a chapter.
const MERGED_CHUNKS_MAX: usize = 4;

/// A chunk that a leg found and that the truth confirms.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// What fusion says of it.
    pub(super) fused: Fused,
    /// The chunk with its document.
    pub(super) found: ChunkInTruth,
}

/// A passage: a chunk, and those of its neighbours that were found, too.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    /// The best of its chunks.
    pub(super) best: Candidate,
    /// The others.
    pub(super) merged: Vec<Candidate>,
    /// What they span together.
    pub(super) span: Span,
}

/// How hits are chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) wanted: usize,
    pub(super) per_document: PerDocument,
    pub(super) keep_duplicates: bool,
    pub(super) expand: Expand,
}

/// Hits under choice. Candidates are offered best first.
#[derive(Debug)]
pub(super) struct Selection {
    rules: Rules,
    passages: Vec<Passage>,
    /// Beyond their document's share; they fill what nothing else fills.
    waiting: Vec<Candidate>,
    dropped: HashMap<ChunkId, DroppedBy>,
}

impl Selection {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, passages: Vec::new(), waiting: Vec::new(), dropped: HashMap::new() }
    }

    /// Whether there are as many passages as wanted.
    pub(super) fn is_full(&self) -> bool {
        self.passages.len() >= self.rules.wanted
    }

    /// Takes or drops a candidate.
    pub(super) fn offer(&mut self, candidate: Candidate) {
        if self.rules.expand != Expand::None && self.joins(&candidate) {
            return;
        }
        if self.is_full() {
            return;
        }
        if let Some(of) = self.repeated(&candidate) {
            self.dropped.insert(candidate.fused.chunk, DroppedBy::NearDuplicate { of });
            return;
        }
        let document = candidate.found.document.id;
        match self.rules.per_document {
            PerDocument::Prefer(limit) if self.hits_of(document) >= limit => self.waiting.push(candidate),
            PerDocument::AtMost(limit) if self.hits_of(document) >= limit => self.over_limit(candidate.fused.chunk, limit),
            _ => self.keep(candidate),
        }
    }

    /// The passages in the order of their best chunks, and what was dropped for which reason.
    pub(super) fn finish(mut self) -> (Vec<Passage>, HashMap<ChunkId, DroppedBy>) {
        for candidate in std::mem::take(&mut self.waiting) {
            match self.rules.per_document {
                PerDocument::Prefer(limit) if self.is_full() => self.over_limit(candidate.fused.chunk, limit),
                _ => self.keep(candidate),
            }
        }
        (self.passages, self.dropped)
    }

    fn keep(&mut self, candidate: Candidate) {
        let span = candidate.found.row.chunk.span;
        self.passages.push(Passage { best: candidate, merged: Vec::new(), span });
    }

    fn over_limit(&mut self, chunk: ChunkId, max_per_document: usize) {
        self.dropped.insert(chunk, DroppedBy::DocumentLimit { max_per_document });
    }

    fn hits_of(&self, document: DocumentId) -> usize {
        self.passages.iter().filter(|passage| passage.best.found.document.id == document).count()
    }

    /// The chunk of a passage that holds nearly the same words.
    fn repeated(&self, candidate: &Candidate) -> Option<ChunkId> {
        let own = candidate.found.row.chunk.simhash.filter(|_| !self.rules.keep_duplicates)?;
        let same = |passage: &&Passage| passage.best.found.row.chunk.simhash.is_some_and(|it| near_duplicate(it, own));
        self.passages.iter().find(same).map(|passage| passage.best.fused.chunk)
    }

    /// Adds the candidate to a passage that it touches. It may close the gap between two.
    fn joins(&mut self, candidate: &Candidate) -> bool {
        let span = candidate.found.row.chunk.span;
        let Some(place) = self.passages.iter().position(|passage| passage.can_take(&candidate.found, span, 1)) else {
            return false;
        };
        self.passages[place].take(candidate.clone(), span);
        let grown = self.passages[place].clone();
        let next = (place + 1..self.passages.len())
            .find(|other| grown.can_take(&self.passages[*other].best.found, self.passages[*other].span, self.passages[*other].chunks()));
        if let Some(next) = next {
            let Passage { best, merged, span: other } = self.passages.remove(next);
            let into = &mut self.passages[place];
            into.take(best, other);
            into.merged.extend(merged);
        }
        true
    }
}

impl Passage {
    fn chunks(&self) -> usize {
        1 + self.merged.len()
    }

    /// Whether so many chunks at `span` continue this passage: of the same section, and next to it.
    fn can_take(&self, other: &ChunkInTruth, span: Span, chunks: usize) -> bool {
        let own = &self.best.found;
        self.chunks() + chunks <= MERGED_CHUNKS_MAX
            && own.document.id == other.document.id
            && own.row.chunk.heading_path == other.row.chunk.heading_path
            && self.span.start <= span.end + GAP_BYTES_MAX
            && span.start <= self.span.end + GAP_BYTES_MAX
    }

    fn take(&mut self, candidate: Candidate, span: Span) {
        self.span = Span { start: self.span.start.min(span.start), end: self.span.end.max(span.end) };
        self.merged.push(candidate);
    }
}
