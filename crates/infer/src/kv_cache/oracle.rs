//! What a cache should give back, by the slow and obvious way.

use super::CacheType;
use crate::quant::{TensorType, dequantize, quantize};

/// Rows of heads `[_, D]` as they are after having been stored.
pub(crate) fn stored(ty: CacheType, rows: &[f32], head_dim: usize) -> Vec<f32> {
    rows.chunks_exact(head_dim).flat_map(|head| stored_head(ty, head)).collect()
}

fn stored_head(ty: CacheType, head: &[f32]) -> Vec<f32> {
    match ty {
        CacheType::F32 => head.to_vec(),
        CacheType::F16 => {
            head.iter().map(|&x| fpbits::f16_to_f32(fpbits::f16_from_f32(x))).collect()
        }
        CacheType::Q8_0 => {
            let mut whole = head.to_vec();
            whole.resize(head.len().next_multiple_of(32), 0.0);
            let ty = TensorType::Q8_0;
            let mut numbers = dequantize(ty, &quantize(ty, &whole).unwrap()).unwrap();
            numbers.truncate(head.len());
            numbers
        }
    }
}
