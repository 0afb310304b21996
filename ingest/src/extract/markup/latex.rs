//! LaTeX: commands such as `\section{...}` are its headings, and environments its code and tables.

use std::collections::BTreeSet;

use super::Outline;
use crate::{ChunkKind, Span};

/// Arguments are looked at this far. An open brace in a broken file would otherwise be followed to the end each time.
const ARGUMENT_BYTES_MAX: usize = 2_000;

/// Commands that divide a document, outermost first. A slide's title stands inside a section.
const DIVISIONS: [(&str, u8); 9] = [
    ("part", 0),
    ("chapter", 1),
    ("section", 2),
    ("subsection", 3),
    ("subsubsection", 4),
    ("frametitle", 4),
    ("paragraph", 5),
    ("subparagraph", 6),
    ("addchap", 1),
];

/// Environments whose content is not read as LaTeX.
const VERBATIM: [&str; 8] =
    ["verbatim", "verbatim*", "Verbatim", "lstlisting", "minted", "alltt", "comment", "filecontents"];

const TABLES: [&str; 6] = ["tabular", "tabular*", "tabularx", "tabulary", "longtable", "tblr"];

pub(super) fn outline(text: &str) -> Outline {
    let mut reader = Reader { text, outline: Outline::default(), unclosed: BTreeSet::new(), body: None };
    let mut at = 0;
    while let Some(found) = text[at..].find(['\\', '%']) {
        at = reader.read(at + found);
    }
    reader.finish()
}

struct Reader<'t> {
    text: &'t str,
    outline: Outline,
    /// Environments that are not closed any more.
    unclosed: BTreeSet<String>,
    /// Where the document begins, and where it ends when that was read.
    body: Option<(usize, Option<usize>)>,
}

impl<'t> Reader<'t> {
    /// Reads the command or the comment at an offset, and says where to go on.
    fn read(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        if rest.starts_with('%') {
            return at + rest.find('\n').unwrap_or(rest.len());
        }
        let name = command_name(&rest[1..]);
        let after = at + 1 + name.len();
        match name {
            // An escaped character, the percent sign among them, is no command.
            "" => after + rest[1..].chars().next().map_or(0, char::len_utf8),
            "verb" | "lstinline" => self.after_verb(after),
            "begin" => self.environment(at, after),
            "end" if self.argument(after).is_some_and(|(ended, _)| ended == "document") => {
                self.body = self.body.map(|(start, end)| (start, end.or(Some(at))));
                after
            }
            "title" | "author" | "date" => self.entry(name, after),
            _ => match DIVISIONS.iter().find(|(division, _)| *division == name) {
                Some((_, rank)) => self.division(at, after, *rank),
                None => after,
            },
        }
    }

    fn finish(mut self) -> Outline {
        self.outline.body = match self.body {
            Some((start, Some(end))) => Some(Span::new(start, end)),
            _ => None,
        };
        if let Some(body) = self.outline.body {
            // The preamble defines commands, and what they hold are patterns of headings.
            self.outline.headings.retain(|heading| body.contains(heading.span));
            self.outline.blocks.retain(|block| body.contains(block.span));
        }
        let outermost = self.outline.headings.iter().map(|heading| heading.level).min().unwrap_or(1);
        for heading in &mut self.outline.headings {
            heading.level -= outermost - 1;
        }
        self.outline
    }

    /// `\section*[short]{Words}`.
    fn division(&mut self, at: usize, after: usize, rank: u8) -> usize {
        let starred = after + usize::from(self.text[after..].starts_with('*'));
        let open = self.after_option(starred);
        let Some((words, end)) = self.argument(open) else { return after };
        // Levels are made to begin at 1 when all of them are known.
        self.outline.heading(usize::from(rank) + 1, Span::new(at, end), &plain(words));
        end
    }

    fn entry(&mut self, name: &str, after: usize) -> usize {
        let Some((words, end)) = self.argument(self.after_option(after)) else { return after };
        if name != "date" || !words.contains("\\today") {
            self.outline.entry(name, &plain(&words.replace("\\and", ", ")));
        }
        end
    }

    fn environment(&mut self, at: usize, after: usize) -> usize {
        let Some((name, open_end)) = self.argument(after) else { return after };
        if name == "document" {
            self.body = self.body.or(Some((open_end, None)));
            return open_end;
        }
        let kind = match name {
            _ if VERBATIM.contains(&name) => ChunkKind::Code,
            _ if TABLES.contains(&name) => ChunkKind::Table,
            _ => return open_end,
        };
        if self.unclosed.contains(name) {
            return open_end;
        }
        let close = format!("\\end{{{name}}}");
        let Some(found) = self.text[open_end..].find(&close) else {
            self.unclosed.insert(name.to_owned());
            return open_end;
        };
        let end = open_end + found + close.len();
        if name != "comment" {
            self.outline.block(self.whole_lines(at, end), kind, None);
        }
        end
    }

