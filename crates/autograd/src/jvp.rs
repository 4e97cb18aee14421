//! Products from the other side: Jacobian times vector, and whole Jacobians.

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, Axis, IxDyn};

use crate::grad::{grad, vjp, vjp_wrt};
use crate::var::Var;

/// `Σ ∂y/∂x · tangent` over the `x` of `wrt`: how `y` changes when they move along the tangents, a
/// value of the shape of `y` that can be differentiated again. `None` if `y` depends on none of them.
///
/// A VJP is linear in its cotangent, and the gradient of that linear function is the product wanted:
/// no operation needs a second rule. It costs two backward passes.
///
/// # Panics
///
/// As [`vjp`]; and if `wrt` and the tangents differ in number or shape.
///
/// # Examples
///
/// ```
/// use ulp_autograd::{Tape, jvp};
/// use ulp_tensor::ndarray::arr1;
///
/// let tape = Tape::new();
/// let x = tape.leaf(arr1(&[1.0_f64, 2.0, 3.0]));
/// let tangent = tape.constant(arr1(&[1.0, 0.0, -1.0]));
/// let y = jvp(x * x, &[x], &[tangent]).unwrap(); // 2 x · tangent
/// assert_eq!(y.value().as_slice(), Some(&[2.0, 0.0, -6.0][..]));
/// ```
#[track_caller]
pub fn jvp<'t, T: Float>(
    y: Var<'t, T>,
    wrt: &[Var<'t, T>],
    tangents: &[Var<'t, T>],
) -> Option<Var<'t, T>> {
    assert_eq!(wrt.len(), tangents.len(), "one tangent a variable");
    for (x, tangent) in wrt.iter().zip(tangents) {
        assert_eq!(x.shape(), tangent.shape(), "shapes of a variable and of its tangent");
    }
    let tape = y.tape;
    let cotangent = tape.leaf(ArrayD::from_elem(IxDyn(&y.shape()), T::ZERO));
    let products = vjp(y, cotangent, wrt);
    let along = products.iter().zip(tangents);
    let along = along.filter_map(|(product, v)| product.map(|product| (product * *v).sum_all()));
    let total = along.reduce(|a, b| a + b)?;
    grad(total, &[cotangent])[0]
}

/// All `∂y/∂x`: element (i.., j..) says how element i of `y` changes with element j of `x`. One
/// backward pass for each element of `y`; nothing of it stays on the tape.
///
/// # Shapes
///
/// `y` [I..], `x` [J..] -> [I.., J..]
///
/// # Panics
///
/// If `x` wants no gradient, or lives on another tape.
///
/// # Examples
///
/// ```
/// use ulp_autograd::{Tape, jacobian};
/// use ulp_tensor::ndarray::{arr1, arr2};
///
/// let tape = Tape::new();
/// let x = tape.leaf(arr1(&[1.0_f64, 2.0]));
/// let y = x * x.sum_all();
/// assert_eq!(jacobian(y, x), arr2(&[[4.0, 1.0], [2.0, 5.0]]).into_dyn());
/// ```
#[track_caller]
#[must_use]
pub fn jacobian<'t, T: Float>(y: Var<'t, T>, x: Var<'t, T>) -> ArrayD<T> {
    let tape = y.tape;
    tape.check_ours(&[x]);
    assert!(x.wants_gradient(), "differentiation with respect to a constant");
    let (rows, columns) = (y.len(), x.len());
    let mut jacobian = ArrayD::from_elem(IxDyn(&[rows, columns]), T::ZERO);
    let mark = tape.len();
    for row in 0..rows {
        let mut one = ArrayD::from_elem(IxDyn(&[rows]), T::ZERO);
        one[row] = T::ONE;
        let one = one.into_shape_with_order(IxDyn(&y.shape())).expect("as many elements");
        let cotangent = tape.constant(one);
        if let Some(product) = tape.no_grad(|| vjp_wrt(y, cotangent, &[x])[0]) {
            let product = product.value();
            let values = jacobian.index_axis_mut(Axis(0), row);
            values.into_iter().zip(&product).for_each(|(to, &from)| *to = from);
        }
        tape.cut_back(mark);
    }
    let shape = [y.shape(), x.shape()].concat();
    jacobian.into_shape_with_order(IxDyn(&shape)).expect("as many elements")
}

/// All second derivatives of a scalar: the [`jacobian`] of its gradient. Its products with vectors
/// are had for less by [`hvp`](crate::hvp).
///
/// # Shapes
///
/// `x` [J..] -> [J.., J..]
///
/// # Panics
///
/// As [`grad`](crate::grad).
///
/// # Examples
///
/// ```
/// use ulp_autograd::{Tape, hessian};
/// use ulp_tensor::ndarray::{arr1, arr2};
///
/// let tape = Tape::new();
/// let x = tape.leaf(arr1(&[2.0_f64, 3.0]));
/// let loss = x.prod(&[0]) * x.sum_all(); // a²b + ab²
/// assert_eq!(hessian(loss, x), arr2(&[[6.0, 10.0], [10.0, 4.0]]).into_dyn());
/// ```
#[track_caller]
#[must_use]
pub fn hessian<'t, T: Float>(loss: Var<'t, T>, x: Var<'t, T>) -> ArrayD<T> {
    match grad(loss, &[x])[0] {
        Some(gradient) => jacobian(gradient, x),
        None => ArrayD::from_elem(IxDyn(&[x.shape(), x.shape()].concat()), T::ZERO),
    }
}
