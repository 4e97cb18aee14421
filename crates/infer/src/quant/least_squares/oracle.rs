//! The same search group by group, number by number: what the lanes must equal bit for bit.

use super::{ROUNDS, STEPS, SUPER};
use crate::quant::format::f16_round;

/// A super-block `x = d scale q - dmin minimum` in `N` groups.
pub(super) struct Affine<const N: usize> {
    pub(super) d: f32,
    pub(super) dmin: f32,
    pub(super) scales: [u8; N],
    pub(super) minimums: [u8; N],
    pub(super) q: [u8; SUPER],
}

impl<const N: usize> Affine<N> {
    /// Quantizes to integers up to `levels`, with scales and minimums up to `top`.
    pub(super) fn new(x: &[f32], weights: &[f32], levels: u8, top: u8) -> Self {
        let levels = f32::from(levels);
        let groups = || x.chunks_exact(SUPER / N).zip(weights.chunks_exact(SUPER / N));
        let mut fits = [(0.0, 0.0); N];
        for (fit, (x, w)) in fits.iter_mut().zip(groups()) {
            *fit = fit_affine(x, w, levels);
        }
        let largest = |f: fn(&(f32, f32)) -> f32| fits.iter().map(f).fold(0.0, f32::max);
        let mut d = f16_round(largest(|fit| fit.0) / f32::from(top));
        let mut dmin = f16_round(largest(|fit| fit.1) / f32::from(top));
        let mut best = (f32::INFINITY, Affine::zero());
        for _ in 0..ROUNDS {
            let mut block = Affine { d, dmin, ..Affine::zero() };
            let mut error = 0.0;
            for (group, (x, w)) in groups().enumerate() {
                error += block.round_group(group, x, w, fits[group], levels, top);
            }
            (d, dmin) = block.refit(x, weights);
            if error < best.0 {
                best = (error, block);
            } else {
                break;
            }
        }
        best.1
    }

    fn zero() -> Self {
        Affine { d: 0.0, dmin: 0.0, scales: [0; N], minimums: [0; N], q: [0; SUPER] }
    }

    /// Chooses the integers of a group beside its real scale and minimum; returns the error.
    fn round_group(
        &mut self,
        group: usize,
        x: &[f32],
        w: &[f32],
        fit: (f32, f32),
        levels: f32,
        top: u8,
    ) -> f32 {
        let mut best = f32::INFINITY;
        for scale in beside(fit.0, self.d, 0.0, f32::from(top)) {
            for minimum in beside(fit.1, self.dmin, 0.0, f32::from(top)) {
                let error = affine_error(x, w, self.d * scale, self.dmin * minimum, levels);
                if error < best {
                    best = error;
                    (self.scales[group], self.minimums[group]) = (scale as u8, minimum as u8);
                }
            }
        }
        let scale = self.d * f32::from(self.scales[group]);
        let minimum = self.dmin * f32::from(self.minimums[group]);
        let q = &mut self.q[group * x.len()..][..x.len()];
        for (q, x) in q.iter_mut().zip(x) {
            *q = affine_level(*x, inverse(scale), minimum, levels) as u8;
        }
        best
    }

    /// The factors that fit the integers best.
    fn refit(&self, x: &[f32], weights: &[f32]) -> (f32, f32) {
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
}

/// A super-block `x = d scale q` in 16 groups, scales and integers signed.
pub(super) struct Symmetric {
    pub(super) d: f32,
    pub(super) scales: [i8; 16],
    pub(super) q: [i8; SUPER],
}

impl Symmetric {
    /// Quantizes to integers `-levels .. levels`, with scales `-top .. top`, upper ends excluded.
    pub(super) fn new(x: &[f32], weights: &[f32], levels: u8, top: u8) -> Self {
        let (levels, top) = (f32::from(levels), f32::from(top));
        let groups = || x.chunks_exact(SUPER / 16).zip(weights.chunks_exact(SUPER / 16));
        let mut fits = [0.0; 16];
        for (fit, (x, w)) in fits.iter_mut().zip(groups()) {
            *fit = fit_symmetric(x, w, levels);
        }
        // The end of the range that has one step more goes to the largest.
        let mut d = f16_round(largest(&fits) / -top);
        let mut best = (f32::INFINITY, Symmetric::zero());
        for _ in 0..ROUNDS {
            let mut block = Symmetric { d, ..Symmetric::zero() };
            let mut error = 0.0;
            for (group, (x, w)) in groups().enumerate() {
                error += block.round_group(group, x, w, fits[group], levels, top);
            }
            d = block.refit(x, weights);
            if error < best.0 {
                best = (error, block);
            } else {
                break;
            }
        }
        best.1
    }

    fn zero() -> Self {
        Symmetric { d: 0.0, scales: [0; 16], q: [0; SUPER] }
    }

    fn round_group(
        &mut self,
        group: usize,
        x: &[f32],
        w: &[f32],
        fit: f32,
        levels: f32,
        top: f32,
    ) -> f32 {
        let mut best = f32::INFINITY;
        for scale in beside(fit, self.d, -top, top - 1.0) {
            let error = symmetric_error(x, w, self.d * scale, levels);
            if error < best {
                best = error;
                self.scales[group] = scale as i8;
            }
        }
        let inverse = inverse(self.d * f32::from(self.scales[group]));
        let q = &mut self.q[group * x.len()..][..x.len()];
        for (q, x) in q.iter_mut().zip(x) {
            *q = symmetric_level(*x, inverse, levels) as i8;
        }
        best
    }

