//! Fused operations: one kernel forward, one backward, and a formula that says what they mean.

use std::rc::Rc;

use ulp_tensor::Float;

use crate::grad::vjp_wrt;
use crate::op::{Op, Value};
use crate::var::Var;

/// An operation with hand-written kernels both ways, such as attention or RMSNorm.
///
/// The kernels work on arrays, so the tape cannot see inside them. What makes the gradient
/// differentiable again is [`reference`](FusedOp::reference): the same function as a formula of
/// primitive [`Var`] operations. The first-order pass never evaluates it. The VJP of the backward
/// kernel is obtained by recording the reference, differentiating that, and differentiating the
/// result. The reference is also the oracle the kernels are tested against.
///
/// Put one on the tape with [`Tape::apply`](crate::Tape::apply) as [`Fused::new(op)`](Fused).
pub trait FusedOp<T: Float>: 'static {
    /// The operation's name, for messages.
    fn name(&self) -> &'static str;

    /// `y = f(x₀, x₁, …)`.
    fn forward(&self, inputs: &[&Value<T>]) -> Value<T>;

    /// `cotangent · ∂f/∂xᵢ` for each input, in order; where `wants[i]` is false it may be `None`.
    ///
    /// Each must have its input's shape. A `None` for an input that wants a gradient means that
    /// `f` does not depend on it.
    fn backward(
        &self,
        inputs: &[&Value<T>],
        output: &Value<T>,
        cotangent: &Value<T>,
        wants: &[bool],
    ) -> Vec<Option<Value<T>>>;

    /// The same `f` in primitive operations.
    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T>;
}

/// Makes an [`Op`] of a [`FusedOp`].
#[derive(Debug)]
pub struct Fused<F>(Rc<F>);

impl<F> Fused<F> {
    /// Wraps the operation.
    #[must_use]
    pub fn new(op: F) -> Self {
        Self(Rc::new(op))
    }
}

impl<T: Float, F: FusedOp<T>> Op<T> for Fused<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        self.0.forward(inputs)
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        output.tape.apply_fused_vjp(&self.0, inputs, output, cotangent)
    }
}

/// One result of a backward kernel, `(x₀, x₁, …, cotangent) -> cotangent · ∂f/∂x_which`.
pub(crate) struct FusedVjp<F> {
    pub(crate) op: Rc<F>,
    pub(crate) which: usize,
}

impl<T: Float, F: FusedOp<T>> Op<T> for FusedVjp<F> {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let (cotangent, inputs) = inputs.split_last().expect("a VJP has a cotangent");
        let output = self.op.forward(inputs);
        let mut wants = vec![false; inputs.len()];
        wants[self.which] = true;
        let mut products = self.op.backward(inputs, &output, cotangent, &wants);
        products.swap_remove(self.which).expect("this product existed when it was recorded")
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let tape = output.tape;
        // Aliases cut the formula off from what lies before it: inputs that depend on each other
        // must not leak into each other's partial derivatives.
        let aliased = |i: usize, x: Var<'t, T>| {
            if i == self.which || x.wants_gradient() { x.alias() } else { x }
        };
        let all: Vec<_> = inputs.iter().enumerate().map(|(i, x)| aliased(i, *x)).collect();
        let (dy, xs) = all.split_last().expect("a VJP has a cotangent");
        // The formula has to be on the tape to be differentiated, whether or not the pass that
        // asks is recorded.
        let product = tape.recording(|| {
            let y = self.op.reference(xs);
            vjp_wrt(y, *dy, &[xs[self.which]])[0]
        });
        match product {
            Some(product) => vjp_wrt(product, cotangent, &all),
            None => vec![None; inputs.len()],
        }
    }
}
