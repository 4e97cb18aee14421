//! Sums, means and maxima over any axes, and long sums.

use ulp_tensor::ndarray::{ArrayD, Axis, IxDyn};
use ulp_tensor::{
    Float, Summation, arg_max, arg_max_into, arg_min, arg_min_into, log_sum_exp, max, mean, min,
    min_into, norm_l1, norm_l2, norm_max, prod, prod_vjp, sum, sum_by, sum_slice, var,
};

use crate::definitions::{both, close, real, small_shapes};
use crate::table::{Domain, sample};

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
            close(&prod(x.view(), &axes, true), &reduce(1.0, |a, b| a * b), 1.0, 16.0);
            let magnitudes = wide.mapv(f64::abs);
            let over = |start: f64, f: fn(f64, f64) -> f64| {
                let fold = |y: ArrayD<f64>, &axis: &usize| {
                    y.fold_axis(Axis(axis), start, |&a, &b| f(a, b)).insert_axis(Axis(axis))
                };
                axes.iter().fold(magnitudes.clone(), fold)
            };
            close(&norm_l1(x.view(), &axes, true), &over(0.0, |a, b| a + b), 1.0, 8.0);
            close(&norm_max(x.view(), &axes, true), &over(0.0, f64::max), 0.0, 0.0);
            let squares = wide.mapv(|x| x * x);
            let mut norm = squares;
            for &axis in &axes {
                norm = norm.sum_axis(Axis(axis)).insert_axis(Axis(axis));
            }
            close(&norm_l2(x.view(), &axes, true), &norm.mapv(f64::sqrt), 1.0, 8.0);
            let mut e = wide.mapv(f64::exp);
            for &axis in &axes {
                e = e.sum_axis(Axis(axis)).insert_axis(Axis(axis));
            }
            close(&log_sum_exp(x.view(), &axes, true), &e.mapv(f64::ln), 1.0, 8.0);
            assert_eq!(log_sum_exp(x.view(), &axes, false).len(), e.len());
            let terms: usize = axes.iter().map(|&axis| shape[axis]).product();
            if terms > 0 {
                close(&mean(x.view(), &axes, true), &(&total / terms as f64), 1.0, 8.0);
                close(&max(x.view(), &axes, true), &reduce(f64::MIN, f64::max), 0.0, 0.0);
                close(&min(x.view(), &axes, true), &reduce(f64::MAX, f64::min), 0.0, 0.0);
                let deviations = (&wide - &(&total / terms as f64)).mapv(|d| d * d);
                let mut variance = deviations;
                for &axis in &axes {
                    variance = variance.sum_axis(Axis(axis)).insert_axis(Axis(axis));
                }
                close(&var(x.view(), &axes, 0, true), &(variance / terms as f64), 1.0, 8.0);
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
fn the_methods_of_summation_differ_as_they_should() {
    // 1 + 2⁻²⁴ many times: naive sums stay at 1.
    let x =
        ArrayD::from_shape_fn(IxDyn(&[2, 1025]), |i| if i[1] == 0 { 1.0 } else { 2f32.powi(-24) });
    let by = |method| sum_by(x.view(), &[1], true, method);
    assert_eq!(by(Summation::Naive), ArrayD::from_elem(IxDyn(&[2, 1]), 1.0));
    let exact = ArrayD::from_elem(IxDyn(&[2, 1]), 1.0 + 1024.0 * 2f32.powi(-24));
    assert_eq!(by(Summation::Exact), exact);
    assert_eq!(by(Summation::Neumaier), exact);
    let pairwise = sum(x.view(), &[1], true);
    // Lane 0 begins with the 1 and loses its 64 others.
    assert!((&pairwise - &exact).iter().all(|error| error.abs() <= 32.0 * f32::EPSILON));
}

#[test]
fn a_product_of_all_others_is_right_beside_zeros() {
    let x =
        ArrayD::from_shape_vec(IxDyn(&[3, 3]), vec![1.0, 0.0, 3.0, 2.0, 5.0, 7.0, 0.0, 0.0, 4.0]);
    let ones = ArrayD::from_elem(IxDyn(&[3, 1]), 1.0);
    let others = prod_vjp(x.unwrap().view(), 1, ones.view());
    assert_eq!(others.as_slice().unwrap(), [0.0, 3.0, 0.0, 35.0, 14.0, 10.0, 0.0, 0.0, 0.0]);
}

#[test]
#[should_panic(expected = "a maximum over no elements: axes [1] of [2, 0, 3]")]
fn a_maximum_over_nothing_is_refused() {
    max(ArrayD::<f32>::zeros(IxDyn(&[2, 0, 3])).view(), &[1], false);
}

#[test]
fn places_go_into_an_output_of_any_strides() {
    let x = sample::<f32>(Domain::Real, &[5, 7, 4], 0);
    let x = x.mapv(f32::round); // with equal ones
    let (most, least) = (arg_max(x.view(), 1), arg_min(x.view(), 1));
    let mut places = ArrayD::from_elem(IxDyn(&[4, 5]), usize::MAX);
    arg_max_into(x.view(), 1, places.view_mut().reversed_axes());
    assert_eq!(places.t(), most);
    arg_min_into(x.view(), 1, places.view_mut().reversed_axes());
    assert_eq!(places.t(), least);
    let nothing = ArrayD::<f32>::zeros(IxDyn(&[0, 3]));
    arg_max_into(nothing.view(), 1, ArrayD::zeros(IxDyn(&[0])).view_mut());
}

#[test]
#[should_panic(expected = "a result of shape [5, 4] does not go into out [4, 5]")]
fn places_do_not_go_into_another_shape() {
    let x = sample::<f32>(Domain::Real, &[5, 7, 4], 0);
    arg_max_into(x.view(), 1, ArrayD::zeros(IxDyn(&[4, 5])).view_mut());
}

/// What is refused is refused before anything is written.
#[test]
fn a_minimum_over_nothing_leaves_the_output_alone() {
    let x = ArrayD::<f32>::zeros(IxDyn(&[2, 0]));
    let mut out = ArrayD::from_elem(IxDyn(&[2]), 7.0);
    let call = std::panic::AssertUnwindSafe(|| {
        min_into(x.view(), &[1], false, out.view_mut());
    });
    let message = std::panic::catch_unwind(call).expect_err("it must be refused");
    let message = message.downcast_ref::<String>().unwrap();
    assert_eq!(message, "a minimum over no elements: axes [1] of [2, 0]");
    assert!(out.iter().all(|&x| x == 7.0));
}

/// As NumPy and PyTorch have it: no fewer than 0 are divided by, so that no variance is negative.
#[test]
fn a_variance_of_too_few_is_infinite_or_nan() {
    let x = ArrayD::from_shape_vec(IxDyn(&[2]), vec![1.0_f64, 3.0]).unwrap();
    let of = |x: &ArrayD<f64>, correction| *var(x.view(), &[0], correction, false).first().unwrap();
    assert_eq!((of(&x, 1), of(&x, 2), of(&x, 3)), (2.0, f64::INFINITY, f64::INFINITY));
    let none = ArrayD::zeros(IxDyn(&[0]));
    assert!((0..4).all(|correction| of(&none, correction).is_nan()));
}
