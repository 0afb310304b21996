//! Tracing: to standard error, so that standard output stays for results.

use tracing_subscriber::EnvFilter;

/// Starts logging. `IBID_LOG` sets what is shown, as `tracing` filters are written; warnings are by default. Calling it
/// again does nothing. Panics are logged for developers only: each is caught, and shown as the error that it becomes.
pub fn init() {
    let filter = EnvFilter::try_from_env("IBID_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    std::panic::set_hook(Box::new(|panic| {
        // An engine's panic may carry pages of its own trace; the first words say what it is.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said: String = panic.payload_as_str().unwrap_or("no reason given").chars().take(200).collect();
        tracing::debug!(%place, %said, "a panic was caught");
    }));
    // A second subscriber in one process is refused, and the first one goes on.
    drop(subscriber.try_init());
}
