//! Update rules for arrays of parameters.
#![forbid(unsafe_code)]

mod error;

pub use error::OptimError;
