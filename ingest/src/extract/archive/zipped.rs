//! A zip file is read by the table at its end, and when that is lost, from its beginning.

use zip::CompressionMethod;
use zip::read::read_zipfile_from_stream;
use zip::result::ZipError;

use super::super::decode::decode;
use super::super::entries::Entries;
use super::super::source::Source;
use super::super::zip_guard::unpacked;
use super::super::zip_guard::{Archive, open};
use super::{Watched, damaged, read_entry};
use crate::ExtractError;

pub(super) fn read(source: &Source<'_>, entries: &mut Entries<'_>) -> Result<(), ExtractError> {
    match open(source.bytes, "zip") {
        Ok(mut archive) => read_listed(source, &mut archive, entries),
        Err(ExtractError::Damaged { format, reason }) => {
            read_stream(source, entries)?;
            // What was found is kept; that more may be missing has to be said.
            Err(ExtractError::Damaged { format, reason })
        }
        Err(error) => Err(error),
    }
}

fn read_listed(source: &Source<'_>, archive: &mut Archive<'_>, entries: &mut Entries<'_>) -> Result<(), ExtractError> {
    let names = names(archive);
    let mut order: Vec<usize> = (0..archive.len()).collect();
    order.sort_by(|a, b| names[*a].cmp(&names[*b]));
    let mut damage = None;
    for index in order {
        let Ok(listed) = archive.by_index_data(index) else { continue };
        if !is_file(listed.is_dir() || names[index].ends_with('\\'), listed.unix_mode()) {
            continue;
        }
        let (packed, size, encrypted) = (listed.compressed_size(), listed.size(), listed.encrypted());
        let Some(path) = entries.admit(&names[index]) else { continue };
        source.spend_entry()?;
        if encrypted {
            match decrypted(source, archive, index) {
                Some(bytes) => entries.read(&path, &bytes),
                None => entries.fail(&path, size, ExtractError::Encrypted { format: "zip entry".to_owned() }),
            }
            continue;
        }
        match archive.by_index(index) {
            Ok(mut entry) => {
                let said = read_entry(source, entries, &path, (&mut entry, packed))?;
                damage = damage.or(said);
            }
            Err(error) => entries.fail(&path, size, entry_error(&error)),
        }
    }
    if archive.has_duplicate_names() {
        return Err(damaged("zip", &"some names stand twice in its table, of which the last is read"));
    }
    damage.map_or(Ok(()), |reason| Err(damaged("zip", &reason)))
}

/// Opens an entry with the first password that fits. Only the old cipher is known here; a wrong password that passes its one
/// byte of proof ends in a wrong checksum.
fn decrypted(source: &Source<'_>, archive: &mut Archive<'_>, index: usize) -> Option<Vec<u8>> {
    source.options.passwords.iter().find_map(|password| {
        let entry = archive.by_index_decrypt(index, password.as_bytes()).ok()?;
        let packed = entry.compressed_size();
        let mut watched = Watched { inner: entry, failed: None };
        let bytes = unpacked(source, &mut watched, packed).ok()?;
        watched.failed.is_none().then_some(bytes)
    })
}

/// Reads entry by entry from the beginning, as far as it goes.
fn read_stream(source: &Source<'_>, entries: &mut Entries<'_>) -> Result<(), ExtractError> {
    let mut rest = source.bytes;
    while let Ok(Some(mut entry)) = read_zipfile_from_stream(&mut rest) {
        let name = name_of(entry.name_raw());
        if entry.is_dir() {
            continue;
        }
        let Some(path) = entries.admit(&name) else { continue };
        source.spend_entry()?;
        let packed = entry.compressed_size();
        read_entry(source, entries, &path, (&mut entry, packed))?;
    }
    Ok(())
}

/// The names of all entries. Those that are not UTF-8 are decoded together, because one short name says little about its
/// encoding and programs write all names in the same.
fn names(archive: &Archive<'_>) -> Vec<String> {
    let raw: Vec<&[u8]> = archive.file_names_raw().collect();
    let foreign: Vec<&[u8]> = raw.iter().copied().filter(|name| std::str::from_utf8(name).is_err()).collect();
    let joined = foreign.join(&b'\n');
    let decoded = decode(&joined, None).map(|decoded| decoded.text).unwrap_or_default();
    let lines: Vec<&str> = decoded.split('\n').collect();
    // A name that holds a line end itself puts the lines out of step.
    let together = lines.len() == foreign.len();
    let mut lines = lines.into_iter();
    let name = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(name) => name.to_owned(),
        Err(_) if together => lines.next().unwrap_or_default().to_owned(),
        Err(_) => name_of(bytes),
    };
    raw.into_iter().map(name).collect()
}

/// One name, decoded by itself.
pub(super) fn name_of(raw: &[u8]) -> String {
    match decode(raw, None) {
        Ok(decoded) => decoded.text,
        Err(_) => String::from_utf8_lossy(raw).into_owned(),
    }
}

/// Whether an entry is a plain file: no folder, link or device.
fn is_file(is_folder: bool, unix_mode: Option<u32>) -> bool {
    const KIND: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    !is_folder && unix_mode.is_none_or(|mode| matches!(mode & KIND, 0 | REGULAR))
}

fn entry_error(error: &ZipError) -> ExtractError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            ExtractError::Encrypted { format: "zip entry".to_owned() }
        }
        ZipError::CompressionMethodNotSupported(method) => unsupported(*method),
        ZipError::UnsupportedArchive(_) => ExtractError::Unsupported { format: error.to_string().to_lowercase() },
        error => damaged("zip entry", error),
    }
}

#[allow(deprecated, reason = "the number is what the format defines")]
fn unsupported(method: u16) -> ExtractError {
    let named = CompressionMethod::from_u16(method);
    ExtractError::Unsupported { format: format!("zip entry compressed by {named}").to_lowercase() }
}
