//! The parts of JSON that say something by themselves: lists and objects that fit into a chunk.

use super::lines::string_end;
use crate::{Block, ChunkKind, Span};

/// Largest part that is kept together. It fits into the window of a model; what is larger is divided into its own parts.
const PART_BYTES_MAX: usize = 800;

/// The largest lists and objects that are no longer than a part and stand on lines of their own.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let bytes = text.as_bytes();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let (mut at, mut line) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let Some(end) = string_end(bytes, at) else { break };
                at = end;
                continue;
            }
            b'\n' => line = at + 1,
            // What begins on a line is told apart by where that line begins.
            b'{' | b'[' => open.push(line),
            b'}' | b']' => {
                let Some(start) = open.pop() else { break };
                if start < line {
                    add(&mut blocks, Span::new(start, line_end(bytes, at)));
                }
            }
            _ => {}
        }
        at += 1;
    }
    blocks
}

/// Adds a part in the place of those that lie in it. A part that begins on the last line of another goes with it.
fn add(blocks: &mut Vec<Block>, span: Span) {
    if span.len() > PART_BYTES_MAX {
        return;
    }
    while blocks.last().is_some_and(|last| last.span.start >= span.start) {
        blocks.pop();
    }
    if blocks.last().is_none_or(|last| last.span.end <= span.start) {
        blocks.push(Block { span, kind: ChunkKind::Code, header: None });
    }
}

/// The end of the line of `at`, as far as a part can still reach.
fn line_end(bytes: &[u8], at: usize) -> usize {
    let reach = &bytes[at..bytes.len().min(at + PART_BYTES_MAX)];
    at + reach.iter().position(|byte| *byte == b'\n').unwrap_or(reach.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        blocks(text).into_iter().map(|block| block.span.slice(text)).collect()
    }

    #[test]
    fn the_largest_parts_that_fit_stay_together() {
        let member =
            |n: usize| format!("  {{\n    \"n\": [\n      {n}\n    ],\n    \"s\": \"{}\"\n  }}", "}".repeat(300));
        let text = format!("[\n{},\n{},\n{}\n]", member(1), member(2), member(3));
        assert_eq!(parts(&text), [format!("{},", member(1)), format!("{},", member(2)), member(3)]);
        assert_eq!(parts("{\n  \"a\": 1\n}\n"), ["{\n  \"a\": 1\n}"]);
    }

    #[test]
    fn parts_do_not_overlap_and_need_not_be_closed() {
        let long = "x".repeat(700);
        let text = format!("[[\n\"{long}\"\n], [\n\"{long}\"\n], 1]\n]]]");
        let found = blocks(&text);
        assert!(found.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
        assert!(blocks("[\n[\n\"open").is_empty());
        assert!(blocks(&"[\n".repeat(100_000)).is_empty());
    }
}
