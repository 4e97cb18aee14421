//! Super-blocks without minimums: Q3_K and Q6_K.

use ulp_tensor::simd::{Kernel, run};

use super::{Lanes, ROUNDS, STEPS, SUPER, Turned, beside, inverse, lanes, larger};
use crate::quant::format::f16_round;

/// Groups of a super-block.
const GROUPS: usize = 16;

/// A super-block `x = d scale q` in 16 groups, scales and integers signed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Symmetric {
    pub(crate) d: f32,
    pub(crate) scales: [i8; GROUPS],
    pub(crate) q: [i8; SUPER],
}

impl Symmetric {
    /// Quantizes to integers `-levels .. levels`, with scales `-top .. top`, upper ends excluded.
    pub(crate) fn new(x: &[f32], weights: &[f32], levels: u8, top: u8) -> Self {
        run(Search::new(x, weights, levels, top))
    }

    #[inline(always)]
    fn refit(&self, x: &[f32; SUPER], weights: &[f32; SUPER]) -> f32 {
        let (mut aa, mut ax) = (0.0f64, 0.0);
        for (i, ((x, w), q)) in x.iter().zip(weights).zip(self.q).enumerate() {
            let a = f64::from(self.scales[i / GROUPS]) * f64::from(q);
            aa += f64::from(*w) * a * a;
            ax += f64::from(*w) * a * f64::from(*x);
        }
        if aa > 0.0 { f16_round((ax / aa) as f32) } else { 0.0 }
    }
}

/// The search for the best [`Symmetric`].
pub(super) struct Search<'a> {
    /// `[256]`
    x: &'a [f32; SUPER],
    /// `[256]`
    weights: &'a [f32; SUPER],
    levels: f32,
    top: f32,
}

impl<'a> Search<'a> {
    pub(super) fn new(x: &'a [f32], weights: &'a [f32], levels: u8, top: u8) -> Self {
        let [x, weights] = [x, weights].map(|x| x.try_into().expect("a super-block"));
        Search { x, weights, levels: f32::from(levels), top: f32::from(top) }
    }
}

impl Kernel for Search<'_> {
    type Output = Symmetric;

    #[inline(always)]
    fn run(self) -> Symmetric {
        let Search { x, weights, levels, top } = self;
        let groups = Groups { x: Turned::new(x), w: Turned::new(weights), levels };
        let fits = groups.fit();
        // The end of the range that has one step more goes to the largest.
        let mut d = f16_round(fits.into_iter().fold(0.0, larger) / -top);
        let zero = Symmetric { d: 0.0, scales: [0; GROUPS], q: [0; SUPER] };
        let mut best = (f32::INFINITY, zero);
        for round in 1..=ROUNDS {
            let (error, scales) = groups.round(&fits, d, top);
            if error >= best.0 || error.is_nan() {
                break;
            }
            best = (error, Symmetric { d, scales, q: integers(x, d, &scales, levels) });
            if round < ROUNDS {
                d = best.1.refit(x, weights);
            }
        }
        best.1
    }
}

/// The groups of a super-block, a lane each.
struct Groups {
    x: Turned<GROUPS>,
    w: Turned<GROUPS>,
    levels: f32,
}

impl Groups {
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (&Lanes<GROUPS>, &Lanes<GROUPS>)> {
        self.x.rows().zip(self.w.rows())
    }

    /// The scale of each group, of either sign, that makes its squared error small. A group of zeros
    /// alone gets 0: its quotients are no numbers, so that no candidate is above 0.
    #[inline(always)]
    fn fit(&self) -> Lanes<GROUPS> {
        let mut largest = [0.0; GROUPS];
        for x in self.x.rows() {
            largest = lanes(|g| larger(largest[g], x[g]));
        }
        let (mut least, mut best) = ([f32::INFINITY; GROUPS], [0.0; GROUPS]);
        for end in [-self.levels, self.levels - 1.0] {
            for step in -STEPS..=STEPS {
                let end = end + 0.1 * step as f32;
                let scales = self.solve(&lanes(|g| end / largest[g]));
                choose(&mut least, &mut best, &self.errors(&scales), &scales);
            }
        }
        best
    }

    /// Least squares of x = scale q for the integers that inverse scales give.
    #[inline(always)]
    fn solve(&self, inverse: &Lanes<GROUPS>) -> Lanes<GROUPS> {
        let (mut q2, mut qx) = ([0.0; GROUPS], [0.0; GROUPS]);
        for (x, w) in self.rows() {
            let q = lanes::<GROUPS>(|g| level(x[g], inverse[g], self.levels));
            q2 = lanes(|g| q2[g] + w[g] * q[g] * q[g]);
            qx = lanes(|g| qx[g] + w[g] * q[g] * x[g]);
        }
        lanes(|g| if q2[g] > 0.0 { qx[g] / q2[g] } else { 0.0 })
    }

    /// The squared error of each group with its scale.
    #[inline(always)]
    fn errors(&self, scales: &Lanes<GROUPS>) -> Lanes<GROUPS> {
        let inverses = lanes::<GROUPS>(|g| inverse(scales[g]));
        let mut sum = [0.0; GROUPS];
        for (x, w) in self.rows() {
            let error =
                lanes::<GROUPS>(|g| x[g] - scales[g] * level(x[g], inverses[g], self.levels));
            sum = lanes(|g| (w[g] * error[g]).mul_add(error[g], sum[g]));
        }
        sum
    }

    /// Chooses the integer of each group beside its real scale; the sum of the errors comes first.
    #[inline(always)]
    fn round(&self, fits: &Lanes<GROUPS>, d: f32, top: f32) -> (f32, [i8; GROUPS]) {
        let (mut least, mut best) = ([f32::INFINITY; GROUPS], [0.0; GROUPS]);
        for scales in beside(fits, d, -top, top - 1.0) {
            let errors = self.errors(&lanes(|g| d * scales[g]));
            choose(&mut least, &mut best, &errors, &scales);
        }
        (least.into_iter().fold(0.0, |sum, error| sum + error), best.map(|scale| scale as i8))
    }
}

/// Takes the candidates whose error is less than the least so far.
#[inline(always)]
fn choose(
    least: &mut Lanes<GROUPS>,
    best: &mut Lanes<GROUPS>,
    errors: &Lanes<GROUPS>,
    candidates: &Lanes<GROUPS>,
) {
    for g in 0..GROUPS {
        let better = errors[g] < least[g];
        best[g] = if better { candidates[g] } else { best[g] };
        least[g] = if better { errors[g] } else { least[g] };
    }
}

#[inline(always)]
fn level(x: f32, inverse: f32, levels: f32) -> f32 {
    (x * inverse).round_ties_even().clamp(-levels, levels - 1.0)
}

/// The integers of a super-block.
#[inline(always)]
fn integers(x: &[f32; SUPER], d: f32, scales: &[i8; GROUPS], levels: f32) -> [i8; SUPER] {
    let mut out = [0; SUPER];
    let groups = out.as_chunks_mut::<GROUPS>().0.iter_mut().zip(x.as_chunks::<GROUPS>().0);
    for ((out, x), scale) in groups.zip(scales) {
        let inverse = inverse(d * f32::from(*scale));
        for (q, x) in out.iter_mut().zip(x) {
            *q = level(*x, inverse, levels) as i8;
        }
    }
    out
}
