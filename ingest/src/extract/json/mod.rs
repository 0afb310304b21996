//! JSON is kept as it is written; lines of JSON are records.

mod lines;
mod parts;

use std::borrow::Cow;

use super::clean::clean;
use super::decode::decode;
use super::source::Source;
use crate::{Document, ExtractError, MediaType, Place, Position, Span};
use lines::broken;

/// Length of a line from which on a person no longer reads it, in bytes. Programs that write for people break before.
const LINE_BYTES_MAX: usize = 1_000;

/// Reads JSON and lines of JSON.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut decoded = decode(source.bytes, None)?;
    let spelled = match unescaped(&decoded.text) {
        Cow::Owned(spelled) => spelled,
        Cow::Borrowed(_) => decoded.text,
    };
    let text = clean(spelled, &mut decoded.warnings);
    if source.media_type == MediaType::JsonLines {
        let mut document = Document::of_text(source.media_type, text, decoded.warnings);
        document.places = rows(&document.text);
        return Ok(document);
    }
    let readable = if has_long_line(&text) { broken(&text, source.options.limits.text_bytes_max) } else { None };
    let mut document = Document::of_text(source.media_type, readable.unwrap_or(text), decoded.warnings);
    document.blocks = parts::blocks(&document.text);
    Ok(document)
}

/// Each line that says something, under its number.
fn rows(text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let mut at = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let words = line.trim_end();
        if !words.is_empty() {
            places.push(Place { span: Span::new(at, at + words.len()), position: Position::Row { number } });
        }
        at += line.len();
    }
    places
}

fn has_long_line(text: &str) -> bool {
    text.lines().any(|line| line.len() > LINE_BYTES_MAX)
}

/// Spells out the letters that programs write as `\uD55C`, so that they can be found. The value stays the same: what JSON
/// demands to be escaped stays escaped.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match letter(rest) {
            Some((letter, len)) => {
                out.push(letter);
                len
            }
            None => {
                let len = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..len]);
                len
            }
        };
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The letter of the escape that `text` begins with, beyond ASCII, and the length of the escape.
fn letter(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let first = unit(0)?;
    let (letter, len) = match first {
        0xD800..=0xDBFF => (char::decode_utf16([first, unit(6)?]).next()?.ok()?, 12),
        _ => (char::from_u32(u32::from(first))?, 6),
    };
    (!letter.is_ascii() && !letter.is_control()).then_some((letter, len))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ExtractOptions, extract};

    fn read(name: &str, text: &str) -> Document {
        extract(name, text.as_bytes(), &ExtractOptions::default()).unwrap()
    }

    #[test]
    fn what_people_can_read_stays_as_it_is() {
        let text = "{\n    \"b\" : 1.50,\n  \"a\": [1,2]\n}\n";
        assert_eq!(read("a.json", text).text, text);
    }

    #[test]
    fn one_long_line_is_broken_and_nothing_else_changes() {
        let pad = "p".repeat(160);
        let text = format!(r#"{{"b":1.50e3,"a":[1,"{pad}",{{"x":"{{[,:\"\\"}}],"empty":{{}},"list":[[],2]}}"#);
        let expected = format!(
            "{{\n  \"b\": 1.50e3,\n  \"a\": [\n    1,\n    \"{pad}\",\n    {{\"x\": \"{{[,:\\\"\\\\\"}}\n  ],\n  \
             \"empty\": {{}},\n  \"list\": [[], 2]\n}}"
        );
        assert_eq!(broken(&text, 1_000), Some(expected));
        let long = format!("[{}]", vec![r#"{"name":"한강","km":494}"#; 100].join(","));
        assert_eq!(read("a.json", &long).text.lines().count(), 102);
    }

    #[test]
    fn what_is_no_json_stays_as_it_is() {
        for text in ["[1, // comment\n2]", "{'a':1}", "[[1]", "]", "[\"open"] {
            assert_eq!(broken(text, 1_000), None, "{text}");
        }
        let deep = "[".repeat(200_000);
        assert_eq!(read("a.json", &deep).text, deep);
    }

    #[test]
    fn escaped_letters_are_spelled_out_and_escapes_that_json_needs_stay() {
        let text = r#"{"\ub3c4\uC2dc": "\ud55c\n\u0022 \\ud55c \ud83d\ude00 \ud83d \u00"}"#;
        let expected = "{\"도시\": \"한\\n\\u0022 \\\\ud55c 😀 \\ud83d \\u00\"}";
        assert_eq!(read("a.json", text).text, expected);
    }

    #[test]
    fn each_line_is_a_row() {
        let document = read("a.jsonl", "{\"a\":1}\n\n{\"a\":2}\r\n");
        let rows: Vec<_> =
            document.places.iter().map(|place| (place.span.slice(&document.text), place.position.clone())).collect();
        let expected = [("{\"a\":1}", Position::Row { number: 1 }), ("{\"a\":2}", Position::Row { number: 3 })];
        assert_eq!(rows, expected);
    }

    proptest! {
        #[test]
        fn broken_lines_hold_the_same_value(value in any_value()) {
            let text = value.to_string();
            let parsed = broken(&text, 1 << 20).map(|broken| serde_json::from_str::<serde_json::Value>(&broken).unwrap());
            prop_assert_eq!(parsed, Some(value));
        }
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z\"\\\\\\[\\]{},: 가-힣\n]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[a-z:,]{1,6}", inner, 0..8)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }
}
