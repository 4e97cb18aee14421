//! Variances over axes.

use ulp_tensor::Float;

use crate::var::Var;

impl<T: Float> Var<'_, T> {
    /// `Σ (x - mean)² / (n - correction)` over `axes`, which are kept with length 1: correction 0 for a
    /// population, 1 for a sample of one. Where `n` is not above the correction 0 is divided by, as NumPy and
    /// PyTorch do: infinite, or NaN.
    ///
    /// # Panics
    ///
    /// If there is no such axis, or one is given twice.
    #[track_caller]
    #[must_use]
    pub fn variance_keepdim(self, axes: &[isize], correction: usize) -> Self {
        let shape = self.shape();
        let terms: usize = axes.iter().map(|&axis| shape[self.axis(axis)]).product();
        let deviations = self - self.mean_keepdim(axes);
        let count = T::from_usize(terms.saturating_sub(correction));
        (deviations * deviations).sum_keepdim(axes) / count
    }

    /// [`Var::variance_keepdim`], the axes gone.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    #[must_use]
    pub fn variance(self, axes: &[isize], correction: usize) -> Self {
        let gone: Vec<usize> = axes.iter().map(|&axis| self.axis(axis)).collect();
        let shape = self.shape();
        let kept = (0..shape.len()).filter(|axis| !gone.contains(axis));
        let kept: Vec<usize> = kept.map(|axis| shape[axis]).collect();
        self.variance_keepdim(axes, correction).reshape(&kept)
    }
}
