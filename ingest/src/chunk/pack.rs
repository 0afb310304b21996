//! Packing joins the blocks of one section into pieces that fill the window, and splits the blocks that exceed it.

use super::ChunkKind;
use super::block::Block;
use super::ruler::Ruler;
use super::split::{halve, split, split_first};
use crate::Span;

/// A run of text that becomes one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) span: Span,
    /// Its size. An estimate from above or below while the piece is open, exact afterwards.
    pub(super) tokens: usize,
    /// Bytes by kind, in the order of [`KINDS`].
    pub(super) bytes_by_kind: [usize; 4],
    /// The header of the table that the piece begins inside of. Its size counts as the piece's.
    pub(super) header: Option<Span>,
}

/// The kinds, in the order in which a tie is decided.
const KINDS: [ChunkKind; 4] = [ChunkKind::Prose, ChunkKind::Code, ChunkKind::Table, ChunkKind::List];

impl Piece {
    fn of_part(span: Span, kind: ChunkKind, tokens: usize) -> Self {
        let mut bytes_by_kind = [0; 4];
        for (bytes, listed) in bytes_by_kind.iter_mut().zip(KINDS) {
            if listed == kind {
                *bytes = span.len();
            }
        }
        Self { span, tokens, bytes_by_kind, header: None }
    }

    /// What most of the piece is.
    pub(super) fn kind(&self) -> ChunkKind {
        let most = self.bytes_by_kind.iter().copied().max().unwrap_or(0);
        let first = self.bytes_by_kind.iter().zip(KINDS).find(|(bytes, _)| **bytes == most);
        first.map_or(ChunkKind::Prose, |(_, kind)| kind)
    }

    /// Grows over the text of `next`, which begins where this one ends.
    pub(super) fn join(&mut self, next: &Self) {
        self.span.end = next.span.end;
        self.tokens += next.tokens;
        for (bytes, more) in self.bytes_by_kind.iter_mut().zip(next.bytes_by_kind) {
            *bytes += more;
        }
    }
}

/// Packs the blocks of one section.
pub(super) fn pack(text: &str, blocks: &[Block], ruler: &Ruler<'_>) -> Vec<Piece> {
    let mut packer = Packer { text, ruler, done: Vec::new(), open: None };
    for block in blocks {
        packer.push(block);
    }
    packer.close();
    packer.done
}

struct Packer<'a> {
    text: &'a str,
    ruler: &'a Ruler<'a>,
    done: Vec<Piece>,
    open: Option<Open>,
}

/// The piece that still grows.
struct Open {
    piece: Piece,
    blocks: usize,
    headings_only: bool,
    /// Whether the sum of the blocks' sizes has been replaced with the size of the whole. Once is enough: it is there for
    /// counters that add a constant to each count.
    recounted: bool,
}

