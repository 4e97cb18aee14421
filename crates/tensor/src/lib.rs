//! Operations on [`ndarray`] arrays: parallel, vectorised, the same bits on any number of threads.
//!
//! There is no array type here. Functions take views of `f32` or `f64` ([`Float`]) with any strides
//! and return fresh arrays in standard layout (a function of each element leaves arrays that all lie
//! in another order, such as transposed ones, in that order, as `ndarray` does); what your program
//! already holds goes in, and what comes out is `ndarray`'s:
//!
//! ```
//! use ulp_tensor::ndarray::array;
//! use ulp_tensor::{add, linear, softmax, sum};
//!
//! let x = array![[1.0_f32, 2.0], [3.0, 4.0]].into_dyn();
//! let w = array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].into_dyn(); // [out, in], as checkpoints have it
//! let y = linear(x.view(), w.view(), None);
//! assert_eq!(y, array![[1.0, 2.0, 3.0], [3.0, 4.0, 7.0]].into_dyn());
//!
//! let row = array![10.0, 20.0, 30.0].into_dyn(); // broadcast, as NumPy does
//! assert_eq!(add(y.view(), row.view()), array![[11.0, 22.0, 33.0], [13.0, 24.0, 37.0]].into_dyn());
//! assert_eq!(sum(y.t(), &[0], false), array![6.0, 14.0].into_dyn()); // a transposed view
//! assert_eq!(softmax(y.view(), 1).shape(), [2, 3]);
//! ```
//!
//! # Forward and backward side by side
//!
//! A file holds one operation: the function, and the pure functions that its gradient is made of
//! (`rms_norm` and `rms_norm_vjp`). `dy` is the gradient of a loss with respect to the value; a
//! `_vjp` returns the gradients with respect to the inputs. No tape is needed to call or test them;
//! `ulp-autograd` is one.
//!
//! # The same bits
//!
//! A result does not depend on the number of threads, on the strides of its inputs, or on the
//! instruction set (portable, AVX2, AVX-512, NEON; found when the program runs, or named by the
//! environment variable `ULP_ISA`). Sums follow one fixed tree, products of matrices run along K in
//! ascending order with fused multiply-add, and the elementary functions are the crate's own. Work
//! is shared out by outputs, never inside a sum. One thing depends on the processor: products of bf16
//! operands, on the unit that it has for them ([`simd::Bf16Unit`]). `docs/numerics.md` in the repository writes the
//! orders down, with the errors in ulps.
//!
//! # Threads
//!
//! Operations share their work out on the current pool of rayon's threads, large ones on all of them. They may be
//! called from anywhere; a program that calls many, one after the other, does so inside [`in_pool`], where they find
//! the threads awake.
//!
//! # Memory that is given
//!
//! Fresh memory is dear: the system clears each page when it is first touched, which may take longer
//! than the operation. Where it pays, an operation has a form `_into` that writes all of an array of
//! the result's shape, with any strides (standard layout is written in place, other layouts through
//! a copy), and gives the bits of the form that allocates. A shape that is not the result's panics.
//! [`pool`] does the same for programs that want arrays back.
//!
//! ```
//! use ulp_tensor::ndarray::{ArrayD, array};
//!
//! let x = array![[1.0_f32, 2.0], [3.0, 4.0]].into_dyn();
//! let mut y = ArrayD::zeros(vec![2, 2]); // made once
//! for _ in 0..3 {
//!     ulp_tensor::add_into(x.view(), x.view(), y.view_mut());
//! }
//! assert_eq!(y, array![[2.0, 4.0], [6.0, 8.0]].into_dyn());
//! ```
//!
//! # Shapes
//!
//! Shapes that do not fit are mistakes of the calling code: the function panics and names both
//! shapes. Arrays without axes and axes without elements are as good as any. In the documentation
//! B is a batch, T and S sequences, C a width, H heads, K key-value heads, D a head's width, V a
//! vocabulary; `..` is any number of axes.
//!
//! # What is not here
//!
//! Devices, a graph, lazy evaluation, and element types beside `f32` and `f64`: formats of 16 and 8 bits
//! are for storage and for operands of products and attention ([`matmul_half`], [`matmul_fp8`]).

#![deny(unsafe_code)]

