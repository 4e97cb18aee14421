//! Operations on [`ndarray`] arrays: parallel, vectorised, the same bits on any number of threads.

#![deny(unsafe_code)]

mod activation;
mod arithmetic;
mod attention;
mod broadcast;
mod concat;
mod cross_entropy;
mod dot;
mod embedding;
mod exponential;
mod float;
mod functions;
mod layer_norm;
mod linear;
mod map;
mod matmul;
mod max;
mod philox;
pub mod random;
mod rms_norm;
mod rope;
mod rows;
#[allow(unsafe_code)]
pub mod simd;
mod softmax;
mod sum;

pub use ndarray;

pub use activation::{
    gelu, gelu_tanh, gelu_tanh_vjp, gelu_vjp, relu, relu_vjp, sigmoid, sigmoid_vjp, silu, silu_mul,
    silu_mul_in_place, silu_mul_vjp, silu_vjp, tanh, tanh_vjp,
};
pub use arithmetic::{add, add_scalar, div, maximum, mul, neg, scale, sub};
pub use attention::{attention, attention_vjp};
pub use broadcast::{broadcast_shape, broadcast_to, sum_to_shape};
pub use concat::concat;
pub use cross_entropy::{cross_entropy, cross_entropy_vjp};
pub use dot::{axpy, dot};
pub use embedding::{embedding, embedding_vjp};
pub use exponential::{erf, exp, log, pow, rsqrt, sqrt};
pub use float::Float;
pub use layer_norm::{layer_norm, layer_norm_vjp};
pub use linear::{linear, linear_vjp_bias, linear_vjp_w, linear_vjp_x};
pub use matmul::{matmul, matmul_nt, matmul_tn};
pub use max::{max, max_slice};
pub use philox::Philox;
pub use rms_norm::{rms_norm, rms_norm_row, rms_norm_vjp};
pub use rope::{Rotation, rope, rope_inverse};
pub use softmax::{
    log_softmax, log_softmax_in_place, log_softmax_vjp, softmax, softmax_in_place, softmax_vjp,
};
pub use sum::{mean, sum, sum_slice};
