//! The mean of −ln p, and the perplexity.

/// −ln p of the tokens scored so far.
///
/// The mean over n tokens is the cross-entropy in nats a token; the perplexity is exp of it. The
/// standard error of the mean is s/√n with s² the sample variance; that of the perplexity follows to
/// first order: perplexity · s/√n.
///
/// # Examples
///
/// ```
/// use ulp_infer::Likelihood;
///
/// let mut text = Likelihood::default();
/// for p in [0.5_f64, 0.25, 0.125] {
///     text.push(p.ln());
/// }
/// assert!((text.perplexity() - 4.0).abs() < 1e-12);
/// assert!((text.mean_error() - 2f64.ln() / 3f64.sqrt()).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Likelihood {
    count: usize,
    sum: f64,
    squares: f64,
}

impl Likelihood {
    /// Counts a token in.
    pub fn push(&mut self, logprob: f64) {
        self.count += 1;
        self.sum -= logprob;
        self.squares += logprob * logprob;
    }

    /// Tokens that were scored.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The mean of −ln p; NaN without a token.
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// The standard error of [`mean`](Self::mean); NaN below two tokens.
    pub fn mean_error(&self) -> f64 {
        let n = self.count as f64;
        let variance = (self.squares / n - self.mean() * self.mean()).max(0.0) * n / (n - 1.0);
        (variance / n).sqrt()
    }

    /// exp of the mean.
    pub fn perplexity(&self) -> f64 {
        self.mean().exp()
    }

    /// The standard error of [`perplexity`](Self::perplexity).
    pub fn perplexity_error(&self) -> f64 {
        self.perplexity() * self.mean_error()
    }
}
