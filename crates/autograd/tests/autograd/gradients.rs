//! Checks made from the table of operations: first and second derivatives against differences in
//! f64, f32 against f64, recorded against unrecorded, row-major against column-major inputs.

use crate::table::{Row, table};
use ulp_autograd::gradcheck::{gradcheck, gradcheck_projected, gradgradcheck};
use ulp_autograd::{Tape, vjp};
use ulp_tensor::ndarray::ArrayD;

/// The same numbers laid out with the first axis fastest.
fn column_major(x: &ArrayD<f64>) -> ArrayD<f64> {
    let reversed = x.t().as_standard_layout().into_owned();
    reversed.reversed_axes()
}

/// Runs a check on each row, in both layouts; names the row that fails.
fn each_row(check: impl Fn(&Row, &[ArrayD<f64>])) {
    for row in table() {
        let samples = row.samples();
        eprintln!("{}", row.name);
        check(&row, &samples);
        let turned: Vec<_> = samples.iter().map(column_major).collect();
        check(&row, &turned);
    }
}

#[test]
fn first_derivatives_are_those_of_the_values() {
    each_row(|row, inputs| {
        let report = gradcheck(row.in_f64, inputs).unwrap_or_else(|e| panic!("{}: {e}", row.name));
        // The samples keep off the kinks, so every element must have been compared.
        assert_eq!(report.kinks, [], "{}", row.name);
        assert_eq!(report.checked, inputs.iter().map(|x| x.len()).sum::<usize>());
    });
}

#[test]
fn second_derivatives_are_those_of_the_first() {
    each_row(|row, inputs| {
        let report =
            gradgradcheck(row.in_f64, inputs).unwrap_or_else(|e| panic!("{}: {e}", row.name));
        assert_eq!(report.kinks, [], "{}", row.name);
    });
}

#[test]
fn projections_agree_too() {
    each_row(|row, inputs| {
        gradcheck_projected(row.in_f64, inputs, 3).unwrap_or_else(|e| panic!("{}: {e}", row.name));
    });
}

#[test]
fn recording_changes_no_bit() {
    each_row(|row, inputs| {
        let tape = Tape::new();
        let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
        let y = (row.in_f64)(&leaves);
        let ones = ArrayD::ones(y.shape());
        let length = tape.len();
        let gradients = y.wants_gradient().then(|| y.backward_with(ones.clone()));
        assert_eq!(tape.len(), length, "{}: the tape was not cut back", row.name);
        let recorded = vjp(y, tape.constant(ones), &leaves);
        for (leaf, recorded) in leaves.iter().zip(recorded) {
            let unrecorded = gradients.as_ref().and_then(|g| g.get(*leaf));
            assert_eq!(
                unrecorded.map(|g| g.iter().map(|x| x.to_bits()).collect::<Vec<_>>()),
                recorded.map(|g| g.value().iter().map(|x| x.to_bits()).collect()),
                "{}",
                row.name
            );
            assert!(unrecorded.is_none_or(|g| g.is_standard_layout()), "{}", row.name);
        }
    });
}

/// f32 gradients lie within 64 units of 2⁻²⁴ of the f64 ones, relative to the largest element of
/// the gradient or 1, whichever is larger.
///
/// The inputs are exact in both, of size 1, and cotangents are 1. An operation of the table sums
/// at most 24 products and takes some ten roundings for each, with derivatives of size up to
/// some ten: worst-case analysis allows a few hundred units, random errors of both signs some ten.
/// A gradient that cancels to 0 (softmax: the cotangent of ones is its kernel) has nothing to be
/// relative to but the terms it is a sum of, which are of size 1.
#[test]
fn f32_gradients_agree_with_f64() {
    each_row(|row, inputs| {
        let exact = gradients_f64(row, inputs);
        let tape = Tape::new();
        let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.mapv(|x| x as f32))).collect();
        let y = (row.in_f32)(&leaves);
        if !y.wants_gradient() {
            return;
        }
        let gradients = y.backward_with(ArrayD::ones(y.shape()));
        for (leaf, exact) in leaves.iter().zip(&exact) {
            let Some(exact) = exact else {
                assert!(gradients.get(*leaf).is_none());
                continue;
            };
            let scale = exact.iter().fold(1.0_f64, |max, g| max.max(g.abs()));
            let pairs = gradients.get(*leaf).unwrap().iter().zip(exact);
            let error = pairs.fold(0.0_f64, |max, (&a, b)| max.max((f64::from(a) - b).abs()));
            let units = error / scale * 2f64.powi(24);
            eprintln!("   {units:.1} units");
            assert!(units <= 64.0, "{}: {units} units", row.name);
        }
    });
}

fn gradients_f64(row: &Row, inputs: &[ArrayD<f64>]) -> Vec<Option<ArrayD<f64>>> {
    let tape = Tape::new();
    let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let y = (row.in_f64)(&leaves);
    if !y.wants_gradient() {
        return vec![None; inputs.len()];
    }
    let mut gradients = y.backward_with(ArrayD::ones(y.shape()));
    leaves.iter().map(|leaf| gradients.take(*leaf)).collect()
}
