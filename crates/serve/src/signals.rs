//! The signals that ask a server to end.

use crate::error::ServeError;

/// Resolves at SIGTERM, SIGINT or Ctrl-C. A second one ends the process at once, as if nobody had
/// watched.
///
/// # Errors
///
/// [`ServeError::Runtime`] if the signals cannot be watched.
#[cfg(unix)]
pub fn signal_to_end() -> Result<impl Future<Output = ()>, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Runtime)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM"),
            _ = interrupt.recv() => tracing::info!("SIGINT"),
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => std::process::exit(143),
                _ = interrupt.recv() => std::process::exit(130),
            }
        });
    })
}

/// Resolves at Ctrl-C.
///
/// # Errors
///
/// None here.
#[cfg(not(unix))]
pub fn signal_to_end() -> Result<impl Future<Output = ()>, ServeError> {
    Ok(async {
        // Without a handler Ctrl-C ends the process, which is as good.
        let _ = tokio::signal::ctrl_c().await;
    })
}
