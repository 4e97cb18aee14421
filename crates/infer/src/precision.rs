//! How numbers are rounded on their way through a model.

use crate::kv_cache::CacheType;
use crate::quant::Activations;

/// What a result depends on beside the weights and the tokens. The default is an [`Engine`]'s.
///
/// [`Engine`]: crate::Engine
///
/// # Examples
///
/// ```
/// use ulp_infer::{Activations, CacheType, Precision};
///
/// let precision = Precision::from(Activations::Exact);
/// assert_eq!(precision.cache, CacheType::F32);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Precision {
    /// How activations take part in products with quantized weights.
    pub activations: Activations,
    /// How keys and values are stored.
    pub cache: CacheType,
}

impl From<Activations> for Precision {
    /// With a cache in f32.
    fn from(activations: Activations) -> Self {
        Precision { activations, cache: CacheType::F32 }
    }
}