    /// The environment with the blanks around it on its lines.
    fn whole_lines(&self, start: usize, end: usize) -> Span {
        let above = self.outline.blocks.last().map_or(0, |block| block.span.end);
        let indent = self.text[above..start].bytes().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let blank = self.text[end..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        Span::new(start - indent, end + blank)
    }

    /// Where the short verbatim text ends that begins with the character at an offset.
    fn after_verb(&self, after: usize) -> usize {
        let rest = self.text[after..].trim_start_matches('*');
        let start = self.text.len() - rest.len();
        let Some(mark) = rest.chars().next().filter(|mark| !mark.is_alphanumeric() && !mark.is_whitespace()) else {
            return start;
        };
        let line = rest.split('\n').next().unwrap_or_default();
        let inside = &line[mark.len_utf8()..];
        inside.find(mark).map_or(start, |end| start + 2 * mark.len_utf8() + end)
    }

    /// Where an argument in square brackets ends, or the offset itself when there is none.
    fn after_option(&self, at: usize) -> usize {
        self.enclosed(at, '[', ']').map_or(at, |(_, end)| end)
    }

    /// The argument in braces at an offset, and where it ends.
    fn argument(&self, at: usize) -> Option<(&'t str, usize)> {
        self.enclosed(at, '{', '}')
    }

    fn enclosed(&self, at: usize, open: char, close: char) -> Option<(&'t str, usize)> {
        let blank = self.text[at..].bytes().take(ARGUMENT_BYTES_MAX).take_while(u8::is_ascii_whitespace).count();
        let start = at + blank + 1;
        self.text[at + blank..].strip_prefix(open)?;
        let reach = &self.text[start..self.text.floor_char_boundary(start + ARGUMENT_BYTES_MAX)];
        let mut depth = 0usize;
        let mut escaped = false;
        for (offset, c) in reach.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == close && depth == 0 => return Some((&reach[..offset], start + offset + close.len_utf8())),
                '{' => depth += 1,
                '}' => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        None
    }
}

fn command_name(rest: &str) -> &str {
    let end = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    &rest[..end]
}

/// The words of a title without the commands around them.
fn plain(words: &str) -> String {
    /// Commands whose argument is not read where they stand.
    const ASIDE: [&str; 7] = ["label", "footnote", "thanks", "index", "cite", "vspace", "hspace"];
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(at) = rest.find(['\\', '{', '}', '~', '%']) {
        out.push_str(&rest[..at]);
        let mark = rest[at..].chars().next().unwrap_or_default();
        rest = &rest[at + mark.len_utf8()..];
        match mark {
            '\\' => rest = after_command(rest, &ASIDE, &mut out),
            '~' => out.push(' '),
            '%' => rest = rest.find('\n').map_or("", |end| &rest[end..]),
            _ => {}
        }
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",")
}

fn after_command<'t>(rest: &'t str, aside: &[&str], out: &mut String) -> &'t str {
    let name = command_name(rest);
    let after = &rest[name.len()..];
    if name.is_empty() {
        // `\&` is a character, `\\` a line end.
        let c = after.chars().next().unwrap_or(' ');
        out.push(if c == '\\' { ' ' } else { c });
        return &after[c.len_utf8().min(after.len())..];
    }
    if aside.contains(&name) && after.starts_with('{') {
        return after.find('}').map_or("", |end| &after[end + 1..]);
    }
    match name {
        "LaTeX" | "TeX" | "BibTeX" => out.push_str(name),
        "textbackslash" => out.push('\\'),
        _ => {}
    }
    // The blank behind a command ends its name.
    after.strip_prefix(' ').filter(|_| !matches!(name, "LaTeX" | "TeX")).unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::super::{blocks, titles};
    use super::*;

    const PAPER: &str = "\\documentclass{article}\n\\newcommand{\\part}{x}\n\\title{한강의 \\textbf{수위}\\thanks{A} \\& more}\n\
        \\author{Kim \\and Lee}\n\\date{\\today}\n\\begin{document}\n\\maketitle\n% \\section{Hidden}\n\
        \\section{One {nested} \\emph{word}\\label{s}}\ntext 5\\% \\section*{Star}\n\\subsection[short]{Long}\n\
        \\begin{verbatim}\n\\section{code}\n\\end{verbatim}\n\\begin{tabular}{ll}\na & b \\\\\n\\end{tabular}\n\
        \\verb|% \\section{no}| \\section{다리}\n\\end{document}\n\\section{After}\n";

    #[test]
    fn divisions_are_headings_with_plain_titles() {
        let outline = outline(PAPER);
        assert_eq!(titles(&outline), [(1, "One nested word"), (1, "Star"), (2, "Long"), (1, "다리")]);
        assert_eq!(outline.headings[1].span.slice(PAPER), "\\section*{Star}");
    }

    #[test]
    fn the_preamble_is_metadata_and_no_body() {
        let outline = outline(PAPER);
        let body = outline.body.unwrap().slice(PAPER);
        assert!(body.starts_with("\n\\maketitle") && body.ends_with("\\section{다리}\n"));
        let entries: Vec<_> = outline.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(entries, [("author", "Kim, Lee"), ("title", "한강의 수위 & more")]);
    }

    #[test]
    fn verbatim_text_is_code_and_tabulars_are_tables() {
        let expected = [
            (ChunkKind::Code, "\\begin{verbatim}\n\\section{code}\n\\end{verbatim}", None),
            (ChunkKind::Table, "\\begin{tabular}{ll}\na & b \\\\\n\\end{tabular}", None),
        ];
        assert_eq!(blocks(&outline(PAPER), PAPER), expected);
    }

    #[test]
    fn a_chapter_without_a_document_around_it_is_read_whole() {
        let outline = outline("\\chapter{A}\n\\section{B}\n");
        assert_eq!((titles(&outline), outline.body), (vec![(1, "A"), (2, "B")], None));
    }

    #[test]
    fn what_is_never_closed_is_passed_over() {
        for text in
            ["\\section{", "\\begin{verbatim}", "\\verb|", "\\", "\\section[", "\\title{\\", "\\begin", "\\verb*"]
        {
            assert_eq!(titles(&outline(&text.repeat(3))), []);
        }
    }
}
