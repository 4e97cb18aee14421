//! All tests of the public interface, in one program: what is generic is compiled for it once.

mod same_bits;
mod schedules;
mod torch;
