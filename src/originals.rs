//! ORIGINALS: files as they were read, each under the hash of its bytes, in a folder or in an object store elsewhere.
//!
//! An original is written once and never changed: `originals/ab/cd/HASH`. What is there is not sent again, so that keeping may
//! be stopped anywhere and repeated, and equal files are kept once. What no document has any more is found by listing, and
//! only what was written long ago: one that was just written has its document in a moment. So one that is there and old is
//! written once more when a file comes in that equals it.

mod error;
mod place;
mod reading;

use std::fs::File;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

pub use error::OriginalsError;
pub use place::cloud_environment;
use reading::Reading;

/// Where originals are kept.
#[derive(Clone)]
pub struct Originals {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The place as it may be shown.
    place: Arc<str>,
    /// Whether nobody else keeps anything there.
    is_own: bool,
}

/// An original on its way out.
pub struct Original {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its bytes, piece by piece.
    pub stream: BoxStream<'static, Result<Vec<u8>, OriginalsError>>,
}

/// How long an original counts as just written. An hour: a document is written seconds after its original.
pub const FRESH: Duration = Duration::from_secs(60 * 60);

/// What is sent at once. 5 MiB is the least that object stores take for a part of a larger file, and one part is in memory at
/// a time.
const PART_BYTES: usize = 5 << 20;

impl Originals {
    /// Keeps originals below a folder of our own, which is made if it is not there.
    ///
    /// # Errors
    /// [`OriginalsError::Place`] when it cannot be made.
    pub fn in_folder(folder: &FilePath) -> Result<Self, OriginalsError> {
        std::fs::create_dir_all(folder).map_err(|error| OriginalsError::folder(folder, &error))?;
        Ok(Self { is_own: true, ..place::folder(folder)? })
    }

    /// Keeps originals at an address: `s3://BUCKET/PATH`, `gs://BUCKET/PATH`, `az://CONTAINER/PATH` or `file:///FOLDER`.
    /// Keys, regions and endpoints are taken from `environment`, with the names that the clouds' own tools know. Nothing is
    /// sent yet.
    ///
    /// # Errors
    /// [`OriginalsError::Place`] when the address is none, a folder is not there, or a key is missing.
    pub fn at_url(address: &str, environment: &[(String, String)]) -> Result<Self, OriginalsError> {
        place::at_url(address, environment)
    }

    /// Whether nobody else keeps anything there, so that what we do not need may go.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// The place as it may be shown.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Keeps the first `bytes` bytes of a file, whose hash is `sha256` in lower-case hexadecimals, unless they are kept
    /// already. Does not move the file's cursor. Holds 5 MiB of it at a time.
    ///
    /// # Errors
    /// [`OriginalsError::Changed`] when the bytes have another hash; then nothing is kept. Others when the file cannot be
    /// read or the place does not take it.
    pub async fn put_file(&self, file: &File, sha256: &str, bytes: u64) -> Result<(), OriginalsError> {
        let at = self.location(sha256).ok_or(OriginalsError::Changed)?;
        match self.store.head(&at).await {
            Ok(there) if there.size == bytes && age_of(&there) < FRESH => return Ok(()),
            // S3 says of what is not there that we may not see it, to whoever may write and not list.
            Ok(_) | Err(object_store::Error::NotFound { .. } | object_store::Error::PermissionDenied { .. }) => {}
            Err(error) => return Err(self.failed(&error)),
        }
        let mut reading = Reading::of(file, bytes)?;
        let (first, mut rest) = reading.part(PART_BYTES).await?;
        if rest.is_at_end() {
            rest.check(sha256)?;
            return self.store.put(&at, first.into()).await.map(drop).map_err(|error| self.failed(&error));
        }
        let mut upload = Unfinished(Some(self.store.put_multipart(&at).await.map_err(|error| self.failed(&error))?));
        upload.send(first.into()).await.map_err(|error| self.failed(&error))?;
        while !rest.is_at_end() {
            reading = rest;
            let (part, after) = reading.part(PART_BYTES).await?;
            rest = after;
            upload.send(part.into()).await.map_err(|error| self.failed(&error))?;
        }
        rest.check(sha256)?;
        upload.finish().await.map_err(|error| self.failed(&error))
    }

    /// The original with this hash; `None` when it is not kept.
    ///
    /// # Errors
    /// When the place does not answer.
    pub async fn get(&self, sha256: &str) -> Result<Option<Original>, OriginalsError> {
        let Some(at) = self.location(sha256) else { return Ok(None) };
        let found = match self.store.get(&at).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        let (bytes, kept) = (found.meta.size, self.clone());
        let stream = found.into_stream().map(move |piece| piece.map(Vec::from).map_err(|error| kept.failed(&error)));
        Ok(Some(Original { bytes, stream: stream.boxed() }))
    }

    /// The hashes of the originals that were written longer ago than `age`.
    pub fn older_than(&self, age: Duration) -> BoxStream<'static, Result<String, OriginalsError>> {
        let kept = self.clone();
        let old = self.store.list(Some(&self.prefix.clone().join("originals"))).filter_map(move |found| {
            let hash = match found {
                Ok(found) if age_of(&found) < age => None,
                Ok(found) => {
                    let name = found.location.filename().unwrap_or_default().to_owned();
                    // What else lies there is not ours.
                    kept.location(&name).filter(|at| *at == found.location).map(|_| Ok(name))
                }
                Err(error) => Some(Err(kept.failed(&error))),
            };
            std::future::ready(hash)
        });
        old.boxed()
    }

    /// Deletes an original; one that is not there is deleted already.
    ///
    /// # Errors
    /// When the place does not answer, or does not let us.
    pub async fn delete(&self, sha256: &str) -> Result<(), OriginalsError> {
        let Some(at) = self.location(sha256) else { return Ok(()) };
        match self.store.delete(&at).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Where the original with this hash is; `None` when it is no hash. Two levels of folders, because file systems and people
    /// are slow with a hundred thousand names in one.
    fn location(&self, sha256: &str) -> Option<Path> {
        let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let parts = is_hash.then(|| ["originals", &sha256[..2], &sha256[2..4], sha256])?;
        Some(parts.into_iter().fold(self.prefix.clone(), |path, part| path.join(part)))
    }

    fn failed(&self, error: &object_store::Error) -> OriginalsError {
        OriginalsError::of(&self.place, error)
    }
}

/// How long ago an original was written, by the clock of the place.
fn age_of(original: &ObjectMeta) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let written = u64::try_from(original.last_modified.timestamp_millis()).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(written))
}

/// An upload in parts that is given up unless it is finished, also when its future is dropped: parts without an end cost money
/// where they are kept.
struct Unfinished(Option<Box<dyn MultipartUpload>>);

impl Unfinished {
    async fn send(&mut self, part: PutPayload) -> object_store::Result<()> {
        match &mut self.0 {
            Some(upload) => upload.put_part(part).await,
            None => Ok(()),
        }
    }

    async fn finish(mut self) -> object_store::Result<()> {
        if let Some(upload) = &mut self.0 {
            upload.complete().await?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(mut upload) = self.0.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { drop(upload.abort().await) });
        }
    }
}

#[cfg(test)]
mod tests;
