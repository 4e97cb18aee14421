//! Number formats from their bits: what a code is worth, what follows from the choice of widths, and
//! arithmetic in any of them exactly as the standards say.
//!
//! # One description for all formats
//!
//! A binary floating-point format is a handful of choices: a sign bit or none, so many exponent
//! bits, so many fraction bits, a bias, and which codes are given up for infinities and NaN.
//! [`Layout`] holds the choices, [`Format`] is a layout found consistent, and everything else
//! follows from it by the same code, for IEEE 754's formats, bfloat16, the 8-, 6- and 4-bit formats
//! of machine learning, P3109's family, and any of your own up to 64 bits. [`Format::design`] says
//! what follows from two numbers, and why; [`BlockFormat`] has the microscaling formats and NVFP4.
//!
//! ```
//! use fpbits::{Format, Layout};
//!
//! let f = Format::E4M3FN;
//! let code = f.parse("0.3")?;                                    // nearest, ties to even
//! assert_eq!(code, 0x2a);
//! assert_eq!(f.to_decimal(code).unwrap().to_string(), "0.3125"); // exactly
//! assert_eq!(f.to_shortest(code), "0.3");                        // comes back
//! assert_eq!(f.next_up(code), Some(0x2b));
//! assert_eq!(f.convert(code, &Format::BINARY16), 0x3500);
//!
//! // 6 exponent and 9 fraction bits: every value there is.
//! let own = Format::new(Layout::ieee(6, 9))?;
//! assert_eq!(own.finite_values().count(), 2 * 63 * 512 - 1);
//! # Ok::<(), fpbits::FpbitsError>(())
//! ```
//!
//! # Exact first, rounded once
//!
//! [`Format::decode`] gives the exact value: sign, integer significand, exponent of two. An
//! operation computes an exact result from exact operands ([`Exact`], [`Unrounded`]), and
//! [`Format::round_exact`] rounds it, in one place, in any direction ([`Rounding`]: the five of IEEE
//! 754, to odd, and stochastic), with the five exceptions ([`Flags`]) and tininess before or after
//! rounding:
//!
//! ```
//! use fpbits::{Context, Flags, Format, Rounding};
//!
//! let f = Format::BINARY16;
//! let (one, three) = (f.parse("1")?, f.parse("3")?);
//! let up = f.divide(one, three, Context::new(Rounding::Up));
//! assert_eq!((f.to_shortest(up.code).as_str(), up.flags), ("0.3335", Flags::INEXACT));
//! // The product of 65504 and itself, plus nothing, in one rounding.
//! let most = f.max_finite();
//! let square = f.fma(most, most, 0, Context::NEAREST_EVEN);
//! assert_eq!((square.code, square.flags), (0x7c00, Flags::OVERFLOW | Flags::INEXACT));
//! # Ok::<(), fpbits::FpbitsError>(())
//! ```
//!
//! Where the processor's arithmetic gives the same code and exceptions (to nearest even, results well
//! inside the normal range), it is used; the exceptions come from what error-free transformations
//! leave over. The soft path is its oracle. All of it is `const fn`.
//!
//! [`Format::add_traced`] and its siblings tell how a result came about, as data: alignment, bits
//! that fall off, guard, round and sticky, the decision.
//!
//! # Text
//!
//! Decimal text goes through integers of any size ([`Decimal`]): parsing is right for any number of
//! digits, the expansion of a float is complete, and printing gives the shortest text that comes
//! back, in every format:
//!
//! ```
//! use fpbits::Format;
//! let f = Format::BINARY64;
//! let stored = f.to_decimal(0.1f64.to_bits()).unwrap();
//! assert_eq!(stored.to_string(), "0.1000000000000000055511151231257827021181583404541015625");
//! assert_eq!(f.to_hex(0.1f64.to_bits()).unwrap(), "0x1.999999999999ap-4");
//! ```
//!
//! # Sums
//!
//! [`two_sum`] and [`two_product`] split an operation into its result and its error; [`kahan_sum`],
//! [`neumaier_sum`] and [`klein_sum`] are built on them. [`ExactSum`] loses nothing: it gives the
//! correctly rounded sum or dot product of any format, whatever the order and however the terms are
//! divided. [`condition_number`] and [`sum_with_bound`] say how far a plain loop may be off.
//!
//! ```
//! let terms = [1e16, 1.0, -1e16];
//! assert_eq!(fpbits::naive_sum(&terms), 0.0);
//! assert_eq!(fpbits::exact_sum(&terms), 1.0);
//! ```
//!
//! # Where the reals break
//!
//! [`Search`] finds how often an [`Identity`] of the reals fails in a format, the smallest
//! counterexample and the worst.
//!
//! # Fast where it matters
//!
//! For the formats that weights and activations are stored in, there are conversions from and to
//! `f32` and `f64` without branches, usable in `const` and in loops that vectorise:
//! [`f16_from_f32`], [`bf16_to_f32`], [`e4m3fn_from_f64`], [`e5m2_to_f32`], [`e2m1_from_f32`] and so
//! on, and [`f16_to_f32_slice`] and its siblings, at the speed of memory. The soft path is their
//! oracle, on all 2^32 `f32`, all codes, every tie and its neighbours. From `f64` they round once,
//! too; going by way of `f32` is not the same:
//!
//! ```
//! let x = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
//! assert_eq!(fpbits::f16_from_f64(x), 0x3c01);
//! assert_eq!(fpbits::f16_from_f32(x as f32), 0x3c00);
//! ```
//!
//! # Distances
//!
//! [`ulp_distance`] counts the steps from one float to another. Tests of numeric code are best
//! written with it: `assert!(ulp_distance(got, want) <= 2)` means the same for 1e-30 and 1e30.
//!
//! # What it does not do
//!
//! No elementary functions, no decimal formats, nothing wider than 64 bits. No type for 16- or 8-bit
//! floats: codes are plain integers, and the feature `half` lets [`ulp_distance`] measure that
//! crate's types. Decimal routines are exact and plain, not fast; they are for looking at numbers,
//! not for reading files of them.
//!
//! # Features
//!
//! - `std` (default): instruction sets are detected when the program runs.
//! - `alloc` (with `std`): text, designs, traces, searches, exact sums. Without either, formats,
//!   arithmetic, blocks and conversions are there.
//! - `half`: [`ulp_distance`] of the `half` crate's types.
//! - `exhaustive`: tests that take minutes run without being asked for.
//!
//! No dependency by default. `unsafe` is denied but in the one file of the loops over slices.
#![no_std]
#![deny(unsafe_code)] // convert/bulk.rs alone allows it

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod arithmetic;
mod block;
mod convert;
#[cfg(feature = "alloc")]
mod decimal;
mod decode;
mod encode;
mod error;
mod format;
#[cfg(feature = "half")]
mod half_types;
mod hex;
#[cfg(feature = "alloc")]
mod identity;
#[cfg(feature = "alloc")]
mod natural;
mod order;
mod rounding;
#[cfg(feature = "alloc")]
mod shortest;
#[cfg(feature = "alloc")]
mod sum;
mod testfloat;
#[cfg(feature = "alloc")]
mod text;
#[cfg(feature = "alloc")]
mod trace;
mod ulp;
mod value;