impl Packer<'_> {
    fn push(&mut self, block: &Block) {
        match self.ruler.fitting_tokens(self.text, block.span) {
            Some(tokens) => self.push_fitting(block, tokens),
            None => self.push_oversized(block),
        }
    }

    fn push_fitting(&mut self, block: &Block, tokens: usize) {
        // A heading's bytes say nothing about what stands below it.
        let mut next = Piece::of_part(block.span, block.kind, tokens);
        let is_title = block.heading.is_some() && block.kind == ChunkKind::Prose;
        if is_title {
            next.bytes_by_kind = [0; 4];
        }
        if self.has_room_for(&next) {
            if let Some(open) = &mut self.open {
                open.piece.join(&next);
                open.blocks += 1;
                open.headings_only &= is_title;
            }
            return;
        }
        let whole = matches!(block.kind, ChunkKind::Code | ChunkKind::Table);
        if self.open.as_ref().is_some_and(|open| open.headings_only) && !is_title && !whole {
            // A heading without the text below it says nothing; prose can be cut to make room for it.
            return self.push_oversized(block);
        }
        self.close();
        self.open = Some(Open { piece: next, blocks: 1, headings_only: is_title, recounted: false });
    }

    fn has_room_for(&mut self, next: &Piece) -> bool {
        let (text, ruler) = (self.text, self.ruler);
        let Some(open) = &mut self.open else { return false };
        let joined = Span::new(open.piece.span.start, next.span.end);
        if joined.len() > ruler.bytes_max() {
            return false;
        }
        if open.piece.tokens + next.tokens <= ruler.tokens_max {
            return true;
        }
        if open.recounted || open.blocks == 1 {
            return false;
        }
        open.recounted = true;
        open.piece.tokens = measured(text, &open.piece, ruler);
        open.piece.tokens + next.tokens <= ruler.tokens_max
    }

    /// Splits a block. What is open and small goes with the first part, for which less room is left then: an introduction, and
    /// a heading above all, says little without what follows it.
    fn push_oversized(&mut self, block: &Block) {
        let most = if self.open.as_ref().is_some_and(|open| open.headings_only) {
            self.ruler.tokens_max / 2
        } else {
            self.ruler.small()
        };
        let head = match self.open.take() {
            Some(open) if open.piece.tokens <= most => Some(open.piece),
            open => {
                self.open = open;
                self.close();
                None
            }
        };
        let header = block.header.filter(|header| self.ruler.tokens(self.text, *header) <= self.ruler.tokens_max / 3);
        let mut parts = Vec::new();
        let mut rest = block.span;
        if let Some(head) = head {
            let room = self.ruler.with_room_for(head.tokens);
            let first = split_first(self.text, block.span, block.kind, &room);
            if header.is_some_and(|header| first.end <= header.end) {
                // The names of columns say as little without a row as a heading does without its text.
                self.done.push(head);
            } else {
                rest.start = first.end;
                halve(self.text, Span::new(head.span.start, first.end), self.ruler, &mut parts);
            }
        }
        match header {
            Some(header) => self.split_below(header, rest, block.kind, &mut parts),
            None => parts.extend(split(self.text, rest, block.kind, self.ruler)),
        }
        let last = parts.pop();
        let full = self.ruler.tokens_max;
        let below = |part: &Span| header.filter(|header| part.start >= header.end);
        let piece = |part| Piece { header: below(&part), ..Piece::of_part(part, block.kind, full) };
        self.done.extend(parts.into_iter().map(piece));
        let Some(last) = last else { return };
        let mut open = piece(last);
        open.tokens = measured(self.text, &open, self.ruler);
        self.open = Some(Open { piece: open, blocks: 1, headings_only: false, recounted: false });
    }

    /// Splits a table so that every part leaves room for the header that it carries along.
    fn split_below(&self, header: Span, table: Span, kind: ChunkKind, parts: &mut Vec<Span>) {
        let mut rest = table;
        while rest.start < header.end && !rest.is_empty() {
            let first = split_first(self.text, rest, kind, self.ruler);
            rest.start = first.end;
            parts.push(first);
        }
        let room = self.ruler.with_room_for(self.ruler.tokens(self.text, header));
        parts.extend(split(self.text, rest, kind, &room));
    }

    /// Ends the open piece. Sizes do not always add up, so the whole is measured before it counts as done.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let mut piece = open.piece;
        if open.blocks > 1 {
            piece.tokens = measured(self.text, &piece, self.ruler);
        }
        if piece.tokens <= self.ruler.tokens_max {
            self.done.push(piece);
            return;
        }
        let mut parts = Vec::new();
        let room = self.ruler.with_room_for(piece.header.map_or(0, |header| self.ruler.tokens(self.text, header)));
        halve(self.text, piece.span, &room, &mut parts);
        let kind = piece.kind();
        for part in parts {
            // Only the first part is sure to begin inside the table.
            let header = piece.header.filter(|_| part.start == piece.span.start);
            self.done.push(Piece { header, ..Piece::of_part(part, kind, self.ruler.tokens(self.text, part)) });
        }
    }
}

/// The size of a piece, the header that it carries along included.
fn measured(text: &str, piece: &Piece, ruler: &Ruler<'_>) -> usize {
    ruler.tokens(text, piece.span) + piece.header.map_or(0, |header| ruler.tokens(text, header))
}
