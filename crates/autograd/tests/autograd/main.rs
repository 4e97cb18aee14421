//! All tests of the public interface, in one program: what is generic is compiled for it once.

mod as_arrays;
mod bf16_gradients;
mod controls;
mod gradients;
mod kinks;
mod mixed_precision;
mod segments;
mod small_values;
mod table;
mod tape;
mod tools;
mod torch;
