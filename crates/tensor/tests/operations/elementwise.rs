//! Functions of each element, and arrays without any.

use ulp_tensor::ndarray::{ArrayD, Axis, IxDyn};
use ulp_tensor::*;

use crate::definitions::{both, close, real};

type Definition<'a> = &'a dyn Fn(f64) -> f64;

fn check_elementwise<T: Float>() {
    let (x, wide) = real::<T>(&[3, 50], 0);
    let sigmoid_of = |x: f64| 1.0 / (1.0 + (-x).exp());
    let unit = |x: f64| if x > 0.0 { 1.0 } else { -1.0 };
    let cases: [(ArrayD<T>, Definition); 16] = [
        (exp(x.view()), &f64::exp),
        (tanh(x.view()), &f64::tanh),
        (sigmoid(x.view()), &sigmoid_of),
        (silu(x.view()), &|x| x * sigmoid_of(x)),
        (relu(x.view()), &|x| x.max(0.0)),
        (gelu_tanh(x.view()), &|x: f64| {
            0.5 * x
                * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        }),
        (neg(x.view()), &|x| -x),
        (pow(x.view(), T::from_f64(3.0)), &|x| x * x * x),
        (scale(x.view(), T::HALF), &|x| 0.5 * x),
        (abs(x.view()), &f64::abs),
        (sign(x.view()), &unit),
        (expm1(x.view()), &f64::exp_m1),
        (log1p(abs(x.view()).view()), &|x| x.abs().ln_1p()),
        (softplus(x.view()), &|x| x.exp().ln_1p()),
        (leaky_relu(x.view(), T::HALF), &|x| if x > 0.0 { x } else { 0.5 * x }),
        (clamp(x.view(), -T::ONE, T::HALF), &|x| x.clamp(-1.0, 0.5)),
    ];
    for (got, f) in cases {
        close(&got, &wide.mapv(f), 1.0, 4.0);
    }
    // Φ by its integral, Simpson's rule.
    let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    let normal = |x: f64| {
        let h = x / 200.0;
        let term = |i: i32| [2.0, 4.0][i as usize % 2] * density(h * f64::from(i));
        0.5 + h / 3.0 * ((1..200).map(term).sum::<f64>() + density(0.0) + density(x))
    };
    close(
        &gelu(x.view()),
        &wide.mapv(|x| x * normal(x)),
        1.0,
        if T::EPSILON.to_f64() > 1e-10 { 4.0 } else { 1e5 },
    );
}
both!(functions_of_each_element, check_elementwise);

fn check_pairs<T: Float>() {
    let ((x, wide_x), (y, wide_y)) = (real::<T>(&[3, 50], 0), real::<T>(&[50], 1));
    let both = |f: fn(f64, f64) -> f64| {
        let mut z = wide_x.clone();
        z.zip_mut_with(&wide_y, |x, &y| *x = f(*x, y));
        z
    };
    close(&minimum(x.view(), y.view()), &both(f64::min), 0.0, 0.0);
    close(&maximum(x.view(), y.view()), &both(f64::max), 0.0, 0.0);
    let powers = pow_each(abs(x.view()).view(), y.view());
    close(&powers, &both(|x, y| x.abs().powf(y)), 1.0, 4.0);
    let nan = ArrayD::from_elem(IxDyn(&[]), T::NAN);
    assert!(minimum(x.view(), nan.view()).iter().all(|x| x.is_nan()));
}
both!(functions_of_pairs, check_pairs);

