//! One step of a long short-term memory.

use ulp_tensor::Float;

use crate::var::Var;

impl<T: Float> Var<'_, T> {
    /// The next `(h, c)`, this being the input: see [`ulp_tensor::lstm_cell`].
    ///
    /// # Shapes
    ///
    /// `self` [B, I], `h` and `c` [B, H], `w_input` [4H, I], `w_hidden` [4H, H], `bias` \[4H\] ->
    /// twice [B, H]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn lstm_cell(
        self,
        (h, c): (Self, Self),
        (w_input, w_hidden): (Self, Self),
        bias: Option<Self>,
    ) -> (Self, Self) {
        let width = h.shape()[1];
        let gates = self.linear(w_input, bias) + h.linear(w_hidden, None);
        let parts = gates.split(1, &[width; 4]);
        let c = parts[1].sigmoid() * c + parts[0].sigmoid() * parts[2].tanh();
        (parts[3].sigmoid() * c.tanh(), c)
    }
}
