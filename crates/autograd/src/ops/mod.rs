//! The operations, one file each, named as in [`ulp_tensor`].
//!
//! All are methods and operators of [`Var`]; the list below is the whole of it.

use ulp_tensor::Float;

use crate::var::Var;

mod abs;
mod add;
mod attention;
mod broadcast;
mod channel_norm;
mod clamp;
mod concat;
mod convolution;
mod cross_entropy;
mod cum_sum;
mod div;
mod dropout;
mod einsum;
mod embedding;
mod erf;
mod exp;
mod expm1;
mod gather;
mod gelu;
mod gelu_tanh;
pub(crate) mod identity;
mod layer_norm;
mod leaky_relu;
mod linear;
mod linear_cross_entropy;
mod log;
mod log1p;
mod log_softmax;
mod log_sum_exp;
mod lstm;
mod matmul;
mod matmul_half;
mod max;
mod maximum;
mod mean;
mod minimum;
mod mul;
mod neg;
mod norm;
mod pad;
mod permute;
mod pooling;
mod pow;
mod pow_each;
mod prod;
mod relu;
mod reshape;
mod rms_norm;
mod rope;
mod rsqrt;
mod select;
mod sigmoid;
mod sign;
mod silu;
mod silu_mul;
mod slice;
mod softmax;
mod softplus;
mod sqrt;
mod sub;
mod sum;
mod tanh;
mod variance;

pub use concat::concat;
pub use einsum::einsum;

/// The products of those inputs that want a gradient; the others are not computed.
fn wanted<'t, T: Float, const N: usize>(
    inputs: &[Var<'t, T>],
    products: [&dyn Fn() -> Var<'t, T>; N],
) -> Vec<Option<Var<'t, T>>> {
    let product =
        |(x, product): (&Var<'t, T>, &dyn Fn() -> Var<'t, T>)| x.wants_gradient().then(product);
    inputs.iter().zip(products).map(product).collect()
}

/// `x` summed over what broadcasting repeated `like` to get there.
fn summed_to<'t, T: Float>(x: Var<'t, T>, like: Var<'t, T>) -> Var<'t, T> {
    if x.has_shape_of(like) {
        return x;
    }
    x.sum_to(&like.shape())
}

/// `shape` with length 1 at `axes`.
fn with_axes_of_one(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    let mut kept = shape.to_vec();
    axes.iter().for_each(|&axis| kept[axis] = 1);
    kept
}

fn all_axes(ndim: usize) -> Vec<usize> {
    (0..ndim).collect()
}
