//! The best token.

use crate::error::InferError;

/// The id of the largest logit, the lowest of equals.
///
/// # Errors
///
/// [`InferError::NonFiniteLogit`] if one is NaN or +∞, or all are −∞.
///
/// # Panics
///
/// If there are no logits.
#[track_caller]
pub(super) fn best_token(logits: &[f32]) -> Result<u32, InferError> {
    assert!(!logits.is_empty(), "no logits to choose from");
    let mut best = 0;
    for (id, &logit) in logits.iter().enumerate() {
        if logit.is_nan() || logit == f32::INFINITY {
            return Err(InferError::NonFiniteLogit { token: id as u32 });
        }
        if logit > logits[best] {
            best = id;
        }
    }
    if logits[best] == f32::NEG_INFINITY {
        return Err(InferError::NonFiniteLogit { token: 0 });
    }
    Ok(best as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lower_id_and_nan_is_an_error() {
        assert_eq!(best_token(&[1.0, 2.0, 2.0]).unwrap(), 1);
        assert_eq!(best_token(&[-0.0, 0.0]).unwrap(), 0);
        assert!(matches!(
            best_token(&[1.0, f32::NAN]),
            Err(InferError::NonFiniteLogit { token: 1 })
        ));
        assert!(best_token(&[f32::INFINITY]).is_err());
        assert!(best_token(&[f32::NEG_INFINITY; 2]).is_err());
    }
}
