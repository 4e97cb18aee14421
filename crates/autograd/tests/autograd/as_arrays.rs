//! What the tape refuses and what it makes is what operations on arrays do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ulp_autograd::{Tape, Var};
use ulp_tensor::ndarray::{ArrayD, IxDyn, arr1, arr2};
use ulp_tensor::{Conv, random};

/// What `f` panics with on values of these shapes.
fn refusal(shapes: &[&[usize]], f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>) -> String {
    let tape = Tape::new();
    let x: Vec<_> = shapes.iter().map(|shape| tape.leaf(ArrayD::ones(IxDyn(shape)))).collect();
    let caught = catch_unwind(AssertUnwindSafe(|| f(&x).shape()));
    let message = caught.expect_err("shapes that do not fit were taken");
    message.downcast_ref::<String>().expect("a message with shapes").clone()
}

#[test]
fn shapes_that_would_broadcast_into_others_are_refused() {
    type Operation = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;
    fn cell<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
        x[0].lstm_cell((x[1], x[2]), (x[3], x[4]), None).0
    }
    let cases: [(&str, &[&[usize]], Operation); 11] = [
        ("twice [C]", &[&[2, 1, 3], &[5], &[5]], |x| x[0].group_norm(1, x[1], x[2], 1e-5)),
        ("twice [C]", &[&[2, 6, 3], &[2, 3], &[6]], |x| x[0].group_norm(2, x[1], x[2], 1e-5)),
        ("twice [C]", &[&[2, 1, 3], &[3], &[3]], |x| x[0].batch_norm(x[1], x[2], 1e-5)),
        ("twice [C]", &[&[3], &[3], &[3]], |x| x[0].batch_norm(x[1], x[2], 1e-5)),
        ("twice [C]", &[&[], &[1], &[1]], |x| x[0].batch_norm(x[1], x[2], 1e-5)),
        ("bias [1]", &[&[1, 2, 3, 3], &[2, 3, 2, 2], &[1]], |x| {
            x[0].conv2d_transposed(x[1], Some(x[2]), [0, 0], Conv::default())
        }),
        ("bias [3]", &[&[1, 2, 3, 3], &[2, 1, 2, 2], &[3]], |x| {
            x[0].conv2d_transposed(x[1], Some(x[2]), [0, 0], Conv::default())
        }),
        ("h [1, 2]", &[&[2, 3], &[1, 2], &[1, 2], &[8, 3], &[8, 2]], cell),
        ("h [2, 2]", &[&[1, 3], &[2, 2], &[2, 2], &[8, 3], &[8, 2]], cell),
        ("gate [2, 3]", &[&[2, 3], &[3]], |x| x[0].silu_mul(x[1])),
        ("leaves axis 0 of [3]", &[&[3]], |x| x[0].slice(0, -5..)),
    ];
    for (expected, shapes, operation) in cases {
        let message = refusal(shapes, operation);
        assert!(message.contains(expected), "{shapes:?}: {message}");
    }
}

#[test]
fn a_window_of_padding_alone_has_no_maximum_and_no_gradient() {
    let conv = Conv { padding: [1, 0], dilation: [2, 1], ..Conv::default() };
    let tape = Tape::new();
    let x = tape.leaf(arr2(&[[-3.0_f64, -5.0]]).into_shape_with_order((1, 1, 1, 2)).unwrap());
    let y = x.max_pool2d([2, 1], conv);
    assert_eq!(y.value().as_slice(), Some(&[f64::NEG_INFINITY; 2][..]));
    let gradients = y.sum_all().backward();
    assert_eq!(gradients.get(x).unwrap().as_slice(), Some(&[0.0, 0.0][..]));
    let nothing = tape.leaf(ArrayD::<f64>::zeros(IxDyn(&[1, 1, 0, 2])));
    let y = nothing.max_pool2d([2, 1], Conv { padding: [1, 0], ..Conv::default() });
    assert_eq!(y.value().as_slice(), Some(&[f64::NEG_INFINITY; 2][..]));
}

#[test]
fn values_have_the_bits_of_operations_on_arrays() {
    let tape = Tape::new();
    // One after the other into the place itself: 1e16 + 1 is 1e16.
    let (x, y) = (tape.leaf(arr1(&[1e16])), tape.leaf(arr1(&[1.0, 1.0])));
    let z = x.scatter_add(0, arr1(&[0, 0]).view().into_dyn(), y);
    assert_eq!(z.value().as_slice(), Some(&[1e16][..]));
    // The order in which axes are named is none of the order of factors.
    let huge = tape.leaf(arr2(&[[1e200_f64, 1e-200], [1e200, 1e-200]]));
    let expected = ulp_tensor::prod(huge.value().view(), &[0, 1], false);
    for axes in [[0, 1], [1, 0]] {
        assert_eq!(f64::to_bits(huge.prod(&axes).item()), f64::to_bits(expected[[]]));
    }
    let x = tape.leaf(random::normal::<f64>(&[3, 4, 5], 1, 0));
    for (axes, resolved) in [(&[2, 0][..], &[0, 2][..]), (&[1, 2], &[1, 2]), (&[], &[])] {
        let expected = ulp_tensor::prod(x.value().view(), resolved, true);
        assert_eq!(x.prod_keepdim(axes).value(), expected, "{axes:?}");
    }
    assert_eq!(tape.leaf(arr1(&[0.0_f64; 0])).norm_max(&[0]).item(), 0.0);
}
