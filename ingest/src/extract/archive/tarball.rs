//! A tar file is a stream of entries, and ends where it is damaged.

use std::io::Read;

use tar::{Archive, EntryType};

use super::super::entries::Entries;
use super::super::source::Source;
use super::zipped::name_of;
use super::{damaged, read_entry};
use crate::ExtractError;

pub(super) fn read(source: &Source<'_>, stream: impl Read, entries: &mut Entries<'_>) -> Result<(), ExtractError> {
    let mut archive = Archive::new(stream);
    let found = archive.entries().map_err(|error| damaged("tar", &error))?;
    for entry in found {
        let mut entry = entry.map_err(|error| damaged("tar", &error))?;
        let name = name_of(&entry.path_bytes());
        let (kind, size) = (entry.header().entry_type(), entry.size());
        // Links, devices and folders hold nothing; a sparse file is a disk image or a bomb.
        if !matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse) || name.ends_with('/') {
            continue;
        }
        let Some(path) = entries.admit(&name) else { continue };
        source.spend_entry()?;
        if kind == EntryType::GNUSparse {
            entries.fail(&path, size, ExtractError::Unsupported { format: "sparse tar entry".to_owned() });
            continue;
        }
        if let Some(reason) = read_entry(source, entries, &path, (&mut entry, size))? {
            return Err(damaged("tar", &reason));
        }
    }
    Ok(())
}
