//! Request bodies as they come in: counted, and given up when nothing comes any more.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures::{Stream, StreamExt};

use super::ApiError;

/// What a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// Its length.
    pub(super) bytes_max: u64,
    /// How long it may take until the next bytes come.
    pub(super) silence: Duration,
}

/// Bytes over the limit that are read and thrown away: a client that is still sending does not hear an answer, only
/// that the connection broke.
const DISCARDED_BYTES_MAX: u64 = 128 << 20;

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// It is over the limit.
    #[error("the body is too large")]
    TooLarge,
    /// Nothing came for a while.
    #[error("nothing came for a while")]
    Silent,
    /// The client went away.
    #[error("the body broke off")]
    BrokenOff,
}

impl From<&BodyError> for ApiError {
    fn from(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::Silent => Self::Timeout,
            BodyError::BrokenOff => Self::Invalid("the body broke off".to_owned()),
        }
    }
}

/// The pieces of a body. What is over the limit is read as well, as far as that is sensible, before the stream says so.
pub(super) fn pieces(body: Body, limits: BodyLimits) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    let incoming = Incoming { pieces: body.into_data_stream(), limits, total: 0 };
    futures::stream::try_unfold(incoming, |mut incoming| async {
        Ok(incoming.next().await?.map(|piece| (piece, incoming)))
    })
}

/// The whole body.
pub(super) async fn read(body: Body, limits: BodyLimits) -> Result<Vec<u8>, ApiError> {
    let mut whole = Vec::new();
    let mut pieces = std::pin::pin!(pieces(body, limits));
    while let Some(piece) = pieces.next().await {
        whole.extend_from_slice(&piece.map_err(|error| ApiError::from(&error))?);
    }
    Ok(whole)
}

struct Incoming {
    pieces: BodyDataStream,
    limits: BodyLimits,
    total: u64,
}

impl Incoming {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let piece = tokio::time::timeout(self.limits.silence, self.pieces.next()).await;
            let over = self.total > self.limits.bytes_max;
            let Some(piece) = piece.map_err(|_| BodyError::Silent)? else {
                return if over { Err(BodyError::TooLarge) } else { Ok(None) };
            };
            let piece = piece.map_err(|_| BodyError::BrokenOff)?;
            self.total = self.total.saturating_add(piece.len() as u64);
            if self.total <= self.limits.bytes_max {
                return Ok(Some(piece));
            }
            if self.total > self.limits.bytes_max.saturating_add(DISCARDED_BYTES_MAX) {
                return Err(BodyError::TooLarge);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn limits(bytes_max: u64) -> BodyLimits {
        BodyLimits { bytes_max, silence: Duration::from_millis(30) }
    }

    fn body(pieces: &[&'static str]) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        futures::stream::iter(pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn a_body_is_read_to_its_limit_and_not_beyond() {
        let whole = read(Body::from_stream(body(&["ab", "", "cd"])), limits(4)).await;
        assert_eq!(whole.unwrap(), b"abcd");
        let larger = read(Body::from_stream(body(&["ab", "cd", "e"])), limits(4)).await;
        assert!(matches!(larger, Err(ApiError::TooLarge)));
    }

    #[tokio::test]
    async fn a_body_that_falls_silent_is_given_up() {
        for bytes_max in [9, 1] {
            let silent = Body::from_stream(body(&["ab"]).chain(futures::stream::pending()));
            assert!(matches!(read(silent, limits(bytes_max)).await, Err(ApiError::Timeout)));
        }
        let broken = body(&["ab"])
            .map(|piece| piece.map_err(std::io::Error::other))
            .chain(futures::stream::once(async { Err(std::io::Error::other("gone")) }));
        assert!(matches!(read(Body::from_stream(broken), limits(9)).await, Err(ApiError::Invalid(_))));
    }
}
