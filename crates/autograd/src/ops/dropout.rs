//! Dropout.

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y = x / (1 - p)` where a counter-based random number is at least `p`, else 0.
#[derive(Clone, Copy)]
struct Dropout<T> {
    p: T,
    seed: u64,
    stream: u64,
}

impl<T: Float> Op<T> for Dropout<T> {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let scale = T::ONE / (T::ONE - self.p);
        let mut y = ulp_tensor::random::uniform::<T>(inputs[0].shape(), self.seed, self.stream);
        y.zip_mut_with(inputs[0], |u, &x| *u = if *u >= self.p { x * scale } else { T::ZERO });
        y.into_shared()
    }

    /// Linear and diagonal: its own adjoint. The mask is drawn again, not kept.
    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        vec![Some(cotangent.tape.apply(*self, &[cotangent]))]
    }
}

impl<T: Float> Var<'_, T> {
    /// Zeroes each element with probability `p` and divides the others by `1 - p` (Srivastava et
    /// al., [Dropout](https://jmlr.org/papers/v15/srivastava14a.html)).
    ///
    /// The mask is a function of `(seed, stream, index of the element)`: the same on any number of
    /// threads, and drawn again on the way back instead of being kept. Give every place and step
    /// its own stream.
    ///
    /// # Panics
    ///
    /// If `p` is not in `0 ≤ p < 1`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::Array1;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(Array1::<f32>::ones(1000));
    /// let y = x.dropout(0.5, 42, 0).value();
    /// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
    /// assert!((y.sum() - 1000.0).abs() < 200.0);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn dropout(self, p: T, seed: u64, stream: u64) -> Self {
        assert!(p >= T::ZERO && p < T::ONE, "dropout with probability {p}");
        self.tape.apply(Dropout { p, seed, stream }, &[self])
    }
}
