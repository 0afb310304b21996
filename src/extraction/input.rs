//! What is read: bytes that come piece by piece, as often as the reader has to begin again.

use async_trait::async_trait;

use crate::types::Failure;

/// The bytes of a document. They are never asked for at once, so that nobody holds a file whole.
#[async_trait]
pub trait DocumentSource: Send {
    /// How many bytes there are from the beginning to the end, the same each time.
    fn bytes(&self) -> u64;

    /// Goes back to the beginning.
    ///
    /// # Errors
    /// Why the bytes cannot be had.
    async fn rewind(&mut self) -> Result<(), Failure>;

    /// The next piece, which is never empty; `None` at the end.
    ///
    /// # Errors
    /// Why the bytes cannot be had, or that they are no longer those that were there at first.
    async fn piece(&mut self) -> Result<Option<&[u8]>, Failure>;
}

/// Bytes that are in memory.
pub(super) struct InMemory<'a> {
    bytes: &'a [u8],
    at_end: bool,
}

impl<'a> InMemory<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at_end: false }
    }
}

#[async_trait]
impl DocumentSource for InMemory<'_> {
    fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn rewind(&mut self) -> Result<(), Failure> {
        self.at_end = self.bytes.is_empty();
        Ok(())
    }

    async fn piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        let at_end = std::mem::replace(&mut self.at_end, true);
        Ok((!at_end).then_some(self.bytes))
    }
}
