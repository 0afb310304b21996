//! Symbols are what source code defines: modules, types and functions, each with the scope that it stands in.

use std::cell::Cell;
use std::ops::ControlFlow;

use tree_sitter::{Language as Grammar, Node, ParseOptions, Parser, Tree};

use super::role::{Role, role, undressed};
use super::title::{first_line, title};
use crate::{Heading, Span};

/// Larger files are generated. The tree of what is no code of the language can take more than a kilobyte for each byte, within
/// the steps below.
const BYTES_MAX: usize = 1 << 20;

/// Scopes are read to this depth: modules, types in them, types in those, and their functions.
const LEVELS_MAX: u8 = 6;

/// What parsing may cost, so that text which is no code of the language costs a bounded time. A step is one of the parser's, or
/// [`READ_BYTES`] that its lexer looks at. Real code takes one or two steps a byte.
const STEPS_MIN: usize = 200_000;
const STEPS_PER_BYTE: usize = 3;

/// The parser reports each hundred steps.
const STEPS_PER_REPORT: usize = 100;

/// The lexer is given the text in pieces of this size, so that one which reads on and on is seen.
const READ_BYTES: usize = 256;
const STEPS_PER_READ: usize = 16;

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
    let steps_left = Cell::new(STEPS_MIN + STEPS_PER_BYTE * text.len());
    let spend = |steps: usize| {
        steps_left.set(steps_left.get().saturating_sub(steps));
        steps_left.get() > 0
    };
    let bytes = text.as_bytes();
    let mut piece = |at: usize, _| match spend(STEPS_PER_READ) {
        true => bytes.get(at..bytes.len().min(at + READ_BYTES)).unwrap_or_default(),
        // The text seems to end here, so that a lexer which is under way comes to its end.
        false => &[],
    };
    let mut progress = |_: &_| if spend(STEPS_PER_REPORT) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let tree = parser.parse_with_options(&mut piece, None, Some(options));
    tree.filter(|_| steps_left.get() > 0)
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

#[cfg(test)]
mod tests {
    use super::super::grammar;
    use super::*;
    use crate::MediaType;

    fn outline(name: &str, text: &str) -> Vec<(u8, String)> {
        let extension = name.rsplit('.').next().unwrap();
        let Some(MediaType::Code(language)) = MediaType::from_extension(extension) else { panic!("{name} is code") };
        let found = headings(text, &grammar::of(language, name, text).unwrap()).unwrap();
        found.into_iter().map(|heading| (heading.level, heading.title)).collect()
    }

