//! All tests of the public interface, in one program: what is generic is compiled for it once.
//! The soak stands beside it: it watches the memory of its process.

mod adapters;
mod connections;
mod generation;
mod grammars;
mod malformed;
mod openai_clients;
mod openapi;
mod page;
mod responses;
mod schema_fuzz;
mod stored_responses;
#[path = "../test_server/mod.rs"]
mod test_server;
