//! The thread that the engine runs on.
//!
//! The engine is synchronous; the network is not. The two meet here and only here: commands come in
//! by one channel, and each request's events go out by a channel of its own. Sending never waits,
//! so a client that reads slowly holds up nobody; what piles up for it is bounded by the length of
//! an answer. Commands are taken before every step, so a client that goes away frees its place in
//! the cache within one step.

mod generation;
mod routes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc as tokio_mpsc, oneshot};
use tokio::time::Instant;
use ulp_infer::{BlockUse, CompiledGrammar, Engine, EngineStats, InferError, Request};

use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::served_model::Ceiling;
pub(crate) use generation::{Generation, Happening, Interruption};
use routes::Routes;

/// Names a group of requests that belong to one client's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket(u64);

enum Command {
    Submit {
        ticket: Ticket,
        requests: Vec<Request>,
        /// What the answers must be.
        grammar: Option<CompiledGrammar>,
        /// Places in the queue, given back one by one as the requests end.
        places: Vec<OwnedSemaphorePermit>,
        events: tokio_mpsc::UnboundedSender<(usize, Happening)>,
        reply: oneshot::Sender<Result<(), InferError>>,
    },
    Cancel(Ticket),
    /// A look at the engine between two steps.
    View(oneshot::Sender<View>),
    /// Ends all requests and the thread.
    Stop,
}

/// The engine between two steps.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) stats: EngineStats,
    /// Who holds each block of the cache.
    pub(crate) map: Vec<BlockUse>,
}

/// Why a group of requests was not taken in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// As many run and wait as may.
    Full,
    /// The server is about to end, or the engine has failed.
    Stopped,
    /// The engine refuses a request.
    Engine(InferError),
}

/// The way to the engine.
#[derive(Debug, Clone)]
pub(crate) struct EngineHandle {
    commands: mpsc::Sender<Command>,
    /// Places for sequences, running or waiting.
    places: Arc<Semaphore>,
    next_ticket: Arc<AtomicU64>,
    alive: Arc<AtomicBool>,
}

impl EngineHandle {
    /// Hands in requests that belong together: all are taken, or none. Their grammar has been
    /// compiled: the engine's thread is everybody's.
    pub(crate) async fn submit(
        &self,
        requests: Vec<Request>,
        grammar: Option<CompiledGrammar>,
        deadline: Instant,
    ) -> Result<Generation, Refusal> {
        let places = self.take_places(requests.len())?;
        let ticket = Ticket(self.next_ticket.fetch_add(1, Ordering::Relaxed));
        let (events, receiver) = tokio_mpsc::unbounded_channel();
        let (reply, taken) = oneshot::channel();
        let pending = requests.len();
        let command = Command::Submit { ticket, requests, grammar, places, events, reply };
        self.commands.send(command).map_err(|_| Refusal::Stopped)?;
        // From here on dropping it takes the requests back, even before they are known to be in.
        let generation =
            Generation::new(receiver, self.commands.clone(), ticket, pending, deadline);
        match taken.await {
            Ok(Ok(())) => Ok(generation),
            Ok(Err(error)) => Err(Refusal::Engine(error)),
            Err(_) => Err(Refusal::Stopped),
        }
    }

    /// A look at the engine, after the step that it is in.
    pub(crate) async fn view(&self) -> Result<View, Refusal> {
        let (reply, view) = oneshot::channel();
        self.commands.send(Command::View(reply)).map_err(|_| Refusal::Stopped)?;
        view.await.map_err(|_| Refusal::Stopped)
    }

    fn take_places(&self, n: usize) -> Result<Vec<OwnedSemaphorePermit>, Refusal> {
        let n = u32::try_from(n).map_err(|_| Refusal::Full)?;
        let mut all = Arc::clone(&self.places).try_acquire_many_owned(n).map_err(|e| match e {
            tokio::sync::TryAcquireError::NoPermits => Refusal::Full,
            tokio::sync::TryAcquireError::Closed => Refusal::Stopped,
        })?;
        let one = |_| all.split(1).expect("as many as were taken");
        Ok((0..n).map(one).collect())
    }

    /// Takes no more requests.
    pub(crate) fn close(&self) {
        self.places.close();
    }

    /// Ends what is left; each request's events end with [`Interruption::Stopped`].
    pub(crate) fn stop(&self) {
        // The thread may have ended by itself.
        let _ = self.commands.send(Command::Stop);
    }

    /// Whether the thread runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }
}

