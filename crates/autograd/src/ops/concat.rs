//! Values joined along an axis.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x₀, x₁, …` one after another along an axis.
struct Concat {
    axis: usize,
}

impl<T: Float> Op<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let views: Vec<_> = inputs.iter().map(|x| x.view()).collect();
        ulp_tensor::concat(&views, self.axis).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let mut start = 0;
        let mut part = |x: &Var<'t, T>| {
            let end = start + x.shape()[self.axis];
            let range = std::mem::replace(&mut start, end)..end;
            x.wants_gradient().then(|| cotangent.slice(self.axis as isize, range))
        };
        inputs.iter().map(&mut part).collect()
    }
}

/// The values one after another along `axis`.
///
/// # Panics
///
/// If there are none, there is no such axis, or they differ in another axis.
///
/// # Examples
///
/// ```
/// use ulp_autograd::{Tape, concat};
/// use ulp_tensor::ndarray::arr1;
///
/// let tape = Tape::new();
/// let (a, b) = (tape.leaf(arr1(&[1.0_f32])), tape.leaf(arr1(&[2.0_f32, 3.0])));
/// assert_eq!(concat(&[a, b], 0).value().as_slice().unwrap(), [1.0, 2.0, 3.0]);
/// ```
#[track_caller]
#[must_use]
pub fn concat<'t, T: Float>(values: &[Var<'t, T>], axis: isize) -> Var<'t, T> {
    let first = values.first().expect("concat of no values");
    first.tape.apply(Concat { axis: first.axis(axis) }, values)
}
