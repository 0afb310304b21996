//! A notebook is read cell by cell.

use serde_json::Value;

use super::assembly::Assembly;
use super::decode::decode;
use super::markdown::first_title;
use super::source::Source;
use crate::{Document, ExtractError, Position, Span, Warning};

/// Most values of a notebook. Each costs some seventy bytes, whatever it holds; text and pictures are single values.
const VALUES_MAX: usize = 8_000_000;

/// Most lines of an output that are kept. What a program prints beyond is a log.
const OUTPUT_LINES_MAX: usize = 40;

/// Most letters of an output that are kept.
const OUTPUT_BYTES_MAX: usize = 4_000;

/// A picture inside of Markdown that is longer than this is left out.
const DATA_URI_BYTES_MAX: usize = 256;

/// Reads Jupyter notebooks, formats 3 and 4. Where a field has another type than the format says, it says nothing.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let decoded = decode(source.bytes, None)?;
    let values = decoded.text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    if values > VALUES_MAX {
        return Err(damaged(&format!("it has more than {VALUES_MAX} values")));
    }
    let notebook: Value = serde_json::from_str(&decoded.text).map_err(|error| damaged(&error.to_string()))?;
    let mut reader = NotebookReader {
        assembly: Assembly::with_warnings(decoded.warnings),
        language: language(&notebook).unwrap_or_default(),
        pictures: 0,
        lines_cut: 0,
    };
    for (number, cell) in (1..).zip(cells(&notebook)) {
        reader.read_cell(cell, number);
    }
    let (pictures, lines_cut, language) = (reader.pictures, reader.lines_cut, reader.language);
    let mut document = reader.assembly.finish(source.media_type);
    for (what, count) in [("pictures and interactive outputs", pictures), ("lines of long outputs", lines_cut)] {
        if count > 0 {
            document.warnings.push(Warning::NotRead { what: what.to_owned(), count });
        }
    }
    document.title =
        notebook["metadata"]["title"].as_str().map(str::to_owned).or_else(|| first_title(&document.headings));
    if !language.is_empty() {
        document.metadata.insert("language".to_owned(), language);
    }
    Ok(document)
}

fn damaged(reason: &str) -> ExtractError {
    ExtractError::Damaged { format: "notebook".to_owned(), reason: reason.to_lowercase() }
}

/// The cells: format 3 keeps them on worksheets.
fn cells(notebook: &Value) -> Vec<&Value> {
    match notebook["cells"].as_array() {
        Some(cells) => cells.iter().collect(),
        None => listed(&notebook["worksheets"]).iter().flat_map(|sheet| listed(&sheet["cells"])).collect(),
    }
}

