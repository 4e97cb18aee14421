//! Transforms of many tiles side by side, a lane each.

use crate::Float;
use crate::simd::Kernel;

/// A transform of rows of `columns` elements, a multiple of 8, by as many lanes at a time as they allow.
pub(super) trait ByLanes {
    fn columns(&self) -> usize;
    /// With L lanes, of which `columns` is a multiple. Implement it as `#[inline(always)]`.
    fn by<const L: usize>(self);
}

/// The kernel of a transform.
pub(super) struct InLanes<K>(pub(super) K);

impl<K: ByLanes> Kernel for InLanes<K> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.0.columns() {
            columns if columns % 32 == 0 => self.0.by::<32>(),
            columns if columns % 16 == 0 => self.0.by::<16>(),
            _ => self.0.by::<8>(),
        }
    }
}

/// `f` for each of L lanes.
#[inline(always)]
pub(super) fn each<T: Float, const N: usize, const M: usize, const L: usize>(
    x: &[[T; L]; N],
    f: impl Fn([T; N]) -> [T; M],
) -> [[T; L]; M] {
    let mut y = [[T::ZERO; L]; M];
    for lane in 0..L {
        let of_lane = f(std::array::from_fn(|i| x[i][lane]));
        for (y, of_lane) in y.iter_mut().zip(of_lane) {
            y[lane] = of_lane;
        }
    }
    y
}

/// The first elements of a slice.
#[inline(always)]
pub(super) fn read<T: Float, const L: usize>(x: &[T]) -> [T; L] {
    *x.first_chunk().expect("a chunk inside")
}
