//! The promises of the whole: the law of the house, the story of a user, faults, the doors, real clients.
#![allow(clippy::unwrap_used, clippy::shadow_unrelated, missing_docs, unreachable_pub)]

mod api;
mod clients;
mod faults;
mod models;
mod story;
mod support;
mod tidy;
