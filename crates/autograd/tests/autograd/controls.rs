//! Negative controls: checks that cannot fail check nothing.

use ulp_autograd::gradcheck::{gradcheck, gradcheck_projected, gradgradcheck};
use ulp_autograd::{Fused, FusedOp, Op, Tape, Value, Var};
use ulp_tensor::ndarray::{ArrayD, IxDyn, arr1, arr2};

/// What is wrong with the VJP of [`Wrong`].
#[derive(Clone, Copy)]
enum Fault {
    Factor(f64),
    Sign,
    Missing,
    /// An error the size of a sloppy constant: 0.79788 for √(2/π) is off by 10⁻⁶.
    Sloppy,
    /// Right at first order, but the tape does not see how the product depends on `x`.
    Severed,
}

/// `x³`, with a fault.
struct Wrong(Fault);

impl Op<f64> for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn forward(&self, inputs: &[&Value<f64>]) -> Value<f64> {
        inputs[0].mapv(|x| x * x * x).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, f64>],
        _output: Var<'t, f64>,
        cotangent: Var<'t, f64>,
    ) -> Vec<Option<Var<'t, f64>>> {
        let x = inputs[0];
        let right = cotangent * x * x * 3.0;
        vec![match self.0 {
            Fault::Factor(factor) => Some(right * factor),
            Fault::Sign => Some(-right),
            Fault::Missing => None,
            Fault::Sloppy => Some(right * (1.0 + 1e-6)),
            Fault::Severed => Some(cotangent * x.stop_gradient() * x.stop_gradient() * 3.0),
        }]
    }
}

fn wrong<'t>(fault: Fault, x: &[Var<'t, f64>]) -> Var<'t, f64> {
    x[0].tape().apply(Wrong(fault), x)
}

fn point() -> ArrayD<f64> {
    arr1(&[0.5, -1.25, 3.0]).into_dyn()
}

#[test]
fn a_wrong_vjp_is_caught() {
    for fault in
        [Fault::Factor(2.0), Fault::Factor(0.0), Fault::Sign, Fault::Missing, Fault::Sloppy]
    {
        assert!(gradcheck(|x| wrong(fault, x), &[point()]).is_err());
        assert!(gradcheck_projected(|x| wrong(fault, x), &[point()], 1).is_err());
    }
}

#[test]
fn the_message_says_where_and_by_how_much() {
    let x = arr1(&[1.0]).into_dyn();
    let error = gradcheck(|x| wrong(Fault::Factor(2.0), x), &[x]);
    let error = error.unwrap_err();
    assert_eq!((error.input, error.element), (0, 0));
    assert!((error.gradient / error.difference - 2.0).abs() < 1e-9);
    assert!(error.to_string().starts_with("input 0, element 0: the gradient is "));
}

#[test]
fn a_gradient_that_cannot_be_differentiated_is_caught_at_second_order() {
    assert!(gradcheck(|x| wrong(Fault::Severed, x), &[point()]).is_ok());
    assert!(gradgradcheck(|x| wrong(Fault::Severed, x), &[point()]).is_err());
}

/// `x²` by right kernels with the reference formula of `x³`.
struct Misdescribed;

impl FusedOp<f64> for Misdescribed {
    fn name(&self) -> &'static str {
        "misdescribed"
    }

    fn forward(&self, inputs: &[&Value<f64>]) -> Value<f64> {
        inputs[0].mapv(|x| x * x).into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<f64>],
        _output: &Value<f64>,
        cotangent: &Value<f64>,
        _wants: &[bool],
    ) -> Vec<Option<Value<f64>>> {
        vec![Some((inputs[0] * cotangent * 2.0).into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, f64>]) -> Var<'t, f64> {
        inputs[0] * inputs[0] * inputs[0]
    }
}

#[test]
fn a_reference_that_is_another_function_is_caught_at_second_order() {
    let inputs = [point()];
    assert!(gradcheck(|x| x[0].tape().apply(Fused::new(Misdescribed), x), &inputs).is_ok());
    assert!(gradgradcheck(|x| x[0].tape().apply(Fused::new(Misdescribed), x), &inputs).is_err());
}

#[test]
fn kinks_are_reported_and_not_checked() {
    let x = arr1(&[0.0, 1.0, -1.0, 0.0]).into_dyn();
    let report = gradcheck(|x| x[0].relu(), &[x]).unwrap();
    assert_eq!(report.kinks, [(0, 0), (0, 3)]);
    assert_eq!(report.checked, 2);
    let ties = arr2(&[[1.0, 1.0], [0.0, 2.0]]).into_dyn();
    let report = gradcheck(|x| x[0].max(&[1]), &[ties]).unwrap();
    assert_eq!(report.kinks, [(0, 0), (0, 1)]);
}

#[test]
fn a_nan_gradient_is_a_mismatch() {
    // √ at 0 has no slope: the gradient is infinite, the values to the left are NaN.
    let zero = ArrayD::zeros(IxDyn(&[1]));
    assert!(gradcheck(|x| x[0].sqrt(), &[zero]).is_err());
}

/// A product of the wrong shape: the sum over what was broadcast forgotten.
struct Unsummed;

impl Op<f64> for Unsummed {
    fn name(&self) -> &'static str {
        "unsummed"
    }

    fn forward(&self, inputs: &[&Value<f64>]) -> Value<f64> {
        ulp_tensor::add(inputs[0].view(), inputs[1].view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, f64>],
        _output: Var<'t, f64>,
        cotangent: Var<'t, f64>,
    ) -> Vec<Option<Var<'t, f64>>> {
        vec![Some(cotangent), Some(cotangent)]
    }
}

#[test]
#[should_panic(expected = "unsummed: a product [2, 2] for an input [2]")]
fn a_product_of_the_wrong_shape_is_refused() {
    let tape = Tape::new();
    let a = tape.leaf(arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    let b = tape.leaf(arr1(&[1.0, 2.0]));
    let _ = tape.apply(Unsummed, &[a, b]).sum_all().backward();
}
