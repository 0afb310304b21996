//! A file that was opened and checked, and is read piece by piece while its hash is taken. It is never in memory whole, and a
//! change meanwhile is noticed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::extraction::DocumentSource;
use crate::types::{Failure, SourceStamp};

/// As much of a file as is read when it is opened: all of a small one, and enough to see what a large one is.
const HEAD_BYTES: usize = 64 << 10;
/// As much of it as is in memory at once. 256 KiB: four times what a pipe holds, so that a hop to a thread pays.
const PIECE_BYTES: usize = 256 << 10;

/// What a file may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileLimits {
    /// Largest file that one reader gets whole.
    pub(super) file_bytes_max: u64,
    /// Largest text that is read in parts.
    pub(super) text_file_bytes_max: u64,
    /// Size from which on a text is read in parts, and of each part.
    pub(super) text_part_bytes: u64,
}

impl FileLimits {
    /// The limits for a folder whose files have `file_bytes_max`. Texts may be larger, unless even a part is too large.
    pub(super) fn of(file_bytes_max: u64) -> Self {
        // 8 MiB: as much text as a reader and a cutter hold some copies of. 4 GiB: a year of logs.
        let (text_part_bytes, text_file_bytes_max) = (8 << 20, 4 << 30);
        let text_file_bytes_max = if file_bytes_max < text_part_bytes { file_bytes_max } else { text_file_bytes_max };
        Self { file_bytes_max, text_file_bytes_max: text_file_bytes_max.max(file_bytes_max), text_part_bytes }
    }

    fn refuse(bytes: u64, limit: u64) -> Failure {
        failure("too_large", format!("the file has {bytes} bytes, the limit is {limit} (limits.file_bytes_max)"))
    }

    /// Refuses a file that one reader would get whole.
    pub(super) fn check_whole(&self, bytes: u64) -> Result<(), Failure> {
        if bytes > self.file_bytes_max { Err(Self::refuse(bytes, self.file_bytes_max)) } else { Ok(()) }
    }
}

/// A file that was opened: a plain file, and none that is too large whatever it is.
#[derive(Debug)]
pub(super) struct OpenedFile {
    file: Arc<File>,
    /// Where to open it again, unless it was handed over.
    path: Option<PathBuf>,
    seen: Seen,
    head: Vec<u8>,
    /// The state of the hash behind the head.
    head_hash: Sha256,
}

/// How a file looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    bytes: u64,
    modified_ns: i64,
}

impl Seen {
    fn of(file: &File) -> std::io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
        Ok(metadata.is_file().then_some(Self { bytes: metadata.len(), modified_ns }))
    }
}

impl OpenedFile {
    /// Opens the file at `path`. What took its place and is no plain file is refused, and not waited for.
    pub(super) async fn open(path: &Path, limits: FileLimits) -> Result<Self, Failure> {
        let path = path.to_owned();
        blocking(move || Self::checked(opened(&path)?, Some(path), limits)).await
    }

    /// A file that was handed over.
    pub(super) async fn handed(file: File, limits: FileLimits) -> Result<Self, Failure> {
        blocking(move || Self::checked(file, None, limits)).await
    }

    /// The same file once more, if it has a place.
    pub(super) async fn again(&self, limits: FileLimits) -> Option<Result<Self, Failure>> {
        Some(Self::open(self.path.as_ref()?, limits).await)
    }

    fn checked(file: File, path: Option<PathBuf>, limits: FileLimits) -> Result<Self, Failure> {
        let seen = Seen::of(&file).map_err(io)?.ok_or_else(not_a_file)?;
        if seen.bytes > limits.text_file_bytes_max {
            return Err(FileLimits::refuse(seen.bytes, limits.text_file_bytes_max));
        }
        let mut head = Vec::with_capacity(HEAD_BYTES.min(usize::try_from(seen.bytes).unwrap_or(HEAD_BYTES)));
        (&file).rewind().map_err(io)?;
        (&file).take(seen.bytes.min(HEAD_BYTES as u64)).read_to_end(&mut head).map_err(io)?;
        if head.len() as u64 != seen.bytes.min(HEAD_BYTES as u64) || Seen::of(&file).map_err(io)? != Some(seen) {
            return Err(changed());
        }
        let head_hash = Sha256::new_with_prefix(&head);
        Ok(Self { file: Arc::new(file), path, seen, head, head_hash })
    }

