//! All tests of the public interface, in one program: what is generic is compiled for it once.

mod blocks;
mod conversions;
mod decimal;
mod eight_bits;
mod formats;
mod half_crate;
mod hardware;
mod identities;
mod ml_dtypes;
mod model;
mod peers;
mod sixteen_bits;
mod stochastic;
mod sums;
mod testfloat;
mod trace;