mod activation;
mod arg_max;
mod arithmetic;
mod attention;
mod batch_norm;
mod bf16;
mod broadcast;
mod concat;
mod convolution;
mod cross_entropy;
mod cum_sum;
mod destination;
mod dot;
mod einsum;
mod embedding;
mod exponential;
mod float;
mod fp8;
mod functions;
mod gather;
mod group_norm;
mod half;
mod in_pool;
mod lanes;
mod layer_norm;
mod linear;
mod linear_cross_entropy;
mod log_sum_exp;
mod lstm;
mod map;
mod matmul;
mod max;
mod min;
mod norm;
mod pad;
mod philox;
pub mod pool;
mod pooling;
mod product;
pub mod random;
mod reduce;
mod rms_norm;
mod rope;
mod rows;
mod select;
#[allow(unsafe_code)]
pub mod simd;
mod softmax;
mod sort;
mod stored;
mod sum;
mod summation;
pub mod tasks;
mod variance;

pub use ndarray;

pub use activation::{
    gelu, gelu_into, gelu_tanh, gelu_tanh_into, gelu_tanh_vjp, gelu_vjp, leaky_relu,
    leaky_relu_into, leaky_relu_vjp, relu, relu_into, relu_vjp, sigmoid, sigmoid_into, sigmoid_vjp,
    silu, silu_into, silu_mul, silu_mul_in_place, silu_mul_into, silu_mul_vjp, silu_vjp, softplus,
    softplus_into, tanh, tanh_into, tanh_vjp,
};
pub use arg_max::{arg_max, arg_max_into, arg_min, arg_min_into};
pub use arithmetic::{
    abs, abs_into, add, add_assign, add_into, add_scalar, add_scalar_into, clamp, clamp_into,
    clamp_vjp, div, div_into, maximum, maximum_into, minimum, minimum_into, mul, mul_into, neg,
    neg_into, scale, scale_into, sign, sub, sub_into,
};
pub use attention::{attention, attention_vjp, local_attention, local_attention_vjp};
pub use batch_norm::{batch_norm, channel_statistics};
pub use bf16::{linear_bf16, linear_bf16_vjp_w, linear_bf16_vjp_x, matmul_bf16};
pub use broadcast::{broadcast_shape, broadcast_to, sum_to_shape};
pub use concat::concat;
pub use convolution::{
    Conv, conv1d, conv2d, conv2d_into, conv2d_transposed, conv2d_vjp_w, conv2d_vjp_x,
};
pub use cross_entropy::{cross_entropy, cross_entropy_vjp};
pub use cum_sum::cum_sum;
pub use dot::{axpy, dot};
pub use einsum::{einsum, einsum_spelled_out};
pub use embedding::{embedding, embedding_vjp};
pub use exponential::{
    erf, erf_into, exp, exp_into, expm1, expm1_into, log, log_into, log1p, log1p_into, pow,
    pow_each, pow_each_into, pow_into, rsqrt, rsqrt_into, sqrt, sqrt_into,
};
pub use float::Float;
pub use fp8::{Fp8Format, attention_fp8, matmul_fp8};
pub use gather::{gather, scatter_add};
pub use group_norm::group_norm;
pub use half::{HalfFormat, attention_half, matmul_half};
pub use in_pool::in_pool;
pub use layer_norm::{layer_norm, layer_norm_into, layer_norm_vjp};
pub use linear::{linear, linear_into, linear_vjp_bias, linear_vjp_w, linear_vjp_x};
pub use linear_cross_entropy::{
    linear_cross_entropy, linear_cross_entropy_bf16_with_gradients,
    linear_cross_entropy_with_gradients,
};
pub use log_sum_exp::{log_sum_exp, log_sum_exp_into};
pub use lstm::lstm_cell;
pub use matmul::{matmul, matmul_accumulate, matmul_into, matmul_nt, matmul_tn};
pub use max::{max, max_into, max_slice};
pub use min::{min, min_into};
pub use norm::{norm_l1, norm_l1_into, norm_l2, norm_l2_into, norm_max, norm_max_into};
pub use pad::pad;
pub use philox::Philox;
pub use pooling::{NO_PLACE, avg_pool2d, avg_pool2d_vjp, max_pool2d};
pub use product::{prod, prod_into, prod_vjp};
pub use rms_norm::{rms_norm, rms_norm_into, rms_norm_row, rms_norm_vjp};
pub use rope::{Rotation, rope, rope_inverse};
pub use select::{masked_fill, select};
pub use softmax::{
    log_softmax, log_softmax_in_place, log_softmax_into, log_softmax_vjp, softmax,
    softmax_in_place, softmax_into, softmax_vjp,
};
pub use sort::{arg_sort, sort, top_k};
pub use sum::{mean, mean_into, sum, sum_into, sum_slice};
pub use summation::{Summation, sum_by, sum_by_into};
pub use variance::{var, var_into};

/// The README's examples, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
