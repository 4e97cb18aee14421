//! A server in the test's own process, on a real socket, with a small random model.
#![allow(dead_code)] // each test uses its part

mod client;
mod model;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use serde_json::Value;
use tokio::sync::oneshot;
use ulp_infer::EngineOptions;
use ulp_serve::{ServeOptions, ServedModel, Server};

pub(crate) use client::{Connection, Reply};
#[allow(unused_imports)] // each test uses its part
pub(crate) use model::adapter;

/// A running server; ends when dropped.
pub(crate) struct TestServer {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<Result<(), ulp_serve::ServeError>>>,
}

impl TestServer {
    /// A server as it is by default, with 256 tokens of context.
    pub(crate) fn start() -> Self {
        Self::with(|_, _| ())
    }

    /// A server with other options.
    pub(crate) fn with(change: impl FnOnce(&mut ServeOptions, &mut EngineOptions)) -> Self {
        Self::with_context(256, change)
    }

    /// A server with other options and another context.
    pub(crate) fn with_context(
        context: usize,
        change: impl FnOnce(&mut ServeOptions, &mut EngineOptions),
    ) -> Self {
        Self::with_model(context, |options, model| change(options, &mut model.engine))
    }

    /// A server with other options and another model around the same weights.
    pub(crate) fn with_model(
        context: usize,
        change: impl FnOnce(&mut ServeOptions, &mut ServedModel),
    ) -> Self {
        let mut options = ServeOptions { port: 0, ..ServeOptions::default() };
        let mut model = model::served_model(context);
        change(&mut options, &mut model);
        let (end, ended) = oneshot::channel();
        let (started, address) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            let outcome = runtime.block_on(async {
                let server = Server::bind(model, options).await?;
                started.send(server.address()).unwrap();
                server.run(async { ended.await.unwrap_or_default() }).await
            });
            runtime.shutdown_background();
            outcome
        });
        let address = address.recv().expect("the server starts");
        TestServer { address, end: Some(end), thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.connect().send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_bytes(path, body.to_string().as_bytes())
    }

    pub(crate) fn post_bytes(&self, path: &str, body: &[u8]) -> Reply {
        self.connect().send("POST", path, &[("content-type", "application/json")], body)
    }

    /// The metric of this name, without labels but the model's.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let page = self.get("/metrics").text();
        let line = page.lines().find(|line| line.starts_with(&format!("{name}{{")));
        let line = line.unwrap_or_else(|| panic!("no {name} in {page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until the metric has this value.
    #[track_caller]
    pub(crate) fn await_metric(&self, name: &str, value: f64) {
        let start = std::time::Instant::now();
        while self.metric(name) != value {
            assert!(start.elapsed().as_secs() < 20, "{name} is {}", self.metric(name));
            thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Asks the server to end.
    pub(crate) fn ask_to_end(&mut self) {
        let _ = self.end.take().expect("asked once").send(());
    }

    /// Waits for the end that was asked for.
    pub(crate) fn join(&mut self) -> Result<(), ulp_serve::ServeError> {
        self.thread.take().expect("joined once").join().expect("the server does not panic")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let outcome = thread.join();
            if !thread::panicking() {
                outcome.expect("the server does not panic").expect("the server ends well");
            }
        }
    }
}
