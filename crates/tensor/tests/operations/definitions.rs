//! The slow obvious definitions, in f64, and what it means to agree with them.

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, Dimension, IxDyn};

use crate::table::{Domain, sample};

/// Each element within `ulps` of the largest element's, or of `scale`'s if that is larger.
#[track_caller]
pub(crate) fn close<T: Float>(got: &ArrayD<T>, expected: &ArrayD<f64>, scale: f64, ulps: f64) {
    assert_eq!(got.shape(), expected.shape());
    let scale = expected.iter().fold(scale, |max, x| max.max(x.abs()));
    for (index, &e) in expected.indexed_iter() {
        let g = got[&index].to_f64();
        let error = (g - e).abs() / (scale * T::EPSILON.to_f64());
        assert!(error <= ulps || g == e, "{index:?}: {g} for {e}, {error:.1} ulp of {scale}");
    }
}

/// The two precisions of one check.
macro_rules! both {
    ($name:ident, $check:ident) => {
        #[test]
        fn $name() {
            $check::<f32>();
            $check::<f64>();
        }
    };
}
pub(crate) use both;

/// Random elements between -2 and 2, and the same in f64.
pub(crate) fn real<T: Float>(shape: &[usize], stream: u64) -> (ArrayD<T>, ArrayD<f64>) {
    let x = sample::<T>(Domain::Real, shape, stream);
    let wide = x.mapv(T::to_f64);
    (x, wide)
}

/// The array whose element at each index is `f` of it.
pub(crate) fn from_fn(shape: &[usize], f: impl Fn(&[usize]) -> f64) -> ArrayD<f64> {
    ArrayD::from_shape_fn(IxDyn(shape), |index| f(index.slice()))
}

/// All shapes of up to three axes of lengths 0 to 3.
pub(crate) fn small_shapes() -> Vec<Vec<usize>> {
    let mut shapes = vec![vec![]];
    for ndim in 1..=3u32 {
        for code in 0..4usize.pow(ndim) {
            shapes.push((0..ndim).map(|axis| code / 4usize.pow(axis) % 4).collect());
        }
    }
    shapes
}

/// `f` of each row of the last axis.
pub(crate) fn of_rows(x: &ArrayD<f64>, f: impl Fn(&[f64]) -> Vec<f64>) -> ArrayD<f64> {
    let mut y = x.clone();
    for mut row in y.rows_mut() {
        let values = f(&row.to_vec());
        row.iter_mut().zip(values).for_each(|(y, value)| *y = value);
    }
    y
}

/// Softmax of a row.
pub(crate) fn softmax_of(x: &[f64]) -> Vec<f64> {
    let largest = x.iter().fold(f64::MIN, |a, &b| a.max(b));
    let e: Vec<f64> = x.iter().map(|x| (x - largest).exp()).collect();
    let total: f64 = e.iter().sum();
    e.iter().map(|e| e / total).collect()
}
