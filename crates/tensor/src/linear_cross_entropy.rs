//! Cross-entropy of a linear layer's outputs, which are never in memory all at once.
//!
//! With a large vocabulary the logits and their gradient are the largest arrays of a training step. Here
//! they are made a block of rows at a time, and the gradients of what they come from with them, so that a
//! step needs one block (Wijmans et al., [Cut Your Losses in Large-Vocabulary Language
//! Models](https://arxiv.org/abs/2411.09009); here without the logits being made a second time).

use ndarray::{ArrayD, ArrayViewD, IxDyn, aview_mut1, aview1};

use crate::cross_entropy::{check_targets, counted, row_gradient, row_loss};
use crate::rows::rows_in_chunk;
use crate::simd::gemm::{KC, Matrix, gemm};
use crate::simd::out::{Memory, PARALLEL, shaped};
use crate::simd::share;
use crate::{Float, add_assign, pool, sum_slice};

/// The logits of a block, about.
const LOGITS: usize = 1 << 20;

/// [`cross_entropy`](crate::cross_entropy) of [`linear`](crate::linear)`(x, w)`, with the same bits and at
/// most 2²⁰ logits (or 256 rows of them) at a time.
///
/// # Shapes
///
/// `x` [N, C], `w` [V, C], `targets` N -> a scalar of shape []
///
/// # Panics
///
/// If the shapes do not fit, or a target is neither below V nor `ignore_index`.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{cross_entropy, linear, linear_cross_entropy, ndarray::array};
///
/// let x = array![[1.0, 2.0], [3.0, -1.0]].into_dyn();
/// let w = array![[0.5, 0.0], [0.0, 0.5], [1.0, 1.0]].into_dyn();
/// let loss = linear_cross_entropy(x.view(), w.view(), &[2, 0], None);
/// let logits = linear(x.view(), w.view(), None);
/// assert_eq!(loss, cross_entropy(logits.view(), &[2, 0], None));
/// ```
#[track_caller]
pub fn linear_cross_entropy<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    targets: &[u32],
    ignore_index: Option<u32>,
) -> ArrayD<T> {
    Pass::new(&x, &w, targets, ignore_index, Operands::Full).run([false; 2]).0
}

/// [`linear_cross_entropy`] and its gradients with respect to `x` and `w`, those that are `wanted`, by one
/// product forward and one for each gradient.
///
/// They have the bits of [`cross_entropy_vjp`](crate::cross_entropy_vjp) (of `dy` = 1) and the `vjp` forms of
/// [`linear`](crate::linear).
///
/// # Shapes
///
/// `x` [N, C], `w` [V, C], `targets` N -> a scalar of shape [], [N, C], [V, C]
///
/// # Panics
///
/// As [`linear_cross_entropy`].
#[track_caller]
pub fn linear_cross_entropy_with_gradients<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    targets: &[u32],
    ignore_index: Option<u32>,
    wanted: [bool; 2],
) -> (ArrayD<T>, [Option<ArrayD<T>>; 2]) {
    Pass::new(&x, &w, targets, ignore_index, Operands::Full).run(wanted)
}

/// [`linear_cross_entropy_with_gradients`] whose products are those of
/// [`linear_bf16`](crate::linear_bf16): operands are operands to bf16, logits and their gradient are not.
///
/// The gradient of `w` is the sum of its blocks' products in ascending order.
///
/// # Shapes
///
/// As [`linear_cross_entropy_with_gradients`].
///
/// # Panics
///
/// As [`linear_cross_entropy`].
#[track_caller]
pub fn linear_cross_entropy_bf16_with_gradients<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    targets: &[u32],
    ignore_index: Option<u32>,
    wanted: [bool; 2],
) -> (ArrayD<T>, [Option<ArrayD<T>>; 2]) {
    Pass::new(&x, &w, targets, ignore_index, Operands::Bf16).run(wanted)
}

/// What the products read.
#[derive(Clone, Copy)]
enum Operands {
    Full,
    Bf16,
}

impl Operands {
    /// `out = a · b`.
    fn product<T: Float>(self, a: Matrix<'_, T>, b: Matrix<'_, T>, out: &mut [T]) {
        match self {
            Operands::Full => gemm(a, b, out, b.t().height(), false),
            Operands::Bf16 => drop(T::write_product_bf16(a, b, Memory::of(out))),
        }
    }