    /// The file itself, whose cursor is shared.
    pub(super) fn as_file(&self) -> &File {
        &self.file
    }

    pub(super) fn bytes(&self) -> u64 {
        self.seen.bytes
    }

    pub(super) fn modified_ns(&self) -> i64 {
        self.seen.modified_ns
    }

    /// Its beginning.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// What it looked like when it was opened, without a hash.
    pub(super) fn unread_stamp(&self) -> SourceStamp {
        let Seen { bytes, modified_ns } = self.seen;
        SourceStamp { bytes, modified_ns, sha256: String::new() }
    }

    /// What it looked like when it was read to its end.
    pub(super) fn stamp(&self, hash: Sha256) -> SourceStamp {
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        SourceStamp { sha256, ..self.unread_stamp() }
    }

    /// All of it.
    pub(super) fn whole(&self) -> FileRange<'_> {
        FileRange::new(self, Vec::new(), (0, self.seen.bytes), Sha256::new())
    }

    /// Its hash, for which it is read to its end.
    pub(super) async fn hashed(&self) -> Result<SourceStamp, Failure> {
        let mut whole = self.whole();
        whole.rewind().await?;
        Ok(self.stamp(whole.rest_hashed().await?))
    }

    /// Runs `read` where waiting for a disk keeps nobody.
    pub(super) async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&File) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let file = Arc::clone(&self.file);
        blocking(move || read(&file).map_err(io)).await
    }

    /// Whether it looks as it did when it was opened.
    fn still(seen: Seen, file: &File) -> std::io::Result<bool> {
        Ok(Seen::of(file)? == Some(seen))
    }
}

/// A part of a file, behind words that do not stand there.
pub(super) struct FileRange<'f> {
    file: &'f OpenedFile,
    prefix: Vec<u8>,
    from: u64,
    to: u64,
    /// The hash of all that comes before it.
    hash_before: Sha256,
    at: u64,
    hash: Sha256,
    prefix_given: bool,
    piece: Vec<u8>,
    /// The hash at the end of an earlier time.
    hashed: Option<Sha256>,
}

impl<'f> FileRange<'f> {
    pub(super) fn new(file: &'f OpenedFile, prefix: Vec<u8>, (from, to): (u64, u64), hash_before: Sha256) -> Self {
        let hash = hash_before.clone();
        Self {
            file,
            prefix,
            from,
            to,
            hash_before,
            at: from,
            hash,
            prefix_given: false,
            piece: Vec::new(),
            hashed: None,
        }
    }

    /// Reads what nobody asked for, so that the hash is that of everything up to the end of this part.
    pub(super) async fn rest_hashed(mut self) -> Result<Sha256, Failure> {
        while self.next_piece().await?.is_some() {}
        Ok(self.hash)
    }

    async fn next_piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        if self.at >= self.to {
            return Ok(None);
        }
        let head = self.file.head.as_slice();
        if self.at == 0 && self.to >= head.len() as u64 && !head.is_empty() {
            self.at = head.len() as u64;
            self.hash = self.file.head_hash.clone();
            return Ok(Some(head));
        }
        let (at, seen) = (self.at, self.file.seen);
        let wanted = usize::try_from(self.to - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        // A read that is given up midway leaves the hash as it was.
        let (mut piece, mut hash) = (std::mem::take(&mut self.piece), self.hash.clone());
        let read = move |mut file: &File| {
            piece.resize(wanted, 0);
            file.seek(SeekFrom::Start(at))?;
            let whole = match file.read_exact(&mut piece) {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
                read => read.map(|()| true)?,
            };
            hash.update(&piece);
            // At its end it has to look as it did at its beginning.
            let same = at + (wanted as u64) < seen.bytes || OpenedFile::still(seen, file)?;
            Ok((piece, hash, whole && same))
        };
        let (read_piece, read_hash, whole) = self.file.reading(read).await?;
        (self.piece, self.hash) = (read_piece, read_hash);
        if !whole {
            return Err(changed());
        }
        self.at += wanted as u64;
        self.compare()?;
        Ok(Some(&self.piece))
    }

