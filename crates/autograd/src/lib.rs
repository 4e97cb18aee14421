//! A tape for `ndarray` arrays: no operation without its vector-Jacobian product.
//!
//! [`Tape`] owns the values of a computation in the order in which they were computed; [`Var`] is a
//! `Copy` handle of one, with the operations of [`ulp_tensor`] as methods and operators. Walking
//! the tape backwards gives the gradients:
//!
//! ```
//! use ulp_autograd::Tape;
//! use ulp_tensor::ndarray::arr2;
//!
//! // One step of logistic regression.
//! let tape = Tape::new();
//! let w = tape.leaf(arr2(&[[0.5_f64, -0.5]]));
//! let x = tape.constant(arr2(&[[1.0, 2.0], [3.0, 1.0]]));
//! let target = tape.constant(arr2(&[[0.0], [1.0]]));
//! let p = x.linear(w, None).sigmoid();
//! let loss = (p - target).pow(2.0).mean_all();
//! let gradients = loss.backward();
//! assert_eq!(gradients.get(w).unwrap().shape(), [1, 2]);
//! assert!(gradients.get(x).is_none()); // a constant
//! ```
//!
//! # Both halves or none
//!
//! An operation is a value of [`Op`], which has a forward and a VJP and no default methods;
//! [`Tape::apply`] is the only way onto the tape. So an operation cannot be recorded without its
//! gradient, and a fused one ([`FusedOp`]) not without a formula that says what it computes.
//!
//! # Gradients of gradients
//!
//! VJPs are written in [`Var`] operations. [`grad`] and [`vjp`] put the gradient on the tape, where
//! it can be differentiated again; [`hvp`] gives a Hessian's products without the Hessian, [`jvp`] a
//! Jacobian's from the other side, [`jacobian`] and [`hessian`] all of them. An
//! ordinary [`Var::backward`] runs the same VJPs with recording off and costs what the array code
//! costs. Fused kernels are differentiated a second time through their formula.
//!
//! # Memory, and looking inside
//!
//! [`Tape::checkpoint`] computes again on the way back what it does not keep, [`Tape::segment`] what a
//! [budget](Tape::set_activation_budget) has no room for; an adjoint's memory is free as soon as it has
//! been used. [`Var::on_gradient`] sees or changes a gradient on its way,
//! [`Var::backward_keeping`] keeps those along the way, [`Tape::watch`] names the operation, layer and
//! element in which the first NaN, infinity or underflow was born, and [`Var::to_dot`] draws it all.
//!
//! # Trust
//!
//! [`gradcheck`] compares gradients of any order with differences of values, within a bound made of
//! the roundings on the way, and says where a kink keeps it from judging. The tests run it over a
//! table of all operations, and feed it wrong VJPs, which it must catch.
//!
//! # The same bits
//!
//! Adjoints that meet are added in the order of the tape, and the array code gives the same bits on
//! any number of threads: so does a gradient. (Products of bf16 operands, where they are asked for, have
//! bits of the processor's unit: [`Tape::set_linear_precision`].)
//!
//! # What is not here
//!
//! Ranks or devices in types, mutation of recorded values, parameters and layers (`ulp-nn` has
//! them).

#![forbid(unsafe_code)]

mod adjoints;
mod anomaly;
mod checkpoint;
mod dot;
mod elementwise;
mod fused;
mod grad;
pub mod gradcheck;
mod gradients;
mod hook;
mod jvp;
mod linear_precision;
mod node;
mod nodes;
mod op;
mod ops;
mod segment;
mod small;
mod spare;
mod tape;
mod var;
mod walk;

pub use anomaly::{Anomaly, AnomalyKind};
pub use fused::{Fused, FusedOp};
pub use grad::{grad, hvp, vjp};
pub use gradients::Gradients;
pub use jvp::{hessian, jacobian, jvp};
pub use linear_precision::LinearPrecision;
pub use op::{Op, Value};
pub use ops::{concat, einsum};
pub use tape::{IntoValue, Tape};
pub use var::Var;

/// The README's examples, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
