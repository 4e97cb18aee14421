//! Numbers into the stored bytes of a format, and back.

use rayon::prelude::*;

use super::format::Format;
use super::matrix::UnsupportedType;
use super::tensor_type::TensorType;

/// Elements that a thread takes at once: whole blocks of every format.
const ELEMENTS: usize = 1 << 14;

/// Rounds numbers to a format: the bytes that a file stores for them.
///
/// F16 and BF16 round to nearest, ties to even. Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1 give the bytes of
/// the reference quantizer of the ggml family. The result does not depend on the number of threads.
///
/// # Errors
///
/// [`UnsupportedType`] when this crate does not write `ty`.
///
/// # Panics
///
/// When `x` does not fill whole blocks.
///
/// # Examples
///
/// ```
/// use ulp_infer::{Bytes, Matrix, TensorType, quantize};
///
/// let x: Vec<f32> = (0..32).map(|i| i as f32 - 16.0).collect();
/// let bytes = quantize(TensorType::Q4_0, &x)?;
/// assert_eq!(bytes.len(), 18);
///
/// let row = Matrix::new(1, 32, TensorType::Q4_0, Bytes::from(bytes))?.row(0);
/// // Sixteen steps from the element of largest magnitude: each is within one step of its number.
/// assert!(x.iter().zip(&row).all(|(x, y)| (x - y).abs() <= 2.0));
/// # Ok::<(), ulp_infer::UnsupportedType>(())
/// ```
#[track_caller]
pub fn quantize(ty: TensorType, x: &[f32]) -> Result<Vec<u8>, UnsupportedType> {
    quantize_weighted(ty, x, None)
}

/// [`quantize`], with a weight for each column of a matrix if there are any: formats that search
/// make the error times the weight small.
#[track_caller]
pub(crate) fn quantize_weighted(
    ty: TensorType,
    x: &[f32],
    weights: Option<&[f32]>,
) -> Result<Vec<u8>, UnsupportedType> {
    let format = Format::of(ty).ok_or(UnsupportedType(ty))?;
    let quantize = format.quantize.ok_or(UnsupportedType(ty))?;
    let weighted = format.weighted.zip(weights);
    let Some(bytes) = ty.bytes_of(x.len()) else {
        panic!("{} elements do not fill whole blocks of {ty}", x.len());
    };
    let (elements, block_bytes) = (ty.block_elements(), ty.block_bytes());
    let mut out = vec![0; bytes];
    let chunks = out.par_chunks_mut(ELEMENTS / elements * block_bytes).zip(x.par_chunks(ELEMENTS));
    chunks.enumerate().for_each(|(chunk, (out, x))| {
        if format.is_plain() {
            return quantize(x, out);
        }
        let blocks = out.chunks_exact_mut(block_bytes).zip(x.chunks_exact(elements));
        for (i, (block, x)) in blocks.enumerate() {
            match weighted {
                Some((quantize, weights)) => {
                    // Rows are whole blocks.
                    let column = (chunk * ELEMENTS + i * elements) % weights.len();
                    quantize(x, &weights[column..][..elements], block);
                }
                None => quantize(x, block),
            }
        }
    });
    Ok(out)
}

/// The numbers that stored bytes stand for, by all threads.
///
/// # Errors
///
/// [`UnsupportedType`] when this crate does not read `ty`.
///
/// # Panics
///
/// When `bytes` are not whole blocks.
#[track_caller]
pub fn dequantize(ty: TensorType, bytes: &[u8]) -> Result<Vec<f32>, UnsupportedType> {
    let format = Format::of(ty).ok_or(UnsupportedType(ty))?;
    let blocks = bytes.len() / ty.block_bytes();
    assert!(
        bytes.len() == blocks * ty.block_bytes(),
        "{} bytes are not whole blocks of {ty}",
        bytes.len()
    );
    let mut out = vec![0.0; blocks * ty.block_elements()];
    let bytes = bytes.par_chunks(ELEMENTS / ty.block_elements() * ty.block_bytes());
    out.par_chunks_mut(ELEMENTS).zip(bytes).for_each(|(out, bytes)| {
        format.dequantize_blocks(bytes, out);
    });
    Ok(out)
}
