//! Sockets: who is let in, and how a connection ends.

mod connections;
mod patient_stream;

pub(crate) use connections::serve;
