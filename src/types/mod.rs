//! The nouns: values that every room speaks of, with no behaviour that needs another room.

mod access;
mod chunk;
mod citation;
mod date;
mod document;
mod explanation;
mod filter;
mod generation;
mod hit;
mod ids;
mod ingest;
mod language;
mod message;
mod thread;

pub use access::{Caller, InvalidPrincipal, Principal};
pub use chunk::{Chunk, ChunkRow, below_header, embedding_input, own_title};
pub use citation::{Citation, CitedText, Location, ReasonCode, Verdict};
pub use date::{CalendarDate, InvalidDate};
pub use document::{Document, DocumentState, Failure, PageSpan, SourceStamp, Structure};
pub use explanation::{
    DroppedBy, MatchedTerm, QueryExplanation, Signal, TermStatistics, TextField, WhyNot, WhyNotChunk, WhyNotDocument,
};
pub use filter::{FacetQuery, Filter, FilterError, document_facets, path_prefixes};
pub use generation::{Generation, GenerationId, GenerationScore};
pub use hit::{Highlight, Hit, LegHit, LegRank, Legs, Reranked, SearchMode, Section};
pub use ids::{ChunkId, CitationId, CollectionName, DocumentId, InvalidName, ModelId, Seq, TextHash, Utf16Offset};
pub use ingest::{
    ChunkRange, IngestId, IngestRecord, IngestState, Removal, RemovalCause, RemovalProof, Task, TaskAction, TaskState,
    chunk_ranges,
};
pub use language::primary_language;
pub use message::{Message, Role};
pub use thread::{Feedback, RunState, StepTime, Thread, Turn};
