//! Keeping files as they were read, before what they say is written: a document never points to an original that is not
//! there.

use std::fs::File;
use std::path::Path;

use super::IndexingError;
use super::mirror::Mirror;
use crate::originals::OriginalsError;
use crate::types::{Failure, SourceStamp};

impl Mirror {
    /// See [`Self::keep`], for the file at a path.
    pub(super) async fn keep_found(
        &self,
        path: &Path,
        stamp: &SourceStamp,
    ) -> Result<Result<(), Failure>, IndexingError> {
        if self.originals.is_none() || !self.options.keep_originals {
            return Ok(Ok(()));
        }
        match tokio::fs::File::open(path).await {
            Ok(file) => self.keep(&file.into_std().await, stamp).await,
            Err(error) => {
                let message = OriginalsError::Unreadable(error).to_string();
                Ok(Err(Failure { code: "unreadable".to_owned(), message }))
            }
        }
    }

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