/// What is listed, or nothing.
fn listed(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The name of the language that the kernel speaks, as it stands behind a fence.
fn language(notebook: &Value) -> Option<String> {
    let metadata = &notebook["metadata"];
    let named = metadata["language_info"]["name"].as_str().or(metadata["kernelspec"]["language"].as_str())?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.');
    let word: String = named.chars().take_while(|c| is_plain(*c)).take(32).collect();
    (!word.is_empty()).then(|| word.to_lowercase())
}

/// A text, which formats keep whole or line by line.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

struct NotebookReader {
    assembly: Assembly,
    language: String,
    pictures: usize,
    lines_cut: usize,
}

impl NotebookReader {
    fn read_cell(&mut self, cell: &Value, number: u32) {
        let source = if cell["source"].is_null() { text(&cell["input"]) } else { text(&cell["source"]) };
        let start = match cell["cell_type"].as_str() {
            Some("code") => self.code(cell, &source),
            Some("heading") => {
                let level = cell["level"].as_u64().unwrap_or(1).clamp(1, 6) as usize;
                self.assembly.part(&format!("{} {}", "#".repeat(level), source.trim())).start
            }
            _ => {
                let kept = self.without_pictures(&source);
                self.assembly.part(&kept).start
            }
        };
        let span = Span::new(start.min(self.assembly.len()), self.assembly.len());
        self.assembly.place(span, Position::Cell { number });
    }

    /// Writes code and what it gave; returns where it begins.
    fn code(&mut self, cell: &Value, source: &str) -> usize {
        let language = cell["language"].as_str().unwrap_or(&self.language).to_owned();
        let mut start = None;
        if !source.trim().is_empty() {
            start = Some(self.assembly.part(&fenced(source, &language)).start);
        }
        for output in listed(&cell["outputs"]) {
            let said = self.output(output);
            let kept = self.shortened(said.trim_matches('\n'));
            if !kept.trim().is_empty() {
                let span = self.assembly.part(&fenced(&kept, "text"));
                start = start.or(Some(span.start));
            }
        }
        start.unwrap_or(self.assembly.len())
    }

    /// The text of an output. Where a picture says more, the text beside it is only its name.
    fn output(&mut self, output: &Value) -> String {
        let is_picture = |key: &str| {
            key.starts_with("image/") || key.starts_with("application/vnd") || matches!(key, "png" | "jpeg" | "svg")
        };
        let data = if output["data"].is_object() { &output["data"] } else { output };
        let pictures = data.as_object().map_or(0, |keys| usize::from(keys.keys().any(|key| is_picture(key))));
        self.pictures += pictures;
        match output["output_type"].as_str() {
            Some("error" | "pyerr") => {
                let (name, value) = (text(&output["ename"]), text(&output["evalue"]));
                let last = value.lines().next_back().unwrap_or_default();
                if name.is_empty() { last.to_owned() } else { format!("{name}: {last}") }
            }
            _ if pictures > 0 => String::new(),
            _ => {
                let keys = ["text/plain", "text/markdown", "text"];
                keys.iter().map(|key| text(&data[*key])).find(|said| !said.is_empty()).unwrap_or_default()
            }
        }
    }

    fn shortened(&mut self, output: &str) -> String {
        let kept: String = output.split_inclusive('\n').take(OUTPUT_LINES_MAX).collect();
        let kept = &kept[..kept.floor_char_boundary(OUTPUT_BYTES_MAX)];
        if kept.len() < output.len() {
            self.lines_cut += output[kept.len()..].lines().count();
            return format!("{}\n…", kept.trim_end());
        }
        kept.to_owned()
    }

    /// Markdown without the pictures that are written into it as letters.
    fn without_pictures(&mut self, source: &str) -> String {
        let mut out = String::with_capacity(source.len());
        let mut rest = source;
        while let Some(at) = rest.find("data:") {
            let uri = &rest[at..];
            let len = uri.find(|c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>')).unwrap_or(uri.len());
            let is_long = len > DATA_URI_BYTES_MAX;
            self.pictures += usize::from(is_long);
            out.push_str(&rest[..at + if is_long { "data:".len() } else { len }]);
            rest = &uri[len..];
        }
        out.push_str(rest);
        out
    }
}

/// Text between fences that are longer than any fence in it.
fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_matches('\n').trim_end())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ExtractOptions, extract};

    fn read(notebook: &Value) -> Document {
        extract("a.ipynb", notebook.to_string().as_bytes(), &ExtractOptions::default()).unwrap()
    }

    #[test]
    fn cells_are_markdown_code_and_what_it_gave() {
        let document = read(&json!({"nbformat": 4, "metadata": {"language_info": {"name": "Python"}}, "cells": [
            {"cell_type": "markdown", "source": ["# 한강 수위\n", "\n", "설명"]},
            {"cell_type": "code", "source": "print('```')", "outputs": [
                {"output_type": "stream", "text": ["\u{1B}[31m12.5\u{1B}[0m\n"]},
                {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure>"}},
                {"output_type": "execute_result", "data": {"text/plain": "42"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "first\nbad value", "traceback": ["..."]},
            ]},
        ]}));
        let expected = "# 한강 수위\n\n설명\n\n````python\nprint('```')\n````\n\n```text\n12.5\n```\n\n```text\n42\n```\n\n\
            ```text\nValueError: bad value\n```";
        assert_eq!(document.text, expected);
        assert_eq!(document.title.as_deref(), Some("한강 수위"));
        let cells: Vec<_> = document.places.iter().map(|place| (&place.position, place.span.len())).collect();
        assert_eq!(cells[1], (&Position::Cell { number: 2 }, expected.len() - "# 한강 수위\n\n설명\n\n".len()));
        assert!(document.warnings.iter().any(|warning| matches!(warning, Warning::NotRead { count: 1, .. })));
    }

    #[test]
    fn the_format_before_is_read_too() {
        let document = read(&json!({"nbformat": 3, "worksheets": [{"cells": [
            {"cell_type": "heading", "level": 2, "source": ["Levels"]},
            {"cell_type": "code", "language": "python", "input": ["x = 1"], "outputs": [{"output_type": "pyout", "text": ["1"]}]},
        ]}]}));
        assert_eq!(document.text, "## Levels\n\n```python\nx = 1\n```\n\n```text\n1\n```");
        assert_eq!(document.headings[0].title, "Levels");
    }

    #[test]
    fn wrong_types_say_nothing_and_the_rest_is_kept() {
        let document = read(&json!({"metadata": [], "cells": [
            7, null, {"cell_type": 7, "source": {"a": 1}}, {"cell_type": "code", "source": null, "outputs": "x"},
            {"cell_type": "code", "source": ["a", 7, "b"], "outputs": [null, {"data": 7, "text": [7]}]},
            {"cell_type": "raw", "source": "needle"},
        ]}));
        assert_eq!(document.text, "```\nab\n```\n\nneedle");
    }

    #[test]
    fn long_outputs_and_pictures_in_markdown_are_cut() {
        let picture = format!("![a](data:image/png;base64,{}) after", "A".repeat(10_000));
        let document = read(&json!({"cells": [
            {"cell_type": "markdown", "source": picture},
            {"cell_type": "code", "source": "x", "outputs": [{"text": "line\n".repeat(1_000)}]},
        ]}));
        assert!(document.text.starts_with("![a](data:) after"));
        assert!(document.text.len() < 400);
        assert_eq!(document.warnings.len(), 2);
    }

    #[test]
    fn what_is_no_json_is_damaged() {
        let deep = format!("{{\"cells\":{}", "[".repeat(100_000));
        for text in ["{\"cells\": [", &deep] {
            let error = extract("a.ipynb", text.as_bytes(), &ExtractOptions::default()).unwrap_err();
            assert_eq!(error.code(), "damaged");
        }
    }
}
