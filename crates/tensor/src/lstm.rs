//! One step of a long short-term memory.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::{Float, add, linear, mul, sigmoid, tanh};

/// The next `(h, c)` of a long short-term memory (Hochreiter and Schmidhuber, "Long short-term
/// memory", 1997, with Gers' forget gate), gates in PyTorch's order:
///
/// ```text
/// i, f, g, o = the quarters of x·w_inputᵀ + h·w_hiddenᵀ + bias
/// c' = σ(f) c + σ(i) tanh(g)
/// h' = σ(o) tanh(c')
/// ```
///
/// # Shapes
///
/// `x` [B, I], `h` and `c` [B, H], `w_input` [4H, I], `w_hidden` [4H, H], `bias` \[4H\] -> twice
/// [B, H]
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn lstm_cell<T: Float>(
    x: ArrayViewD<'_, T>,
    (h, c): (ArrayViewD<'_, T>, ArrayViewD<'_, T>),
    (w_input, w_hidden): (ArrayViewD<'_, T>, ArrayViewD<'_, T>),
    bias: Option<ArrayViewD<'_, T>>,
) -> (ArrayD<T>, ArrayD<T>) {
    let fits = h.ndim() == 2 && h.shape() == c.shape() && w_hidden.shape()[0] == 4 * h.shape()[1];
    assert!(
        fits,
        "h {:?}, c {:?} and w_hidden {:?} are not twice [B, H] and [4H, H]",
        h.shape(),
        c.shape(),
        w_hidden.shape()
    );
    let width = h.shape()[1];
    let gates = add(linear(x, w_input, bias).view(), linear(h, w_hidden, None).view());
    let gate =
        |index: usize| gates.slice_axis(Axis(1), (index * width..(index + 1) * width).into());
    let kept = mul(sigmoid(gate(1)).view(), c);
    let new = mul(sigmoid(gate(0)).view(), tanh(gate(2)).view());
    let c = add(kept.view(), new.view());
    (mul(sigmoid(gate(3)).view(), tanh(c.view()).view()), c)
}
