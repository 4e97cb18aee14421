//! Values and gradients of operations against PyTorch's (`tests/golden/make_torch.py`), in both
//! precisions.

use crate::table::table;
use serde_json::Value;
use ulp_autograd::{Tape, Var};
use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, IxDyn};

/// Allowed errors in units of 2⁻⁵³ or 2⁻²⁴ of the largest element, or of 1: both sides round some ten
/// times for each of up to 24 terms, and their functions differ by a few ulps.
const UNITS: f64 = 64.0;

fn array<T: Float>(case: &Value) -> ArrayD<T> {
    let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).unwrap();
    let data: Vec<f64> = serde_json::from_value(case["data"].clone()).unwrap();
    let data = data.into_iter().map(T::from_f64).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), data).unwrap()
}

fn arrays<T: Float>(list: &Value) -> Vec<ArrayD<T>> {
    list.as_array().unwrap().iter().map(array).collect()
}

fn close<T: Float>(name: &str, what: &str, got: &ArrayD<T>, expected: &ArrayD<f64>) {
    assert_eq!(got.shape(), expected.shape(), "{name}: {what}");
    let scale = expected.iter().fold(1.0_f64, |max, x| max.max(x.abs()));
    let unit = scale * T::EPSILON.to_f64() / 2.0;
    let pairs = got.iter().zip(expected);
    let error = pairs.fold(0.0_f64, |max, (g, e)| max.max((g.to_f64() - e).abs()));
    assert!(error <= UNITS * unit, "{name}: {what} is {} units off", error / unit);
}

fn check<T: Float>(case: &Value, f: for<'t> fn(&[Var<'t, T>]) -> Var<'t, T>) {
    let name = case["name"].as_str().unwrap();
    let tape = Tape::new();
    let leaves: Vec<_> = arrays::<T>(&case["inputs"]).into_iter().map(|x| tape.leaf(x)).collect();
    let y = f(&leaves);
    close(name, "the value", &y.value().to_owned(), &array(&case["y"]));
    let gradients = y.backward_with(array::<T>(&case["dy"]));
    for (i, (leaf, expected)) in leaves.iter().zip(arrays(&case["gradients"])).enumerate() {
        let gradient = gradients.get(*leaf).expect("PyTorch has one");
        close(name, &format!("gradient {i}"), gradient, &expected);
    }
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let cases: Value = serde_json::from_str(include_str!("../golden/torch.json")).unwrap();
    let rows = table();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let row = rows.iter().find(|row| row.name == name).expect("a line of the table");
        check::<f64>(case, row.in_f64);
        check::<f32>(case, row.in_f32);
    }
}
