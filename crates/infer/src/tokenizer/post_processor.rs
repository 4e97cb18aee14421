//! The step that puts special tokens around the ids of a text.

/// Ids put before and after a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PostProcessor {
    pub(crate) prefix: Vec<u32>,
    pub(crate) suffix: Vec<u32>,
}
