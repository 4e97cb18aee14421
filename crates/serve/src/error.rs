//! What keeps a server from starting or running.

use std::fmt;
use std::io;

use ulp_infer::InferError;

/// Why there is no server, or none any more. What is wrong with a single request goes to its
/// client and is not seen here.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    Bind {
        /// The address that was asked for.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system gave no thread, timer or signal handler.
    Runtime(io::Error),
    /// A value of [`ServeOptions`](crate::ServeOptions) makes no sense.
    Option {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The engine failed; its error, where it had one to give.
    Engine(Option<InferError>),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Bind { address, source } => write!(f, "{address}: {source}"),
            ServeError::Runtime(source) => write!(f, "cannot run a server: {source}"),
            ServeError::Option { field, expected } => write!(f, "{field}: expected {expected}"),
            ServeError::Engine(Some(source)) => write!(f, "the engine failed: {source}"),
            ServeError::Engine(None) => f.write_str("the engine's thread has ended"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServeError::Bind { source, .. } | ServeError::Runtime(source) => Some(source),
            ServeError::Engine(Some(source)) => Some(source),
            ServeError::Engine(None) | ServeError::Option { .. } => None,
        }
    }
}
