//! Sums, means and maxima over any axes, and long sums.

use ulp_tensor::ndarray::{ArrayD, Axis, IxDyn};
use ulp_tensor::{Float, max, mean, sum, sum_slice};

use crate::definitions::{both, close, real, small_shapes};

/// All subsets of the axes of a shape.
fn subsets(ndim: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..1usize << ndim).map(move |mask| (0..ndim).filter(|axis| mask >> axis & 1 == 1).collect())
}

fn check_reductions<T: Float>() {
    for shape in small_shapes() {
        let (x, wide) = real::<T>(&shape, 0);
        for axes in subsets(shape.len()) {
            let reduce = |start: f64, f: fn(f64, f64) -> f64| {
                let mut y = wide.clone();
                for &axis in &axes {
                    y = y.fold_axis(Axis(axis), start, |&a, &b| f(a, b)).insert_axis(Axis(axis));
                }
                y
            };
            let total = reduce(0.0, |a, b| a + b);
            close(&sum(x.view(), &axes, true), &total, 1.0, 8.0);
            let dropped = sum(x.view(), &axes, false);
            assert_eq!(dropped.len(), total.len());
            assert_eq!(dropped.ndim(), shape.len() - axes.len());
            let terms: usize = axes.iter().map(|&axis| shape[axis]).product();
            if terms > 0 {
                close(&mean(x.view(), &axes, true), &(&total / terms as f64), 1.0, 8.0);
                close(&max(x.view(), &axes, true), &reduce(f64::MIN, f64::max), 0.0, 0.0);
            } else {
                assert!(mean(x.view(), &axes, true).iter().all(|x| x.is_nan()));
            }
        }
    }
}
both!(reductions_over_any_axes, check_reductions);

fn check_long_sums<T: Float>() {
    // One more and one less than what the tree is made of.
    for n in [1, 15, 16, 17, 4095, 4096, 4097, 3 * 4096 + 5, 200_001] {
        let (x, wide) = real::<T>(&[n], 0);
        let size: f64 = wide.iter().map(|x| x.abs()).sum();
        let exact: f64 = wide.iter().sum();
        // The bound of docs/numerics.md.
        let bound =
            (261.0 + (n as f64 / 4096.0).log2().max(0.0)) * size * T::EPSILON.to_f64() / 2.0;
        let got = sum(x.view(), &[0], false);
        assert!((got.first().unwrap().to_f64() - exact).abs() <= bound, "{n}");
        assert_eq!(got.first().unwrap(), &sum_slice(x.as_slice().unwrap()));
        // A column is summed as a row is.
        let columns = ArrayD::from_shape_fn(IxDyn(&[n, 3]), |index| x[index[0]]);
        assert!(sum(columns.view(), &[0], false).iter().all(|column| Some(column) == got.first()));
    }
}
both!(long_sums_stay_within_the_bound, check_long_sums);

#[test]
#[should_panic(expected = "a maximum over no elements: axes [1] of [2, 0, 3]")]
fn a_maximum_over_nothing_is_refused() {
    max(ArrayD::<f32>::zeros(IxDyn(&[2, 0, 3])).view(), &[1], false);
}
