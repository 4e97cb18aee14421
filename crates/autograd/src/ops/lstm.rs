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
        let [x, of_h, of_c, hidden] = [self, h, c, w_hidden].map(Var::shape);
        let fits = x.len() == 2
            && of_h.len() == 2
            && of_h == of_c
            && x[0] == of_h[0]
            && hidden == [4 * of_h[1], of_h[1]];
        assert!(
            fits,
            "x {x:?}, h {of_h:?}, c {of_c:?} and w_hidden {hidden:?} are not [B, I], twice [B, H] and [4H, H]"
        );
        let width = of_h[1];
        let gates = self.linear(w_input, bias) + h.linear(w_hidden, None);
        let parts = gates.split(1, &[width; 4]);
        let c = parts[1].sigmoid() * c + parts[0].sigmoid() * parts[2].tanh();
        (parts[3].sigmoid() * c.tanh(), c)
    }
}
