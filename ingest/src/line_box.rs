//! A line box says where on its page a line of the text is drawn, so that a citation can be shown there.

use serde::{Deserialize, Serialize};

use crate::Span;

/// A line, or the part of one in one column, and its rectangle on the page as it is shown.
///
/// Serialised as a list, because a book has a hundred thousand of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "(usize, usize, u32, [f32; 4])", from = "(usize, usize, u32, [f32; 4])")]
pub struct LineBox {
    /// Where its words lie in the text.
    pub span: Span,
    /// The page, from 1.
    pub page: u32,
    /// Left, top, right and bottom in points (1/72 inch) from the page's left upper corner.
    pub rect: [f32; 4],
}

impl From<LineBox> for (usize, usize, u32, [f32; 4]) {
    fn from(line: LineBox) -> Self {
        (line.span.start, line.span.end, line.page, line.rect)
    }
}

impl From<(usize, usize, u32, [f32; 4])> for LineBox {
    fn from((start, end, page, rect): (usize, usize, u32, [f32; 4])) -> Self {
        Self { span: Span::new(start, end), page, rect }
    }
}

/// The boxes under `span`. A box that is only partly under it is narrowed in proportion to its characters' bytes.
#[must_use]
pub fn boxes_under(boxes: &[LineBox], span: Span) -> Vec<LineBox> {
    let first = boxes.partition_point(|line| line.span.end <= span.start);
    let after = boxes.partition_point(|line| line.span.start < span.end);
    boxes.get(first..after).unwrap_or_default().iter().map(|line| narrowed(line, span)).collect()
}

fn narrowed(line: &LineBox, span: Span) -> LineBox {
    let [left, top, right, bottom] = line.rect;
    let share = |at: usize| at.saturating_sub(line.span.start) as f32 / line.span.len().max(1) as f32;
    let cut = Span::new(line.span.start.max(span.start), line.span.end.min(span.end));
    let x = |at: usize| ((left + (right - left) * share(at)) * 10.0).round() / 10.0;
    LineBox { span: cut, page: line.page, rect: [x(cut.start), top, x(cut.end), bottom] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_line_is_a_part_of_its_box() {
        let line =
            |start, top| LineBox { span: Span::new(start, start + 10), page: 1, rect: [0.0, top, 100.0, top + 9.0] };
        let found = boxes_under(&[line(0, 10.0), line(11, 20.0), line(22, 30.0)], Span::new(5, 15));
        let rects: Vec<_> = found.iter().map(|part| (part.span, part.rect)).collect();
        assert_eq!(
            rects,
            [(Span::new(5, 10), [50.0, 10.0, 100.0, 19.0]), (Span::new(11, 15), [0.0, 20.0, 40.0, 29.0]),]
        );
    }

    #[test]
    fn a_box_is_a_list_on_the_wire() {
        let line = LineBox { span: Span::new(3, 8), page: 2, rect: [1.5, 2.0, 30.0, 12.0] };
        let json = serde_json::to_string(&line).unwrap();
        assert_eq!(json, "[3,8,2,[1.5,2.0,30.0,12.0]]");
        assert_eq!(serde_json::from_str::<LineBox>(&json).unwrap(), line);
    }
}
