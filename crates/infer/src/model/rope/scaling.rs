//! The frequencies of a rotary embedding, and how they are changed for longer sequences.

use std::f64::consts::TAU;

use crate::kv_cache::RopeFactors;

/// A rotary embedding of the first `width` elements of a head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rope {
    /// D, or less where a part of a head is not turned; even.
    pub(crate) width: usize,
    /// θ, the base of the frequencies.
    pub(crate) theta: f64,
    pub(crate) scaling: RopeScaling,
    /// What frequencies are divided by after that, `[D/2]`, or nothing: how GGUF states the scaling
    /// of Llama 3.
    pub(crate) divisors: Vec<f32>,
    /// What cosines and sines are multiplied by.
    pub(crate) magnitude: f32,
}

/// How frequencies f[i] = θ^(−2i/D) are changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RopeScaling {
    None,
    /// f / factor.
    Linear {
        factor: f64,
    },
    /// [LongRoPE](https://arxiv.org/abs/2402.13753): each frequency is divided by a factor of its
    /// own, found by search, `[D/2]`. All positions of a sequence longer than `original` take the
    /// long factors, all of a shorter one the short.
    LongRope {
        original: usize,
        short: Vec<f32>,
        long: Vec<f32>,
    },
    /// [Llama 3](https://arxiv.org/abs/2407.21783): with λ = 2π/f and N the original context, below
    /// `low` turns in N a frequency is divided, above `high` it stays, between them
    /// s = (N/λ − low) / (high − low) blends: (1 − s)·f/factor + s·f.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: usize,
    },
    /// A base that grows with the sequence: at n > N positions it is
    /// θ·(factor·n/N − (factor − 1))^(D/(D−2)). Each position is turned as the last of its sequence,
    /// as when tokens come one by one.
    Dynamic {
        factor: f64,
        original: usize,
    },
    /// [YaRN](https://arxiv.org/abs/2309.00071): pairs that turn more than `fast` times in the original
    /// context stay, those that turn less than `slow` times are divided, with a ramp between.
    Yarn {
        factor: f64,
        original: usize,
        fast: f64,
        slow: f64,
        /// The ends of the ramp are rounded to whole pairs.
        truncate: bool,
    },
}

impl Rope {
    /// An embedding that nothing changes.
    pub(crate) fn plain(width: usize, theta: f64) -> Self {
        let (scaling, divisors) = (RopeScaling::None, Vec::new());
        Rope { width, theta, scaling, divisors, magnitude: 1.0 }
    }

    /// The frequency of each pair, D/2 of them, in a sequence with these factors, at a position
    /// below [`static_up_to`](Rope::static_up_to).
    pub(crate) fn frequencies(&self, factors: RopeFactors) -> Vec<f32> {
        self.all_pairs(self.theta, factors)
    }

    /// The longest sequence that takes the short factors, if there are long ones.
    pub(crate) fn short_up_to(&self) -> Option<usize> {
        match self.scaling {
            RopeScaling::LongRope { original, .. } => Some(original),
            _ => None,
        }
    }

    /// The position from which on frequencies depend on the position.
    pub(crate) fn static_up_to(&self) -> Option<usize> {
        match self.scaling {
            RopeScaling::Dynamic { original, .. } => Some(original),
            _ => None,
        }
    }

    /// The longest sequence of a model that was made for `context`.
    pub(crate) fn longest(&self, context: usize) -> usize {
        match self.scaling {
            RopeScaling::Dynamic { factor, original } => {
                // Below 2^31, as every dimension.
                ((original as f64 * factor.max(1.0)) as usize).min((1 << 31) - 1)
            }
            _ => context,
        }
    }

    /// The frequency of each pair at a position, where that matters.
    pub(crate) fn frequencies_at(&self, position: usize) -> Vec<f32> {
        self.all_pairs(self.base_at(position), RopeFactors::Short)
    }

    fn all_pairs(&self, theta: f64, factors: RopeFactors) -> Vec<f32> {
        let frequency = |pair| {
            let scaled = self.scaled(pair, unscaled(theta, self.width, pair), factors);
            self.divisors.get(pair).map_or(scaled, |divisor| scaled / divisor)
        };
        (0..self.width / 2).map(frequency).collect()
    }

    fn base_at(&self, position: usize) -> f64 {
        match self.scaling {
            RopeScaling::Dynamic { factor, original } if position >= original => {
                let (n, d) = ((position + 1) as f64, self.width as f64);
                let grown = factor * n / original as f64 - (factor - 1.0);
                self.theta * grown.powf(d / (d - 2.0))
            }
            _ => self.theta,
        }
    }

    fn scaled(&self, pair: usize, frequency: f32, factors: RopeFactors) -> f32 {
        match self.scaling {
            RopeScaling::None | RopeScaling::Dynamic { .. } => frequency,
            RopeScaling::Linear { factor } => frequency / factor as f32,
            RopeScaling::LongRope { ref short, ref long, .. } => match factors {
                RopeFactors::Short => frequency / short[pair],
                RopeFactors::Long => frequency / long[pair],
            },
            RopeScaling::Llama3 { factor, low, high, original } => {
                llama3(frequency, factor, low, high, original)
            }
            RopeScaling::Yarn { factor, original, fast, slow, truncate } => {
                let mut from = self.pair_that_turns(fast, original);
                let mut to = self.pair_that_turns(slow, original);
                if truncate {
                    (from, to) = (from.floor(), to.ceil());
                }
                let (from, to) = (from.max(0.0), to.min(self.width as f64 - 1.0));
                let width = if from == to { 0.001 } else { to - from };
                let divided = (((pair as f64 - from) / width) as f32).clamp(0.0, 1.0);
                frequency / factor as f32 * divided + frequency * (1.0 - divided)
            }
        }
    }

    /// The pair, not rounded, that turns so many times in the original context.
    fn pair_that_turns(&self, times: f64, original: usize) -> f64 {
        let turns = original as f64 / (times * TAU);
        self.width as f64 * turns.ln() / (2.0 * self.theta.ln())
    }
}

/// YaRN's magnitude of cosines and sines, where a file does not say another.
pub(crate) fn yarn_magnitude(factor: f64, slope: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * slope * factor.ln() + 1.0 }
}

/// LongRoPE's magnitude of cosines and sines, where a file does not say another.
pub(crate) fn long_magnitude(factor: f64, original: usize) -> f64 {
    if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / (original as f64).ln()).sqrt() }
}

/// θ^(−2i/D), by the steps of the published f32 code: the exponent, the power and its reciprocal
/// are each rounded to f32, the power itself computed in f64.
fn unscaled(theta: f64, width: usize, pair: usize) -> f32 {
    let exponent = (2 * pair) as f32 / width as f32;
    let power = theta.powf(f64::from(exponent)) as f32;
    1.0 / power
}

/// In f32 as there: see [`RopeScaling::Llama3`].
fn llama3(frequency: f32, factor: f64, low: f64, high: f64, original: usize) -> f32 {
    let context = original as f64;
    let wavelength = std::f32::consts::TAU / frequency;
    if wavelength > (context / low) as f32 {
        frequency / factor as f32
    } else if wavelength < (context / high) as f32 {
        frequency
    } else {
        let blend = (context as f32 / wavelength - low as f32) / (high - low) as f32;
        (1.0 - blend) * frequency / factor as f32 + blend * frequency
    }
}
