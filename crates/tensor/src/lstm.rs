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
    let [of_x, of_h, of_c, hidden] = [x.shape(), h.shape(), c.shape(), w_hidden.shape()];
    let fits = of_x.len() == 2
        && of_h.len() == 2
        && of_h == of_c
        && of_x[0] == of_h[0]
        && hidden == [4 * of_h[1], of_h[1]];
    assert!(
        fits,
        "x {of_x:?}, h {of_h:?}, c {of_c:?} and w_hidden {hidden:?} are not [B, I], twice [B, H] and [4H, H]"
    );
    let width = of_h[1];
    let gates = add(linear(x, w_input, bias).view(), linear(h, w_hidden, None).view());
    let gate =
        |index: usize| gates.slice_axis(Axis(1), (index * width..(index + 1) * width).into());
    let kept = mul(sigmoid(gate(1)).view(), c);
    let new = mul(sigmoid(gate(0)).view(), tanh(gate(2)).view());
    let c = add(kept.view(), new.view());
    (mul(sigmoid(gate(3)).view(), tanh(c.view()).view()), c)
}
