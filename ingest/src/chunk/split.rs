//! Splitting cuts what does not fit: at paragraphs, lines, sentences and words, in this order, and clusters at worst.

use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

use super::ChunkKind;
use super::grapheme::{boundary_before, first_len, is_boundary, middle};
use super::indent;
use super::ruler::Ruler;
use crate::Span;

/// Cuts `span` into parts that fit. They tile it.
///
/// The splitter's own cost grows faster than the text, and a pathological text makes it far worse, so it is given windows
/// of a bounded size. The last part of a window is cut again at the head of the next one: a window's end leaves no mark.
pub(super) fn split(text: &str, span: Span, kind: ChunkKind, ruler: &Ruler<'_>) -> Vec<Span> {
    let mut parts = Vec::new();
    let mut start = span.start;
    while start < span.end {
        if kind == ChunkKind::Code {
            start = cut_code(text, Span::new(start, span.end), ruler, &mut parts);
            continue;
        }
        let window = Span::new(start, window_end(text, start, span.end, 2 * ruler.bytes_max()));
        let mut cuts = window_cuts(window.slice(text), kind, ruler);
        if window.end < span.end && cuts.len() > 1 {
            cuts.pop();
        }
        for cut in cuts {
            let part = Span::new(start, window.start + cut);
            parts.push(part);
            start = part.end;
        }
    }
    parts
}

/// Cuts the first part from the code under `span`, or the whole of its first line when that is too long, and says where it
/// ends.
fn cut_code(text: &str, span: Span, ruler: &Ruler<'_>, parts: &mut Vec<Span>) -> usize {
    if let Some(end) = indent::first_end(text, span, ruler) {
        halve(text, Span::new(span.start, end), ruler, parts);
        return end;
    }
    let line = text[span.start..span.end].split_inclusive('\n').next().map_or(span.len(), str::len);
    let line = Span::new(span.start, span.start + line);
    parts.extend(split(text, line, ChunkKind::Table, ruler));
    line.end
}

/// The first part that [`split`] would cut from `span`.
pub(super) fn split_first(text: &str, span: Span, kind: ChunkKind, ruler: &Ruler<'_>) -> Span {
    if let (ChunkKind::Code, Some(end)) = (kind, indent::first_end(text, span, ruler)) {
        return Span::new(span.start, end);
    }
    let window = Span::new(span.start, window_end(text, span.start, span.end, 2 * ruler.bytes_max()));
    let first = window_cuts(window.slice(text), kind, ruler).first().copied();
    Span::new(span.start, first.map_or(window.end, |cut| window.start + cut))
}

/// Halves `span` until its parts fit or are single clusters. For the rare text that another cut measured wrongly.
pub(super) fn halve(text: &str, span: Span, ruler: &Ruler<'_>, parts: &mut Vec<Span>) {
    let mut stack = vec![span];
    while let Some(part) = stack.pop() {
        let cut = if ruler.fitting_tokens(text, part).is_some() { None } else { middle(part.slice(text)) };
        match cut {
            None => parts.push(part),
            Some(cut) => stack.extend([Span::new(part.start + cut, part.end), Span::new(part.start, part.start + cut)]),
        }
    }
}

/// Where a window that begins at `start` ends: after a blank line, a line or a word in its second half, else after a
/// cluster.
fn window_end(text: &str, start: usize, end: usize, bytes_max: usize) -> usize {
    if end - start <= bytes_max {
        return end;
    }
    let reach = &text[start..text.floor_char_boundary(start + bytes_max)];
    let half = text[start..].floor_char_boundary(bytes_max / 2);
    for separator in ["\n\n", "\n", " "] {
        let Some(at) = reach[half..].rfind(separator) else { continue };
        let cut = half + at + separator.len();
        if is_boundary(reach, cut) && cut < reach.len() {
            return start + cut;
        }
    }
    // The last cluster of the reach may go on behind it, so its beginning is the last sure boundary.
    match boundary_before(reach, reach.len()) {
        0 => start + first_len(&text[start..end]),
        cut => start + cut,
    }
}

/// The ends of the parts of one window, the last of which is the window's own.
fn window_cuts(window: &str, kind: ChunkKind, ruler: &Ruler<'_>) -> Vec<usize> {
    let config = ChunkConfig::new(ruler.tokens_max).with_sizer(ruler).with_trim(false);
    let ends: Vec<usize> = match kind {
        // A window may begin inside a fence or a table, where Markdown's own rules would mislead.
        ChunkKind::Code | ChunkKind::Table => {
            TextSplitter::new(config).chunk_indices(window).map(|(at, part)| at + part.len()).collect()
        }
        ChunkKind::Prose | ChunkKind::List => {
            MarkdownSplitter::new(config).chunk_indices(window).map(|(at, part)| at + part.len()).collect()
        }
    };
    snapped(window, &ends, ruler)
}

/// Moves cuts that fall inside a cluster out of it, and cuts again what is too large.
///
/// Each part is measured here although the splitter has measured it: a moved cut changes two parts, and the splitter takes
/// it that no text has more tokens than bytes, which special tokens make untrue.
fn snapped(window: &str, ends: &[usize], ruler: &Ruler<'_>) -> Vec<usize> {
    let mut parts = Vec::with_capacity(ends.len() + 1);
    let mut last = 0;
    for &end in ends {
        if end <= last {
            continue;
        }
        let cut = match boundary_before(window, end) {
            _ if is_boundary(window, end) => end,
            // The cluster that the cut fell into begins the next part, or is a part by itself.
            before if before > last => before,
            _ => last + first_len(&window[last..]),
        };
        halve(window, Span::new(last, cut), ruler, &mut parts);
        last = cut;
    }
    if last < window.len() {
        halve(window, Span::new(last, window.len()), ruler, &mut parts);
    }
    parts.iter().map(|part| part.end).collect()
}
