//! Symbols are what source code defines: modules, types and functions, each with the scope that it stands in.

use std::ops::ControlFlow;

use tree_sitter::{Language as Grammar, Node, ParseOptions, Parser, Tree};

use super::title::{first_line, inner_declarator, title};
use crate::{Heading, Span};

/// Larger files are generated, and a syntax tree takes some twenty times the bytes.
const BYTES_MAX: usize = 4 << 20;

/// Scopes are read to this depth: modules, types in them, types in those, and their functions.
const LEVELS_MAX: u8 = 6;

/// The parser reports each hundred steps. Real code takes some three steps a byte at most; text that is no code of the
/// language can take very many.
const REPORTS_MIN: usize = 10_000;
const BYTES_PER_REPORT: usize = 5;

/// The symbols of `text` as headings, or `None` when finding them costs too much.
///
/// A heading's span begins at the comments and attributes directly above the symbol and ends with its signature.
pub(super) fn headings(text: &str, grammar: &Grammar) -> Option<Vec<Heading>> {
    let tree = parsed(text, grammar)?;
    let mut outline = Outline { text, headings: Vec::new() };
    let mut scopes = vec![Scope::of(tree.root_node(), 1)];
    while let Some(scope) = scopes.last_mut() {
        let Some(member) = scope.members.next() else {
            scopes.pop();
            continue;
        };
        let inner = outline.meet(member, scope);
        scopes.extend(inner);
    }
    Some(outline.headings)
}

fn parsed(text: &str, grammar: &Grammar) -> Option<Tree> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(grammar).ok()?;
    let mut reports_left = REPORTS_MIN + text.len() / BYTES_PER_REPORT;
    let mut progress = |_: &_| {
        reports_left = reports_left.saturating_sub(1);
        if reports_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    parser.parse_with_options(&mut |at, _| text.as_bytes().get(at..).unwrap_or_default(), None, Some(options))
}

/// What a node is to the outline.
enum Role {
    /// A symbol whose members are symbols, too.
    Container,
    /// A symbol that is read as one.
    Leaf,
    /// Holds members that stand in the scope around it.
    Through,
    /// Speaks of what stands below it.
    Comment,
    Other,
}

fn role(node: Node<'_>) -> Role {
    match node.kind() {
        "comment" | "line_comment" | "block_comment" | "attribute_item" | "decorator" => Role::Comment,
        // `mod bucket;` and `namespace A;` define nothing themselves.
        "mod_item" | "namespace_definition" if node.child_by_field_name("body").is_none() => Role::Other,
        "mod_item"
        | "impl_item"
        | "trait_item"
        | "class_definition"
        | "class_declaration"
        | "interface_declaration"
        | "abstract_class_declaration"
        | "record_declaration"
        | "struct_declaration"
        | "namespace_declaration"
        | "namespace_definition"
        | "internal_module"
        | "module"
        | "class"
        | "class_specifier"
        | "trait_declaration"
        | "enum_declaration" => Role::Container,
        "function_definition" if is_misread(node) => Role::Other,
        "function_item"
        | "function_signature_item"
        | "struct_item"
        | "enum_item"
        | "union_item"
        | "macro_definition"
        | "function_definition"
        | "function_declaration"
        | "generator_function_declaration"
        | "function_signature"
        | "method_definition"
        | "method_declaration"
        | "abstract_method_signature"
        | "constructor_declaration"
        | "compact_constructor_declaration"
        | "destructor_declaration"
        | "delegate_declaration"
        | "type_spec"
        | "type_alias"
        | "type_alias_declaration"
        | "annotation_type_declaration"
        | "method"
        | "singleton_method"
        | "type_definition"
        | "preproc_function_def" => Role::Leaf,
        "struct_specifier" if node.child_by_field_name("body").is_some() => Role::Container,
        "enum_specifier" | "union_specifier" if node.child_by_field_name("body").is_some() => Role::Leaf,
        "property_declaration" if node.child_by_field_name("name").is_some() => Role::Leaf,
        "lexical_declaration" | "variable_declaration" if is_function_value(node) => Role::Leaf,
        "declaration_list"
        | "class_body"
        | "interface_body"
        | "enum_body"
        | "enum_body_declarations"
        | "block"
        | "body_statement"
        | "statement_block"
        | "field_declaration_list"
        | "foreign_mod_item"
        | "compound_statement"
        | "linkage_specification"
        | "preproc_ifdef"
        | "preproc_if"
        | "preproc_else"
        | "preproc_elif"
        | "type_declaration"
        | "enum_declaration_list"
        | "ERROR" => Role::Through,
        _ => Role::Other,
    }
}

/// Whether a macro call was taken for a function: a function has a list of parameters somewhere in its declarator.
fn is_misread(node: Node<'_>) -> bool {
    let mut inner = node.child_by_field_name("declarator");
    while let Some(declarator) = inner {
        if declarator.kind() == "function_declarator" {
            return false;
        }
        inner = inner_declarator(declarator);
    }
    node.child_by_field_name("declarator").is_some()
}

/// `const f = () => {}` defines a function as `function f() {}` does.
fn is_function_value(node: Node<'_>) -> bool {
    let value = node.named_child(0).and_then(|declarator| declarator.child_by_field_name("value"));
    value.is_some_and(|value| matches!(value.kind(), "arrow_function" | "function_expression" | "class"))
}

