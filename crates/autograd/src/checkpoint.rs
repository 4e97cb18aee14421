//! Values that are computed again instead of being kept.

use std::rc::Rc;

use ulp_tensor::Float;

use crate::grad::vjp_wrt;
use crate::node::Operation;
use crate::nodes::Held;
use crate::op::{Op, Value};
use crate::tape::Tape;
use crate::var::Var;

/// What is computed again.
pub(crate) type Function<T> = dyn for<'s> Fn(&[Var<'s, T>]) -> Var<'s, T>;

/// A function as one operation: of all that is computed inside only the result is kept.
///
/// The VJP is for gradients that are recorded; [`Var::backward`] walks through the values that are
/// computed again, so that adjoints meet in the order in which they would have met.
pub(crate) struct Checkpoint<T: Float>(pub(crate) Rc<Function<T>>);

impl<T: Float> Op<T> for Checkpoint<T> {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let tape = Tape::new();
        let inputs: Vec<_> =
            inputs.iter().map(|&x| tape.push_value(Held::Array(x.clone()))).collect();
        (self.0)(&inputs).value()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        // Aliases cut the function off from what lies before it.
        let inside: Vec<_> = inputs.iter().map(|x| x.alias()).collect();
        let y = cotangent.tape.recording(|| (self.0)(&inside));
        vjp_wrt(y, cotangent, &inside)
    }
}

impl<T: Float> Tape<T> {
    /// `f(inputs)`, keeping its result but nothing of what it computes on the way: on the way back it
    /// is computed a second time (Chen et al.,
    /// [Training Deep Nets with Sublinear Memory Cost](https://arxiv.org/abs/1604.06174)). Value and
    /// gradients of [`Var::backward`] have the bits that they would have without. ([`Tape::segment`]
    /// does so only where memory is short.)
    ///
    /// All that `f` differentiates must come in by `inputs`, its parameters too; and `f` must compute
    /// the same each time.
    ///
    /// # Panics
    ///
    /// Where `f` does, or if an input lives on another tape.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr1;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr1(&[0.5_f64, -0.5]));
    /// let y = tape.checkpoint(|x| x[0].exp().tanh().sum_all(), &[x]);
    /// assert_eq!(tape.len(), 2); // x and y
    /// let plain = x.exp().tanh().sum_all().backward();
    /// assert_eq!(y.backward().get(x), plain.get(x));
    /// ```
    #[track_caller]
    pub fn checkpoint<'t, F>(&'t self, f: F, inputs: &[Var<'t, T>]) -> Var<'t, T>
    where
        F: for<'s> Fn(&[Var<'s, T>]) -> Var<'s, T> + 'static,
    {
        let checkpoint = Rc::new(Checkpoint(Rc::new(f)));
        let y = self.apply(Checkpoint(Rc::clone(&checkpoint.0)), inputs);
        if let Some(record) = &mut self.nodes.borrow_mut().node_mut(y.id).record {
            record.op = Operation::Again(checkpoint);
        }
        y
    }
}
