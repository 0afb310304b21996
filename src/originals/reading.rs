//! A file part by part, hashed on the way, without moving its cursor.

use std::fs::File;

use sha2::{Digest, Sha256};

use super::OriginalsError;

/// Where reading is.
pub(super) struct Reading {
    file: File,
    at: u64,
    end: u64,
    hash: Sha256,
}

impl Reading {
    /// The first `bytes` bytes of a file.
    pub(super) fn of(file: &File, bytes: u64) -> Result<Self, OriginalsError> {
        let same = file.try_clone().map_err(OriginalsError::Unreadable)?;
        Ok(Self { file: same, at: 0, end: bytes, hash: Sha256::new() })
    }

    /// Whether everything was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.end
    }

    /// The next bytes, `most` unless the end comes first.
    pub(super) async fn part(mut self, most: usize) -> Result<(Vec<u8>, Self), OriginalsError> {
        let read = move || {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            let mut part = vec![0; left.min(most)];
            read_exactly(&self.file, &mut part, self.at).map_err(|error| match error.kind() {
                // It became shorter.
                std::io::ErrorKind::UnexpectedEof => OriginalsError::Changed,
                _ => OriginalsError::Unreadable(error),
            })?;
            self.at += part.len() as u64;
            self.hash.update(&part);
            Ok((part, self))
        };
        let cancelled = |_| OriginalsError::Unreadable(std::io::Error::other("reading was cancelled"));
        tokio::task::spawn_blocking(read).await.map_err(cancelled)?
    }

    /// Says whether what was read has this hash.
    pub(super) fn check(&self, sha256: &str) -> Result<(), OriginalsError> {
        let found: String = self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == sha256 { Ok(()) } else { Err(OriginalsError::Changed) }
    }
}

#[cfg(unix)]
fn read_exactly(file: &File, part: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, part, at)
}

/// Where no file can be read without its cursor, whoever shares the cursor waits for the read to end.
#[cfg(not(unix))]
fn read_exactly(mut file: &File, part: &mut [u8], at: u64) -> std::io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let before = file.stream_position()?;
    file.seek(SeekFrom::Start(at))?;
    let read = file.read_exact(part);
    file.seek(SeekFrom::Start(before))?;
    read
}
