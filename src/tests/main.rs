//! The promises of the whole: the law of the house, the story of a user, faults, the doors, real clients, a real Postgres.
#![allow(clippy::unwrap_used, clippy::shadow_unrelated, missing_docs, unreachable_pub)]

mod agui_limits;
mod agui_rules;
mod agui_runs;
mod agui_wire;
mod api;
mod backend;
mod backends;
mod bad_database;
mod bounded;
mod chat;
mod clients;
mod cluster;
mod completions;
mod database;
mod edits;
mod eval;
mod faults;
mod formats;
mod generations;
mod mirror;
mod model_calls;
mod model_peer;
mod pgvector;
mod postgres;
mod qdrant_peer;
mod readers;
mod rerank;
mod retrieval;
mod search_input;
mod story;
mod support;
mod tidy;
mod told_model;
mod transfer;
mod uploads;