fn check_zeros_and_ends<T: Float>() {
    let each = |x: &[T]| ArrayD::from_shape_vec(IxDyn(&[x.len()]), x.to_vec()).unwrap();
    // As many as a register has lanes and more, so that no way of computing is left out.
    let often = |x: T| each(&[x; 37]);
    let (zero, minus) = (often(T::ZERO), often(-T::ZERO));
    for (x, y, least, most) in [
        (&zero, &minus, -1.0, 1.0),
        (&minus, &zero, -1.0, 1.0),
        (&zero, &zero, 1.0, 1.0),
        (&minus, &minus, -1.0, -1.0),
    ] {
        let sign = |x: &T| T::ONE.copysign(*x).to_f64();
        assert!(minimum(x.view(), y.view()).iter().all(|x| sign(x) == least));
        assert!(maximum(x.view(), y.view()).iter().all(|x| sign(x) == most));
    }
    // Slopes at the ends of the range are their limits, and NaN goes the way that the value went.
    let huge =
        T::from_f64(if T::EPSILON.to_f64() > 1e-10 { f64::from(f32::MAX) } else { f64::MAX });
    for (x, slope) in
        [(huge, 1.0), (-huge, 0.0), (T::from_f64(1e20), 1.0), (T::from_f64(-1e20), 0.0)]
    {
        let (x, dy) = (often(x), often(T::from_f64(3.0)));
        let slopes = [
            gelu_tanh_vjp(x.view(), dy.view()),
            gelu_vjp(x.view(), dy.view()),
            silu_vjp(x.view(), dy.view()),
            relu_vjp(x.view(), dy.view()),
        ];
        for slopes in slopes {
            assert!(slopes.iter().all(|dx| dx.to_f64() == 3.0 * slope), "{:?}", slopes.first());
        }
    }
    let nan = often(T::NAN);
    assert_eq!(relu_vjp(nan.view(), often(T::ONE).view()), often(T::ONE));
    assert!(relu(nan.view()).iter().all(|x| x.is_nan()));
}
both!(signs_of_zero_and_slopes_at_the_ends, check_zeros_and_ends);

#[test]
fn arrays_without_axes_or_elements() {
    let one = ArrayD::from_elem(IxDyn(&[]), 2.0f32);
    assert_eq!(exp(one.view()).shape(), [0usize; 0]);
    assert_eq!(sum(one.view(), &[], false), one);
    assert_eq!(max(one.view(), &[], false), one);
    assert_eq!(broadcast_to(one.view(), &[0, 2]).shape(), [0, 2]);
    let none = ArrayD::<f32>::zeros(IxDyn(&[2, 0, 3]));
    for y in [exp(none.view()), gelu(none.view()), softmax(none.view(), 1), softmax(none.view(), 2)]
    {
        assert_eq!(y.shape(), [2, 0, 3]);
    }
    assert_eq!(sum(none.view(), &[1], false), ArrayD::zeros(IxDyn(&[2, 3])));
    assert_eq!(sum(none.view(), &[0], false).shape(), [0, 3]);
    assert_eq!(max(none.view(), &[0], false).shape(), [0, 3]);
    let w = ArrayD::<f32>::ones(IxDyn(&[3]));
    let (dx, dw) = rms_norm_vjp(none.view(), w.view(), 1e-5, none.view());
    assert_eq!((dx.shape(), dw), (&[2, 0, 3][..], ArrayD::zeros(IxDyn(&[3]))));
}

/// What lies side by side in another order than the standard one stays in it; whatever else comes out in
/// standard layout.
#[test]
fn arrays_that_lie_alike_give_one_that_lies_as_they_do() {
    let x = random::normal::<f32>(&[3, 1, 5, 4], 1, 0);
    let y = random::normal::<f32>(&[3, 1, 5, 4], 1, 1);
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [0, 1, 3, 2], [1, 0, 2, 3]];
    for order in orders {
        let [x, y] = [&x, &y].map(|x| x.view().permuted_axes(order.to_vec()));
        for (result, expected) in [(mul(x.view(), y.view()), &x * &y), (neg(x.view()), -&x)] {
            assert_eq!(result, expected);
            assert!(result.as_slice_memory_order().is_some());
            for ((&length, a), b) in x.shape().iter().zip(result.strides()).zip(x.strides()) {
                assert!(length == 1 || a == b, "{order:?}: {:?}", result.strides());
            }
        }
        let mut backwards = x.view();
        (0..4).for_each(|axis| backwards.invert_axis(Axis(axis)));
        assert!(neg(backwards.view()).is_standard_layout());
        assert_eq!(neg(backwards.view()), -&backwards);
        assert_eq!(add(x.view(), backwards.view()), &x + &backwards);
    }
}
