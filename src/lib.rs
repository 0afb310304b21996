//! ibid: folders of documents in, cited passages out, and answers that say in which place.
//!
//! ARCHITECTURE.md draws the house; `tests/tidy.rs` holds it to the drawing.

pub mod agent;
pub mod analysis;
pub mod api;
pub mod app;
pub mod boot;
pub mod citation;
pub mod cli;
pub mod config;
pub mod eval;
pub mod extraction;
pub mod faults;
pub mod generations;
pub mod indexing;
pub mod keyword;
pub mod memory;
pub mod models;
pub mod originals;
pub mod retrieval;
pub mod store;
pub mod telemetry;
pub mod transfer;
pub mod types;
pub mod vector;

#[cfg(test)]
#[path = "tests/database.rs"]
pub(crate) mod database;

#[cfg(test)]
#[path = "tests/agui_rules.rs"]
pub(crate) mod agui_rules;

#[cfg(test)]
#[path = "tests/s3_peer.rs"]
pub(crate) mod s3_peer;
