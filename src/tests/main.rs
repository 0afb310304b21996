//! The promises of the whole: the law of the house, the story of a user, faults, the doors, real clients, a real Postgres.
#![allow(clippy::unwrap_used, clippy::shadow_unrelated, missing_docs, unreachable_pub)]

mod api;
mod backend;
mod backends;
mod bad_database;
mod clients;
mod cluster;
mod database;
mod eval;
mod faults;
mod formats;
mod generations;
mod models;
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
mod transfer;
