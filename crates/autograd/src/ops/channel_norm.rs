//! Batch and group normalisation.

use ulp_tensor::Float;

use crate::var::Var;

impl<T: Float> Var<'_, T> {
    /// `w (x - mean) / √(variance + eps) + b` for each channel, mean and (biased) variance over all other
    /// axes (Ioffe and Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167)): what training
    /// does. The statistics, for the averages that are used afterwards, are
    /// [`ulp_tensor::channel_statistics`] of the value.
    ///
    /// # Shapes
    ///
    /// `self` [N, C, ..], `w` \[C\], `b` \[C\] -> [N, C, ..]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn batch_norm(self, w: Self, b: Self, eps: T) -> Self {
        self.check_channels(w, b);
        let axes: Vec<isize> = (0..self.ndim() as isize).filter(|&axis| axis != 1).collect();
        let centred = self - self.mean_keepdim(&axes);
        let variance = (centred * centred).mean_keepdim(&axes);
        (centred * (variance + eps).rsqrt()).per_channel(w, b)
    }

    /// `w (x - mean) / √(variance + eps) + b`, mean and (biased) variance being those of a group of
    /// channels of one sample (Wu and He, [Group Normalization](https://arxiv.org/abs/1803.08494)).
    ///
    /// # Shapes
    ///
    /// `self` [N, C, ..], `w` \[C\], `b` \[C\] -> [N, C, ..]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit or `groups` does not divide C.
    #[track_caller]
    #[must_use]
    pub fn group_norm(self, groups: usize, w: Self, b: Self, eps: T) -> Self {
        self.check_channels(w, b);
        let shape = self.shape();
        let fits = groups > 0 && shape[1].is_multiple_of(groups);
        assert!(fits, "x {shape:?} in {groups} groups");
        let rows = shape[0] * groups;
        let x = self.reshape(&[rows, self.len() / rows.max(1)]);
        let centred = x - x.mean_keepdim(&[-1]);
        let variance = (centred * centred).mean_keepdim(&[-1]);
        (centred * (variance + eps).rsqrt()).reshape(&shape).per_channel(w, b)
    }

    #[track_caller]
    fn check_channels(self, w: Self, b: Self) {
        let [x, w, b] = [self, w, b].map(Var::shape);
        let fits = x.len() >= 2 && w == x[1..2] && b == w;
        assert!(fits, "x {x:?}, w {w:?} and b {b:?} are not [N, C, ..] and twice [C]");
    }

    /// `w x + b` for each channel of [N, C, ..].
    #[track_caller]
    fn per_channel(self, w: Self, b: Self) -> Self {
        let mut shape = vec![1; self.ndim() - 1];
        shape[0] = w.len();
        self * w.reshape(&shape) + b.reshape(&shape)
    }
}
