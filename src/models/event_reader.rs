//! Server-sent events out of bytes, however they are cut: the data of each event, and never more than a bound in memory.
//!
//! The rules are those of the HTML standard, 9.2.6 (html.spec.whatwg.org). Only `data` is read; chat completions use no other
//! field. A library for it is at hand and keeps a line of any length.

/// Takes bytes and gives events.
pub(super) struct EventReader {
    line: Vec<u8>,
    data: Option<String>,
    /// Whether the last byte was a carriage return, whose line feed may still come.
    after_return: bool,
    bytes_max: usize,
}

/// An event that is longer than may be kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EventTooLong {
    pub(super) bytes_max: usize,
}

impl EventReader {
    /// A reader of a stream that begins now. An event of more than `bytes_max` bytes is an error.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { line: Vec::new(), data: None, after_return: false, bytes_max }
    }

    /// The data of the events that end within `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, EventTooLong> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.keep(rest)?;
                break;
            };
            self.keep(&rest[..end])?;
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            events.extend(self.end_line());
        }
        Ok(events)
    }

    /// The data of an event that was not ended by an empty line when the stream ended. The standard drops it; servers that
    /// forget the line mean it.
    pub(super) fn finish(mut self) -> Option<String> {
        let ended = self.end_line();
        ended.or(self.data)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), EventTooLong> {
        let held = self.line.len() + self.data.as_ref().map_or(0, String::len);
        if held + bytes.len() > self.bytes_max {
            return Err(EventTooLong { bytes_max: self.bytes_max });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes the line in, and gives the event that it ends.
    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        let text = String::from_utf8_lossy(&line);
        let field = text.trim_start_matches('\u{feff}').strip_prefix("data")?;
        let value = match field.strip_prefix(':') {
            Some(value) => value.strip_prefix(' ').unwrap_or(value),
            None if field.is_empty() => "",
            None => return None,
        };
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = EventReader::new(1_000);
        let mut events: Vec<String> = pieces.iter().flat_map(|piece| reader.push(piece).unwrap()).collect();
        events.extend(reader.finish());
        events
    }

    #[test]
    fn the_data_of_each_event_is_given_and_all_else_is_passed_over() {
        let stream =
            "\u{feff}data: one\n\n: a comment\nevent: x\nid: 3\ndata:two\ndata: lines\r\n\r\ndatax: no\n\ndata\n\n";
        assert_eq!(read(&[stream.as_bytes()]), ["one", "two\nlines", ""]);
    }

    #[test]
    fn an_event_without_its_empty_line_is_given_at_the_end() {
        assert_eq!(read(&[b"data: [DONE]"]), ["[DONE]"]);
        assert_eq!(read(&[b"data: [DONE]\n"]), ["[DONE]"]);
        assert_eq!(read(&[b"data: [DONE]\n\n"]), ["[DONE]"]);
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let mut reader = EventReader::new(1_000);
        let refused = (0..1_000).find_map(|_| reader.push(&[b'x'; 100]).err());
        assert_eq!(refused, Some(EventTooLong { bytes_max: 1_000 }));
        assert!(reader.line.len() <= 1_000);
        let lines = "data: more of one event\n".repeat(100);
        assert!(EventReader::new(1_000).push(lines.as_bytes()).is_err(), "many lines are one event as well");
    }

    proptest! {
        #[test]
        fn events_are_the_same_however_their_bytes_are_cut(
            texts in prop::collection::vec("[a-z가-힣 :]{0,12}", 0..8),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            cuts in prop::collection::vec(0usize..400, 0..20),
        ) {
            let stream: String = texts.iter().map(|text| format!("data: {text}{end}: no{end}{end}")).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= stream.len()).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream.as_bytes()[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&pieces), texts);
        }
    }
}
