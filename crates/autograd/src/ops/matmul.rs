//! Products of matrices.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

use super::{summed_to, wanted};

/// `y = a b` over the last two axes, the leading ones broadcasting.
pub(crate) struct Matmul;

impl<T: Float> Op<T> for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::matmul(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (a, b) = (inputs[0], inputs[1]);
        let tape = cotangent.tape;
        wanted(
            inputs,
            [&|| summed_to(tape.apply(MatmulNt, &[cotangent, b]), a), &|| {
                summed_to(tape.apply(MatmulTn, &[a, cotangent]), b)
            }],
        )
    }
}

/// `y = a bᵀ`.
pub(crate) struct MatmulNt;

impl<T: Float> Op<T> for MatmulNt {
    fn name(&self) -> &'static str {
        "matmul_nt"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::matmul_nt(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (a, b) = (inputs[0], inputs[1]);
        let tape = cotangent.tape;
        wanted(
            inputs,
            [&|| summed_to(tape.apply(Matmul, &[cotangent, b]), a), &|| {
                summed_to(tape.apply(MatmulTn, &[cotangent, a]), b)
            }],
        )
    }
}

/// `y = aᵀ b`.
pub(crate) struct MatmulTn;

impl<T: Float> Op<T> for MatmulTn {
    fn name(&self) -> &'static str {
        "matmul_tn"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::matmul_tn(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let (a, b) = (inputs[0], inputs[1]);
        let tape = cotangent.tape;
        wanted(
            inputs,
            [&|| summed_to(tape.apply(MatmulNt, &[b, cotangent]), a), &|| {
                summed_to(tape.apply(Matmul, &[a, cotangent]), b)
            }],
        )
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `self · b` over the last two axes; the leading axes broadcast. Where `b` is one matrix for
    /// all, [`Var::linear`] does not have to sum over broadcast copies on the way back.
    ///
    /// # Shapes
    ///
    /// `self` [.., M, K], `b` [.., K, N] -> [.., M, N]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn matmul(self, b: Self) -> Self {
        self.tape.apply(Matmul, &[self, b])
    }
}
