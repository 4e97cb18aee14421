//! What the products of linear layers are made of.

use ulp_tensor::Float;

use crate::tape::Tape;

/// The numbers that a linear layer's products read, forward and backward.
///
/// [`LinearPrecision::Bf16`] is mixed precision in training (Micikevicius et al.,
/// [Mixed Precision Training](https://arxiv.org/abs/1710.03740); bf16 has the range of `f32`, so that
/// the loss needs no scaling): the operands of the three products y = x wᵀ, dx = dy w and dw = dyᵀ x are
/// rounded to bf16 while they are read and summed in `f32` ([`ulp_tensor::matmul_bf16`]). Weights,
/// activations, gradients, biases and all other operations stay as they are; the rounding counts as the
/// identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinearPrecision {
    /// Operands as they are, with the same bits on every machine.
    #[default]
    Full,
    /// Operands rounded to bf16; the same bits only on one
    /// [unit](ulp_tensor::simd::Bf16Unit).
    Bf16,
}

impl<T: Float> Tape<T> {
    /// What the products of linear layers recorded from now on read, and theirs on the way back.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::{LinearPrecision, Tape};
    /// use ulp_tensor::ndarray::arr2;
    ///
    /// let tape = Tape::new();
    /// tape.set_linear_precision(LinearPrecision::Bf16);
    /// let x = tape.constant(arr2(&[[1.0_f32, 1.0 + 1.0 / 512.0]])); // the second rounds to 1
    /// let w = tape.leaf(arr2(&[[2.0_f32, 3.0]]));
    /// let y = x.linear(w, None);
    /// assert_eq!(y.item(), 5.0);
    /// assert_eq!(y.backward().get(w).unwrap(), arr2(&[[1.0, 1.0]]).into_dyn());
    /// ```
    pub fn set_linear_precision(&self, precision: LinearPrecision) {
        self.linear_precision.set(precision);
    }

    /// What the products of linear layers read; [`LinearPrecision::Full`] without a call.
    #[must_use]
    pub fn linear_precision(&self) -> LinearPrecision {
        self.linear_precision.get()
    }
}
