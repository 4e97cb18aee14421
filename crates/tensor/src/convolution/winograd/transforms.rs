//! The transforms of a tile.
//!
//! Each is a map of one axis, applied to the columns and then to the rows. Sums are taken as they are
//! written here.

use crate::Float;

/// Bᵀ d B: a tile of the image.
#[inline(always)]
pub(super) fn of_image<T: Float>(d: [T; 16]) -> [T; 16] {
    both::<T, 4, 4, 16, 16>(d, |[d0, d1, d2, d3]| [d0 - d2, d1 + d2, d2 - d1, d1 - d3])
}

/// G g Gᵀ: a window's weights.
#[inline(always)]
pub(super) fn of_weights<T: Float>(g: [T; 9]) -> [T; 16] {
    both::<T, 3, 4, 9, 16>(g, |[g0, g1, g2]| {
        let outer = g0 + g2;
        [g0, (outer + g1) * T::HALF, (outer - g1) * T::HALF, g2]
    })
}

/// Aᵀ m A: the outputs, two by two, of the sums of products.
#[inline(always)]
pub(super) fn to_outputs<T: Float>(m: [T; 16]) -> [T; 4] {
    both::<T, 4, 2, 16, 4>(m, |[m0, m1, m2, m3]| [m0 + (m1 + m2), (m1 - m2) - m3])
}

/// A y Aᵀ, the adjoint of [`to_outputs`].
#[inline(always)]
pub(super) fn of_gradients<T: Float>(y: [T; 4]) -> [T; 16] {
    both::<T, 2, 4, 4, 16>(y, |[y0, y1]| [y0, y0 + y1, y0 - y1, -y1])
}

/// Gᵀ u G, the adjoint of [`of_weights`].
#[inline(always)]
pub(super) fn to_weights<T: Float>(u: [T; 16]) -> [T; 9] {
    both::<T, 4, 3, 16, 9>(u, |[u0, u1, u2, u3]| {
        let (sum, difference) = ((u1 + u2) * T::HALF, (u1 - u2) * T::HALF);
        [u0 + sum, difference, sum + u3]
    })
}

/// `f` of the columns of a square of N by N, and then of the rows of what comes out, M by M.
#[inline(always)]
fn both<T: Float, const N: usize, const M: usize, const NN: usize, const MM: usize>(
    x: [T; NN],
    f: impl Fn([T; N]) -> [T; M],
) -> [T; MM] {
    let columns: [[T; M]; N] = std::array::from_fn(|j| f(std::array::from_fn(|i| x[i * N + j])));
    let rows: [[T; M]; M] = std::array::from_fn(|i| f(std::array::from_fn(|j| columns[j][i])));
    std::array::from_fn(|k| rows[k / M][k % M])
}