    /// `out += a · b`.
    fn add_product<T: Float>(self, a: Matrix<'_, T>, b: Matrix<'_, T>, out: &mut [T]) {
        match self {
            Operands::Full => gemm(a, b, out, b.t().height(), true),
            Operands::Bf16 => {
                let mut product = pool::zeros(out.len());
                self.product(a, b, &mut product);
                add_assign(aview_mut1(out).into_dyn(), aview1(&product).into_dyn());
                pool::give_back(product);
            }
        }
    }
}

/// The operands, their shapes checked.
struct Pass<'a, T> {
    x: Matrix<'a, T>,
    w: Matrix<'a, T>,
    targets: &'a [u32],
    ignore_index: Option<u32>,
    operands: Operands,
}

impl<'a, T: Float> Pass<'a, T> {
    #[track_caller]
    fn new(
        x: &ArrayViewD<'a, T>,
        w: &ArrayViewD<'a, T>,
        targets: &'a [u32],
        ignore_index: Option<u32>,
        operands: Operands,
    ) -> Self {
        let fits = matches!(
            (x.shape(), w.shape()),
            (&[n, c], &[_, inputs]) if n == targets.len() && c == inputs
        );
        let (rows, n) = (x.shape(), targets.len());
        assert!(fits, "x {rows:?} is not [{n}, C] for {n} targets and w {:?} ([V, C])", w.shape());
        check_targets(targets, w.shape()[0], ignore_index);
        let (x, w) = (Matrix::last_axes(x), Matrix::last_axes(w));
        Pass { x, w, targets, ignore_index, operands }
    }

    fn run(&self, wanted: [bool; 2]) -> (ArrayD<T>, [Option<ArrayD<T>>; 2]) {
        let &Pass { x, w, targets, operands, .. } = self;
        let (n, v, c) = (targets.len(), w.height(), w.t().height());
        let count = T::from_usize(counted(targets, self.ignore_index));
        let factor = wanted.contains(&true).then(|| T::ONE / count);
        // Whole blocks of a product's sum: the gradient of w is added up as if it were made at once.
        let block = (LOGITS / v.max(1) / KC * KC).max(KC).min(n);
        let mut logits: Vec<T> = pool::zeros(block * v);
        let mut losses = vec![T::ZERO; n];
        let [mut dx, mut dw] = [(wanted[0], n), (wanted[1], v)]
            .map(|(wanted, rows)| wanted.then(|| pool::zeros(rows * c)));
        for start in (0..n).step_by(block.max(1)) {
            let rows = block.min(n - start);
            let (x, logits) = (x.rows(start, rows), &mut logits[..rows * v]);
            operands.product(x, w.t(), logits);
            self.rows(start, logits, &mut losses[start..start + rows], factor);
            let dlogits = Matrix::from_slice(logits, rows, v);
            if let Some(dx) = &mut dx {
                operands.product(dlogits, w, &mut dx[start * c..(start + rows) * c]);
            }
            match &mut dw {
                Some(dw) if start == 0 => operands.product(dlogits.t(), x, dw),
                Some(dw) => operands.add_product(dlogits.t(), x, dw),
                None => {}
            }
        }
        pool::give_back(logits);
        let loss = ArrayD::from_elem(IxDyn(&[]), sum_slice(&losses) / count);
        (loss, [dx.map(|dx| shaped(&[n, c], dx)), dw.map(|dw| shaped(&[v, c], dw))])
    }

    /// The loss of each row of logits, from row `start` on, which become their gradient if there is a factor
    /// for it.
    fn rows(&self, start: usize, logits: &mut [T], losses: &mut [T], factor: Option<T>) {
        let v = self.w.height();
        let (chunk, parallel) = (rows_in_chunk(v), logits.len() > PARALLEL);
        let mut losses: Vec<&mut [T]> = losses.chunks_mut(chunk).collect();
        share::chunks_beside(logits, chunk * v, &mut losses, parallel, |index, logits, losses| {
            let targets = self.targets[start + index * chunk..].iter();
            for ((row, loss), &target) in logits.chunks_mut(v).zip(losses.iter_mut()).zip(targets) {
                if Some(target) != self.ignore_index {
                    *loss = match factor {
                        Some(factor) => row_gradient(row, target as usize, factor),
                        None => row_loss(row, target as usize),
                    };
                } else if factor.is_some() {
                    row.fill(T::ZERO);
                }
            }
        });
    }
}
