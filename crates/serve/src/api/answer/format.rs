//! The forms that answers go out in.

use serde_json::Value;

use super::{Addition, Counts};

/// A piece of a streamed answer.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The name of its event, where the route has names.
    pub(crate) event: Option<&'static str>,
    pub(crate) data: Value,
}

impl Frame {
    /// A frame without a name.
    pub(crate) fn data(data: Value) -> Self {
        Frame { event: None, data }
    }
}

/// One route's way to write answers.
pub(crate) trait Format: Send + Unpin + 'static {
    /// Whether a stream ends with the line `[DONE]`.
    const ENDS_WITH_DONE: bool;

    /// What a stream begins with, for `answers` answers.
    fn opening(&mut self, answers: usize) -> Vec<Frame>;

    /// What is sent when answer `index` grows.
    fn addition(&mut self, index: usize, addition: Addition) -> Vec<Frame>;

    /// What a stream ends with.
    fn closing(&mut self, total: Counts) -> Vec<Frame>;

    /// What a stream ends with that breaks off.
    fn failure(&mut self, error: Value) -> Frame {
        Frame::data(error)
    }

    /// All answers at once, each with the additions that it is made of put together.
    fn whole(&mut self, answers: Vec<Addition>, total: Counts) -> Value;
}
