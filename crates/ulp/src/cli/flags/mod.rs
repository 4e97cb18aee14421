//! Groups of flags that several subcommands share.

mod count;
mod form;
mod ids;
mod kv;
mod model;
mod sampling;
mod speculation;
mod text;
mod threads;
mod windows;

pub(super) use count::parse_count;
pub(super) use form::FormFlags;
pub(super) use ids::{IdFlags, check_ids, parse_ids};
pub(super) use kv::KvFlag;
pub(super) use model::{ContextFlag, Loaded, ModelArgument, ModelFlags, ModelSource};
pub(super) use sampling::SamplingFlags;
pub(super) use speculation::SpeculationFlags;
pub(super) use text::{TextFlags, read_text};
pub(super) use threads::Threads;
pub(super) use windows::{WindowFlags, Windowed, refuse_short_context};
