//! Sums of products by the names of axes.

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, IxDyn};

use crate::op::{Op, Value};
use crate::var::Var;

/// The names of each input's axes, and of the output's.
struct Einsum {
    inputs: Vec<String>,
    output: String,
}

impl<T: Float> Op<T> for Einsum {
    fn name(&self) -> &'static str {
        "einsum"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let views: Vec<_> = inputs.iter().map(|x| x.view()).collect();
        ulp_tensor::einsum(&self.names(), &views).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let product = |i: usize| self.product(inputs, cotangent, i);
        (0..inputs.len()).map(|i| inputs[i].wants_gradient().then(|| product(i))).collect()
    }
}

impl Einsum {
    fn names(&self) -> String {
        format!("{}->{}", self.inputs.join(","), self.output)
    }

    /// The VJP of input `i` is an `einsum` again: the cotangent in its place, its names behind the
    /// arrow. What was summed from it alone is repeated by ones.
    fn product<'t, T: Float>(
        &self,
        inputs: &[Var<'t, T>],
        cotangent: Var<'t, T>,
        i: usize,
    ) -> Var<'t, T> {
        let others = || (0..inputs.len()).filter(|&j| j != i);
        let mut names: Vec<String> = others().map(|j| self.inputs[j].clone()).collect();
        let mut factors: Vec<Var<'t, T>> = others().map(|j| inputs[j]).collect();
        names.push(self.output.clone());
        factors.push(cotangent);
        let (mut alone, mut lengths) = (String::new(), Vec::new());
        for (name, length) in self.inputs[i].chars().zip(inputs[i].shape()) {
            if !names.iter().any(|other| other.contains(name)) && !alone.contains(name) {
                alone.push(name);
                lengths.push(length);
            }
        }
        if !alone.is_empty() {
            names.push(alone);
            factors.push(cotangent.tape.constant(ArrayD::from_elem(IxDyn(&lengths), T::ONE)));
        }
        let op = Einsum { inputs: names, output: self.inputs[i].clone() };
        cotangent.tape.apply(op, &factors)
    }
}

/// Einstein's convention: see [`ulp_tensor::einsum`].
///
/// # Panics
///
/// If the names do not fit the values, an axis has two lengths, or the result has an unknown name.
///
/// # Examples
///
/// ```
/// use ulp_autograd::{Tape, einsum};
/// use ulp_tensor::ndarray::arr2;
///
/// let tape = Tape::new();
/// let a = tape.leaf(arr2(&[[1.0_f64, 2.0], [3.0, 4.0]]));
/// let trace = einsum("ii->", &[a]);
/// assert_eq!(trace.item(), 5.0);
/// assert_eq!(trace.backward().get(a).unwrap(), &arr2(&[[1.0, 0.0], [0.0, 1.0]]).into_dyn());
/// ```
#[track_caller]
#[must_use]
pub fn einsum<'t, T: Float>(names: &str, values: &[Var<'t, T>]) -> Var<'t, T> {
    let first = values.first().expect("einsum of one value at least");
    let shapes: Vec<_> = values.iter().map(|x| x.shape()).collect();
    let shapes: Vec<&[usize]> = shapes.iter().map(|shape| &shape[..]).collect();
    let (names, repeated) = ulp_tensor::einsum_spelled_out(names, &shapes);
    let same_or_repeated =
        values.iter().zip(&shapes).zip(repeated).map(|((&x, &shape), repeated)| {
            if shape == repeated { x } else { x.broadcast_to(&repeated) }
        });
    let values: Vec<Var<'t, T>> = same_or_repeated.collect();
    let (left, output) = names.split_once("->").expect("names that are spelled out have an arrow");
    let inputs = left.split(',').map(String::from).collect();
    first.tape.apply(Einsum { inputs, output: output.to_string() }, &values)
}
