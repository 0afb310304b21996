//! A symbol's title is its keyword and its name, as one would say it: `fn fill`, `class Bucket`, `func (b *Bucket) Fill`.

use tree_sitter::Node;

use crate::Span;

/// Longer titles say no more and would fill the path of every chunk below them.
const TITLE_BYTES_MAX: usize = 120;

/// The keywords that say what a symbol is. The others (`pub`, `static`, `async`) say how it is used.
const KEYWORDS: &[&str] = &[
    "fn",
    "struct",
    "enum",
    "union",
    "trait",
    "mod",
    "macro_rules!",
    "class",
    "def",
    "func",
    "function",
    "interface",
    "@interface",
    "namespace",
    "module",
    "type",
    "record",
    "delegate",
    "const",
    "let",
    "var",
    "typedef",
    "#define",
];

/// The title of a symbol, or `None` when it has no name.
pub(super) fn title(symbol: Node<'_>, text: &str) -> Option<String> {
    let words = match symbol.kind() {
        "impl_item" => head(symbol, text)?,
        _ => named(symbol, text)?,
    };
    let mut title = words.split_whitespace().collect::<Vec<_>>().join(" ");
    title.truncate(title.floor_char_boundary(TITLE_BYTES_MAX));
    (!title.is_empty()).then_some(title)
}

/// All that stands before the body, without bounds on types.
fn head(symbol: Node<'_>, text: &str) -> Option<String> {
    let body = symbol.child_by_field_name("body")?;
    let head = text.get(symbol.start_byte()..body.start_byte())?;
    let cut = head.find("where").filter(|at| head[..*at].ends_with(char::is_whitespace)).unwrap_or(head.len());
    Some(head[..cut].to_owned())
}

fn named(symbol: Node<'_>, text: &str) -> Option<String> {
    let name = symbol.child_by_field_name("name").or_else(|| declared(symbol)).or_else(|| variable(symbol))?;
    let mut words: Vec<&str> = Vec::new();
    if matches!(symbol.kind(), "type_spec" | "type_alias") {
        // Go writes the keyword once for a group of types.
        words.push("type");
    }
    let mut cursor = symbol.walk();
    let before = symbol.children(&mut cursor).take_while(|child| child.start_byte() < name.start_byte());
    words.extend(before.filter_map(|child| text.get(child.byte_range())).filter(|word| KEYWORDS.contains(word)));
    words.extend(symbol.child_by_field_name("receiver").and_then(|receiver| text.get(receiver.byte_range())));
    let object = symbol.child_by_field_name("object").and_then(|object| text.get(object.byte_range()));
    let name = text.get(name.byte_range())?;
    let name = object.map_or_else(|| name.to_owned(), |object| format!("{object}.{name}"));
    words.push(&name);
    Some(words.join(" "))
}

/// The name at the heart of a C declarator: `*fill(int x)` declares `fill`.
fn declared(symbol: Node<'_>) -> Option<Node<'_>> {
    let mut heart = symbol.child_by_field_name("declarator")?;
    while let Some(inner) = inner_declarator(heart) {
        heart = inner;
    }
    Some(heart)
}

/// What a declarator is wrapped around. References and parentheses hold it without saying so.
pub(super) fn inner_declarator(declarator: Node<'_>) -> Option<Node<'_>> {
    let holds = matches!(declarator.kind(), "reference_declarator" | "parenthesized_declarator");
    declarator.child_by_field_name("declarator").or_else(|| if holds { declarator.named_child(0) } else { None })
}

/// The name in `const f = () => {}`.
fn variable(symbol: Node<'_>) -> Option<Node<'_>> {
    symbol.named_child(0)?.child_by_field_name("name")
}

/// The first line between two offsets, without white space at its end.
pub(super) fn first_line(text: &str, start: usize, end: usize) -> Span {
    let words = text.get(start..end).unwrap_or_default();
    let line = words.lines().next().unwrap_or_default().trim_end();
    let len = line.floor_char_boundary(TITLE_BYTES_MAX);
    Span::new(start, start + len)
}
