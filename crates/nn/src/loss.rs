//! Cross-entropy over next tokens.

use ulp_autograd::Var;
use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayView2, ArrayViewD, Axis};

/// `−mean log softmax(logits)[target]`, in nats, over the rows whose target is not `ignore`.
///
/// # Shapes
///
/// logits `[.., V]`, targets `[..]`, result `[]`.
///
/// # Panics
///
/// When the leading extents differ, or a target is neither below V nor `ignore`.
#[track_caller]
pub fn cross_entropy<'t, T: Float>(
    logits: Var<'t, T>,
    targets: ArrayViewD<'_, u32>,
    ignore: Option<u32>,
) -> Var<'t, T> {
    let shape = logits.shape();
    let (v, rows) = shape.split_last().expect("logits have an axis of classes");
    assert_eq!(rows, targets.shape(), "cross-entropy: rows of logits, targets");
    let flat: Vec<u32> = targets.iter().copied().collect();
    logits.reshape(&[flat.len(), *v]).cross_entropy(&flat, ignore)
}

/// Splits sequences into inputs and the tokens they are to predict.
///
/// # Shapes
///
/// `[B, T + 1]` to ids `[B, T]` (all but the last) and targets `[B, T]` (all but the first).
///
/// # Panics
///
/// When a sequence is empty.
///
/// # Examples
///
/// ```
/// use ulp_nn::next_tokens;
/// use ulp_tensor::ndarray::array;
///
/// let sequences = array![[1_u32, 2, 3, 4]];
/// let (ids, targets) = next_tokens(sequences.view());
/// assert_eq!(ids, array![[1, 2, 3]]);
/// assert_eq!(targets, array![[2, 3, 4]]);
/// ```
#[track_caller]
pub fn next_tokens(sequences: ArrayView2<'_, u32>) -> (ArrayView2<'_, u32>, ArrayView2<'_, u32>) {
    assert!(sequences.ncols() > 0, "an empty sequence has no next token");
    let (ids, _) = sequences.split_at(Axis(1), sequences.ncols() - 1);
    let (_, targets) = sequences.split_at(Axis(1), 1);
    (ids, targets)
}
