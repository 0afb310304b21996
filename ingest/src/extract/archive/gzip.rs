//! A gzip file holds a tar file or one document.

use std::io::{self, Read};

use flate2::read::{GzDecoder, MultiGzDecoder};

use super::super::entries::Entries;
use super::super::source::Source;
use super::super::zip_guard::most_by_ratio;
use super::zipped::name_of;
use super::{damaged, read_entry, tarball};
use crate::ExtractError;

/// Size of a block of a tar file, the first of which says that it is one.
const TAR_BLOCK_BYTES: u64 = 512;

pub(super) fn read(source: &Source<'_>, entries: &mut Entries<'_>) -> Result<(), ExtractError> {
    let mut stream = Limited { inner: MultiGzDecoder::new(source.bytes), left: u64::MAX };
    let mut head = Vec::new();
    // Damage in the first block shows itself again below.
    let _ = stream.by_ref().take(TAR_BLOCK_BYTES).read_to_end(&mut head);
    let packed = source.bytes.len() as u64;
    if head.get(257..262) == Some(b"ustar") || names_a_tar(source.name) {
        stream.left = source.inflatable_bytes().min(most_by_ratio(packed, &source.options.limits));
        return tarball::read(source, head.chain(stream), entries);
    }
    let Some(path) = entries.admit(&inner_name(source)) else { return Ok(()) };
    source.spend_entry()?;
    let damage = read_entry(source, entries, &path, (&mut head.chain(stream), packed))?;
    damage.map_or(Ok(()), |reason| Err(damaged("gzip", &reason)))
}

fn names_a_tar(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(".tgz") || lower.ends_with(".tar.gz")
}

/// The file's own name without its last extension, or the name that it was packed under.
fn inner_name(source: &Source<'_>) -> String {
    let file = source.name.rsplit(['/', '\\']).next().unwrap_or(source.name);
    let packed_as = || GzDecoder::new(source.bytes).header().and_then(|header| header.filename()).map(name_of);
    match file.rsplit_once('.') {
        Some((stem, extension)) if extension.eq_ignore_ascii_case("gz") && stem.contains('.') => stem.to_owned(),
        Some((stem, _)) => packed_as().unwrap_or_else(|| stem.to_owned()),
        None => packed_as().unwrap_or_else(|| file.to_owned()),
    }
}

/// A stream that fails when it gives more than it may.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(io::Error::other("it unpacks to more than its limit"));
        };
        self.left = left;
        Ok(read)
    }
}