/// The symbol inside what only dresses it: `export`, decorators, `template<...>`, `declare`, a lone `type`.
fn undressed(node: Node<'_>) -> Node<'_> {
    let mut inner = node;
    // The dress is at most `export declare abstract` deep; the bound is for broken code.
    for _ in 0..8 {
        let next = match inner.kind() {
            "export_statement" | "decorated_definition" => {
                inner.child_by_field_name("declaration").or_else(|| inner.child_by_field_name("definition"))
            }
            "template_declaration" | "ambient_declaration" | "expression_statement" => last_named_child(inner),
            "type_declaration" if inner.named_child_count() == 1 => inner.named_child(0),
            _ => None,
        };
        match next {
            Some(dressed) if inner.kind() != "expression_statement" || dressed.kind() == "internal_module" => {
                inner = dressed;
            }
            _ => break,
        }
    }
    inner
}

fn last_named_child(node: Node<'_>) -> Option<Node<'_>> {
    node.named_child_count().checked_sub(1).and_then(|last| node.named_child(last as u32))
}

/// A run of members at one depth.
struct Scope<'tree> {
    members: std::vec::IntoIter<Node<'tree>>,
    level: u8,
    /// Where the comments begin that the last members are, and where they end.
    comments: Option<Span>,
    after_symbol: bool,
}

impl<'tree> Scope<'tree> {
    fn of(node: Node<'tree>, level: u8) -> Self {
        let members: Vec<_> = node.named_children(&mut node.walk()).collect();
        Self { members: members.into_iter(), level, comments: None, after_symbol: false }
    }
}

struct Outline<'a> {
    text: &'a str,
    headings: Vec<Heading>,
}

impl Outline<'_> {
    /// Takes note of one member. Its own members come back when they are looked at, too.
    fn meet<'tree>(&mut self, member: Node<'tree>, scope: &mut Scope<'tree>) -> Option<Scope<'tree>> {
        let symbol = undressed(member);
        let role = role(symbol);
        if matches!(role, Role::Comment) {
            self.meet_comment(member, scope);
            return None;
        }
        let start = self.with_comments(member, scope.comments.take());
        match role {
            Role::Through => {
                // What follows `#endif` stands behind the symbols before it.
                scope.after_symbol = !self.headings.is_empty();
                Some(Scope::of(symbol, scope.level))
            }
            Role::Container | Role::Leaf => {
                let title = title(symbol, self.text)?;
                self.push(scope.level, Span::new(start, signature_end(symbol, self.text)), title);
                scope.after_symbol = true;
                let descends = matches!(role, Role::Container) && scope.level < LEVELS_MAX;
                let body = symbol.child_by_field_name("body").filter(|_| descends)?;
                Some(Scope::of(body, scope.level + 1))
            }
            _ if scope.after_symbol && stands_alone(member) => {
                // Code behind a symbol and outside of it is none of the symbol's, and goes by its own first line.
                scope.after_symbol = false;
                let line = first_line(self.text, member.start_byte(), member.end_byte());
                self.push(scope.level, Span::new(start, line.end), line.slice(self.text).trim().to_owned());
                None
            }
            _ => None,
        }
    }

    fn push(&mut self, level: u8, span: Span, title: String) {
        // Broken code can give a symbol in the signature of another one.
        let follows = self.headings.last().is_none_or(|last| last.span.end <= span.start);
        if follows && !span.is_empty() && !title.is_empty() {
            self.headings.push(Heading { level, span, title });
        }
    }

    fn meet_comment(&self, comment: Node<'_>, scope: &mut Scope<'_>) {
        let span = Span::new(comment.start_byte(), comment.end_byte());
        let line_start = self.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        if !self.text[line_start..span.start].trim().is_empty() {
            // It stands behind code on the same line, and speaks of that.
            scope.comments = None;
            return;
        }
        scope.comments = match scope.comments {
            Some(above) if self.touches(above.end, span.start) => Some(Span::new(above.start, span.end)),
            _ => Some(span),
        };
    }

    /// Where a member begins, the comments directly above it included.
    fn with_comments(&self, member: Node<'_>, comments: Option<Span>) -> usize {
        let start = member.start_byte();
        comments.filter(|above| self.touches(above.end, start)).map_or(start, |above| above.start)
    }

    /// Whether no blank line lies between. A comment's node may hold its line end.
    fn touches(&self, end: usize, start: usize) -> bool {
        let ended = self.text[..end].trim_end().len();
        self.text.get(ended..start).is_some_and(|between| between.matches('\n').count() <= 1)
    }
}

/// Whether a member says something by itself. Imports and the like follow symbols only in passing.
fn stands_alone(member: Node<'_>) -> bool {
    !member.is_extra() && !member.is_missing() && !matches!(member.kind(), "identifier" | "empty_statement" | "text")
}

/// Where the signature of a symbol ends: before its body, or with its first line.
fn signature_end(symbol: Node<'_>, text: &str) -> usize {
    let value = symbol.named_child(0).and_then(|declarator| declarator.child_by_field_name("value"));
    let body = symbol.child_by_field_name("body").or_else(|| value?.child_by_field_name("body"));
    let (start, end) = (symbol.start_byte(), symbol.end_byte());
    match body {
        Some(body) if body.start_byte() > start => start + text[start..body.start_byte()].trim_end().len(),
        _ => first_line(text, start, end).end,
    }
}
