//! Temperature: sharpens or flattens the distribution.

use super::candidates::Candidates;

/// Divides the logits by `temperature`, which is above 0: pᵢ ∝ exp(lᵢ / temperature).
pub(super) fn divide(candidates: &mut Candidates, temperature: f32) {
    for candidate in &mut candidates.list {
        // The logits are relative to the best one: however small the temperature, that one stays
        // at 0 and the others go towards −∞, so nothing overflows to +∞ or NaN.
        candidate.logit /= temperature;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tiny_temperature_is_greedy() {
        let mut candidates = Candidates::new(&[1.0, 1.5, 1.0], 1.5);
        divide(&mut candidates, f32::from_bits(1));
        assert_eq!(candidates.draw(0.0), 1);
        assert_eq!(candidates.draw(0.999), 1);
    }
}
