//! Super-blocks with minimums: Q2_K, Q4_K and Q5_K.

use ulp_tensor::simd::{Kernel, run};

use super::{Lanes, ROUNDS, STEPS, SUPER, Turned, beside, inverse, lanes};
use crate::quant::format::f16_round;

/// A super-block `x = d scale q - dmin minimum` in `N` groups.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Affine<const N: usize> {
    pub(crate) d: f32,
    pub(crate) dmin: f32,
    pub(crate) scales: [u8; N],
    pub(crate) minimums: [u8; N],
    pub(crate) q: [u8; SUPER],
}

impl<const N: usize> Affine<N> {
    /// Quantizes to integers up to `levels`, with scales and minimums up to `top`.
    pub(crate) fn new(x: &[f32], weights: &[f32], levels: u8, top: u8) -> Self {
        run(Search::new(x, weights, levels, top))
    }

    /// The factors that fit the integers best.
    #[inline(always)]
    fn refit(&self, x: &[f32; SUPER], weights: &[f32; SUPER]) -> (f32, f32) {
        // Least squares of x = d a - dmin b with a = scale q, b = minimum.
        let (mut aa, mut ab, mut bb, mut ax, mut bx) = (0.0f64, 0.0, 0.0, 0.0, 0.0);
        for (i, ((x, w), q)) in x.iter().zip(weights).zip(self.q).enumerate() {
            let group = i * N / SUPER;
            let (x, w, b) = (f64::from(*x), f64::from(*w), f64::from(self.minimums[group]));
            let a = f64::from(self.scales[group]) * f64::from(q);
            aa += w * a * a;
            ab += w * a * b;
            bb += w * b * b;
            ax += w * a * x;
            bx += w * b * x;
        }
        let determinant = aa * bb - ab * ab;
        let (d, dmin) = if determinant > 0.0 {
            ((ax * bb - bx * ab) / determinant, (ax * ab - bx * aa) / determinant)
        } else if aa > 0.0 {
            (ax / aa, 0.0)
        } else {
            (0.0, if bb > 0.0 { -bx / bb } else { 0.0 })
        };
        (f16_round(d.max(0.0) as f32), f16_round(dmin.max(0.0) as f32))
    }

    /// The integers of a super-block with the block's factors, scales and minimums.
    #[inline(always)]
    fn with_integers(mut self, x: &[f32; SUPER], levels: f32) -> Self {
        let groups = self.q.chunks_exact_mut(SUPER / N).zip(x.chunks_exact(SUPER / N));
        for (g, (q, x)) in groups.enumerate() {
            let inverse = inverse(self.d * f32::from(self.scales[g]));
            let minimum = self.dmin * f32::from(self.minimums[g]);
            for (q, x) in q.iter_mut().zip(x) {
                *q = level(*x, inverse, minimum, levels) as u8;
            }
        }
        self
    }
}

/// The search for the best [`Affine`].
pub(super) struct Search<'a, const N: usize> {
    /// `[256]`
    x: &'a [f32; SUPER],
    /// `[256]`
    weights: &'a [f32; SUPER],
    levels: f32,
    top: f32,
}

impl<'a, const N: usize> Search<'a, N> {
    pub(super) fn new(x: &'a [f32], weights: &'a [f32], levels: u8, top: u8) -> Self {
        let [x, weights] = [x, weights].map(|x| x.try_into().expect("a super-block"));
        Search { x, weights, levels: f32::from(levels), top: f32::from(top) }
    }
}

impl<const N: usize> Kernel for Search<'_, N> {
    type Output = Affine<N>;

    #[inline(always)]
    fn run(self) -> Affine<N> {
        let Search { x, weights, levels, top } = self;
        let groups = Groups::<N> { x: Turned::new(x), w: Turned::new(weights), levels };
        let fits = groups.fit();
        let [mut d, mut dmin] = [fits.scales, fits.minimums]
            .map(|fits| f16_round(fits.into_iter().fold(0.0, f32::max) / top));
        let (scales, minimums) = ([0; N], [0; N]);
        let zero = Affine { d: 0.0, dmin: 0.0, scales, minimums, q: [0; SUPER] };
        let mut best = (f32::INFINITY, zero);
        for round in 1..=ROUNDS {
            let (error, [scales, minimums]) = groups.round(&fits, d, dmin, top);
            if error >= best.0 || error.is_nan() {
                break;
            }
            let block = Affine { d, dmin, scales, minimums, q: [0; SUPER] };
            best = (error, block.with_integers(x, levels));
            if round < ROUNDS {
                (d, dmin) = best.1.refit(x, weights);
            }
        }
        best.1
    }
}

/// A scale and a minimum for each group.
#[derive(Clone, Copy)]
struct Fits<const N: usize> {
    scales: Lanes<N>,
    minimums: Lanes<N>,
}

impl<const N: usize> Fits<N> {
    const ZERO: Self = Fits { scales: [0.0; N], minimums: [0.0; N] };

