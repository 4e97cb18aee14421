//! Rotary position embedding.

use std::rc::Rc;

use ulp_tensor::Float;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y` = each pair of `x` rotated by position · inverse frequency, or back.
struct Rope<T> {
    positions: Rc<[u32]>,
    inverse_frequencies: Rc<[T]>,
    back: bool,
}

impl<T: Float> Op<T> for Rope<T> {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let rotate = if self.back { ulp_tensor::rope_inverse } else { ulp_tensor::rope };
        rotate(inputs[0].view(), &self.positions, &self.inverse_frequencies).into_shared()
    }

    /// A rotation's adjoint is the rotation back.
    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = Rope {
            positions: Rc::clone(&self.positions),
            inverse_frequencies: Rc::clone(&self.inverse_frequencies),
            back: !self.back,
        };
        vec![Some(cotangent.tape.apply(op, &[cotangent]))]
    }
}

impl<T: Float> Var<'_, T> {
    /// Rotates the pair (x\[i\], x[i + D/2]) of each head by position · `inverse_frequencies[i]`,
    /// the positions of each sequence being `start`, `start + 1`, … (Su et al.,
    /// [RoFormer](https://arxiv.org/abs/2104.09864), in the layout of GPT-NeoX).
    ///
    /// # Shapes
    ///
    /// `self` [B, T, H, D], `inverse_frequencies` D/2 -> [B, T, H, D]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn rope(self, inverse_frequencies: &[f32], start: usize) -> Self {
        let shape = self.shape();
        assert!(shape.len() == 4, "rope of a value {shape:?}, not [B, T, H, D]");
        let position = |t| u32::try_from(start + t).expect("positions are below 2^32");
        let positions: Vec<u32> = (0..shape[1]).map(position).collect();
        let inverse_frequencies: Vec<T> =
            inverse_frequencies.iter().map(|&f| T::from_f64(f64::from(f))).collect();
        self.rope_at(&positions, &inverse_frequencies)
    }

    /// [`Var::rope`] at any positions: T of them, the same for each sequence, or B·T.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn rope_at(self, positions: &[u32], inverse_frequencies: &[T]) -> Self {
        let op = Rope {
            positions: positions.into(),
            inverse_frequencies: inverse_frequencies.into(),
            back: false,
        };
        self.tape.apply(op, &[self])
    }
}
