//! Whose event is whose.

use std::collections::BTreeMap;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use ulp_infer::{Engine, Event, RequestId};

use super::{Happening, Ticket};
use crate::metrics::{End, Metrics};

/// The requests that the engine has, and where their events go.
#[derive(Debug, Default)]
pub(super) struct Routes(BTreeMap<RequestId, Route>);

#[derive(Debug)]
struct Route {
    ticket: Ticket,
    /// Among the requests of its ticket.
    index: usize,
    events: mpsc::UnboundedSender<(usize, Happening)>,
    /// Given back when the request ends, whether or not its client has read everything.
    _place: OwnedSemaphorePermit,
    arrived: Instant,
    /// When its newest token came.
    newest: Option<Instant>,
}

impl Routes {
    pub(super) fn add(
        &mut self,
        request: RequestId,
        ticket: Ticket,
        index: usize,
        events: mpsc::UnboundedSender<(usize, Happening)>,
        place: OwnedSemaphorePermit,
    ) {
        let arrived = Instant::now();
        let route = Route { ticket, index, events, _place: place, arrived, newest: None };
        self.0.insert(request, route);
    }

    /// Takes out all requests of a ticket: nobody waits for them any more.
    pub(super) fn take(&mut self, ticket: Ticket, metrics: &Metrics) -> Vec<RequestId> {
        let requests: Vec<RequestId> =
            self.0.iter().filter(|(_, route)| route.ticket == ticket).map(|(id, _)| *id).collect();
        for request in &requests {
            self.0.remove(request);
            metrics.ended(End::Abandoned);
        }
        requests
    }

    /// Hands an event to its client. If that is gone, its requests are cancelled at once.
    pub(super) fn deliver(&mut self, event: Event, engine: &mut Engine, metrics: &Metrics) {
        let request = event.request();
        // A request that was cancelled has no route; its last event is for nobody.
        let Some(route) = self.0.get_mut(&request) else { return };
        let happening = match event {
            Event::Prompt(prompt) => Happening::Prompt(prompt),
            Event::Token(token) => {
                route.note_token(metrics);
                Happening::Token(token)
            }
            Event::Finished(finished) => {
                metrics.finished(finished.reason, route.arrived.elapsed());
                Happening::Finished(finished)
            }
            Event::Failed { error, .. } => {
                metrics.ended(End::Failed);
                Happening::Failed(error)
            }
        };
        let ended = happening.is_last();
        let (ticket, gone) = (route.ticket, route.events.send((route.index, happening)).is_err());
        if ended {
            self.0.remove(&request);
        }
        if gone {
            for request in self.take(ticket, metrics) {
                engine.cancel(request);
            }
        }
    }
}

impl Route {
    fn note_token(&mut self, metrics: &Metrics) {
        let now = Instant::now();
        match self.newest.replace(now) {
            None => metrics.first_token(now - self.arrived),
            Some(before) => metrics.next_token(now - before),
        }
    }
}
