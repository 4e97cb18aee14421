//! Serve a language model over HTTP: the OpenAI API on [`ulp_infer`]'s engine.
//!
//! # The way a request goes
//!
//! Socket → connection (limits of time and number) → log, origin, key → route → body → a table of
//! what the route takes ([the `schema` module](https://json-schema.org) of this crate is one list
//! for the check, the OpenAPI document and the refusals) → prompt → a command to the engine's
//! thread → events, each by a channel of its own request → JSON, whole or as server-sent events.
//!
//! ```no_run
//! use std::sync::Arc;
//! use ulp_infer::{EngineOptions, Gguf, Model, Tokenizer};
//! use ulp_serve::{ServeOptions, ServedModel, serve};
//!
//! let file = Gguf::open("model.gguf")?;
//! let model = ServedModel {
//!     names: vec!["model".to_string()],
//!     model: Arc::new(Model::from_gguf(&file)?),
//!     tokenizer: Arc::new(Tokenizer::from_gguf(&file)?),
//!     template: None,
//!     adapters: Vec::new(),
//!     engine: EngineOptions::default(),
//!     ceiling: None,
//! };
//! // Returns after SIGTERM or Ctrl-C, when what was running has ended.
//! serve(model, ServeOptions::default(), |address| println!("http://{address}"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Promises
//!
//! - A parameter is honoured or refused with its name; none is ignored in silence.
//! - An answer is the one that the request would get alone (the engine's promise of the same bits).
//! - A client that goes away frees its place in the cache within one step of the engine; one that
//!   reads slowly holds up nobody.
//! - What a client sends gives an error in the API's form, never a panic.
//!
//! # What is not here
//!
//! TLS and HTTP/2 (a proxy's), storage that outlives the process, other models than the one it began with.
#![forbid(unsafe_code)]

mod api;
mod engine_thread;
mod error;
mod gate;
mod metrics;
mod network;
mod options;
mod random;
mod served_model;
mod server;
mod signals;

use std::net::SocketAddr;

pub use error::ServeError;
pub use options::ServeOptions;
pub use served_model::{Ceiling, ServedModel};
pub use server::Server;
pub use signals::signal_to_end;

/// Serves until SIGTERM or Ctrl-C, on a runtime of its own. `ready` is told the address as soon as
/// requests are taken.
///
/// # Errors
///
/// As [`Server::bind`] and [`Server::run`].
pub fn serve(
    model: ServedModel,
    options: ServeOptions,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    // The network needs little; the processors are for the engine.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("network")
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let outcome = runtime.block_on(async {
        let end = signal_to_end()?;
        let server = Server::bind(model, options).await?;
        ready(server.address());
        server.run(end).await
    });
    // Threads that still prepare a request that nobody waits for are not waited for.
    runtime.shutdown_background();
    outcome
}

/// The README's example is a doc test, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
