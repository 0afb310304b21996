//! Hearing of changes: a connection that listens, and is made again when it breaks.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const CHANNEL: &str = "ibid_changes";
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// A server that was gone is heard again after this at the latest; who waits looks by itself meanwhile.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The task that listens. It ends with this value.
#[derive(Debug)]
pub(super) struct Listening(JoinHandle<()>);

impl Listening {
    /// Wakes whoever waits on `changed` at every change that any process commits.
    pub(super) fn start(pool: PgPool, changed: Arc<Notify>) -> Self {
        Self(tokio::spawn(listen(pool, changed)))
    }

    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn listen(pool: PgPool, changed: Arc<Notify>) {
    let mut pause = PAUSE_MIN;
    loop {
        if let Ok(mut listener) = subscribed(&pool).await {
            pause = PAUSE_MIN;
            // What was committed while nobody listened may concern whoever waits.
            changed.notify_waiters();
            while let Ok(Some(_)) = listener.try_recv().await {
                while listener.next_buffered().is_some() {}
                changed.notify_waiters();
            }
        }
        tokio::time::sleep(pause.mul_f32(0.5 + fastrand::f32() / 2.0)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn subscribed(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}
