//! Scales and minimums by least squares: how the K formats are quantized.
//!
//! A super-block of 256 numbers is cut into groups; each has a small integer for its scale (and one
//! for its minimum), which f16 factors of the super-block turn into numbers. The search goes from
//! the small to the large and back: the best real scale of each group, then the factors that reach
//! the largest of them, then for each group the integers beside the real ones, then the best
//! factors for these integers, as long as the squared error falls.
//!
//! All groups of a super-block are searched at once, a lane each: the numbers are turned so that
//! those at one place of every group lie side by side, and every step of the search is the same
//! for each lane, with choices in the place of branches. A lane adds its numbers in their order,
//! so that the bits are those of the search group by group, which `oracle` keeps for the tests.

mod affine;
#[cfg(test)]
mod oracle;
mod symmetric;
#[cfg(test)]
mod tests;

pub(super) use affine::Affine;
pub(super) use symmetric::Symmetric;

/// Numbers of a super-block.
const SUPER: usize = 256;
/// Steps of 0.1 by which the inverse of a group's scale is moved to either side in search of the
/// best.
const STEPS: i32 = 10;
/// How often the factors of a super-block are fitted anew; three rounds already find nothing.
const ROUNDS: usize = 3;

/// A number for each of `N` groups.
type Lanes<const N: usize> = [f32; N];

/// A super-block, turned: number `i` of group `g` is at `N i + g`.
struct Turned<const N: usize>([f32; SUPER]);

impl<const N: usize> Turned<N> {
    #[inline(always)]
    fn new(x: &[f32; SUPER]) -> Self {
        let mut turned = [0.0; SUPER];
        for (g, x) in x.chunks_exact(SUPER / N).enumerate() {
            for (i, x) in x.iter().enumerate() {
                turned[N * i + g] = *x;
            }
        }
        Turned(turned)
    }

    /// The numbers at one place of every group, from the first place on.
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = &Lanes<N>> {
        self.0.as_chunks().0.iter()
    }
}

/// A number for each group by the same formula.
#[inline(always)]
fn lanes<const N: usize>(formula: impl Fn(usize) -> f32) -> Lanes<N> {
    let mut lanes = [0.0; N];
    for (g, lane) in lanes.iter_mut().enumerate() {
        *lane = formula(g);
    }
    lanes
}

/// The integers beside `value / unit`, within a range.
#[inline(always)]
fn beside<const N: usize>(value: &Lanes<N>, unit: f32, low: f32, high: f32) -> [Lanes<N>; 3] {
    let inverse = inverse(unit);
    [-1.0, 0.0, 1.0].map(|away| lanes(|g| ((value[g] * inverse).round() + away).clamp(low, high)))
}

/// `1 / x`, 0 where that is not finite.
#[inline(always)]
fn inverse(x: f32) -> f32 {
    let inverse = 1.0 / x;
    if inverse.is_finite() { inverse } else { 0.0 }
}

/// The element of larger magnitude, with its sign; the first if they are equal.
#[inline(always)]
fn larger(max: f32, x: f32) -> f32 {
    if x.abs() > max.abs() { x } else { max }
}
