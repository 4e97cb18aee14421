//! Logit bias: makes single tokens more or less likely.

use crate::error::InferError;

/// Adds each bias to the logit of its token: +1 makes a token e times as likely, −∞ impossible.
///
/// # Errors
///
/// [`InferError::TokenOutOfRange`] for a token that has no logit.
pub(super) fn add(logits: &mut [f32], biases: &[(u32, f32)]) -> Result<(), InferError> {
    let vocabulary = logits.len();
    for (index, &(token, bias)) in biases.iter().enumerate() {
        let out_of_range = InferError::TokenOutOfRange { token, index, vocabulary };
        *logits.get_mut(token as usize).ok_or(out_of_range)? += bias;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn biases_add_up() {
        let mut logits = [1.0, 2.0, 3.0];
        add(&mut logits, &[(0, 2.0), (2, f32::NEG_INFINITY), (0, 0.5)]).unwrap();
        assert_eq!(logits, [3.5, 2.0, f32::NEG_INFINITY]);
        let error = add(&mut logits, &[(0, 1.0), (3, 1.0)]).unwrap_err();
        assert!(matches!(error, InferError::TokenOutOfRange { token: 3, index: 1, vocabulary: 3 }));
    }
}