pub use arithmetic::{Comparison, Exact, ExactValue, Integer, ToInteger};
pub use block::{BlockFormat, Element, pack_codes, unpack_codes};
pub use convert::{
    bf16_from_f32, bf16_from_f32_slice, bf16_from_f64, bf16_to_f32, bf16_to_f32_slice, bf16_to_f64,
    e2m1_from_f32, e2m1_from_f32_slice, e2m1_from_f64, e2m1_to_f32, e2m1_to_f32_slice, e2m1_to_f64,
    e2m1x2_from_f32_slice, e2m1x2_to_f32_slice, e4m3fn_from_f32, e4m3fn_from_f32_slice,
    e4m3fn_from_f64, e4m3fn_to_f32, e4m3fn_to_f32_slice, e4m3fn_to_f64, e5m2_from_f32,
    e5m2_from_f32_slice, e5m2_from_f64, e5m2_to_f32, e5m2_to_f32_slice, e5m2_to_f64, f16_from_f32,
    f16_from_f32_slice, f16_from_f64, f16_to_f32, f16_to_f32_slice, f16_to_f64,
};
#[cfg(feature = "alloc")]
pub use decimal::Decimal;
pub use decode::{Class, Fields};
pub use error::FpbitsError;
#[cfg(feature = "alloc")]
pub use format::Derivation;
pub use format::{Design, Domain, Format, Layout, NanCodes, Overflow, Signedness};
#[cfg(feature = "alloc")]
pub use identity::{Counterexample, Identity, Report, Search};
pub use order::FiniteValues;
pub use rounding::{Context, Discarded, Flags, Rounded, Rounding, StochasticRounding, Tininess};
#[cfg(feature = "alloc")]
pub use sum::{
    Bounded, ExactSum, Native, Summation, compensated_dot, condition_number, dot_with_bound,
    exact_dot, exact_sum, fast_two_sum, kahan_sum, klein_sum, naive_dot, naive_sum, neumaier_sum,
    pairwise_sum, sum_with_bound, two_product, two_sum,
};
pub use testfloat::{Difference, TestFloat};
#[cfg(feature = "alloc")]
pub use trace::{Operation, Places, RoundStep, Rule, Step, Trace};
pub use ulp::{
    Ulp, next_down_f32, next_down_f64, next_up_f32, next_up_f64, ulp_distance, ulp_distance_f32,
    ulp_distance_f64, ulp_f32, ulp_f64,
};
pub use value::{Number, Unrounded, Value};

/// The README's example is a doc test, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
