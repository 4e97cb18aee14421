//! A client's end of its requests.

use std::sync::mpsc;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc as tokio_mpsc;
use tokio::time::{Instant, Sleep, sleep_until};
use ulp_infer::{Finished, InferError, PromptEvent, TokenEvent};

use super::{Command, Ticket};
use std::pin::Pin;

/// What the engine reports of one of the requests.
#[derive(Debug)]
pub(crate) enum Happening {
    Prompt(PromptEvent),
    Token(TokenEvent),
    Finished(Finished),
    Failed(InferError),
}

impl Happening {
    /// Whether nothing more comes of the request.
    pub(super) fn is_last(&self) -> bool {
        matches!(self, Happening::Finished(_) | Happening::Failed(_))
    }
}

/// Why no more comes, though not all requests have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The time for the request is over.
    TimedOut,
    /// The server ends, or the engine failed.
    Stopped,
}

/// Requests on their way. Dropping it cancels those that have not ended.
#[derive(Debug)]
pub(crate) struct Generation {
    events: tokio_mpsc::UnboundedReceiver<(usize, Happening)>,
    commands: mpsc::Sender<Command>,
    ticket: Ticket,
    /// Requests that have not ended.
    pending: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Generation {
    pub(super) fn new(
        events: tokio_mpsc::UnboundedReceiver<(usize, Happening)>,
        commands: mpsc::Sender<Command>,
        ticket: Ticket,
        pending: usize,
        deadline: Instant,
    ) -> Self {
        let deadline = Box::pin(sleep_until(deadline));
        Generation { events, commands, ticket, pending, deadline }
    }

    /// The next event with the index of its request among those handed in; `None` when all have
    /// ended.
    pub(crate) async fn next(&mut self) -> Option<Result<(usize, Happening), Interruption>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`next`](Self::next), for a stream.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<(usize, Happening), Interruption>>> {
        if self.pending == 0 {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Interruption::TimedOut)));
        }
        let Some((index, happening)) = ready!(self.events.poll_recv(context)) else {
            return Poll::Ready(Some(Err(Interruption::Stopped)));
        };
        if happening.is_last() {
            self.pending -= 1;
        }
        Poll::Ready(Some(Ok((index, happening))))
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if self.pending > 0 {
            // If the thread has ended there is nothing to cancel.
            let _ = self.commands.send(Command::Cancel(self.ticket));
        }
    }
}
