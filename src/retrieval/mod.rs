//! READ PATH: a question in, cited passages out.
//!
//! Both legs run side by side, their lists are fused by one pure function, every hit is held against the truth, and what
//! passes carries its exact span. Nothing here writes.

mod citation;
mod fusion;
mod highlight;
mod query;
mod search;

pub use citation::{CitedSource, MarkerFilter, cite};
pub use fusion::{Fused, fuse};
pub use query::{ParsedQuery, parse_query};
pub use search::{Retriever, SearchError, SearchRequest, SearchResponse};
