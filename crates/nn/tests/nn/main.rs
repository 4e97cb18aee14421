//! All tests of the public interface, in one program: what is generic is compiled for it once.

mod activation_budget;
mod anomalies;
mod autocast;
mod config;
mod hostile;
mod layers;
mod llama;
mod replace_file;
mod safetensors;
mod same_bits;
mod tiny_llama;
mod train;
mod transformers;
