//! Answers as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use ulp_infer::Tokenizer;

use super::{Answer, Asked, Counts, Format, Frame, of_interruption, total};
use crate::api::error::ApiError;
use crate::engine_thread::{Generation, Happening, Interruption};

/// A stream of the answers of a generation. Dropping it, which is what happens when the client goes
/// away, cancels the generation.
struct Answers<F> {
    generation: Generation,
    growing: Vec<Answer>,
    counts: Vec<Counts>,
    /// Answers to one prompt.
    n: usize,
    tokenizer: Arc<Tokenizer>,
    format: F,
    ready: VecDeque<Event>,
    ended: bool,
}

/// The response that streams the answers of a generation.
pub(crate) fn stream<F: Format>(
    generation: Generation,
    asked: Asked,
    tokenizer: Arc<Tokenizer>,
    mut format: F,
    ping: Duration,
) -> Response {
    let ready = format.opening(asked.answers).into_iter().map(event).collect();
    let stream = Answers {
        generation,
        growing: Answer::all(asked),
        counts: vec![Counts::default(); asked.answers],
        n: asked.n,
        tokenizer,
        format,
        ready,
        ended: false,
    };
    let ping = KeepAlive::new().interval(ping).text("ping");
    let mut response = Sse::new(stream).keep_alive(ping).into_response();
    // A proxy that gathers a response before it passes it on would undo the streaming.
    let unbuffered = axum::http::HeaderValue::from_static("no");
    response.headers_mut().insert("x-accel-buffering", unbuffered);
    response
}

fn event(frame: Frame) -> Event {
    let event = match frame.event {
        Some(name) => Event::default().event(name),
        None => Event::default(),
    };
    event.data(frame.data.to_string())
}

impl<F: Format> Answers<F> {
    fn take(&mut self, next: Option<Result<(usize, Happening), Interruption>>) {
        match next {
            Some(Ok((index, happening))) => {
                match self.growing[index].add(happening, &self.tokenizer) {
                    Ok(addition) => {
                        if let Some(end) = addition.end {
                            self.counts[index] = end.counts;
                        }
                        let frames = self.format.addition(index, addition);
                        self.ready.extend(frames.into_iter().map(event));
                    }
                    Err(error) => self.fail(&error),
                }
            }
            Some(Err(interruption)) => self.fail(&of_interruption(interruption)),
            None => {
                let frames = self.format.closing(total(&self.counts, self.n));
                self.ready.extend(frames.into_iter().map(event));
                if F::ENDS_WITH_DONE {
                    self.ready.push_back(Event::default().data("[DONE]"));
                }
                self.ended = true;
            }
        }
    }

    /// The status has gone out long ago, so the error goes where the answer would.
    fn fail(&mut self, error: &ApiError) {
        self.ready.push_back(event(self.format.failure(error.to_json())));
        self.ended = true;
    }
}

impl<F: Format> Stream for Answers<F> {
    type Item = Result<Event, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            let next = ready!(this.generation.poll_next(context));
            this.take(next);
        }
    }
}
