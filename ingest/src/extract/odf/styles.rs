//! What the styles of an OpenDocument file say: which lists are numbered, and what stands in headers and footers.

use std::collections::BTreeSet;

use crate::extract::flow::is_page_number;
use crate::extract::xml::{Tag, Visitor};

/// Styles, gathered from `styles.xml` and from the head of `content.xml`.
#[derive(Default)]
pub(super) struct Styles {
    /// The list styles and their levels, from 1, that are numbered.
    numbered: BTreeSet<(String, u32)>,
    list_style: String,
    /// The paragraph styles that are the title of the document, by name.
    titles: BTreeSet<String>,
    /// The lines of headers and footers, each under the name of its element.
    margins: Vec<(&'static str, String)>,
    margin: Option<&'static str>,
    line: String,
}

const MARGINS: [&str; 6] = [
    "style:header",
    "style:header-left",
    "style:header-first",
    "style:footer",
    "style:footer-left",
    "style:footer-first",
];

impl Styles {
    pub(super) fn is_numbered(&self, style: &str, level: u32) -> bool {
        // Looked up by reference, a pair of owned strings would be needed.
        self.numbered.contains(&(style.to_owned(), level))
    }

    pub(super) fn is_title(&self, style: &str) -> bool {
        style == "Title" || self.titles.contains(style)
    }

    /// The lines of all headers (`style:header`) or footers, each once. Page numbers alone are left out.
    pub(super) fn margins(&self, kind: &str) -> String {
        let mut lines: Vec<&str> = Vec::new();
        for (name, line) in &self.margins {
            if name.starts_with(kind) && !is_page_number(line) && !lines.contains(&line.as_str()) {
                lines.push(line);
            }
        }
        lines.join("\n")
    }
}

impl Visitor for Styles {
    fn open(&mut self, name: &str, tag: &Tag<'_>) {
        match name {
            "style:style" => {
                if tag.value("style:parent-style-name").is_some_and(|parent| self.is_title(&parent)) {
                    self.titles.extend(tag.value("style:name"));
                }
            }
            "text:list-style" => self.list_style = tag.value("style:name").unwrap_or_default(),
            "text:list-level-style-number" => {
                let level = tag.number("text:level").unwrap_or(1);
                // A number that is not shown is no number.
                if tag.value("style:num-format").is_some_and(|format| !format.is_empty()) {
                    self.numbered.insert((self.list_style.clone(), level));
                }
            }
            "text:tab" | "text:s" => self.line.push(' '),
            _ => {
                if let Some(margin) = MARGINS.into_iter().find(|margin| *margin == name) {
                    self.margin = Some(margin);
                }
                if name == "text:p" {
                    self.line.clear();
                }
            }
        }
    }

    fn close(&mut self, name: &str) {
        let Some(margin) = self.margin else { return };
        if name == margin {
            self.margin = None;
        } else if name == "text:p" && !self.line.trim().is_empty() && self.margins.len() < 100 {
            self.margins.push((margin, std::mem::take(&mut self.line)));
        }
    }

    fn words(&mut self, words: &str) {
        if self.margin.is_some() {
            self.line.push_str(words);
        }
    }
}
