//! A bomb check counts what large streams inflate to before a library holds them in memory.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::{ExtractError, Limits};

/// DEFLATE cannot do better than this, so a stream shorter than the limit by this factor needs no counting.
const DEFLATE_RATIO_MAX: usize = 1_032;

/// How far before its data a stream's dictionary is looked for.
const DICTIONARY_WITHIN_BYTES: usize = 2 << 10;

/// Streams of one file may inflate to this many times the limit of one stream together.
const STREAMS_TOGETHER: u64 = 8;

/// Refuses a file with a stream that inflates beyond the limit.
///
/// The file is searched for stream keywords, not parsed, so that broken tables hide nothing. Pictures are left out: they are
/// never decoded here. Encrypted streams do not inflate and pass; the memory limit of the process is what stops those.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), ExtractError> {
    let limit = limits.stream_bytes_max as u64;
    let mut together = 0u64;
    let mut at = 0;
    while let Some((dictionary, data)) = next_stream(bytes, at) {
        at = data.end;
        let inflated = inflated_len(dictionary, &bytes[data], limits.stream_bytes_max);
        together += inflated;
        if inflated > limit || together > limit * STREAMS_TOGETHER {
            let limit = if inflated > limit { limit } else { limit * STREAMS_TOGETHER };
            return Err(ExtractError::TooLarge { what: "pdf stream".into(), value: inflated.max(together), limit });
        }
    }
    Ok(())
}

/// The next stream at or behind `from`: its dictionary and where its data lies.
fn next_stream(bytes: &[u8], from: usize) -> Option<(&[u8], std::ops::Range<usize>)> {
    let keyword = from + find(&bytes[from..], b"stream")?;
    let line_end = match bytes.get(keyword + 6..) {
        Some([b'\r', b'\n', ..]) => 2,
        _ => 1,
    };
    let start = (keyword + 6 + line_end).min(bytes.len());
    let end = find(&bytes[start..], b"endstream").map_or(bytes.len(), |len| start + len);
    let head = &bytes[keyword.saturating_sub(DICTIONARY_WITHIN_BYTES).max(from)..keyword];
    let dictionary = head.windows(4).rposition(|window| window == b" obj").map_or(head, |at| &head[at..]);
    // The keyword that ends the stream contains the one that begins streams.
    Some((dictionary, start..(end + b"endstream".len()).min(bytes.len()).max(start)))
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, rest) = needle.split_first()?;
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| byte == first) {
        at += found + 1;
        if bytes[at..].starts_with(rest) {
            return Some(at - 1);
        }
    }
    None
}

fn inflated_len(dictionary: &[u8], data: &[u8], bytes_max: usize) -> u64 {
    let count = |name: &[u8]| dictionary.windows(name.len()).filter(|window| *window == name).count();
    let filters = count(b"/FlateDecode") + count(b"/Fl ") + count(b"/Fl]") + count(b"/Fl/");
    let suspicious = filters > 1 || data.len() >= bytes_max / DEFLATE_RATIO_MAX;
    if filters == 0 || !suspicious || count(b"/Image") > 0 {
        return 0;
    }
    let stop = bytes_max as u64 + 1;
    let once = ZlibDecoder::new(data).take(stop);
    if filters == 1 {
        return counted(once);
    }
    counted(ZlibDecoder::new(once).take(stop))
}

/// Reads to the end or to the first error: what a damaged stream yields up to there is what a library would hold.
fn counted(mut reader: impl Read) -> u64 {
    let mut buffer = [0u8; 16 << 10];
    let mut total = 0;
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        total += read as u64;
    }
    total
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn file(filter: &str, data: &[u8]) -> Vec<u8> {
        let head = format!("%PDF-1.4\n4 0 obj\n<</Filter {filter}/Length {}>>\nstream\n", data.len());
        [head.as_bytes(), data, b"\nendstream\nendobj\n"].concat()
    }

    fn small() -> Limits {
        Limits { stream_bytes_max: 1 << 20, ..Limits::default() }
    }

    #[test]
    fn a_stream_beyond_the_limit_is_refused() {
        let bomb = deflated(&vec![b' '; 3 << 20]);
        let error = check(&file("/FlateDecode", &bomb), &small()).unwrap_err();
        assert_eq!(error.code(), "too_large");
        assert_eq!(check(&file("/FlateDecode /Subtype /Image", &bomb), &small()), Ok(()));
    }

    #[test]
    fn a_bomb_in_a_bomb_is_refused() {
        let bomb = deflated(&deflated(&vec![b' '; 3 << 20]));
        assert!(bomb.len() < 1 << 10);
        assert!(check(&file("[/FlateDecode /FlateDecode]", &bomb), &small()).is_err());
    }

    #[test]
    fn an_ordinary_stream_passes() {
        let words: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(check(&file("/FlateDecode", &deflated(&words)), &small()), Ok(()));
    }
}