    /// At the end, the bytes have to be those of the last time.
    fn compare(&mut self) -> Result<(), Failure> {
        if self.at < self.to {
            return Ok(());
        }
        let before = self.hashed.replace(self.hash.clone());
        let differs = before.is_some_and(|before| before.finalize() != self.hash.clone().finalize());
        if differs { Err(changed()) } else { Ok(()) }
    }
}

#[async_trait]
impl DocumentSource for FileRange<'_> {
    fn bytes(&self) -> u64 {
        self.prefix.len() as u64 + (self.to - self.from)
    }

    async fn rewind(&mut self) -> Result<(), Failure> {
        (self.at, self.hash, self.prefix_given) = (self.from, self.hash_before.clone(), self.prefix.is_empty());
        Ok(())
    }

    async fn piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        if !std::mem::replace(&mut self.prefix_given, true) {
            return Ok(Some(&self.prefix));
        }
        self.next_piece().await
    }
}

/// What the file at `path` looks like, its hash included. One that changes meanwhile is read once more, and then given up. Its
/// size is no hindrance: nothing of it is kept.
///
/// # Errors
/// Why it cannot be read.
pub(super) async fn hash_file(path: &Path) -> Result<SourceStamp, Failure> {
    let limits = FileLimits { file_bytes_max: u64::MAX, text_file_bytes_max: u64::MAX, text_part_bytes: u64::MAX };
    let mut hashed = Err(changed());
    for _ in 0..2 {
        hashed = match OpenedFile::open(path, limits).await {
            Ok(file) => file.hashed().await,
            Err(failure) => Err(failure),
        };
        if !hashed.as_ref().is_err_and(is_change) {
            break;
        }
    }
    hashed
}

/// Whether a file failed because it changed, which another look may not find again.
pub(super) fn is_change(failure: &Failure) -> bool {
    failure.code == "changed"
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let cancelled = |_| failure("unreadable", "reading was cancelled".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(cancelled)?
}

/// Opens a file without waiting for another end, as a named pipe would.
#[cfg(target_os = "linux")]
fn opened(path: &Path) -> Result<File, Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).map_err(io)
}

#[cfg(not(target_os = "linux"))]
fn opened(path: &Path) -> Result<File, Failure> {
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(not_a_file());
    }
    OpenOptions::new().read(true).open(path).map_err(io)
}

fn not_a_file() -> Failure {
    failure("unreadable", "what is there is no plain file".to_owned())
}

fn changed() -> Failure {
    failure("changed", "the file changed while it was read".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "it is the form that map_err takes")]
fn io(error: std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::NotFound => failure("vanished", "the file vanished before it was read".to_owned()),
        _ => failure("unreadable", format!("the file cannot be read ({error})")),
    }
}

