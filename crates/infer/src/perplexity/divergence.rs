//! How far one model's distributions are from another's.

use rayon::prelude::*;
use ulp_tensor::Float;

use super::Distributions;

/// Two distributions at one position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PositionDivergence {
    /// KL(reference ‖ model) = Σ p·(ln p − ln q), in nats.
    pub kl: f64,
    /// Whether both have the same most probable token (of equals, the lower id).
    pub same_top: bool,
    /// q − p of the token that does follow.
    pub shift: f64,
}

/// The divergence of a model from a reference over a text.
///
/// # Accuracy
///
/// Each term of a divergence is computed in f64 from log-probabilities in f32; a model compared with
/// itself has exactly 0 everywhere. The sum over a vocabulary of V runs in order: its rounding is
/// below V·2^−53 of Σ|p·(ln p − ln q)|.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{Activations, Distributions, Divergence, Model, Windows};
///
/// let (model, reference) = (Model::load("q4.gguf")?, Model::load("f16.gguf")?);
/// let ids = [1, 450, 7483, 310, 3444, 338, 3681, 29889];
/// let windows = Windows::new(&ids, 8, None);
/// let mut divergence = Divergence::default();
/// for window in 0..windows.len() {
///     let p = Distributions::of(&reference, &windows, window, Activations::Exact)?;
///     let q = Distributions::of(&model, &windows, window, Activations::Quantized)?;
///     divergence.compare(&p, &q);
/// }
/// println!("KL {:.5} nats", divergence.mean());
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Divergence {
    positions: Vec<PositionDivergence>,
}

impl Divergence {
    /// Counts a window in.
    ///
    /// # Panics
    ///
    /// If the two are of different windows or vocabularies.
    #[track_caller]
    pub fn compare(&mut self, reference: &Distributions, model: &Distributions) {
        let (p, q) = (reference.vocabulary(), model.vocabulary());
        assert!(p == q, "a vocabulary of {p} tokens against one of {q}");
        assert!(reference.next() == model.next(), "distributions of two different texts");
        let rows = reference.logprobs().par_chunks_exact(p);
        let pairs = rows.zip(model.logprobs().par_chunks_exact(q)).zip(reference.next());
        self.positions.par_extend(pairs.map(|((p, q), &next)| position(p, q, next as usize)));
    }

    /// Position by position.
    pub fn positions(&self) -> &[PositionDivergence] {
        &self.positions
    }

    /// The mean of KL(reference ‖ model), in nats a token; NaN without a position.
    pub fn mean(&self) -> f64 {
        self.positions.iter().map(|p| p.kl).sum::<f64>() / self.positions.len() as f64
    }

    /// The standard error of [`mean`](Self::mean); NaN below two positions.
    pub fn mean_error(&self) -> f64 {
        let (n, mean) = (self.positions.len() as f64, self.mean());
        let squares: f64 = self.positions.iter().map(|p| (p.kl - mean).powi(2)).sum();
        (squares / (n - 1.0) / n).sqrt()
    }

    /// The smallest divergence that a share `q` of the positions does not exceed: 0.5 is the
    /// median, 1 the largest. NaN without a position.
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted: Vec<f64> = self.positions.iter().map(|p| p.kl).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// The share of positions at which both have the same most probable token.
    pub fn same_top(&self) -> f64 {
        let same = self.positions.iter().filter(|p| p.same_top).count();
        same as f64 / self.positions.len() as f64
    }

    /// √ of the mean of (q − p)² over the tokens that do follow.
    pub fn rms_shift(&self) -> f64 {
        let squares: f64 = self.positions.iter().map(|p| p.shift * p.shift).sum();
        (squares / self.positions.len() as f64).sqrt()
    }
}

fn position(p: &[f32], q: &[f32], next: usize) -> PositionDivergence {
    let term = |(&p, &q): (&f32, &f32)| {
        let p = f64::from(p);
        // A token that the reference excludes adds nothing, whatever the model says of it.
        if p == f64::NEG_INFINITY { 0.0 } else { Float::exp(p) * (p - f64::from(q)) }
    };
    PositionDivergence {
        kl: p.iter().zip(q).map(term).sum(),
        same_top: best(p) == best(q),
        shift: Float::exp(f64::from(q[next])) - Float::exp(f64::from(p[next])),
    }
}

fn best(row: &[f32]) -> Option<usize> {
    let better = |best: usize, id| if row[id] > row[best] { id } else { best };
    (0..row.len()).reduce(better)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[f64; 3]]) -> Distributions {
        let logprobs = rows.iter().flatten().map(|p| p.ln() as f32).collect();
        Distributions::from_parts(vec![0; rows.len()], 3, logprobs)
    }

    #[test]
    fn a_divergence_by_hand() {
        let (p, q) = (rows(&[[0.5, 0.25, 0.25]]), rows(&[[0.25, 0.5, 0.25]]));
        let mut divergence = Divergence::default();
        divergence.compare(&p, &q);
        // 0.5·ln 2 + 0.25·ln ½
        let expected = 0.25 * 2f64.ln();
        assert!((divergence.mean() - expected).abs() < 1e-7, "{}", divergence.mean());
        assert_eq!(divergence.same_top(), 0.0);
        assert!((divergence.rms_shift() - 0.25).abs() < 1e-7);
    }

    #[test]
    fn nothing_differs_from_itself() {
        let p = rows(&[[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]);
        let mut divergence = Divergence::default();
        divergence.compare(&p, &p);
        let quantiles = (divergence.quantile(0.5), divergence.quantile(1.0));
        assert_eq!((divergence.mean(), quantiles), (0.0, (0.0, 0.0)));
        assert_eq!((divergence.same_top(), divergence.rms_shift()), (1.0, 0.0));
    }

    #[test]
    fn quantiles_are_values_that_occur() {
        let kl = |kl| PositionDivergence { kl, same_top: true, shift: 0.0 };
        let divergence = Divergence { positions: [4.0, 1.0, 3.0, 2.0].map(kl).to_vec() };
        let quantiles = [0.0, 0.25, 0.5, 0.75, 0.99].map(|q| divergence.quantile(q));
        assert_eq!(quantiles, [1.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "a vocabulary of 3 tokens against one of 2")]
    fn other_vocabularies() {
        let q = Distributions::from_parts(vec![0], 2, vec![0.0; 2]);
        Divergence::default().compare(&rows(&[[0.5, 0.25, 0.25]]), &q);
    }
}
