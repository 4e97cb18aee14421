//! Values of at most 16 elements go another way through the tape; they have the bits of large ones.

use ulp_autograd::{Tape, Var, grad};
use ulp_tensor::Float;
use ulp_tensor::ndarray::{Array1, ArrayD, Axis, IxDyn, arr0, arr1, arr2};
use ulp_tensor::random;

/// Elementwise, of two inputs.
type Formula<T> = for<'t> fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>;

fn formulas<T: Float>() -> Vec<(&'static str, Formula<T>)> {
    vec![
        ("add", |x, y| x + y),
        ("sub", |x, y| x - y),
        ("mul", |x, y| x * y),
        ("div", |x, y| x / y),
        ("neg", |x, _| -x),
        ("add a number", |x, y| x + y + T::HALF),
        ("subtract a number", |x, _| x - T::HALF),
        ("scale", |x, _| x * T::from_f64(0.3)),
        ("divide by a number", |x, _| x / T::from_f64(0.3)),
        ("exp", |x, _| x.exp()),
        ("log", |x, _| x.log()),
        ("tanh", |x, _| x.tanh()),
        ("sigmoid", |x, _| x.sigmoid()),
        ("relu", |x, _| x.relu()),
        ("used often", |x, y| (x * x + x * y).tanh() * x - y / (x.exp() + T::ONE)),
        ("beside arrays", |x, y| (x.silu() + x * y.gelu()) * x.softplus()),
    ]
}

/// Values, gradients and gradients of gradients, as bits.
fn bits<T: Float>(f: Formula<T>, x: &ArrayD<T>, y: &ArrayD<T>) -> Vec<Vec<u64>> {
    let tape = Tape::new();
    let (x, y) = (tape.leaf(x.clone()), tape.leaf(y.clone()));
    let z = f(x, y);
    let weights = tape.constant(x.value().mapv(|x| x + T::HALF));
    let gradients = z.backward_with(weights.value());
    let recorded = grad((z * weights).sum_all(), &[x])[0].unwrap();
    let second = recorded.backward_with(weights.value());
    let zero = || ArrayD::from_elem(IxDyn(&x.shape()), T::ZERO);
    let arrays = [
        z.value().to_owned(),
        gradients.get(x).cloned().unwrap_or_else(zero),
        gradients.get(y).cloned().unwrap_or_else(zero),
        recorded.value().to_owned(),
        second.get(x).cloned().unwrap_or_else(zero),
    ];
    // Of NaN only that it is one is promised.
    let bits = |x: &T| if x.is_nan() { u64::MAX } else { x.to_f64().to_bits() };
    arrays.iter().map(|array| array.iter().map(bits).collect()).collect()
}

fn small_values_have_the_bits_of_large_ones<T: Float>() {
    const N: usize = 640;
    let sample = |stream| {
        let mut x: ArrayD<T> = random::normal(&[N], 3, stream);
        let tiny = T::MIN_POSITIVE * T::from_f64(0.75);
        let special = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 200.0];
        for (i, special) in special.into_iter().enumerate() {
            x[7 * i + 3 * stream as usize] = T::from_f64(special);
        }
        x[100] = tiny;
        x
    };
    let (x, y) = (sample(0), sample(1));
    for (name, f) in formulas::<T>() {
        let large = bits(f, &x, &y);
        for len in [1, 5, 8, 16] {
            for start in (0..N - len).step_by(len) {
                let part =
                    |x: &ArrayD<T>| x.slice_axis(Axis(0), (start..start + len).into()).to_owned();
                let small = bits(f, &part(&x), &part(&y));
                for (small, large) in small.iter().zip(&large) {
                    assert_eq!(small, &large[start..start + len], "{name}: {len} from {start}");
                }
            }
        }
    }
}

#[test]
fn small_values_have_the_bits_of_large_ones_in_f32() {
    small_values_have_the_bits_of_large_ones::<f32>();
}

#[test]
fn small_values_have_the_bits_of_large_ones_in_f64() {
    small_values_have_the_bits_of_large_ones::<f64>();
}

#[test]
fn what_is_read_does_not_depend_on_who_read_it_before() {
    let tape = Tape::new();
    let x = tape.leaf(arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let y = x * 2.0;
    let before = y.reshape(&[3, 2]) + 1.0; // as an array, which `y` was not
    let after = y.value();
    assert_eq!(before.shape(), [3, 2]);
    assert_eq!(after, arr2(&[[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]).into_dyn());
    assert_eq!(y.value().as_ptr(), after.as_ptr());
    // Exchanged axes: the elements in the order of the axes, wherever they lie.
    let turned = y.permute(&[1, 0]);
    assert_eq!((turned + turned).value(), (&after + &after).t());
    assert_eq!((turned.shape(), turned.ndim(), turned.len()), (vec![3, 2], 2, 6));
    let gradients = (turned * turned).sum_all().backward();
    assert_eq!(gradients.get(x).unwrap(), &x.value().mapv(|x| 8.0 * x));
}

#[test]
fn shapes_that_differ_broadcast() {
    let tape = Tape::new();
    let (x, s) = (tape.leaf(arr1(&[1.0_f64, 2.0, 3.0])), tape.leaf(arr0(2.0)));
    let column = tape.leaf(arr2(&[[1.0], [10.0]]));
    let y = x * s * column;
    assert_eq!(y.shape(), [2, 3]);
    let gradients = y.sum_all().backward();
    assert_eq!(gradients.get(s).unwrap(), &arr0(66.0).into_dyn());
    assert_eq!(gradients.get(column).unwrap(), &arr2(&[[12.0], [12.0]]).into_dyn());
    assert_eq!(gradients.get(x).unwrap(), &arr1(&[22.0, 22.0, 22.0]).into_dyn());
    let line = tape.leaf(arr1(&[0.5]).into_shape_with_order(IxDyn(&[1; 7])).unwrap());
    assert_eq!((line * line).shape(), [1; 7]);
    assert_eq!((line * s).sum_all().backward().get(line).unwrap().shape(), [1; 7]);
    let empty = tape.leaf(Array1::<f64>::zeros(0));
    assert_eq!((empty * empty + empty).sum_all().backward().get(empty).unwrap().shape(), [0]);
}

#[test]
fn a_long_chain_of_scalars_is_right() {
    let tape = Tape::new();
    let x = tape.leaf(arr0(1.0_f64 + 2f64.powi(-20)));
    let y = (0..100_000).fold(x, |y, _| y * x);
    let gradient = *y.backward().get(x).unwrap().first().unwrap();
    let exact = 100_001.0 * x.item().powi(100_000);
    assert!((gradient / exact - 1.0).abs() < 100_001.0 * f64::EPSILON, "{gradient} {exact}");
}
