//! A zip guard counts what the entries of a zip file inflate to before a library holds them in memory.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::decode::decode;
use super::entries::is_media;
use super::source::Source;
use crate::{ExtractError, Limits};

/// A zip file in memory.
pub(super) type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Entries below this size may be as dense as they like: a page of spaces is no bomb.
const RATIO_FROM_BYTES: u64 = 16 << 20;

/// Most entries that the table of a zip file may list. Opening it costs some 300 bytes of memory an entry, whatever is read
/// of them later.
const LISTED_MAX: usize = 200_000;

/// Opens a zip file.
pub(super) fn open<'a>(bytes: &'a [u8], format: &str) -> Result<Archive<'a>, ExtractError> {
    const TABLE_ENTRY: &[u8] = b"PK\x01\x02";
    if bytes.windows(TABLE_ENTRY.len()).filter(|window| *window == TABLE_ENTRY).nth(LISTED_MAX).is_some() {
        return Err(ExtractError::TooManyEntries { limit: LISTED_MAX });
    }
    ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| ExtractError::Damaged { format: format.to_owned(), reason: error.to_string().to_lowercase() })
}

/// Refuses a zipped document whose entries inflate beyond the limits, by inflating them into nothing: the sizes that a file
/// states of itself prove nothing. Pictures and other media, which no reader here looks into, are passed over.
pub(super) fn check(bytes: &[u8], format: &str, limits: &Limits) -> Result<(), ExtractError> {
    let mut archive = open(bytes, format)?;
    if archive.len() > limits.entries_max {
        return Err(ExtractError::TooManyEntries { limit: limits.entries_max });
    }
    let mut together = 0;
    for index in 0..archive.len() {
        // An entry that cannot be opened is not a bomb; whether it matters is the reader's to say.
        let Ok(mut entry) = archive.by_index(index) else { continue };
        if entry.name().is_ok_and(|name| is_media(&name)) {
            continue;
        }
        let (packed, allowed) = (entry.compressed_size(), limits.inflated_bytes_max - together);
        together += counted(&mut entry, allowed, packed, limits)?;
    }
    Ok(())
}

/// Reads an entry whole, within what is left of the limits.
pub(super) fn inflated(
    reader: &mut impl Read,
    packed: u64,
    allowed: u64,
    limits: &Limits,
) -> Result<Vec<u8>, ExtractError> {
    let mut out = Vec::new();
    let most = allowed.min(most_by_ratio(packed, limits));
    let read = reader.take(most + 1).read_to_end(&mut out);
    if out.len() as u64 > most {
        return Err(too_large(most));
    }
    // What came out before the damage is kept: a cut archive still has a beginning.
    match read {
        Err(error) if out.is_empty() => {
            Err(ExtractError::Damaged { format: "archive entry".into(), reason: error.to_string().to_lowercase() })
        }
        _ => Ok(out),
    }
}

/// Unpacks within what is left of the limits, and counts what it cost, also where nothing is kept of it.
pub(super) fn unpacked(source: &Source<'_>, reader: &mut impl Read, packed: u64) -> Result<Vec<u8>, ExtractError> {
    let limits = &source.options.limits;
    let allowed = source.inflatable_bytes();
    // A document above its own limit is refused as soon as it is known to be above it.
    let outcome = inflated(reader, packed, allowed.min(limits.bytes_max as u64), limits);
    match &outcome {
        Ok(bytes) => source.spend_inflated(bytes.len() as u64)?,
        Err(ExtractError::TooLarge { limit, what, .. }) => {
            source.spend_inflated((*limit).min(allowed))?;
            if *limit == allowed {
                let most = limits.inflated_bytes_max;
                return Err(ExtractError::TooLarge { what: what.clone(), value: most + 1, limit: most });
            }
        }
        Err(_) => {}
    }
    outcome
}

/// The words of one entry of a zipped document, if there is such an entry.
pub(super) fn text_of(archive: &mut Archive<'_>, name: &str, limits: &Limits) -> Result<Option<String>, ExtractError> {
    let Ok(mut entry) = archive.by_name(name) else { return Ok(None) };
    let packed = entry.compressed_size();
    let bytes = inflated(&mut entry, packed, limits.inflated_bytes_max, limits)?;
    Ok(Some(decode(&bytes, None)?.text))
}

/// What `packed` bytes may become by their ratio alone.
pub(super) fn most_by_ratio(packed: u64, limits: &Limits) -> u64 {
    packed.saturating_mul(limits.inflate_ratio_max).max(RATIO_FROM_BYTES)
}

fn counted(reader: &mut impl Read, allowed: u64, packed: u64, limits: &Limits) -> Result<u64, ExtractError> {
    let most = allowed.min(most_by_ratio(packed, limits));
    let mut buffer = [0u8; 16 << 10];
    let mut total = 0;
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        total += read as u64;
        if total > most {
            return Err(too_large(most));
        }
    }
    Ok(total)
}

fn too_large(limit: u64) -> ExtractError {
    ExtractError::TooLarge { what: "unpacked archive".into(), value: limit + 1, limit }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn an_entry_beyond_the_ratio_is_refused() {
        let bomb = zip_of(&[("word/document.xml", &vec![b' '; 20 << 20])]);
        assert_eq!(check(&bomb, "docx", &Limits::default()).unwrap_err().code(), "too_large");
        let picture = zip_of(&[("word/media/a.PNG", &vec![b' '; 20 << 20])]);
        assert_eq!(check(&picture, "docx", &Limits::default()), Ok(()));
    }

    #[test]
    fn entries_are_counted_together() {
        let limits = Limits { inflated_bytes_max: 3_000, ..Limits::default() };
        let file = zip_of(&[("a.xml", &[b'a'; 2_000]), ("b.xml", &[b'b'; 2_000])]);
        assert_eq!(check(&file, "docx", &limits).unwrap_err().code(), "too_large");
        assert_eq!(check(&file, "docx", &Limits::default()), Ok(()));
        let few = Limits { entries_max: 1, ..Limits::default() };
        assert_eq!(check(&file, "docx", &few).unwrap_err().code(), "too_many_entries");
        assert_eq!(check(b"PK\x03\x04", "docx", &few).unwrap_err().code(), "damaged");
    }
}
