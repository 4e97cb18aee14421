//! All tests of the public interface, in one program: what is generic is compiled for it once.

mod audit;
mod chat;
mod float;
mod generate;
mod imatrix;
mod kv;
mod limits;
mod outputs;
mod perplexity;
mod quantize;
mod readme;
mod score;
mod serve;
mod support;
mod train;
mod usage;
