//! Outputs in memory that is given: the bits of the allocating form, whatever the strides.

use ulp_tensor::ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, IxDyn, Slice};
use ulp_tensor::{
    Conv, Float, Summation, add, add_into, layer_norm_into, matmul, matmul_accumulate, mul_into,
    neg_into, random, softmax_into,
};

use crate::same_bits::{bits, layouts};
use crate::table::{Domain, sample};

/// The shapes of an operation's inputs.
type Shapes = Vec<&'static [usize]>;

/// An operation in both forms.
struct Row<T> {
    name: &'static str,
    cases: fn() -> Vec<Shapes>,
    fresh: fn(&[ArrayViewD<'_, T>]) -> ArrayD<T>,
    into: fn(&[ArrayViewD<'_, T>], ArrayViewMutD<'_, T>),
}

fn one() -> Vec<Shapes> {
    let shapes: [&[usize]; 8] =
        [&[], &[0], &[1], &[19], &[3, 0, 2], &[5, 1, 7], &[16, 16], &[210, 213]];
    shapes.into_iter().map(|shape| vec![shape]).collect()
}

fn with_axis() -> Vec<Shapes> {
    one().into_iter().filter(|shapes| !shapes[0].is_empty()).collect()
}

fn two() -> Vec<Shapes> {
    vec![
        vec![&[], &[]],
        vec![&[0, 3], &[3]],
        vec![&[5, 6], &[5, 6]],
        vec![&[7, 1, 5], &[3, 1]],
        vec![&[210, 213], &[213]],
        vec![&[210, 1], &[210, 213]],
        vec![&[210, 213], &[210, 213]],
    ]
}

/// Shapes whose elements are reduced in each of the ways that there are: by rows and by columns, in one
/// block and in several, on one thread and shared out.
fn reduced() -> Vec<Shapes> {
    let more: [&[usize]; 5] = [&[9000, 3], &[3, 9000], &[0, 4], &[7, 300, 40], &[2, 33000]];
    one().into_iter().chain(more.into_iter().map(|shape| vec![shape])).collect()
}

/// Those where there is a largest element.
fn reduced_some() -> Vec<Shapes> {
    reduced().into_iter().filter(|shapes| !shapes[0].contains(&0)).collect()
}

fn products() -> Vec<Shapes> {
    vec![
        vec![&[2, 3], &[3, 4]],
        vec![&[2, 0], &[0, 4]],
        vec![&[0, 3], &[3, 4]],
        vec![&[70, 300], &[300, 90]],
        vec![&[130, 40], &[40, 3]],
        vec![&[3, 1, 20, 31], &[5, 31, 33]],
        vec![&[2, 4, 0], &[2, 0, 5]],
    ]
}

fn layers() -> Vec<Shapes> {
    vec![
        vec![&[5], &[3, 5], &[3]],
        vec![&[2, 35, 61], &[90, 61], &[90]],
        vec![&[4, 0], &[3, 0], &[3]],
    ]
}

fn norms() -> Vec<Shapes> {
    vec![vec![&[5], &[5], &[5]], vec![&[3, 70, 213], &[213], &[213]], vec![&[0, 4], &[4], &[4]]]
}

fn images() -> Vec<Shapes> {
    vec![vec![&[2, 4, 13, 17], &[6, 2, 3, 3], &[6]], vec![&[0, 4, 5, 5], &[6, 2, 3, 3], &[6]]]
}

fn conv() -> Conv {
    Conv { stride: [2, 1], padding: [1, 2], groups: 2, ..Conv::default() }
}

/// The first axis, the last, or all; none of an array without axes.
fn first<T>(x: &[ArrayViewD<'_, T>]) -> Vec<usize> {
    (0..x[0].ndim()).take(1).collect()
}

fn last<T>(x: &[ArrayViewD<'_, T>]) -> Vec<usize> {
    (0..x[0].ndim()).skip(x[0].ndim().max(1) - 1).collect()
}

fn all<T>(x: &[ArrayViewD<'_, T>]) -> Vec<usize> {
    (0..x[0].ndim()).collect()
}

fn t<T: Float>(x: f64) -> T {
    T::from_f64(x)
}

/// `name(arguments)` beside its `_into` form with the same arguments.
macro_rules! row {
    ($cases:ident, |$x:ident| $name:ident($($argument:expr),+)) => {
        Row {
            name: stringify!($name),
            cases: $cases,
            fresh: |$x| ulp_tensor::$name($($argument),+),
            into: |$x, out| forms::$name($($argument),+, out),
        }
    };
}

/// The `_into` forms, by the names of the allocating ones.
mod forms {
    pub(super) use ulp_tensor::{
        abs_into as abs, add_into as add, add_scalar_into as add_scalar, clamp_into as clamp,
        conv2d_into as conv2d, div_into as div, erf_into as erf, exp_into as exp,
        expm1_into as expm1, gelu_into as gelu, gelu_tanh_into as gelu_tanh,
        layer_norm_into as layer_norm, leaky_relu_into as leaky_relu, linear_into as linear,
        log_into as log, log_softmax_into as log_softmax, log_sum_exp_into as log_sum_exp,
        log1p_into as log1p, matmul_into as matmul, max_into as max, maximum_into as maximum,
        mean_into as mean, min_into as min, minimum_into as minimum, mul_into as mul,
        neg_into as neg, norm_l1_into as norm_l1, norm_l2_into as norm_l2,
        norm_max_into as norm_max, pow_each_into as pow_each, pow_into as pow, prod_into as prod,
        relu_into as relu, rms_norm_into as rms_norm, rsqrt_into as rsqrt, scale_into as scale,
        sigmoid_into as sigmoid, silu_into as silu, silu_mul_into as silu_mul,
        softmax_into as softmax, softplus_into as softplus, sqrt_into as sqrt, sub_into as sub,
        sum_by_into as sum_by, sum_into as sum, tanh_into as tanh, var_into as var,
    };
}

#[rustfmt::skip]
fn table<T: Float + fpbits::Native>() -> Vec<Row<T>> {
    vec![
        row!(two, |x| add(x[0].view(), x[1].view())),
        row!(two, |x| sub(x[0].view(), x[1].view())),
        row!(two, |x| mul(x[0].view(), x[1].view())),
        row!(two, |x| div(x[0].view(), x[1].view())),
        row!(two, |x| maximum(x[0].view(), x[1].view())),
        row!(two, |x| minimum(x[0].view(), x[1].view())),
        row!(two, |x| pow_each(x[0].view(), x[1].view())),
        row!(two, |x| silu_mul(x[0].view(), x[1].view())),
        row!(one, |x| neg(x[0].view())),
        row!(one, |x| scale(x[0].view(), t(0.3))),
        row!(one, |x| add_scalar(x[0].view(), t(0.3))),
        row!(one, |x| abs(x[0].view())),
        row!(one, |x| clamp(x[0].view(), t(0.7), t(1.5))),
        row!(one, |x| exp(x[0].view())),
        row!(one, |x| log(x[0].view())),
        row!(one, |x| log1p(x[0].view())),
        row!(one, |x| expm1(x[0].view())),
        row!(one, |x| sqrt(x[0].view())),
        row!(one, |x| rsqrt(x[0].view())),
        row!(one, |x| erf(x[0].view())),
        row!(one, |x| pow(x[0].view(), t(2.0))),
        row!(one, |x| pow(x[0].view(), t(3.0))),
        row!(one, |x| pow(x[0].view(), t(0.5))),
        row!(one, |x| pow(x[0].view(), t(-0.5))),
        row!(one, |x| pow(x[0].view(), t(-1.0))),
        row!(one, |x| pow(x[0].view(), t(1.7))),
        row!(one, |x| tanh(x[0].view())),
        row!(one, |x| sigmoid(x[0].view())),
        row!(one, |x| relu(x[0].view())),
        row!(one, |x| leaky_relu(x[0].view(), t(0.1))),
        row!(one, |x| softplus(x[0].view())),
        row!(one, |x| silu(x[0].view())),
        row!(one, |x| gelu(x[0].view())),
        row!(one, |x| gelu_tanh(x[0].view())),
        row!(with_axis, |x| softmax(x[0].view(), 0)),
        row!(with_axis, |x| softmax(x[0].view(), x[0].ndim() - 1)),
        row!(with_axis, |x| log_softmax(x[0].view(), 0)),
        row!(with_axis, |x| log_softmax(x[0].view(), x[0].ndim() - 1)),
        row!(norms, |x| layer_norm(x[0].view(), x[1].view(), x[2].view(), t(1e-5))),
        row!(norms, |x| rms_norm(x[0].view(), x[1].view(), t(1e-5))),
        row!(products, |x| matmul(x[0].view(), x[1].view())),
        row!(layers, |x| linear(x[0].view(), x[1].view(), Some(x[2].view()))),
        row!(layers, |x| linear(x[0].view(), x[1].view(), None)),
        row!(images, |x| conv2d(x[0].view(), x[1].view(), Some(x[2].view()), conv())),
        row!(images, |x| conv2d(x[0].view(), x[1].view(), None, conv())),
        row!(reduced, |x| sum(x[0].view(), &first(x), false)),
        row!(reduced, |x| sum(x[0].view(), &last(x), true)),
        row!(reduced, |x| sum(x[0].view(), &all(x), false)),
        row!(reduced, |x| mean(x[0].view(), &first(x), false)),
        row!(reduced, |x| mean(x[0].view(), &last(x), true)),
        row!(reduced, |x| mean(x[0].view(), &all(x), false)),
        row!(reduced, |x| prod(x[0].view(), &first(x), false)),
        row!(reduced, |x| prod(x[0].view(), &last(x), true)),
        row!(reduced, |x| prod(x[0].view(), &all(x), false)),
        row!(reduced, |x| var(x[0].view(), &first(x), 1, false)),
        row!(reduced, |x| var(x[0].view(), &last(x), 1, true)),
        row!(reduced, |x| var(x[0].view(), &all(x), 1, false)),
        row!(reduced, |x| log_sum_exp(x[0].view(), &first(x), false)),
        row!(reduced, |x| log_sum_exp(x[0].view(), &last(x), true)),
        row!(reduced, |x| log_sum_exp(x[0].view(), &all(x), false)),
        row!(reduced, |x| norm_l1(x[0].view(), &first(x), false)),
        row!(reduced, |x| norm_l1(x[0].view(), &last(x), true)),
        row!(reduced, |x| norm_l1(x[0].view(), &all(x), false)),
        row!(reduced, |x| norm_l2(x[0].view(), &first(x), false)),
        row!(reduced, |x| norm_l2(x[0].view(), &last(x), true)),
        row!(reduced, |x| norm_l2(x[0].view(), &all(x), false)),
        row!(reduced, |x| norm_max(x[0].view(), &first(x), false)),
        row!(reduced, |x| norm_max(x[0].view(), &last(x), true)),
        row!(reduced, |x| norm_max(x[0].view(), &all(x), false)),
        row!(reduced_some, |x| max(x[0].view(), &first(x), false)),
        row!(reduced_some, |x| max(x[0].view(), &last(x), true)),
        row!(reduced_some, |x| max(x[0].view(), &all(x), false)),
        row!(reduced_some, |x| min(x[0].view(), &first(x), false)),
        row!(reduced_some, |x| min(x[0].view(), &last(x), true)),
        row!(reduced_some, |x| min(x[0].view(), &all(x), false)),
        row!(reduced, |x| sum_by(x[0].view(), &first(x), false, Summation::Exact)),
        row!(reduced, |x| sum_by(x[0].view(), &last(x), true, Summation::Exact)),
        row!(reduced, |x| sum_by(x[0].view(), &all(x), false, Summation::Exact)),
    ]
}

/// Arrays of NaN: in standard layout, and in each of the other layouts.
fn outs<T: Float>(shape: &[usize]) -> Vec<ArrayD<T>> {
    let out = ArrayD::from_elem(IxDyn(shape), T::NAN);
    let others = layouts(&out);
    [out].into_iter().chain(others).collect()
}

fn check<T: Float>(row: &Row<T>, shapes: &Shapes) {
    let name = row.name;
    let inputs = shapes.iter().zip(0..).map(|(shape, i)| sample::<T>(Domain::Positive, shape, i));
    let inputs: Vec<_> = inputs.collect();
    let straight: Vec<_> = inputs.iter().map(|x| x.view()).collect();
    let others: Vec<_> = inputs.iter().map(layouts).collect();
    let turned: Vec<_> = others.iter().map(|x| x[0].view()).collect();
    let expected = (row.fresh)(&straight);
    for inputs in [straight, turned] {
        for (layout, mut out) in outs::<T>(expected.shape()).into_iter().enumerate() {
            (row.into)(&inputs, out.view_mut());
            let same = bits(&[out]) == bits(std::slice::from_ref(&expected));
            assert!(same, "{name} of {shapes:?} into layout {layout}");
        }
    }
}

#[test]
fn an_output_that_is_given_has_the_bits_of_one_that_is_made() {
    for row in table::<f32>() {
        (row.cases)().iter().for_each(|shapes| check(&row, shapes));
    }
    for row in table::<f64>() {
        (row.cases)().iter().for_each(|shapes| check(&row, shapes));
    }
}

#[test]
fn an_output_of_another_shape_is_refused_by_name() {
    let refused = |row: &Row<f32>, shapes: &Shapes| {
        let x: Vec<_> = shapes.iter().map(|s| sample::<f32>(Domain::Positive, s, 0)).collect();
        let x: Vec<_> = x.iter().map(|x| x.view()).collect();
        let shape = (row.fresh)(&x).shape().to_vec();
        // One axis more: as many elements, another shape.
        let wrong = [&shape[..], &[1]].concat();
        let mut out = ArrayD::zeros(IxDyn(&wrong));
        let call = std::panic::AssertUnwindSafe(|| (row.into)(&x, out.view_mut()));
        let message = std::panic::catch_unwind(call).expect_err("it must be refused");
        let message = message.downcast_ref::<String>().unwrap();
        let both =
            message.contains(&format!("{shape:?}")) && message.contains(&format!("{wrong:?}"));
        assert!(both, "{}: {message}", row.name);
    };
    for row in table::<f32>() {
        refused(&row, (row.cases)().last().unwrap());
    }
}

/// The blocks along K are added to what is there one after another.
fn check_accumulation<T: Float>(a: &[usize], b: &[usize]) {
    let (a, b) = (sample::<T>(Domain::Real, a, 0), sample::<T>(Domain::Real, b, 1));
    let k = a.shape()[a.ndim() - 1];
    let product = matmul(a.view(), b.view());
    let start = sample::<T>(Domain::Real, product.shape(), 2);
    let mut expected = start.clone();
    for first in (0..k).step_by(256) {
        let part = (first..k.min(first + 256)).into();
        let a = a.slice_axis(Axis(a.ndim() - 1), part);
        let b = b.slice_axis(Axis(b.ndim() - 2), part);
        expected = add(expected.view(), matmul(a, b).view());
    }
    let others = layouts(&start);
    for mut out in [start].into_iter().chain(others) {
        matmul_accumulate(a.view(), b.view(), out.view_mut());
        assert_eq!(bits(&[out]), bits(std::slice::from_ref(&expected)), "{a:?} {b:?}");
    }
}

#[test]
fn a_product_is_added_block_after_block() {
    for shapes in products() {
        check_accumulation::<f32>(shapes[0], shapes[1]);
        check_accumulation::<f64>(shapes[0], shapes[1]);
    }
    check_accumulation::<f32>(&[5, 700], &[700, 37]);
}

/// Outputs above 32 MiB are written past the caches: in place of one, its rows are made a few at a time, which
/// are not.
#[test]
fn large_outputs_have_the_bits_of_their_parts() {
    let (rows, n) = (9000, 1025);
    let [x, y]: [ArrayD<f32>; 2] = [0, 1].map(|stream| random::normal(&[rows, n], 5, stream));
    let [w, b]: [ArrayD<f32>; 2] = [2, 3].map(|stream| random::normal(&[n], 5, stream));
    let [w, b] = [w.view(), b.view()];
    type View<'a> = ArrayViewD<'a, f32>;
    type Write<'a> = &'a dyn Fn(View<'_>, View<'_>, ArrayViewMutD<'_, f32>);
    let operations: [Write<'_>; 5] = [
        &|x, y, out| add_into(x, y, out),
        &|x, _, out| neg_into(x, out),
        &|x, _, out| mul_into(x, w.view(), out),
        &|x, _, out| layer_norm_into(x, w.view(), b.view(), 1e-5, out),
        &|x, _, out| softmax_into(x, 1, out),
    ];
    let mut out = ArrayD::<f32>::zeros(vec![rows, n]);
    assert!(4 * out.len() > 32 << 20);
    for (number, write) in operations.into_iter().enumerate() {
        write(x.view(), y.view(), out.view_mut());
        let mut part = ArrayD::zeros(vec![1000, n]);
        for start in (0..rows).step_by(1000) {
            let at = Slice::from(start..start + 1000);
            write(x.slice_axis(Axis(0), at), y.slice_axis(Axis(0), at), part.view_mut());
            assert!(out.slice_axis(Axis(0), at) == part, "operation {number}, row {start}");
        }
    }
}
