//! The two ways back along a tape: `backward` for training, `grad` for gradients that are
//! themselves to be differentiated.

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, Dimension, IxDyn};

use crate::gradients::Gradients;
use crate::node::Record;
use crate::nodes::Held;
use crate::tape::{IntoValue, Tape};
use crate::var::Var;
use crate::walk::Walk;

impl<'t, T: Float> Var<'t, T> {
    /// The gradients of this scalar with respect to every leaf it depends on.
    ///
    /// VJPs run with recording off: they cost what the array code costs, and the tape is cut back
    /// to its length after each. An adjoint is moved into the VJP that consumes it, so that its
    /// buffer is free as soon as it has been used, and adjoints that meet are added in place where
    /// nobody else holds the buffer. They meet in the order of the tape, latest user first: the
    /// bits do not depend on anything else.
    ///
    /// The values stay on the tape; calling it again gives the same.
    ///
    /// # Panics
    ///
    /// If this is not a single number (see [`Var::backward_with`]).
    #[track_caller]
    pub fn backward(self) -> Gradients<T> {
        let ones = self.ones_like_scalar("backward");
        self.walk(ones, &[])
    }

    /// The gradients of `Σ cotangent · self`, for a value that is not a single number.
    ///
    /// # Panics
    ///
    /// If the cotangent has another shape than this value.
    #[track_caller]
    pub fn backward_with<D: Dimension>(self, cotangent: impl IntoValue<T, D>) -> Gradients<T> {
        self.walk(Held::Array(cotangent.into_value()), &[])
    }

    /// [`Var::backward`], whose result also holds the gradients with respect to the values `kept`
    /// along the way, which are not leaves.
    ///
    /// # Panics
    ///
    /// If this is not a single number, or one of `kept` lives on another tape.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr1;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr1(&[1.0_f64, 2.0]));
    /// let hidden = x * x;
    /// let gradients = (hidden * hidden).sum_all().backward_keeping(&[hidden]);
    /// assert_eq!(gradients.get(hidden).unwrap().as_slice(), Some(&[2.0, 8.0][..]));
    /// assert_eq!(gradients.get(x).unwrap().as_slice(), Some(&[4.0, 32.0][..]));
    /// ```
    #[track_caller]
    pub fn backward_keeping(self, kept: &[Var<'t, T>]) -> Gradients<T> {
        self.tape.check_ours(kept);
        let ones = self.ones_like_scalar("backward");
        self.walk(ones, kept)
    }

    #[track_caller]
    fn walk(self, cotangent: Held<T>, kept: &[Var<'t, T>]) -> Gradients<T> {
        let tape = self.tape;
        assert_eq!(cotangent.dim(), self.dim(), "shapes of the cotangent and of the value");
        let of_leaf = tape.no_grad(|| Walk::new(tape, kept).from(self, cotangent));
        Gradients { tape: tape.serial, of_leaf }
    }

    #[track_caller]
    fn ones_like_scalar(self, what: &str) -> Held<T> {
        let shape = self.shape();
        assert!(
            shape.iter().product::<usize>() == 1,
            "{what} wants a single number, not a value of shape {shape:?}"
        );
        Held::Array(ArrayD::from_elem(IxDyn(&shape), T::ONE).into_shared())
    }
}

/// The gradients of the scalar `loss` with respect to `wrt`, as values on the same tape: they can
/// be differentiated again. `None` where the loss does not depend on it.
///
/// # Panics
///
/// If `loss` is not a single number, or one of `wrt` wants no gradient (a constant).
///
/// # Examples
///
/// ```
/// use ulp_autograd::{Tape, grad};
/// use ulp_tensor::ndarray::arr0;
///
/// let tape = Tape::new();
/// let x = tape.leaf(arr0(0.5_f64));
/// let y = x.tanh();
/// let dy = grad(y, &[x])[0].unwrap(); // 1 - tanh²
/// let ddy = grad(dy, &[x])[0].unwrap(); // -2 tanh (1 - tanh²)
/// let t = 0.5_f64.tanh();
/// assert!((ddy.item() + 2.0 * t * (1.0 - t * t)).abs() < 1e-15);
/// ```
#[track_caller]
pub fn grad<'t, T: Float>(loss: Var<'t, T>, wrt: &[Var<'t, T>]) -> Vec<Option<Var<'t, T>>> {
    let ones = loss.tape.push_value(loss.ones_like_scalar("grad"));
    vjp(loss, ones, wrt)
}

/// `cotangent · ∂y/∂x` for each `x` of `wrt`, as values on the same tape: the vector-Jacobian
/// product behind [`grad`], for a `y` of any shape. Linear in `cotangent`, and differentiable in
/// it too.
///
/// # Panics
///
/// If `cotangent` has another shape than `y`, or one of `wrt` wants no gradient (a constant).
#[track_caller]
pub fn vjp<'t, T: Float>(
    y: Var<'t, T>,
    cotangent: Var<'t, T>,
    wrt: &[Var<'t, T>],
) -> Vec<Option<Var<'t, T>>> {
    y.tape.check_ours(&[cotangent]);
    y.tape.check_ours(wrt);
    assert_eq!(cotangent.shape(), y.shape(), "shapes of the cotangent and of the value");
    for x in wrt {
        assert!(x.wants_gradient(), "differentiation with respect to a constant");
    }
    vjp_wrt(y, cotangent, wrt)
}

/// The product of the loss's Hessian and `v`: one number a direction for what the whole Hessian
/// would cost the square of the parameters' number.
///
/// `H v = ∇ (∇loss · v)`; `None` where `∇loss · v` does not depend on it, as for a loss that is
/// linear in it.
///
/// # Panics
///
/// As [`grad`]; and if `v` and `wrt` differ in number or shape.
///
/// # Examples
///
/// ```
/// use ulp_autograd::{Tape, hvp};
/// use ulp_tensor::ndarray::arr1;
///
/// let tape = Tape::new();
/// let x = tape.leaf(arr1(&[1.0_f64, 2.0]));
/// let loss = (x * x * x).sum_all(); // Hessian: diagonal 6x
/// let v = tape.constant(arr1(&[1.0, 1.0]));
/// assert_eq!(hvp(loss, &[x], &[v])[0].unwrap().value().as_slice(), Some(&[6.0, 12.0][..]));
/// ```
#[track_caller]
pub fn hvp<'t, T: Float>(
    loss: Var<'t, T>,
    wrt: &[Var<'t, T>],
    v: &[Var<'t, T>],
) -> Vec<Option<Var<'t, T>>> {
    assert_eq!(wrt.len(), v.len(), "one direction a variable");
    let gradients = grad(loss, wrt);
    let directional = gradients.iter().zip(v).filter_map(|(g, v)| g.map(|g| (g * *v).sum_all()));
    match directional.reduce(|a, b| a + b) {
        Some(total) => grad(total, wrt),
        None => vec![None; wrt.len()],
    }
}

/// The walk behind [`vjp`]: from `y` down to the first of `wrt`, only through nodes that depend on
/// one of them. Whether it records is the tape's state.
pub(crate) fn vjp_wrt<'t, T: Float>(
    y: Var<'t, T>,
    cotangent: Var<'t, T>,
    wrt: &[Var<'t, T>],
) -> Vec<Option<Var<'t, T>>> {
    let tape = y.tape;
    let Some(first) = wrt.iter().map(|x| x.id).min().filter(|&first| first <= y.id) else {
        return vec![None; wrt.len()];
    };
    if tape.is_recording() {
        tape.segments.pin();
    }
    let at = |id: u32| (id - first) as usize;
    let depends = tape.depends_on(wrt, first, y.id);
    let mut adjoints: Vec<Option<Var<'t, T>>> = vec![None; depends.len()];
    adjoints[at(y.id)] = Some(cotangent);
    for id in (first..=y.id).rev() {
        let Some(adjoint) = adjoints[at(id)].filter(|_| depends[at(id)]) else { continue };
        let Some(record) = tape.record(id) else { continue };
        for (input, product) in tape.vjp_vars(id, &record, adjoint) {
            if input >= first && depends[at(input)] {
                let slot = &mut adjoints[at(input)];
                *slot = Some(slot.map_or(product, |sum| sum + product));
            }
        }
    }
    wrt.iter().map(|x| if x.id <= y.id { adjoints[at(x.id)] } else { None }).collect()
}

impl<T: Float> Tape<T> {
    pub(crate) fn record(&self, id: u32) -> Option<Record<T>> {
        self.nodes.borrow().node(id).record.clone()
    }

