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
            PerDocument::AtMost(limit) if self.hits_of(document) >= limit => {
                self.over_limit(candidate.fused.chunk, limit)
            }
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
        let next = (place + 1..self.passages.len()).find(|other| {
            grown.can_take(
                &self.passages[*other].best.found,
                self.passages[*other].span,
                self.passages[*other].chunks(),
            )
        });
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

#[cfg(test)]
pub(super) mod fixture {
    use super::*;
    use crate::types::{Chunk, ChunkRow, CollectionName, Document, DocumentState, Legs, SourceStamp, TextHash};

    /// A chunk of the document at `uri` whose fingerprint is far from that of every other.
    pub(in super::super) fn candidate(chunk: u64, uri: &str, (start, end): (usize, usize)) -> Candidate {
        let collection = CollectionName::default_name();
        let id = DocumentId::of(&collection, uri);
        let document = Document {
            id,
            collection,
            uri: uri.to_owned(),
            container: None,
            media_type: "text/plain".to_owned(),
            title: uri.to_owned(),
            metadata: Default::default(),
            language: None,
            readers: Default::default(),
            state: DocumentState::Ready { embedded: true },
            source: SourceStamp { bytes: 0, modified_ns: 0, sha256: String::new() },
            chunks: 1,
            text_bytes: 0,
            warnings: Vec::new(),
            updated_at_ms: 0,
        };
        let text = "x".repeat(end - start);
        let row = ChunkRow {
            id: ChunkId(chunk),
            document: id,
            chunk: Chunk {
                span: Span { start, end },
                page_first: None,
                page_last: None,
                heading_path: Vec::new(),
                kind: None,
                location: None,
                header: None,
                text_hash: TextHash::of(&text),
                simhash: Some(chunk.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            },
            text,
            header: None,
        };
        let fused = Fused { chunk: ChunkId(chunk), score: 1.0 / chunk as f32, legs: Legs::default() };
        Candidate { fused, found: ChunkInTruth { row, document } }
    }

    pub(in super::super) fn passage(chunk: u64, uri: &str, span: (usize, usize)) -> Passage {
        let best = candidate(chunk, uri, span);
        Passage { span: best.found.row.chunk.span, best, merged: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::candidate;
    use super::*;

    const RULES: Rules =
        Rules { wanted: 3, per_document: PerDocument::Prefer(2), keep_duplicates: false, expand: Expand::Neighbours };

    fn chosen(rules: Rules, candidates: Vec<Candidate>) -> (Vec<Vec<u64>>, HashMap<ChunkId, DroppedBy>) {
        let mut selection = Selection::new(rules);
        candidates.into_iter().for_each(|candidate| selection.offer(candidate));
        let (passages, dropped) = selection.finish();
        let chunks = |passage: &Passage| {
            std::iter::once(&passage.best).chain(&passage.merged).map(|it| it.fused.chunk.0).collect()
        };
        (passages.iter().map(chunks).collect(), dropped)
    }

    #[test]
    fn no_document_takes_every_place_while_others_are_left() {
        let of_a = |chunk: u64| candidate(chunk, "a", (chunk as usize * 100, chunk as usize * 100 + 50));
        let mixed = || vec![of_a(1), of_a(2), of_a(3), candidate(4, "b", (0, 50))];
        let (kept, dropped) = chosen(RULES, mixed());
        assert_eq!(kept, [[1], [2], [4]]);
        assert_eq!(dropped[&ChunkId(3)], DroppedBy::DocumentLimit { max_per_document: 2 });
        assert_eq!(chosen(RULES, vec![of_a(1), of_a(2), of_a(3)]).0, [[1], [2], [3]], "nothing else is left");
        let strict = Rules { per_document: PerDocument::AtMost(2), ..RULES };
        assert_eq!(chosen(strict, vec![of_a(1), of_a(2), of_a(3)]).0, [[1], [2]]);
        let any = Rules { per_document: PerDocument::Unlimited, ..RULES };
        assert_eq!(chosen(any, mixed()).0, [[1], [2], [3]]);
    }

    #[test]
    fn neighbours_join_the_better_passage_and_close_gaps() {
        let near = |chunk: u64, start: usize| candidate(chunk, "a", (start, start + 50));
        assert_eq!(chosen(RULES, vec![near(1, 0), near(2, 300), near(3, 52)]).0, [vec![1, 3], vec![2]]);
        assert_eq!(chosen(RULES, vec![near(1, 0), near(2, 104), near(3, 52)]).0, [vec![1, 3, 2]], "the gap is closed");
        let alone = Rules { expand: Expand::None, per_document: PerDocument::Unlimited, ..RULES };
        assert_eq!(chosen(alone, vec![near(1, 0), near(3, 52)]).0, [[1], [3]]);
        let row = |count: u64| (1..=count).map(|chunk| near(chunk, chunk as usize * 50)).collect::<Vec<_>>();
        assert_eq!(chosen(RULES, row(6)).0, [vec![1, 2, 3, 4], vec![5, 6]], "a passage is no chapter");
    }

    #[test]
    fn a_near_copy_falls_to_the_better_one() {
        let mut copy = candidate(2, "b", (0, 50));
        copy.found.row.chunk.simhash = candidate(1, "a", (0, 50)).found.row.chunk.simhash.map(|hash| hash ^ 0b101);
        let (kept, dropped) = chosen(RULES, vec![candidate(1, "a", (0, 50)), copy.clone()]);
        assert_eq!(kept, [[1]]);
        assert_eq!(dropped[&ChunkId(2)], DroppedBy::NearDuplicate { of: ChunkId(1) });
        let all = Rules { keep_duplicates: true, ..RULES };
        assert_eq!(chosen(all, vec![candidate(1, "a", (0, 50)), copy]).0, [[1], [2]]);
    }
}
