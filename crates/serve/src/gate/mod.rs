//! What every request passes on its way in: the log, origins, keys.

mod key;
mod log;
mod origin;
mod trace_context;

pub(crate) use key::{Caller, expect_key};
pub(crate) use log::log;
pub(crate) use origin::allow_origins;
