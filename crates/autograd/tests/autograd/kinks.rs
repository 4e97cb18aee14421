//! Gradients where an operation has a kink, a pole or nothing to work on, and at numbers that are none.

use ulp_autograd::{Tape, Var, grad, jvp, vjp};
use ulp_tensor::ndarray::{ArrayD, IxDyn, arr0, arr1};
use ulp_tensor::{Conv, random};

/// The gradients of a function of two numbers, by a value that lies in the tape and by arrays.
fn gradients_at(
    f: impl for<'t> Fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>,
    x: f64,
    p: f64,
) -> [f64; 2] {
    let of = |n: usize| {
        let tape = Tape::new();
        let (x, p) = (tape.leaf(arr1(&vec![x; n])), tape.leaf(arr1(&vec![p; n])));
        let gradients = f(x, p).sum_all().backward();
        [x, p].map(|x| gradients.get(x).map_or(0.0, |g| g[[0]]))
    };
    let (few, many) = (of(1), of(100));
    assert_eq!(few.map(f64::to_bits), many.map(f64::to_bits));
    few
}

#[test]
fn powers_of_zero_have_the_gradients_of_their_limits() {
    let at = |x: f64, p: f64| gradients_at(|x, p| x.pow_each(p), x, p);
    assert_eq!(at(0.0, 0.0), [0.0, 0.0]);
    assert_eq!(at(-0.0, 0.0), [0.0, 0.0]);
    assert_eq!(at(0.0, 1.0), [1.0, 0.0]);
    assert_eq!(at(0.0, 2.0), [0.0, 0.0]);
    assert_eq!(at(0.0, -1.0), [f64::NEG_INFINITY, f64::NEG_INFINITY]);
    assert_eq!(at(2.0, 0.0), [0.0, 2f64.ln()]);
    // Zeros among others, an exponent for each row: only theirs is another.
    let tape = Tape::new();
    let x = tape.leaf(arr1(&[0.0, 2.0, 0.0]));
    let p = tape.leaf(ArrayD::from_shape_vec(IxDyn(&[2, 1]), vec![0.0, 3.0]).unwrap());
    let gradients = x.pow_each(p).sum_all().backward();
    assert_eq!(gradients.get(x).unwrap().as_slice(), Some(&[0.0, 12.0, 0.0][..]));
    let of_p = gradients.get(p).unwrap();
    assert!(
        (of_p[[0, 0]] - 2f64.ln()).abs() < 1e-15 && (of_p[[1, 0]] - 8.0 * 2f64.ln()).abs() < 1e-14
    );
}

/// A rectifier keeps a NaN, so the gradient passes it, as in PyTorch; a maximum of one shares it.
#[test]
fn nan_goes_the_way_that_the_value_went() {
    assert_eq!(gradients_at(|x, _| x.relu(), f64::NAN, 0.0), [1.0, 0.0]);
    assert_eq!(gradients_at(|x, _| x.relu(), 0.0, 0.0), [0.0, 0.0]);
    assert_eq!(gradients_at(|x, y| x.maximum(y), f64::NAN, 1.0), [0.5, 0.5]);
    assert_eq!(gradients_at(|x, y| x.minimum(y), -0.0, 0.0), [0.5, 0.5]);
}

#[test]
fn large_arguments_have_the_derivatives_of_their_limits() {
    for (x, slope) in [(f64::MAX, 1.0), (-f64::MAX, 0.0), (1e30, 1.0), (-1e30, 0.0)] {
        let tape = Tape::new();
        let x = tape.leaf(arr0(x));
        let first = grad(x.gelu_tanh(), &[x])[0].unwrap();
        let second = grad(first, &[x])[0].unwrap();
        assert_eq!((first.item(), second.item()), (slope, 0.0));
    }
}

/// An axis without elements is as good as any, also for what differentiates twice.
#[test]
fn values_without_elements_have_gradients_of_every_order() {
    let tape = Tape::<f64>::new();
    for shape in [vec![0], vec![2, 0, 3], vec![2, 3, 0]] {
        let x = tape.leaf(ArrayD::zeros(IxDyn(&shape)));
        for y in [x.softmax(-1), x.log_softmax(0), x.log_sum_exp(&[-1]), x.softmax(0) * x] {
            let tangent = tape.constant(ArrayD::zeros(IxDyn(&shape)));
            assert_eq!(jvp(y, &[x], &[tangent]).unwrap().shape(), y.shape());
            let cotangent = tape.leaf(ArrayD::zeros(IxDyn(&y.shape())));
            let first = vjp(y, cotangent, &[x])[0].unwrap();
            let again = vjp(first, tangent, &[x, cotangent]);
            assert!(again.iter().flatten().all(|g| g.is_empty() || g.shape() == y.shape()));
        }
    }
    // No queries, no keys, no heads.
    for [t, s, h] in [[0, 3, 2], [0, 0, 2], [3, 4, 0]] {
        let empty = |n: usize| tape.leaf(ArrayD::zeros(IxDyn(&[1, n, h, 4])));
        let (q, k, v) = (empty(t), empty(s), empty(s));
        let y = q.attention(k, v, 0.5, false);
        let first = vjp(y, tape.leaf(ArrayD::zeros(IxDyn(&y.shape()))), &[q, k, v])[1].unwrap();
        assert_eq!((y.shape(), first.shape()), (q.shape(), k.shape()));
        let tangents = [q, k, v].map(|x| tape.constant(ArrayD::zeros(IxDyn(&x.shape()))));
        assert_eq!(jvp(y, &[q, k, v], &tangents).unwrap().shape(), y.shape());
    }
}

#[test]
#[should_panic(expected = "axis 1 is given twice in [1, 0, -1]")]
fn a_product_over_an_axis_twice_is_refused() {
    let tape = Tape::new();
    let _ = tape.leaf(ArrayD::<f64>::ones(IxDyn(&[2, 3]))).prod(&[1, 0, -1]);
}

/// `extra` of a stride and more leaves room for windows that nobody has: the convolution of the result is
/// longer than the input, and the adjoint has its beginning.
#[test]
fn a_transposed_convolution_may_be_longer_than_its_windows() {
    let conv = Conv { stride: [2, 1], padding: [1, 0], dilation: [1, 3], ..Conv::default() };
    let tape = Tape::new();
    let x = tape.leaf(random::normal::<f64>(&[2, 2, 3, 4], 1, 0));
    let w = tape.leaf(random::normal::<f64>(&[2, 3, 3, 2], 1, 1));
    let y = x.conv2d_transposed(w, None, [1, 2], conv);
    assert_eq!(y.shape(), [2, 3, 6, 9]);
    let cotangent = random::normal::<f64>(&y.shape(), 1, 2);
    let gradients = y.backward_with(cotangent.clone());
    let back = ulp_tensor::conv2d(cotangent.view(), w.value().view(), None, conv);
    let (dx, shape) = (gradients.get(x).unwrap(), x.shape());
    assert!(dx.indexed_iter().all(|(i, &dx)| dx == back[i]), "{shape:?} of {:?}", back.shape());
    // The sums of both products are ⟨y, dy⟩.
    let inner = |a: &ArrayD<f64>, b: &ArrayD<f64>| (a * b).sum();
    let all = inner(&y.value().to_owned(), &cotangent);
    let by_w = inner(&w.value().to_owned(), gradients.get(w).unwrap());
    assert!((all - by_w).abs() < 1e-11 && (all - inner(&x.value().to_owned(), dx)).abs() < 1e-11);
}
