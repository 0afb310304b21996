//! READ PATH: a question in, cited passages out.
//!
//! Both legs run side by side, their lists are fused by one pure function, every hit is held against the truth, and what
//! passes carries its exact span. Nothing here writes.

mod coverage;
mod evidence;
mod explain;
mod fusion;
mod highlight;
mod legs;
mod passages;
mod query;
mod request;
mod rerank;
mod search;
mod selection;
mod signals;
mod weights;
mod why_not;

pub use evidence::{Coefficients, Evidence, EvidenceModel};
pub use fusion::{Fused, Fusion};
pub use legs::LegAnswers;
pub use query::{ParsedQuery, parse_query};
pub use request::{Expand, PER_DOCUMENT, PerDocument, SearchError, SearchRequest, SearchResponse};
pub use rerank::RerankStage;
pub use search::Retriever;
pub use signals::Signals;
pub use weights::{WeightModel, WeightModelError};