    fn refit(&self, x: &[f32], weights: &[f32]) -> f32 {
        let (mut aa, mut ax) = (0.0f64, 0.0);
        for (i, ((x, w), q)) in x.iter().zip(weights).zip(self.q).enumerate() {
            let a = f64::from(self.scales[i / 16]) * f64::from(q);
            aa += f64::from(*w) * a * a;
            ax += f64::from(*w) * a * f64::from(*x);
        }
        if aa > 0.0 { f16_round((ax / aa) as f32) } else { 0.0 }
    }
}

/// The integers beside `value / unit`, within a range.
fn beside(value: f32, unit: f32, low: f32, high: f32) -> [f32; 3] {
    let middle = (value * inverse(unit)).round();
    [middle - 1.0, middle, middle + 1.0].map(|n| n.clamp(low, high))
}

fn inverse(x: f32) -> f32 {
    let inverse = 1.0 / x;
    if inverse.is_finite() { inverse } else { 0.0 }
}

/// The element of largest magnitude, with its sign.
fn largest(x: &[f32]) -> f32 {
    x.iter().fold(0.0f32, |max, &x| if x.abs() > max.abs() { x } else { max })
}

fn affine_level(x: f32, inverse: f32, minimum: f32, levels: f32) -> f32 {
    ((x + minimum) * inverse).round_ties_even().clamp(0.0, levels)
}

fn affine_error(x: &[f32], w: &[f32], scale: f32, minimum: f32, levels: f32) -> f32 {
    let inverse = inverse(scale);
    x.iter().zip(w).fold(0.0, |sum, (&x, &w)| {
        let error = x + minimum - scale * affine_level(x, inverse, minimum, levels);
        (w * error).mul_add(error, sum)
    })
}

/// Scale and minimum (not negative) that make the squared error of a group small.
fn fit_affine(x: &[f32], w: &[f32], levels: f32) -> (f32, f32) {
    let low = x.iter().fold(0.0f32, |min, &x| min.min(x));
    let high = x.iter().fold(f32::NEG_INFINITY, |max, &x| max.max(x));
    if high <= low {
        return (0.0, -low);
    }
    let mut best = (f32::INFINITY, (0.0, -low));
    for step in -STEPS..=STEPS {
        let inverse = (levels + 0.1 * step as f32) / (high - low);
        let (scale, minimum) = solve_affine(x, w, inverse, -low, levels);
        let error = affine_error(x, w, scale, minimum, levels);
        if error < best.0 {
            best = (error, (scale, minimum));
        }
    }
    best.1
}

/// Least squares of x = scale q - minimum for the integers that an inverse scale and a minimum give.
fn solve_affine(x: &[f32], w: &[f32], inverse: f32, minimum: f32, levels: f32) -> (f32, f32) {
    let (mut n, mut q1, mut q2, mut x1, mut qx) = (0.0f32, 0.0, 0.0, 0.0, 0.0);
    for (&x, &w) in x.iter().zip(w) {
        let q = affine_level(x, inverse, minimum, levels);
        n += w;
        q1 += w * q;
        q2 += w * q * q;
        x1 += w * x;
        qx += w * q * x;
    }
    let determinant = n * q2 - q1 * q1;
    if determinant > 0.0 {
        let scale = (n * qx - q1 * x1) / determinant;
        let minimum = (q1 * qx - q2 * x1) / determinant;
        if minimum >= 0.0 {
            return (scale, minimum);
        }
    }
    (if q2 > 0.0 { qx / q2 } else { 0.0 }, 0.0)
}

fn symmetric_level(x: f32, inverse: f32, levels: f32) -> f32 {
    (x * inverse).round_ties_even().clamp(-levels, levels - 1.0)
}

fn symmetric_error(x: &[f32], w: &[f32], scale: f32, levels: f32) -> f32 {
    let inverse = inverse(scale);
    x.iter().zip(w).fold(0.0, |sum, (&x, &w)| {
        let error = x - scale * symmetric_level(x, inverse, levels);
        (w * error).mul_add(error, sum)
    })
}

/// The scale, of either sign, that makes the squared error of a group small.
fn fit_symmetric(x: &[f32], w: &[f32], levels: f32) -> f32 {
    let largest = largest(x);
    if largest == 0.0 {
        return 0.0;
    }
    let mut best = (f32::INFINITY, 0.0);
    for end in [-levels, levels - 1.0] {
        for step in -STEPS..=STEPS {
            let inverse = (end + 0.1 * step as f32) / largest;
            let (mut q2, mut qx) = (0.0f32, 0.0);
            for (&x, &w) in x.iter().zip(w) {
                let q = symmetric_level(x, inverse, levels);
                q2 += w * q * q;
                qx += w * q * x;
            }
            let scale = if q2 > 0.0 { qx / q2 } else { 0.0 };
            let error = symmetric_error(x, w, scale, levels);
            if error < best.0 {
                best = (error, scale);
            }
        }
    }
    best.1
}
