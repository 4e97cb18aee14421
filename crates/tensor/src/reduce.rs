//! Reductions over any axes of any view, along the one fixed tree of [`sum`](crate::sum).
//!
//! What is reduced is a [`Fold`]. Two ways lead along the same tree: terms that lie side by side are
//! read row after row (`rows`); where instead the *outputs* lie side by side, rows of terms are joined
//! to rows (`columns`). The strides decide which, so that memory is read in its own order, and no bit
//! depends on it.

mod columns;
mod rows;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};
use smallvec::{SmallVec, smallvec};

use crate::Float;
use crate::destination::{fresh, given};
use crate::simd::out::{CHUNK, Memory, PARALLEL};
use crate::simd::strided::Strided;
use crate::simd::{run, share};
use crate::sum::BLOCK;

use rows::{RowFolds, reduce_rows};
pub(crate) use rows::{join, reduce_slice};

/// How terms become one number: inside a block each of 16 lanes takes its terms in ascending order;
/// the lanes are joined in halves, the blocks as a tree of pairs.
pub(crate) trait Fold<T>: Copy + Send + Sync {
    /// What a lane holds before its first term; the result where there is no term. As a term it
    /// changes no lane.
    fn start(self) -> T;
    /// A lane after its next term. Implement it as `#[inline(always)]`, as `join`.
    fn take(self, lane: T, term: T) -> T;
    /// Two lanes, or two blocks, as one.
    fn join(self, left: T, right: T) -> T;
    /// What is done with the outputs in the end; `terms` is how many each was made of.
    fn finish(self, _outputs: &mut [T], _terms: usize) {}
}

/// A fold whose outputs go through a function of themselves and the number of terms.
#[derive(Clone, Copy)]
pub(crate) struct Then<F, G>(pub(crate) F, pub(crate) G);

impl<T, F, G> Fold<T> for Then<F, G>
where
    T: Float,
    F: Fold<T>,
    G: Fn(T, usize) -> T + Copy + Send + Sync,
{
    fn start(self) -> T {
        self.0.start()
    }
    #[inline(always)]
    fn take(self, lane: T, term: T) -> T {
        self.0.take(lane, term)
    }
    #[inline(always)]
    fn join(self, left: T, right: T) -> T {
        self.0.join(left, right)
    }
    fn finish(self, outputs: &mut [T], terms: usize) {
        let parallel = outputs.len() > PARALLEL;
        share::chunks(outputs, CHUNK, parallel, |_, outputs| {
            outputs.iter_mut().for_each(|output| *output = (self.1)(*output, terms));
        });
    }
}

/// `f` over `axes`, which are kept with length 1 if `keep`.
///
/// # Panics
///
/// If an axis is out of range or given twice.
#[track_caller]
pub(crate) fn reduce<T: Float, F: Fold<T>>(
    f: F,
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
) -> ArrayD<T> {
    let reduction = Reduction::new(x, axes, keep);
    fresh(&reduction.shape, |memory| reduction.write(f, memory))
}

/// [`reduce`] into `out`.
///
/// # Panics
///
/// As [`reduce`], or if `out` has another shape than the result.
#[track_caller]
pub(crate) fn reduce_into<T: Float, F: Fold<T>>(
    f: F,
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    let reduction = Reduction::new(x, axes, keep);
    given(&reduction.shape, out, |memory| reduction.write(f, memory));
}

/// Joins neighbours, then neighbouring pairs, and so on; an odd one out waits for the next round.
pub(crate) fn tree<T: Float, F: Fold<T>>(f: F, parts: impl IntoIterator<Item = T>) -> T {
    // Like a binary counter: entry i of the stack is a whole subtree, and two of equal size are
    // joined at once.
    let mut stack: Vec<(u32, T)> = Vec::with_capacity(16);
    for part in parts {
        let (mut level, mut part) = (0, part);
        while let Some(&(l, left)) = stack.last() {
            if l != level {
                break;
            }
            stack.pop();
            (level, part) = (level + 1, f.join(left, part));
        }
        stack.push((level, part));
    }
    let parts = stack.into_iter().rev().map(|(_, part)| part);
    parts.reduce(|right, left| f.join(left, right)).unwrap_or(f.start())
}

