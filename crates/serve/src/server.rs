//! A server from its first socket to its orderly end.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use ulp_infer::Engine;

use crate::api::{App, Grammars, router};
use crate::engine_thread::{self, EngineThread};
use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::network;
use crate::options::ServeOptions;
use crate::served_model::ServedModel;

/// A server that listens and has not begun to answer.
///
/// # Examples
///
/// ```no_run
/// # async fn example(model: ulp_serve::ServedModel) -> Result<(), ulp_serve::ServeError> {
/// use ulp_serve::{ServeOptions, Server};
///
/// let server = Server::bind(model, ServeOptions { port: 0, ..ServeOptions::default() }).await?;
/// println!("http://{}", server.address());
/// server.run(ulp_serve::signal_to_end()?).await
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    address: SocketAddr,
    engine: EngineThread,
}

impl Server {
    /// Takes the address and starts the engine's thread.
    ///
    /// # Errors
    ///
    /// [`ServeError::Option`], [`ServeError::Bind`], [`ServeError::Runtime`].
    pub async fn bind(model: ServedModel, options: ServeOptions) -> Result<Self, ServeError> {
        options.validate()?;
        let address = format!("{}:{}", options.host, options.port);
        let bound = TcpListener::bind((options.host.as_str(), options.port)).await;
        let cannot = |source| ServeError::Bind { address: address.clone(), source };
        let listener = bound.map_err(cannot)?;
        let bound_to = listener.local_addr().map_err(cannot)?;
        let engine = Engine::new(
            Arc::clone(&model.model),
            Arc::clone(&model.tokenizer),
            model.engine.clone(),
        );
        let (context, running) = (engine.options().context, engine.options().max_running);
        let grammars = Grammars::new(engine.compiler().clone());
        let metrics = Arc::new(Metrics::default());
        let places = running.max(1).saturating_add(options.max_queue);
        let (handle, engine) =
            engine_thread::spawn(engine, places, model.ceiling.clone(), Arc::clone(&metrics))?;
        let app = Arc::new(App::new(model, context, options, handle, grammars, metrics));
        Ok(Server { app, listener, address: bound_to, engine })
    }

    /// Where it listens; the port is known even if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `end`. Then no new request is taken, and those that run may go on for
    /// [`ServeOptions::drain`]; what is left after that is told so.
    ///
    /// # Errors
    ///
    /// [`ServeError::Engine`] if the engine failed.
    pub async fn run(self, end: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Server { app, listener, mut engine, .. } = self;
        let mut outcome = None;
        let end = async {
            tokio::select! {
                () = end => {}
                ended = engine.ended() => outcome = Some(ended),
            }
            app.drain();
        };
        let options = &app.options;
        let router = router(Arc::clone(&app));
        let (max, patience) = (options.max_connections, options.client_timeout);
        let connections = network::serve(listener, router, max, patience, end).await;
        tracing::info!("no new requests; waiting for those that run");
        let all = connections.shutdown();
        tokio::pin!(all);
        if tokio::time::timeout(options.drain, &mut all).await.is_err() {
            tracing::warn!("ending requests that still run");
            app.engine.stop();
            // Clients are told; those that do not listen are not waited for.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), all).await;
        }
        app.engine.stop();
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => engine.ended().await,
        };
        engine.join();
        outcome
    }
}
