//! Arrays of codes: numbers stored in fewer bits.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::simd::out::{CHUNK, PARALLEL, collect, shaped};
use crate::simd::share;
use crate::simd::strided::Strided;

/// The code of each number of `x`, as `convert` makes them of slices.
pub(crate) fn narrow<C: Copy + Default + Send + Sync + 'static>(
    x: ArrayViewD<'_, f32>,
    convert: fn(&[f32], &mut [C]),
) -> ArrayD<C> {
    let source = Strided::new(&x);
    let mut codes = vec![C::default(); x.len()];
    share::chunks(&mut codes, CHUNK, x.len() > PARALLEL, |index, codes| {
        let mut buffer = vec![0.0; codes.len()];
        convert(source.get(index * CHUNK, codes.len(), &mut buffer), codes);
    });
    ArrayD::from_shape_vec(IxDyn(x.shape()), codes).expect("a code for each element")
}

/// The number of each code, as `convert` makes them of slices.
pub(crate) fn widen<C: Copy + Default + Send + Sync + 'static>(
    codes: ArrayViewD<'_, C>,
    convert: fn(&[C], &mut [f32]),
) -> ArrayD<f32> {
    let source = Strided::new(&codes);
    let x = collect(codes.len(), CHUNK, |start, out| {
        let x = out.fill(out.len(), 0.0);
        let mut buffer = vec![C::default(); x.len()];
        convert(source.get(start, x.len(), &mut buffer), x);
    });
    shaped(codes.shape(), x)
}
