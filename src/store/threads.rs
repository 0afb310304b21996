//! Threads: the conversations of an account, which nobody else can tell are there.

use async_trait::async_trait;

use super::StoreError;
use crate::types::{Thread, Turn};

/// Which threads to list.
#[derive(Debug, Clone, Default)]
pub struct ThreadQuery {
    /// At most this many.
    pub limit: u32,
    /// Only those behind this one, named by the time of its last turn and its id.
    pub after: Option<(i64, String)>,
}

/// Threads. They are made by [`begin_run`](super::Runs::begin_run), and are out of date from the moment that they name: from
/// then on they are not listed, and a run begins one anew; what they held can be read until it is swept away.
#[async_trait]
pub trait Threads {
    /// A thread of an account.
    ///
    /// # Errors
    /// Database errors.
    async fn thread(&self, id: &str, account: &str, now_ms: i64) -> Result<Option<Thread>, StoreError>;

    /// The threads of an account, those with the newest turns first; equal times are ordered by id, from the last one. A thread
    /// without a title is not listed.
    ///
    /// # Errors
    /// Database errors.
    async fn threads(&self, account: &str, query: &ThreadQuery, now_ms: i64) -> Result<Vec<Thread>, StoreError>;

    /// Gives a thread another title, and says whether the account has one of this id.
    ///
    /// # Errors
    /// Database errors.
    async fn rename_thread(&self, id: &str, account: &str, title: &str) -> Result<bool, StoreError>;

    /// Removes a thread with its runs, their steps, events and citations, and says whether the account had one of this id.
    ///
    /// # Errors
    /// Database errors; then nothing is removed.
    async fn delete_thread(&self, id: &str, account: &str) -> Result<bool, StoreError>;

    /// Removes every thread that is out of date, as [`delete_thread`](Self::delete_thread) does, and says how many there were.
    ///
    /// # Errors
    /// Database errors; then nothing is removed.
    async fn expire_threads(&self, now_ms: i64) -> Result<u64, StoreError>;

    /// The newest turns of a thread, at most this many, in the order in which they began.
    ///
    /// # Errors
    /// Database errors.
    async fn turns(&self, id: &str, account: &str, newest: u32) -> Result<Vec<Turn>, StoreError>;
}
