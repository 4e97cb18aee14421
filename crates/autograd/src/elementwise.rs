//! Operations that go element by element, on small values without arrays.

use ulp_tensor::Float;
use ulp_tensor::simd::{self, Kernel};

use crate::node::{Inputs, Operation, Record};
use crate::op::Op;
use crate::tape::Tape;
use crate::var::Var;

/// An operation of one or two inputs that makes each element of one element of each.
///
/// On arrays [`Op`] does it. Here the same stands for one element, with the same bits: all that a value
/// of a few elements needs.
pub(crate) trait Elementwise<T: Float>: Op<T> {
    /// Whether it multiplies and adds with one rounding, which takes long where the processor is not
    /// asked for it.
    const FUSED: bool = false;

    /// The value of `x`. (Of one input, both are it.)
    fn at(&self, x: [T; 2]) -> T;

    /// `dy · ∂y/∂x` for input `i`.
    fn slope(&self, i: usize, x: [T; 2], y: T, dy: T) -> T;
}

/// The values around an operation, and the adjoint that has come to its output.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a, T> {
    pub(crate) x: [&'a [T]; 2],
    pub(crate) y: &'a [T],
    pub(crate) dy: &'a [T],
}

/// [`Elementwise`] on slices, as a trait object.
pub(crate) trait OnSlices<T: Float>: Op<T> {
    /// Adds the product of input `i` to `sum`; or writes it there, if it is the first.
    fn pull(&self, i: usize, around: Around<'_, T>, sum: &mut [T], first: bool);
}

impl<T: Float, O: Elementwise<T>> OnSlices<T> for O {
    fn pull(&self, i: usize, around: Around<'_, T>, sum: &mut [T], first: bool) {
        run::<T, O>(Back { op: self, i, around, sum, first });
    }
}

fn run<T: Float, O: Elementwise<T>>(kernel: impl Kernel<Output = ()>) {
    if O::FUSED { simd::run(kernel) } else { kernel.run() }
}

struct There<'a, T, O> {
    op: &'a O,
    x: [&'a [T]; 2],
    y: &'a mut [T],
}

impl<T: Float, O: Elementwise<T>> Kernel for There<'_, T, O> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [a, b] = self.x;
        for ((y, &a), &b) in self.y.iter_mut().zip(a).zip(b) {
            *y = self.op.at([a, b]);
        }
    }
}

struct Back<'a, T, O> {
    op: &'a O,
    i: usize,
    around: Around<'a, T>,
    sum: &'a mut [T],
    first: bool,
}

impl<T: Float, O: Elementwise<T>> Kernel for Back<'_, T, O> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Around { x: [a, b], y, dy } = self.around;
        let around = a.iter().zip(b).zip(y).zip(dy);
        for (sum, (((&a, &b), &y), &dy)) in self.sum.iter_mut().zip(around) {
            let product = self.op.slope(self.i, [a, b], y, dy);
            *sum = if self.first { product } else { *sum + product };
        }
    }
}

impl<T: Float> Tape<T> {
    /// [`Tape::apply`] for an operation of one input that goes element by element.
    #[track_caller]
    pub(crate) fn apply_to_each<'t>(
        &'t self,
        op: impl Elementwise<T>,
        x: Var<'t, T>,
    ) -> Var<'t, T> {
        match self.on_slices(op, [x, x], 1) {
            Ok(y) => y,
            Err(op) => self.apply(op, &[x]),
        }
    }

    /// [`Tape::apply`] for an operation of two inputs that goes element by element.
    #[track_caller]
    pub(crate) fn apply_to_pairs<'t>(
        &'t self,
        op: impl Elementwise<T>,
        a: Var<'t, T>,
        b: Var<'t, T>,
    ) -> Var<'t, T> {
        self.check_ours(&[a, b]);
        match self.on_slices(op, [a, b], 2) {
            Ok(y) => y,
            Err(op) => self.apply(op, &[a, b]),
        }
    }

    /// The operation on the first `count` inputs, if those are small and of one shape.
    fn on_slices<'t, O: Elementwise<T>>(
        &'t self,
        op: O,
        x: [Var<'t, T>; 2],
        count: usize,
    ) -> Result<Var<'t, T>, O> {
        let mut nodes = self.nodes.borrow_mut();
        let [a, b] = x.map(|x| nodes.node(x.id));
        let (Some(p), Some(q)) = (a.small, b.small) else { return Err(op) };
        if p.shape() != q.shape() || self.watch.on.get() {
            return Err(op);
        }
        let wants_gradient = self.is_recording() && (a.wants_gradient || b.wants_gradient);
        let id = nodes.next_id();
        nodes.push_small(p.shape(), |elements, y| {
            run::<T, O>(There { op: &op, x: [&elements[p.range()], &elements[q.range()]], y });
        });
        if wants_gradient {
            let inputs = Inputs::from_vars(&x[..count]);
            nodes.node_mut(id).record = Some(Record { op: Operation::on_slices(op), inputs });
            nodes.node_mut(id).wants_gradient = true;
        }
        drop(nodes);
        if self.segments.is_running() {
            self.count(p.shape().len() * size_of::<T>());
        }
        Ok(Var { tape: self, id })
    }
}
