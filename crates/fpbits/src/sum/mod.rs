//! Sums and dot products: what each method loses, how to bound it, and how to lose nothing.
//!
//! | method | error, relative to the sum of magnitudes | additions an element |
//! |---|---|---|
//! | [`naive_sum`] | n u | 1 |
//! | [`pairwise_sum`] | log2(n) u | 1 |
//! | [`kahan_sum`] | 2 u + n u^2 | 4 |
//! | [`neumaier_sum`] | u times the sum itself + n u^2 | 4 to 7 |
//! | [`klein_sum`] | u times the sum itself + n^2 u^3 | 10 |
//! | [`exact_sum`] | half an ulp of the result, always | one into a table |
//!
//! u is half of epsilon.

mod arithmetic;
mod bins;
mod bound;
mod condition;
mod dot;
mod exact;
mod limbs;
mod methods;
mod native;
mod two_product;
mod two_sum;

pub use bound::{Bounded, dot_with_bound, sum_with_bound};
pub use condition::condition_number;
pub use dot::{compensated_dot, naive_dot};
pub use exact::{ExactSum, exact_dot, exact_sum};
pub use methods::{Summation, kahan_sum, klein_sum, naive_sum, neumaier_sum, pairwise_sum};
pub use native::Native;
pub use two_product::two_product;
pub use two_sum::{fast_two_sum, two_sum};
