//! The promises of the whole: the law of the house, the story of a user, faults, the doors, real clients, a real Postgres.
#![allow(clippy::unwrap_used, clippy::shadow_unrelated, missing_docs, unreachable_pub)]

mod api;
mod clients;
mod database;
mod faults;
mod models;
mod pgvector;
mod postgres;
mod qdrant_peer;
mod story;
mod support;
mod tidy;
