//! Sections are what headings divide a body into, each with the path of headings that enclose it.

use super::block::Block;
use super::pack::{Piece, pack};
use super::ruler::Ruler;
use crate::{Document, MediaType, Span};

/// A heading and all that follows it up to the next one.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    /// A range of blocks.
    blocks: std::ops::Range<usize>,
    /// Indices of the enclosing headings, its own last.
    path: Vec<usize>,
}

/// A piece and the headings that enclose all of it.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) piece: Piece,
    pub(super) path: Vec<usize>,
    /// Whether the piece is one or more whole sections.
    whole: bool,
}

/// Packs each section by itself, then joins neighbours that are too small to stand alone.
pub(super) fn pack_sections(document: &Document, blocks: &[Block], ruler: &Ruler<'_>) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::new();
    for section in sections(document, blocks) {
        let pieces = pack(&document.text, &blocks[section.blocks], ruler);
        let whole = pieces.len() == 1;
        for piece in pieces {
            let above = |heading: &&usize| document.headings[**heading].span.start < piece.span.end;
            let path = section.path.iter().filter(above).copied().collect();
            let next = Placed { piece, path, whole };
            match placed.last_mut() {
                Some(last) if is_joined(&document.text, last, &next, ruler) => {
                    last.path.truncate(common_len(&last.path, &next.path));
                    last.piece.join(&next.piece);
                    last.piece.tokens = ruler.tokens(&document.text, last.piece.span);
                }
                _ => placed.push(next),
            }
        }
    }
    placed
}

/// Whether the block of a symbol says more than its signature.
fn says_more(document: &Document, block: &Block) -> bool {
    let Some(heading) = block.heading else { return true };
    let rest = document.text.get(document.headings[heading].span.end..block.span.end);
    rest.is_some_and(|rest| rest.contains(char::is_alphanumeric))
}

/// Divides the blocks at headings. A heading with no text of its own goes with the section after it. A symbol of code has text
/// of its own unless the next one stands inside of it, right below its signature.
fn sections(document: &Document, blocks: &[Block]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut path: Vec<usize> = Vec::new();
    let mut start = 0;
    let mut has_text = false;
    let is_code = matches!(document.media_type, MediaType::Code(_));
    for (index, block) in blocks.iter().enumerate() {
        let Some(heading) = block.heading else {
            has_text |= !block.span.slice(&document.text).trim().is_empty();
            continue;
        };
        let level = document.headings[heading].level;
        let encloses = |outer: &usize| document.headings[*outer].level < level;
        has_text |=
            is_code && start < index && (!path.last().is_some_and(encloses) || says_more(document, &blocks[index - 1]));
        if has_text {
            sections.push(Section { blocks: start..index, path: path.clone() });
            start = index;
            has_text = false;
        }
        path.retain(encloses);
        path.push(heading);
    }
    if start < blocks.len() {
        sections.push(Section { blocks: start..blocks.len(), path });
    }
    sections
}

/// Whether two neighbours become one piece: both are whole sections, one is tiny, they are siblings or parent and child,
/// and together they leave half of the window free. A larger piece would blur what each of them is about.
fn is_joined(text: &str, last: &Placed, next: &Placed, ruler: &Ruler<'_>) -> bool {
    let parent = &next.path[..next.path.len().saturating_sub(1)];
    let related = last.path.starts_with(parent) && last.path.len() <= next.path.len();
    let tiny = last.piece.tokens.min(next.piece.tokens) <= ruler.small();
    let small_together = last.piece.tokens + next.piece.tokens <= ruler.tokens_max / 2;
    let joined = Span::new(last.piece.span.start, next.piece.span.end);
    last.whole && next.whole && related && tiny && small_together && ruler.fitting_tokens(text, joined).is_some()
}

fn common_len(a: &[usize], b: &[usize]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
