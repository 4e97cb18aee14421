//! Functions that see, or change, a gradient on its way back.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x`; its VJP is the hook.
struct Hook<F>(F);

impl<T: Float, F> Op<T> for Hook<F>
where
    F: for<'s> Fn(Var<'s, T>) -> Var<'s, T> + 'static,
{
    fn name(&self) -> &'static str {
        "hook"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        inputs[0].clone()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some((self.0)(cotangent))]
    }
}

impl<T: Float> Var<'_, T> {
    /// The same value; the gradient that comes back to it goes on as `hook(gradient)`. Copies nothing.
    ///
    /// # Examples
    ///
    /// A gradient bounded where it is born, and looked at:
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr1;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr1(&[1.0_f64, 100.0]));
    /// let largest = Rc::new(Cell::new(0.0));
    /// let seen = Rc::clone(&largest);
    /// let y = x.on_gradient(move |gradient| {
    ///     seen.set(gradient.value().iter().fold(0.0, |max: f64, g| max.max(g.abs())));
    ///     gradient.clamp(-10.0, 10.0)
    /// });
    /// let gradients = (y * y).sum_all().backward();
    /// assert_eq!(gradients.get(x).unwrap().as_slice(), Some(&[2.0, 10.0][..]));
    /// assert_eq!(largest.get(), 200.0);
    /// ```
    #[must_use]
    pub fn on_gradient<F>(self, hook: F) -> Self
    where
        F: for<'s> Fn(Var<'s, T>) -> Var<'s, T> + 'static,
    {
        self.tape.apply(Hook(hook), &[self])
    }
}
