//! What can go wrong when a model file is opened or its rows are read.

use std::io;
use std::path::PathBuf;

/// The reasons why there is no encoder, or no vector.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// The file is absent or the system refused to read it; the path or the permissions need attention.
    #[error("cannot read model file {}", path.display())]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The file is something else, or a later version of the format.
    #[error("{} is not an E5S1 model file of version 1", path.display())]
    Foreign {
        /// The file asked for.
        path: PathBuf,
    },
    /// The model is sound and of a kind that this crate cannot run; another one has to be chosen.
    #[error("{} describes a model that cannot be run: {what}", path.display())]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// What is different.
        what: String,
    },
    /// The file begins as a model does, but a size or a value in it cannot be; it should be fetched again.
    #[error("model file {} is damaged: {what}", path.display())]
    Damaged {
        /// The file asked for.
        path: PathBuf,
        /// The part that cannot be.
        what: String,
    },
}
