//! Files that are handed over instead of found: read, cut and written as a mirror does it, below a root of their own that no
//! folder has, so that no mirror takes them for files that are gone.

use std::fs::File;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::IndexingError;
use super::contained::{Incoming, Taken};
use super::lanes::needed_bytes;
use super::mirror::Mirror;
use super::source::{FileLimits, OpenedFile};
use crate::extraction::Extractor;
use crate::types::{DocumentId, SourceStamp};

/// The name of the root, unless a folder of the collection had it before.
const ROOT: &str = "uploads";
/// Who holds that name. It is no absolute path, so no folder has it.
const HOLDER: &str = "uploads";

/// A file that was handed over.
#[derive(Debug)]
pub struct Upload {
    /// Its name, which is its identity in the collection. It holds no `/`.
    pub name: String,
    /// The name by whose extension its bytes are read.
    pub read_as: String,
    /// Its title, when it is known better than the file says.
    pub title: Option<String>,
    /// Its bytes, from the beginning of the file.
    pub file: File,
}

/// Keeps apart who writes the same document at once in this process, because what is inside an archive goes in piece by
/// piece. Documents share a few locks, so that locks need not be counted.
#[derive(Debug, Default)]
pub(super) struct Desks([Mutex<()>; 32]);

impl Desks {
    fn of(&self, id: DocumentId) -> &Mutex<()> {
        &self.0[usize::from(id.as_bytes()[0]) % self.0.len()]
    }
}

impl Mirror {
    /// Reads files that were handed over, each in the place of the one that had its name before, and says which documents
    /// they are. A file that cannot be read is a document that failed. What is stopped midway can be handed over again.
    ///
    /// # Errors
    /// What concerns the whole, such as a full disk; the files before are in.
    pub async fn upload(mut self, files: Vec<Upload>) -> Result<Vec<DocumentId>, IndexingError> {
        self.store.ensure_collection(&self.options.collection, (self.clock)()).await?;
        let root = self.named_root(ROOT, HOLDER, true).await?;
        let mut extractor = self.extractors.swap_remove(0);
        let mut ids = Vec::new();
        for file in files {
            let uri = format!("{root}/{}", file.name);
            let id = DocumentId::of(&self.options.collection, &uri);
            let desks = Arc::clone(&self.desks);
            let _alone = desks.of(id).lock().await;
            self.take(&mut extractor, &uri, file).await?;
            self.wake.notify_waiters();
            ids.push(id);
        }
        Ok(ids)
    }

    async fn take(&self, extractor: &mut Extractor, uri: &str, file: Upload) -> Result<(), IndexingError> {
        let modified_ns = (self.clock)().saturating_mul(1_000_000);
        let bytes = file.file.metadata().map_or(0, |metadata| metadata.len());
        let limits = FileLimits::of(self.options.file_bytes_max);
        let opened = match OpenedFile::handed(file.file, limits).await {
            Ok(opened) => opened,
            Err(failure) => {
                let unread = SourceStamp { bytes, modified_ns, sha256: String::new() };
                return self.fail(self.new_document(uri, unread), failure).await.map(drop);
            }
        };
        let _held = self.memory.take(needed_bytes(&file.read_as, &opened, limits)).await;
        let (read_as, title) = (file.read_as.as_str(), file.title);
        let incoming = Incoming { uri, read_as, title, modified_ns: Some(modified_ns), may_retry: false };
        // What begins to serve meanwhile is chunked behind it, as every generation is.
        let views = self.generations.serving();
        match self.take_in(extractor, &incoming, opened, &views).await? {
            Taken::Row(row, _) => self.write_rows(&[*row], &views).await,
            Taken::Done(_) => Ok(()),
        }
    }
}
