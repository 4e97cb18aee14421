//! Groups of flags that several subcommands share.

mod model;
mod text;

pub(super) use model::{ModelSource, Threads};
pub(super) use text::{TextFlags, read_text};
