//! What an operation is: a value and a vector-Jacobian product, together or not at all.

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArcArray, IxDyn};

use crate::var::Var;

/// The array behind a [`Var`]: reference-counted, so that clones, reshapes and permutes of it
/// share one buffer.
pub type Value<T> = ArcArray<T, IxDyn>;

/// A differentiable operation `y = f(x₀, x₁, …)`.
///
/// This trait is the only way onto a tape ([`Tape::apply`](crate::Tape::apply)), and it has no
/// default methods: an operation without its vector-Jacobian product (VJP) does not compile.
///
/// ```compile_fail,E0046
/// use ulp_autograd::{Op, Tape, Value};
///
/// struct Square;
///
/// impl Op<f64> for Square {
///     fn name(&self) -> &'static str {
///         "square"
///     }
///     fn forward(&self, inputs: &[&Value<f64>]) -> Value<f64> {
///         inputs[0].mapv(|x| x * x).into_shared()
///     }
///     // error[E0046]: not all trait items implemented, missing: `vjp`
/// }
/// ```
///
/// # Examples
///
/// With its VJP it does, and because the VJP is written in terms of [`Var`]s, the gradient can be
/// differentiated again:
///
/// ```
/// use ulp_autograd::{Op, Tape, Value, Var, grad};
/// use ulp_tensor::ndarray::arr1;
///
/// struct Square;
///
/// impl Op<f64> for Square {
///     fn name(&self) -> &'static str {
///         "square"
///     }
///     fn forward(&self, inputs: &[&Value<f64>]) -> Value<f64> {
///         inputs[0].mapv(|x| x * x).into_shared()
///     }
///     fn vjp<'t>(
///         &self,
///         inputs: &[Var<'t, f64>],
///         _output: Var<'t, f64>,
///         cotangent: Var<'t, f64>,
///     ) -> Vec<Option<Var<'t, f64>>> {
///         vec![Some(cotangent * inputs[0] * 2.0)]
///     }
/// }
///
/// let tape = Tape::new();
/// let x = tape.leaf(arr1(&[3.0]));
/// let y = tape.apply(Square, &[x]);
/// let dy = grad(y, &[x])[0].unwrap();
/// let ddy = grad(dy, &[x])[0].unwrap();
/// assert_eq!((y.item(), dy.item(), ddy.item()), (9.0, 6.0, 2.0));
/// ```
pub trait Op<T: Float>: 'static {
    /// The operation's name, for messages.
    fn name(&self) -> &'static str;

    /// `f(x₀, x₁, …)`.
    ///
    /// # Panics
    ///
    /// On shapes that do not fit; the message names them.
    fn forward(&self, inputs: &[&Value<T>]) -> Value<T>;

    /// `cotangent · ∂f/∂xᵢ` for each input, in the inputs' order and of the inputs' shapes.
    ///
    /// `None` says that `f` does not depend (differentiably) on that input, or that
    /// [`inputs[i].wants_gradient()`](Var::wants_gradient) is false and the product was not
    /// worth computing. `output` is the value `forward` returned.
    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>>;
}
