//! Keeping files as they were read, before what they say is written: a document never points to an original that is not
//! there. What no document has any more goes later.

use std::collections::BTreeSet;
use std::fs::File;

use futures::TryStreamExt;

use super::mirror::Mirror;
use super::{Indexer, IndexingError};
use crate::originals::{FRESH, Originals, OriginalsError};
use crate::store::DocumentQuery;
use crate::types::{Failure, SourceStamp};

/// Documents that are looked at in one step.
const DOCUMENTS_AT_ONCE: u32 = 1_000;

impl Indexer {
    /// Where files are kept as they were read, if they are.
    pub fn originals(&self) -> Option<&Originals> {
        self.parts.originals.as_ref()
    }

    /// Deletes the originals that no document has and that were not written a moment ago, in a place of our own: at an
    /// address, another database may keep its originals beside ours. Says how many there were.
    ///
    /// # Errors
    /// When the truth or the place of originals fails; what was deleted by then is gone.
    pub async fn sweep_originals(&self) -> Result<usize, IndexingError> {
        let Some(originals) = self.originals().filter(|originals| originals.is_own()) else { return Ok(0) };
        let mut unused: BTreeSet<String> = originals.older_than(FRESH).try_collect().await?;
        let mut after = None;
        while !unused.is_empty() {
            let query = DocumentQuery { collection: None, failed_only: false, after, limit: DOCUMENTS_AT_ONCE };
            let page = self.parts.store.documents(&query).await?;
            for document in &page.documents {
                unused.remove(&document.source.sha256);
            }
            after = page.next_cursor;
            if after.is_none() {
                break;
            }
        }
        for sha256 in &unused {
            originals.delete(sha256).await?;
        }
        Ok(unused.len())
    }
}

impl Mirror {
    /// Keeps a file whose hash is known, if that is asked for. A file that changed since is a failure of its document; a place
    /// that takes nothing ends the ingest, which goes on from here when it is asked for again.
    pub(super) async fn keep(&self, file: &File, stamp: &SourceStamp) -> Result<Result<(), Failure>, IndexingError> {
        let Some(originals) = self.originals.as_ref().filter(|_| self.options.keep_originals) else {
            return Ok(Ok(()));
        };
        let failure =
            |code: &str, error: &OriginalsError| Failure { code: code.to_owned(), message: error.to_string() };
        match originals.put_file(file, &stamp.sha256, stamp.bytes).await {
            Ok(()) => Ok(Ok(())),
            Err(error @ OriginalsError::Changed) => Ok(Err(failure("changed", &error))),
            Err(error @ OriginalsError::Unreadable(_)) => Ok(Err(failure("unreadable", &error))),
            Err(error @ (OriginalsError::Place { .. } | OriginalsError::Store { .. })) => Err(error.into()),
        }
    }
}