    pub(crate) fn wants_gradient(&self, id: u32) -> bool {
        self.nodes.borrow().node(id).wants_gradient
    }

    /// For each node of `first..=last`, whether it is, or was computed from, one of `wrt`.
    fn depends_on(&self, wrt: &[Var<'_, T>], first: u32, last: u32) -> Vec<bool> {
        let nodes = self.nodes.borrow();
        let mut depends = vec![false; (last - first) as usize + 1];
        for x in wrt.iter().filter(|x| x.id <= last) {
            depends[(x.id - first) as usize] = true;
        }
        for id in first..=last {
            let Some(record) = &nodes.node(id).record else { continue };
            let inputs = record.inputs.as_slice();
            depends[(id - first) as usize] |=
                inputs.iter().any(|&i| i >= first && depends[(i - first) as usize]);
        }
        depends
    }

    /// Calls the VJP of node `id`; the products of inputs that want a gradient, shapes checked.
    pub(crate) fn vjp_vars<'t>(
        &'t self,
        id: u32,
        record: &Record<T>,
        cotangent: Var<'t, T>,
    ) -> impl Iterator<Item = (u32, Var<'t, T>)> {
        let var = |&id: &u32| Var { tape: self, id };
        let output = var(&id);
        let ids = record.inputs.clone();
        let products = match record.inputs.as_slice() {
            [a] => record.op.vjp(&[var(a)], output, cotangent),
            [a, b] => record.op.vjp(&[var(a), var(b)], output, cotangent),
            [a, b, c] => record.op.vjp(&[var(a), var(b), var(c)], output, cotangent),
            many => record.op.vjp(&many.iter().map(var).collect::<Vec<_>>(), output, cotangent),
        };
        self.check_products(record, &products);
        products.into_iter().enumerate().filter_map(move |(i, product)| {
            let input = ids.as_slice()[i];
            product.filter(|_| self.wants_gradient(input)).map(|product| (input, product))
        })
    }

    fn check_products(&self, record: &Record<T>, products: &[Option<Var<'_, T>>]) {
        let inputs = record.inputs.as_slice();
        let name = record.op.name();
        assert_eq!(products.len(), inputs.len(), "{name}: one product an input");
        let nodes = self.nodes.borrow();
        for (&input, product) in inputs.iter().zip(products) {
            let Some(product) = product else { continue };
            if !nodes.have_one_shape(product.id, input) {
                let (found, wanted) = (nodes.dim(product.id), nodes.dim(input));
                let (found, wanted) = (found.slice(), wanted.slice());
                panic!("{name}: a product {found:?} for an input {wanted:?}");
            }
        }
    }
}
