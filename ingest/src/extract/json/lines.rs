//! JSON without line ends is broken into lines that a person can read.

/// Deepest nesting that is broken into lines. What is deeper is no document, and its indentation would outgrow its text.
const DEPTH_MAX: usize = 64;

/// Deepest nesting that is shown by indentation.
const INDENTED_MAX: usize = 16;

/// Lists and objects that are shorter than this stay on one line, as a record in a table does.
const INLINE_BYTES_MAX: usize = 160;

/// Breaks JSON without line ends into lines, token by token: nothing but white space between tokens changes. `None` when it
/// is nested too deeply, is no JSON, or grows beyond `bytes_max`.
pub(super) fn broken(text: &str, bytes_max: usize) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let (mut at, mut depth) = (0, 0usize);
    // Until where a short list stays on its line.
    let mut inline_end = 0;
    while let Some(&byte) = bytes.get(at) {
        let inline = at < inline_end;
        let end = match byte {
            b'"' => string_end(bytes, at)?,
            _ if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'{' | b'[' | b'}' | b']' | b',' | b':' => at + 1,
            _ => at + bytes[at..].iter().position(|other| is_structure(*other)).unwrap_or(bytes.len() - at),
        };
        let token = text.get(at..end)?;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                out.push_str(token);
                inline_end = inline_end.max(short_end(bytes, at).unwrap_or(0));
                if at + 1 >= inline_end {
                    break_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if !inline {
                    break_line(&mut out, depth);
                }
                out.push_str(token);
            }
            b',' if inline => out.push_str(", "),
            b',' => {
                out.push(',');
                break_line(&mut out, depth);
            }
            b':' => out.push_str(": "),
            // Comments and quotes of other kinds belong to dialects.
            b'/' | b'\'' => return None,
            _ => out.push_str(token),
        }
        if depth > DEPTH_MAX || out.len() > bytes_max {
            return None;
        }
        at = end;
    }
    (depth == 0).then_some(out)
}

fn is_structure(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'{' | b'[' | b'}' | b']' | b',' | b':' | b'"')
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(INDENTED_MAX)));
}

/// The end of the string that begins at `at`.
pub(super) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        match bytes.get(end)? {
            b'"' => return Some(end + 1),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

/// The end of the list or object that begins at `at`, if it is short.
fn short_end(bytes: &[u8], at: usize) -> Option<usize> {
    let reach = &bytes[..bytes.len().min(at + INLINE_BYTES_MAX)];
    let (mut end, mut depth) = (at, 0usize);
    loop {
        match reach.get(end)? {
            b'"' => {
                end = string_end(reach, end)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        end += 1;
        if depth == 0 {
            return Some(end);
        }
    }
}