    fn assert_outline(name: &str, text: &str, expected: &[(u8, &str)]) {
        let found = outline(name, text);
        assert_eq!(found.iter().map(|(level, title)| (*level, title.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rust_has_items_and_what_stands_in_them() {
        let text = "use a::b;\npub struct A { x: u8 }\nimpl<T> Show for A<T>\nwhere\n    T: Copy,\n{\n    async fn show(&self) {}\n}\nmod inner;\n\
                    mod tests {\n    #[test]\n    fn works() {}\n}\nmacro_rules! m { () => {} }\n";
        let expected = [
            (1, "struct A"),
            (1, "impl<T> Show for A<T>"),
            (2, "fn show"),
            (1, "mod inner;"),
            (1, "mod tests"),
            (2, "fn works"),
            (1, "macro_rules! m"),
        ];
        assert_outline("a.rs", text, &expected);
    }

    #[test]
    fn comments_and_attributes_above_belong_to_the_symbol() {
        let text = "// License\n\n/// Fills.\n#[must_use]\nfn fill(x: u8)\n    -> u8 {\n    1\n}\nfn b() {} // of b\nfn c() {}\n";
        let found = headings(text, &tree_sitter_rust::LANGUAGE.into()).unwrap();
        let spans: Vec<_> = found.iter().map(|heading| heading.span.slice(text)).collect();
        assert_eq!(spans, ["/// Fills.\n#[must_use]\nfn fill(x: u8)\n    -> u8", "fn b()", "fn c()"]);
    }

    #[test]
    fn python_has_classes_and_functions_and_code_behind_them() {
        let text = "import os\nX = 1\n\n@dataclass\nclass 장부(Base):\n    \"\"\"Doc.\"\"\"\n    async def 합계(self):\n        def inner(): pass\n\
                    \ndef main():\n    pass\n\nif __name__ == '__main__':\n    main()\n";
        let expected = [(1, "class 장부"), (2, "def 합계"), (1, "def main"), (1, "if __name__ == '__main__':")];
        assert_outline("a.py", text, &expected);
    }

    #[test]
    fn scripts_have_functions_in_all_their_spellings() {
        let text = "export default class K extends B { async run() {} get y() { return 1 } }\nfunction* walk() {}\n\
                    export const go = async (x) => x;\nexports.z = function () {};\n";
        let expected = [
            (1, "class K"),
            (2, "run"),
            (2, "y"),
            (1, "function walk"),
            (1, "const go"),
            (1, "exports.z = function () {};"),
        ];
        assert_outline("a.js", text, &expected);
        let typed = "export interface S { a(): void }\ntype T = string;\nnamespace N { export function f() {} }\ndeclare function g(): void;\n";
        let symbols = [(1, "interface S"), (1, "type T"), (1, "namespace N"), (2, "function f"), (1, "function g")];
        assert_outline("a.ts", typed, &symbols);
        assert_outline("a.tsx", "const App = () => <p>{x}</p>;\n", &[(1, "const App")]);
    }

    #[test]
    fn go_java_and_c_sharp_have_types_and_methods() {
        let go =
            "package a\ntype A struct{}\ntype (\n\tB int\n\tC string\n)\nfunc (a *A) Fill(n int) {}\nfunc main() {}\n";
        let expected = [(1, "type A"), (1, "type B"), (1, "type C"), (1, "func (a *A) Fill"), (1, "func main")];
        assert_outline("a.go", go, &expected);
        let java = "package a;\n@X public class A<T> { int f; A() {} @Y String s() { return \"\"; } enum E { P; void g() {} } }\n";
        assert_outline("A.java", java, &[(1, "class A"), (2, "A"), (2, "s"), (2, "enum E"), (3, "g")]);
        let sharp = "namespace X.Y;\npublic class A : B { public int P { get; set; } public Task R() => 1; }\nrecord Q(int X);\n";
        assert_outline("a.cs", sharp, &[(1, "class A"), (2, "P"), (2, "R"), (1, "record Q")]);
    }

    #[test]
    fn c_and_its_kin_have_names_inside_declarators() {
        let c = "#ifndef A_H\n#define SQ(x) ((x)*(x))\nstruct p { int x; };\ntypedef struct { int y; } q;\nstatic char *name(int a)\n{ return 0; }\n#endif\n";
        assert_outline("a.c", c, &[(1, "#define SQ"), (1, "struct p"), (1, "typedef q"), (1, "name")]);
        let cpp = "namespace a::b {\ntemplate <typename T>\nclass V : public B {\n int fill() { return 1; }\n};\nenum class E { R };\n\
                   int V::size() { return 1; }\nV& make() { return v; }\n}\n";
        let expected =
            [(1, "namespace a::b"), (2, "class V"), (3, "fill"), (2, "enum class E"), (2, "V::size"), (2, "make")];
        assert_outline("a.cpp", cpp, &expected);
        assert_outline("a.h", "namespace q {\nclass W {};\n}\n", &[(1, "namespace q"), (2, "class W")]);
    }

    #[test]
    fn ruby_php_and_shell_have_functions() {
        let ruby = "module M\n  class A < B\n    def fill(n)\n    end\n    def self.make = new\n  end\nend\n";
        assert_outline("a.rb", ruby, &[(1, "module M"), (2, "class A"), (3, "def fill"), (3, "def self.make")]);
        let php = "<?php\nnamespace A;\nuse X;\nabstract class C { #[R] public function run() {} }\ntrait T {}\nfunction top() {}\n";
        assert_outline("a.php", php, &[(1, "class C"), (2, "function run"), (1, "trait T"), (1, "function top")]);
        assert_outline(
            "a.sh",
            "set -e\nbuild() {\n  x\n}\nfunction clean { y; }\n",
            &[(1, "build"), (1, "function clean")],
        );
    }

    #[test]
    fn broken_code_keeps_the_symbols_that_are_left() {
        let text = "fn a() { let x = ; }\nfn b( {\n}\n}}}\nstruct C;\n";
        assert!(outline("a.rs", text).contains(&(1, "struct C".to_owned())));
    }

    #[test]
    fn what_is_no_code_costs_a_bounded_time() {
        let samples = [
            "(((((",
            "{[(<",
            "a ? b : ",
            "x+",
            "<<<<EOF\n",
            "\"${",
            "if else ",
            "template<",
            "한강 ",
            "\\\n",
            "'",
            "`${",
        ];
        for name in ["a.rs", "a.py", "a.js", "a.tsx", "a.go", "A.java", "a.c", "a.cpp", "a.cs", "a.rb", "a.php", "a.sh"]
        {
            for sample in samples {
                let extension = name.rsplit('.').next().unwrap();
                let Some(MediaType::Code(language)) = MediaType::from_extension(extension) else { panic!("{name}") };
                let text = sample.repeat(8_000 / sample.len());
                let _ = headings(&text, &grammar::of(language, name, &text).unwrap());
            }
        }
    }
}
