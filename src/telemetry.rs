//! Tracing: to standard error, so that standard output stays for results.

use tracing_subscriber::EnvFilter;

/// Starts logging. `IBID_LOG` sets what is shown, as `tracing` filters are written; warnings are by default. Calling it
/// again does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_env("IBID_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second subscriber in one process is refused, and the first one goes on.
    drop(subscriber.try_init());
}
