//! The loop that accepts connections, and their orderly end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::patient_stream::PatientStream;

/// Serves connections until `end`, then lets those that are busy come to their end. Resolves when
/// all have, or after `drain`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    client_timeout: Duration,
    end: impl Future<Output = ()>,
) -> GracefulShutdown {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
    tokio::pin!(end);
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = &mut end => return graceful,
        };
        let Ok(place) = place else { return graceful };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => return graceful,
        };
        match accepted {
            Ok((stream, _)) => start(stream, place, &router, client_timeout, &graceful),
            Err(error) => rest(&error).await,
        }
    }
}

/// Serves one connection on a task of its own.
fn start(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    router: &Router,
    client_timeout: Duration,
    graceful: &GracefulShutdown,
) {
    // Pieces of an answer are small and should not wait for one another.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(PatientStream::new(stream, client_timeout));
    let service = TowerToHyperService::new(router.clone());
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(client_timeout)
        .serve_connection(stream, service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection broke off");
        }
        drop(place);
    });
}

/// After an error that is not one connection's own (no more files may be open), a moment's rest.
async fn rest(error: &io::Error) {
    let own = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    );
    if !own {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