    /// Takes the candidates whose error is less than the least so far.
    #[inline(always)]
    fn choose(&mut self, least: &mut Lanes<N>, errors: &Lanes<N>, candidates: &Self) {
        for g in 0..N {
            let better = errors[g] < least[g];
            self.scales[g] = if better { candidates.scales[g] } else { self.scales[g] };
            self.minimums[g] = if better { candidates.minimums[g] } else { self.minimums[g] };
            least[g] = if better { errors[g] } else { least[g] };
        }
    }
}

/// The groups of a super-block, a lane each.
struct Groups<const N: usize> {
    x: Turned<N>,
    w: Turned<N>,
    levels: f32,
}

impl<const N: usize> Groups<N> {
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (&Lanes<N>, &Lanes<N>)> {
        self.x.rows().zip(self.w.rows())
    }

    /// The scale and minimum (not negative) of each group that make its squared error small.
    #[inline(always)]
    fn fit(&self) -> Fits<N> {
        let (mut low, mut high) = ([0.0f32; N], [f32::NEG_INFINITY; N]);
        for x in self.x.rows() {
            low = lanes(|g| low[g].min(x[g]));
            high = lanes(|g| high[g].max(x[g]));
        }
        let low = lanes::<N>(|g| -low[g]);
        let alone = Fits { scales: [0.0; N], minimums: low };
        let (mut least, mut best) = ([f32::INFINITY; N], alone);
        for step in -STEPS..=STEPS {
            let steps = self.levels + 0.1 * step as f32;
            let fits = self.solve(&lanes(|g| steps / (high[g] + low[g])), &low);
            best.choose(&mut least, &self.errors(&fits), &fits);
        }
        // A group of one number, not positive, is its minimum alone.
        for g in 0..N {
            if high[g] <= -low[g] {
                (best.scales[g], best.minimums[g]) = (0.0, low[g]);
            }
        }
        best
    }

    /// Least squares of x = scale q - minimum for the integers that inverse scales and minimums
    /// give.
    #[inline(always)]
    fn solve(&self, inverse: &Lanes<N>, minimum: &Lanes<N>) -> Fits<N> {
        let [mut n, mut q1, mut q2, mut x1, mut qx] = [[0.0; N]; 5];
        for (x, w) in self.rows() {
            let q = lanes::<N>(|g| level(x[g], inverse[g], minimum[g], self.levels));
            n = lanes(|g| n[g] + w[g]);
            q1 = lanes(|g| q1[g] + w[g] * q[g]);
            q2 = lanes(|g| q2[g] + w[g] * q[g] * q[g]);
            x1 = lanes(|g| x1[g] + w[g] * x[g]);
            qx = lanes(|g| qx[g] + w[g] * q[g] * x[g]);
        }
        let mut fits = Fits::ZERO;
        for g in 0..N {
            let determinant = n[g] * q2[g] - q1[g] * q1[g];
            let scale = (n[g] * qx[g] - q1[g] * x1[g]) / determinant;
            let minimum = (q1[g] * qx[g] - q2[g] * x1[g]) / determinant;
            let without = if q2[g] > 0.0 { qx[g] / q2[g] } else { 0.0 };
            let both = determinant > 0.0 && minimum >= 0.0;
            fits.scales[g] = if both { scale } else { without };
            fits.minimums[g] = if both { minimum } else { 0.0 };
        }
        fits
    }

    /// The squared error of each group with its scale and minimum.
    #[inline(always)]
    fn errors(&self, fits: &Fits<N>) -> Lanes<N> {
        let Fits { scales, minimums } = fits;
        let inverses = lanes::<N>(|g| inverse(scales[g]));
        let mut sum = [0.0; N];
        for (x, w) in self.rows() {
            let error = lanes::<N>(|g| {
                let level = level(x[g], inverses[g], minimums[g], self.levels);
                x[g] + minimums[g] - scales[g] * level
            });
            sum = lanes(|g| (w[g] * error[g]).mul_add(error[g], sum[g]));
        }
        sum
    }

    /// Chooses the integers of each group beside its real scale and minimum; the sum of the errors
    /// comes first.
    #[inline(always)]
    fn round(&self, fits: &Fits<N>, d: f32, dmin: f32, top: f32) -> (f32, [[u8; N]; 2]) {
        let (mut least, mut best) = ([f32::INFINITY; N], Fits::ZERO);
        for scales in beside(&fits.scales, d, 0.0, top) {
            for minimums in beside(&fits.minimums, dmin, 0.0, top) {
                let real = Fits {
                    scales: lanes(|g| d * scales[g]),
                    minimums: lanes(|g| dmin * minimums[g]),
                };
                best.choose(&mut least, &self.errors(&real), &Fits { scales, minimums });
            }
        }
        let integers = [best.scales, best.minimums].map(|lanes| lanes.map(|n| n as u8));
        (least.into_iter().fold(0.0, |sum, error| sum + error), integers)
    }
}

#[inline(always)]
fn level(x: f32, inverse: f32, minimum: f32, levels: f32) -> f32 {
    ((x + minimum) * inverse).round_ties_even().clamp(0.0, levels)
}