/// Starts the thread. `places` is how many sequences may run and wait at once.
pub(crate) fn spawn(
    engine: Engine,
    places: usize,
    ceiling: Option<Ceiling>,
    metrics: Arc<Metrics>,
) -> Result<(EngineHandle, EngineThread), ServeError> {
    let (commands, receiver) = mpsc::channel();
    let alive = Arc::new(AtomicBool::new(true));
    let handle = EngineHandle {
        commands,
        places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
        next_ticket: Arc::new(AtomicU64::new(0)),
        alive: Arc::clone(&alive),
    };
    let (ended, end) = oneshot::channel();
    let run = move || {
        let mut state =
            Loop { engine, routes: Routes::default(), commands: receiver, ceiling, metrics };
        // A panic is a fault of ours; the server then says so instead of waiting for ever.
        let outcome = catch_unwind(AssertUnwindSafe(|| state.run()));
        alive.store(false, Ordering::Release);
        let outcome = match outcome {
            Ok(outcome) => outcome.map_err(|error| ServeError::Engine(Some(error))),
            Err(_) => Err(ServeError::Engine(None)),
        };
        drop(state);
        let _ = ended.send(outcome);
    };
    let builder = thread::Builder::new().name("engine".to_string());
    let thread = builder.spawn(run).map_err(ServeError::Runtime)?;
    Ok((handle, EngineThread { end, thread }))
}

/// The running thread, to be waited for.
#[derive(Debug)]
pub(crate) struct EngineThread {
    end: oneshot::Receiver<Result<(), ServeError>>,
    thread: thread::JoinHandle<()>,
}

impl EngineThread {
    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> Result<(), ServeError> {
        (&mut self.end).await.unwrap_or(Err(ServeError::Engine(None)))
    }

    /// Waits for the thread itself, which has sent its last word.
    pub(crate) fn join(self) {
        // A panic was caught and told by `ended`.
        let _ = self.thread.join();
    }
}

struct Loop {
    engine: Engine,
    routes: Routes,
    commands: mpsc::Receiver<Command>,
    ceiling: Option<Ceiling>,
    metrics: Arc<Metrics>,
}

impl Loop {
    fn run(&mut self) -> Result<(), InferError> {
        loop {
            if !self.take_commands() {
                return Ok(());
            }
            let start = std::time::Instant::now();
            let events = self.engine.step()?;
            let least = self.ceiling.as_ref().map(|c| c.least_time(&self.engine.last_step()));
            self.metrics.step(&self.engine, start.elapsed(), least);
            for event in events {
                self.routes.deliver(event, &mut self.engine, &self.metrics);
            }
        }
    }

    /// Takes what has come in; waits for something if there is nothing to compute. False at the
    /// end.
    fn take_commands(&mut self) -> bool {
        if self.engine.is_idle() {
            self.metrics.observe(&self.engine);
            // Nobody is left to ask for anything, or somebody wants an end.
            if !self.commands.recv().is_ok_and(|command| self.obey(command)) {
                return false;
            }
        }
        while let Ok(command) = self.commands.try_recv() {
            if !self.obey(command) {
                return false;
            }
        }
        true
    }

    fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::Submit { ticket, requests, grammar, places, events, reply } => {
                let taken = self.submit(ticket, requests, grammar.as_ref(), places, events);
                // Whoever asked may be gone; then its guard's Cancel follows.
                let _ = reply.send(taken);
                true
            }
            Command::Cancel(ticket) => {
                for request in self.routes.take(ticket, &self.metrics) {
                    self.engine.cancel(request);
                }
                true
            }
            Command::View(reply) => {
                let view = View { stats: self.engine.stats(), map: self.engine.block_map() };
                let _ = reply.send(view);
                true
            }
            Command::Stop => false,
        }
    }

    fn submit(
        &mut self,
        ticket: Ticket,
        requests: Vec<Request>,
        grammar: Option<&CompiledGrammar>,
        places: Vec<OwnedSemaphorePermit>,
        events: tokio_mpsc::UnboundedSender<(usize, Happening)>,
    ) -> Result<(), InferError> {
        for (index, (request, place)) in requests.into_iter().zip(places).enumerate() {
            let submitted = match grammar {
                Some(grammar) => self.engine.submit_compiled(request, grammar),
                None => self.engine.submit(request),
            };
            match submitted {
                Ok(id) => self.routes.add(id, ticket, index, events.clone(), place),
                Err(error) => {
                    for request in self.routes.take(ticket, &self.metrics) {
                        self.engine.cancel(request);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