/// Panics if there are outputs without any term; `what` was to be taken of them.
#[track_caller]
pub(crate) fn refuse_nothing<T>(what: &str, x: &ArrayViewD<'_, T>, axes: &[usize]) {
    let (mut outputs, mut terms) = (1, 1);
    for (axis, &length) in x.shape().iter().enumerate() {
        *(if axes.contains(&axis) { &mut terms } else { &mut outputs }) *= length;
    }
    let shape = x.shape();
    assert!(terms > 0 || outputs == 0, "{what} over no elements: axes {axes:?} of {shape:?}");
}

/// Panics unless each of `axes` is one of `x`, and none is given twice.
#[track_caller]
fn validate<T>(x: &ArrayViewD<'_, T>, axes: &[usize]) {
    for (i, &axis) in axes.iter().enumerate() {
        assert!(axis < x.ndim(), "axis {axis} of an array of shape {:?}", x.shape());
        assert!(!axes[..i].contains(&axis), "axis {axis} is given twice in {axes:?}");
    }
}

/// A view whose last axes are the ones to be reduced.
pub(crate) struct Reduction<'a, T> {
    /// [kept .., reduced ..].
    pub(crate) view: ArrayViewD<'a, T>,
    /// The shape of the result.
    pub(crate) shape: SmallVec<[usize; 4]>,
    pub(crate) outputs: usize,
    /// The number of elements that each output is made of.
    pub(crate) terms: usize,
    /// The number of axes that are kept.
    pub(crate) kept: usize,
}

impl<'a, T: Float> Reduction<'a, T> {
    #[track_caller]
    pub(crate) fn new(x: ArrayViewD<'a, T>, axes: &[usize], keep: bool) -> Self {
        validate(&x, axes);
        if axes.len() == x.ndim() {
            // All of a small array is often summed: it should not cost more than the sum.
            let shape = smallvec![1; if keep { axes.len() } else { 0 }];
            return Reduction { shape, outputs: 1, terms: x.len(), kept: 0, view: x };
        }
        let is_reduced = |axis: &usize| axes.contains(axis);
        let length = |axis: usize| x.shape()[axis];
        let all = 0..x.ndim();
        let shape = all.clone().filter(|axis| keep || !is_reduced(axis));
        let shape = shape.map(|axis| if is_reduced(&axis) { 1 } else { length(axis) }).collect();
        let terms = axes.iter().map(|&axis| length(axis)).product();
        let kept = x.ndim() - axes.len();
        let outputs = all.clone().filter(|axis| !is_reduced(axis)).map(length).product();
        let mut view = x;
        // Each axis that is kept moves past those before it that are reduced: for so few axes faster than
        // a permutation, which ndarray validates.
        for (to, from) in all.filter(|axis| !is_reduced(axis)).enumerate() {
            (to..from).rev().for_each(|axis| view.swap_axes(axis, axis + 1));
        }
        Reduction { view, shape, outputs, terms, kept }
    }

    /// `f` of each output's terms.
    fn write<'m, F: Fold<T>>(&self, f: F, memory: Memory<'m, T>) -> &'m mut [T] {
        let &Reduction { ref view, outputs, terms, kept, .. } = self;
        // Of one output there is nothing to be asked, and small arrays are often reduced to one.
        let columns = if outputs == 1 { 1 } else { columns::side_by_side(view, kept) };
        let out = match view.as_slice() {
            Some(x) if outputs == 1 => memory.filled(reduce_slice(f, x)),
            _ if columns > 1 => columns::reduce_columns(f, view, kept, columns, terms, memory),
            Some(x) if terms <= BLOCK && x.len() <= PARALLEL => {
                let out = memory.zeros();
                run(RowFolds { f, x, terms, out });
                out
            }
            _ => reduce_rows(f, &Strided::new(view), terms, memory),
        };
        f.finish(out, terms);
        out
    }
}
