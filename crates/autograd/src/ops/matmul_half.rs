//! Products of matrices whose operands are rounded to 16 bits.

use ulp_tensor::HalfFormat;

use crate::op::{Op, Value};
use crate::var::Var;

use super::{summed_to, wanted};

/// `y = r(a) r(b)` over the last two axes, r being the rounding to a 16-bit format. Where `turned[i]`,
/// operand i is taken with its last two axes exchanged.
struct MatmulHalf {
    format: HalfFormat,
    turned: [bool; 2],
}

impl MatmulHalf {
    /// `left · right` in the same format.
    fn product<'t>(&self, left: (Var<'t, f32>, bool), right: (Var<'t, f32>, bool)) -> Var<'t, f32> {
        let op = MatmulHalf { format: self.format, turned: [left.1, right.1] };
        left.0.tape.apply(op, &[left.0, right.0])
    }
}

impl Op<f32> for MatmulHalf {
    fn name(&self) -> &'static str {
        "matmul_half"
    }

    fn forward(&self, inputs: &[&Value<f32>]) -> Value<f32> {
        let (mut a, mut b) = (inputs[0].view(), inputs[1].view());
        for (x, turned) in [(&mut a, self.turned[0]), (&mut b, self.turned[1])] {
            if turned {
                let ndim = x.ndim();
                assert!(ndim >= 2, "an array of shape {:?} is no matrix", x.shape());
                x.swap_axes(ndim - 2, ndim - 1);
            }
        }
        let product = match self.format {
            HalfFormat::Bf16 => ulp_tensor::matmul_bf16(a, b),
            HalfFormat::F16 => {
                let codes = [a, b].map(|x| self.format.narrow(x));
                ulp_tensor::matmul_half(codes[0].view(), codes[1].view(), self.format)
            }
        };
        product.into_shared()
    }

    /// Rounding counts as the identity; cotangents are rounded as operands are.
    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, f32>],
        _output: Var<'t, f32>,
        cotangent: Var<'t, f32>,
    ) -> Vec<Option<Var<'t, f32>>> {
        let (a, b) = (inputs[0], inputs[1]);
        let [a_turned, b_turned] = self.turned;
        let dy = |turned| (cotangent, turned);
        let da = || {
            let other = |turned| (b, b_turned != turned);
            // da = dy bᵀ, or its transpose b dyᵀ.
            if a_turned {
                self.product(other(false), dy(true))
            } else {
                self.product(dy(false), other(true))
            }
        };
        let db = || {
            let other = |turned| (a, a_turned != turned);
            // db = aᵀ dy, or its transpose dyᵀ a.
            if b_turned {
                self.product(dy(true), other(false))
            } else {
                self.product(other(true), dy(false))
            }
        };
        wanted(inputs, [&|| summed_to(da(), a), &|| summed_to(db(), b)])
    }
}

impl Var<'_, f32> {
    /// [`Var::matmul`] in mixed precision: both operands are rounded to a 16-bit format
    /// ([`HalfFormat::narrow`]), products are summed in `f32` ([`ulp_tensor::matmul_half`]). On the way
    /// back the products with the cotangent are taken in the same way, and the rounding counts as the
    /// identity (Micikevicius et al., [Mixed Precision Training](https://arxiv.org/abs/1710.03740)).
    ///
    /// In [`HalfFormat::F16`] small cotangents become zero: scale the loss.
    ///
    /// # Shapes
    ///
    /// `self` [.., M, K], `b` [.., K, N] -> [.., M, N]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::{HalfFormat, ndarray::arr2};
    ///
    /// let tape = Tape::new();
    /// let a = tape.leaf(arr2(&[[1.0_f32, 1.0 + 1.0 / 512.0]])); // the second rounds to 1
    /// let b = tape.leaf(arr2(&[[2.0_f32], [3.0]]));
    /// let y = a.matmul_half(b, HalfFormat::Bf16);
    /// assert_eq!(y.item(), 5.0);
    /// let gradients = y.backward();
    /// assert_eq!(gradients.get(b).unwrap(), arr2(&[[1.0], [1.0]]).into_dyn());
    /// ```
    #[track_caller]
    #[must_use]
    pub fn matmul_half(self, b: Self, format: HalfFormat) -> Self {
        self.tape.apply(MatmulHalf { format, turned: [false, false] }, &[self, b])
    }
}
