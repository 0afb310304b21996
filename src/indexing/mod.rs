//! WRITE PATH: a folder in, truth and both views out.
//!
//! `scan` sees what is there, `plan` says what has to happen, `mirror` does it: `lanes` read, extract in a child process and
//! chunk, `writing` writes what is ready in one transaction. `contained` takes a file in as it is read, `source` is the file, `cut_text` the parts of a large text. `upload` does so with files that are handed over, `texts` with documents that are text already. From the change log that these transactions
//! leave, `followers` bring the views up to date, when `following` says so, and `embedding` gives every chunk its vector as a stage of its own.
//! `chunking` cuts what is there anew when a generation is built beside the one that serves. Every part may be stopped
//! anywhere and started again.

mod chunking;
mod compared;
mod contained;
mod cut_text;
mod embedding;
mod error;
mod estimate;
mod followers;
mod following;
mod ignored;
mod indexer;
mod ingest;
mod keeping;
mod lanes;
mod mirror;
mod outcome;
mod plan;
mod progress;
mod receipt;
mod row;
mod scan;
mod source;
mod sources;
mod texts;
mod upload;
mod watch;
mod writing;

pub use compared::{Difference, ViewState};
pub use contained::MirrorListener;
pub use error::IndexingError;
pub use estimate::Estimate;
pub use ignored::Ignored;
pub use indexer::{Indexer, IndexerParts};
pub use ingest::IngestJob;
pub use mirror::{DeletionPolicy, Mirror, MirrorOptions, PlannedRoot};
pub use outcome::{FileOutcome, MirrorEvent, MirrorSummary};
pub use plan::{Plan, PlannedMove, PlannedRead};
pub use progress::{IngestProgress, LiveIngest, LiveIngests, SlowestFile, StageTimes};
pub use scan::{FoundFile, Scan, ScanProblem, ScanRules};
pub use sources::{Source, SourceIngest, SourceListener, SourceState, SourceStatus, Sources};
pub use texts::TextDocument;
pub use upload::Upload;
pub use watch::{FolderWatch, WatchOptions, WatchState};