fn failure(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn limits(file_bytes_max: u64) -> FileLimits {
        FileLimits { file_bytes_max, text_file_bytes_max: file_bytes_max, text_part_bytes: 1 << 20 }
    }

    fn hex(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn noise(length: usize) -> Vec<u8> {
        (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8).collect()
    }

    async fn read_all(source: &mut FileRange<'_>) -> Result<Vec<u8>, Failure> {
        source.rewind().await?;
        let mut all = Vec::new();
        while let Some(piece) = source.piece().await? {
            assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
            all.extend(piece);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn a_file_is_given_in_pieces_as_often_as_it_is_asked_for() {
        let place = tempfile::tempdir().unwrap();
        for length in [0, 1, HEAD_BYTES, HEAD_BYTES + 1, HEAD_BYTES + PIECE_BYTES, 3 << 20] {
            let path = place.path().join(length.to_string());
            let bytes = noise(length);
            std::fs::write(&path, &bytes).unwrap();
            let file = OpenedFile::open(&path, limits(u64::MAX)).await.unwrap();
            let mut whole = file.whole();
            for _ in 0..2 {
                assert!(read_all(&mut whole).await.unwrap() == bytes, "{length}");
            }
            let stamp = file.stamp(whole.rest_hashed().await.unwrap());
            assert_eq!((stamp.sha256, stamp.bytes), (hex(&bytes), length as u64));
            assert_eq!(hash_file(&path).await.unwrap().sha256, hex(&bytes), "{length}");
        }
    }

    #[tokio::test]
    async fn a_part_comes_behind_its_prefix_and_its_hash_behind_what_was_before() {
        let place = tempfile::NamedTempFile::new().unwrap();
        let bytes = noise(1 << 20);
        std::fs::write(place.path(), &bytes).unwrap();
        let file = OpenedFile::open(place.path(), limits(u64::MAX)).await.unwrap();
        let middle = 300_000;
        let first = FileRange::new(&file, Vec::new(), (0, middle), Sha256::new());
        let hash = first.rest_hashed().await.unwrap();
        let mut second = FileRange::new(&file, b"a,b\n".to_vec(), (middle, file.bytes()), hash);
        let expected = [b"a,b\n", &bytes[middle as usize..]].concat();
        assert_eq!(second.bytes(), expected.len() as u64);
        assert!(read_all(&mut second).await.unwrap() == expected);
        assert_eq!(file.stamp(second.rest_hashed().await.unwrap()).sha256, hex(&bytes));
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_is_not_read_to_its_end() {
        let place = tempfile::NamedTempFile::new().unwrap();
        for change in ["grow", "shrink", "touch"] {
            std::fs::write(place.path(), noise(1 << 20)).unwrap();
            let file = OpenedFile::open(place.path(), limits(u64::MAX)).await.unwrap();
            let mut whole = file.whole();
            whole.rewind().await.unwrap();
            whole.piece().await.unwrap();
            let mut changing = OpenOptions::new().append(true).open(place.path()).unwrap();
            match change {
                "grow" => changing.write_all(b"more").unwrap(),
                "shrink" => changing.set_len(100_000).unwrap(),
                _ => changing.set_modified(UNIX_EPOCH).unwrap(),
            }
            assert_eq!(whole.rest_hashed().await.map(drop).unwrap_err().code, "changed", "{change}");
            assert!(hash_file(place.path()).await.is_ok(), "another look finds it at rest");
        }
    }

    #[tokio::test]
    async fn a_file_above_the_limit_is_refused_unread() {
        let place = tempfile::NamedTempFile::new().unwrap();
        place.as_file().set_len(5 << 30).unwrap();
        let refused = OpenedFile::open(place.path(), FileLimits::of(128 << 20)).await.unwrap_err();
        assert_eq!(refused.code, "too_large");
        assert!(FileLimits::of(128 << 20).check_whole(129 << 20).is_err_and(|failure| failure.code == "too_large"));
        let small = FileLimits::of(10_000);
        assert_eq!(small.text_file_bytes_max, 10_000, "whoever wants small files wants no large texts");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_named_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("notes.txt");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), Path::new("/dev/null"), place.path()] {
            let refused = OpenedFile::open(path, limits(100)).await.unwrap_err();
            assert_eq!(refused.code, "unreadable", "{}", path.display());
        }
        assert_eq!(hash_file(&place.path().join("none")).await.unwrap_err().code, "vanished");
    }
}
