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
    /// The file begins as a model does, but a size or a value in it cannot be; it should be fetched again.
    #[error("model file {} is damaged: {what}", path.display())]
    Damaged {
        /// The file asked for.
        path: PathBuf,
        /// The part that cannot be.
        what: String,
    },
}
