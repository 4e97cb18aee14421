//! A perceptron in bf16 against PyTorch's autocast on a CPU (golden/make_autocast_mlp.py).
//!
//! Both round the operands of a linear layer's three products to bf16 and sum in f32; u = 2⁻⁸ is the unit
//! of that rounding. Autocast also rounds what a product gives. Where that is an operand next, nothing is
//! different; what is left are the logits and the gradients of the parameters, and biases, which are
//! gradients summed before (here) or after (there) they are rounded.

use std::collections::BTreeMap;

use ulp_autograd::{LinearPrecision, Tape, grad};
use ulp_nn::{ArrayX, Mlp, Module, SafeTensors, cross_entropy};
use ulp_tensor::ndarray::{Array2, ArrayD, Axis, Dimension, IxDyn};
use ulp_tensor::softmax;

const WIDTHS: [usize; 4] = [12, 16, 12, 6];
const LAYERS: usize = WIDTHS.len() - 1;
const U: f64 = 1.0 / 256.0;

/// `crates/nn/tests/golden/autocast_mlp.safetensors`.
struct Fixture {
    file: SafeTensors<'static>,
    model: Mlp<ArrayX<f32>>,
}

impl Fixture {
    fn new() -> Self {
        let bytes = include_bytes!("../golden/autocast_mlp.safetensors");
        let file = SafeTensors::parse(bytes, "fixture").expect("the committed fixture");
        let weight = |path: &str| file.required(&format!("weight.{path}")).unwrap().to_f32();
        let model = Mlp::spec(&WIDTHS).map(|path, _| weight(path).unwrap().into_shared());
        Self { file, model }
    }

    fn floats(&self, name: &str) -> ArrayD<f32> {
        self.file.required(name).and_then(|t| t.to_f32()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn targets(&self) -> ArrayD<u32> {
        let targets = self.file.required("targets").and_then(|t| t.to_i64()).expect("integers");
        targets.mapv(|target| target.try_into().expect("a class"))
    }
}

/// What the tape says: each layer's output and its gradient, each parameter's gradient, the loss if there
/// is one.
struct Run {
    outputs: Vec<ArrayD<f32>>,
    output_gradients: Vec<ArrayD<f32>>,
    gradients: BTreeMap<String, ArrayD<f32>>,
    loss: Option<f32>,
}

/// Of Σ cotangent · logits, or without a cotangent of the cross-entropy.
fn run(fixture: &Fixture, precision: LinearPrecision, cotangent: Option<ArrayD<f32>>) -> Run {
    let tape = Tape::new();
    tape.set_linear_precision(precision);
    let model = fixture.model.bind(&tape);
    let mut x = tape.constant(fixture.floats("x"));
    let mut outputs = Vec::new();
    for layer in &model.layers {
        outputs.push(layer.forward(x));
        x = outputs[outputs.len() - 1].relu();
    }
    let logits = outputs[LAYERS - 1];
    assert_eq!(logits.value(), model.forward(tape.constant(fixture.floats("x"))).value());
    let (objective, loss) = match cotangent {
        Some(cotangent) => ((logits * tape.constant(cotangent)).sum_all(), None),
        None => {
            let loss = cross_entropy(logits, fixture.targets().view(), None);
            (loss, Some(loss.item()))
        }
    };
    let (mut wanted, mut names) = (outputs.clone(), Vec::new());
    model.visit(|path, p| {
        wanted.push(*p);
        names.push(path.to_owned());
    });
    let gradients = grad(objective, &wanted).into_iter();
    let mut output_gradients: Vec<_> = gradients.map(|g| g.unwrap().value().into_owned()).collect();
    let gradients = names.into_iter().zip(output_gradients.split_off(LAYERS)).collect();
    let outputs = outputs.iter().map(|y| y.value().into_owned()).collect();
    Run { outputs, output_gradients, gradients, loss }
}

/// The magnitudes of numbers as they are, and as bf16 has them.
fn magnitudes(x: &ArrayD<f32>) -> Array2<f64> {
    x.mapv(|x| f64::from(x.abs())).into_dimensionality().expect("a matrix")
}

fn rounded_magnitudes(x: &ArrayD<f32>) -> Array2<f64> {
    magnitudes(&x.mapv(|x| fpbits::bf16_to_f32(fpbits::bf16_from_f32(x))))
}

/// What the layers are given.
fn inputs(fixture: &Fixture, run: &Run) -> Vec<ArrayD<f32>> {
    let hidden = run.outputs[..LAYERS - 1].iter().map(|y| y.mapv(|y| y.max(0.0)));
    std::iter::once(fixture.floats("x")).chain(hidden).collect()
}

/// How far two sums of so many products may be apart, each within (terms + 18) · 2⁻²⁴ of the sum of
/// magnitudes on any unit (docs/numerics.md), and one of them rounded to bf16 then.
fn one_rounding(theirs: f64, size: f64, terms: usize) -> f64 {
    let half_ulp = if theirs == 0.0 { 0.0 } else { U * theirs.abs().log2().floor().exp2() };
    half_ulp + 2.0 * (terms + 18) as f64 * 2f64.powi(-24) * size
}

/// How many elements differ by more than `bound` allows of (their element, its index).
fn outside(
    ours: &ArrayD<f32>,
    theirs: &ArrayD<f32>,
    bound: impl Fn(f64, &[usize]) -> f64,
) -> usize {
    assert_eq!(ours.shape(), theirs.shape());
    let far = |(index, &theirs): (IxDyn, &f32)| {
        let (ours, theirs) = (f64::from(ours[&index]), f64::from(theirs));
        let error = (ours - theirs).abs();
        error.is_nan() || error > bound(theirs, index.slice())
    };
    theirs.indexed_iter().map(far).filter(|&far| far).count()
}

/// How many outputs of layers, and gradients of weights, are not those of autocast before they are rounded.
fn other_products(fixture: &Fixture, run: &Run) -> [usize; 2] {
    let (mut outputs, mut gradients) = (0, 0);
    for (i, x) in inputs(fixture, run).iter().enumerate() {
        let (weight, bias) = (format!("layers.{i}.weight"), format!("layers.{i}.bias"));
        let x = rounded_magnitudes(x);
        let w = rounded_magnitudes(&fixture.floats(&format!("weight.{weight}")));
        let b = fixture.floats(&format!("weight.{bias}")).mapv(|b| f64::from(b.abs()));
        let size = x.dot(&w.t()) + &b;
        outputs +=
            outside(&run.outputs[i], &fixture.floats(&format!("output.{i}")), |theirs, at| {
                one_rounding(theirs, size[[at[0], at[1]]], x.ncols() + 1)
            });
        let size = rounded_magnitudes(&run.output_gradients[i]).t().dot(&x);
        let theirs = fixture.floats(&format!("given.{weight}"));
        gradients += outside(&run.gradients[&weight], &theirs, |theirs, at| {
            one_rounding(theirs, size[[at[0], at[1]]], x.nrows())
        });
    }
    [outputs, gradients]
}

#[test]
fn each_product_is_that_of_autocast_before_it_is_rounded() {
    let fixture = Fixture::new();
    let given = |precision| run(&fixture, precision, Some(fixture.floats("cotangent")));
    let half = given(LinearPrecision::Bf16);
    assert_eq!(other_products(&fixture, &half), [0, 0]);
    // Operands that are not rounded show in half of the products.
    let [outputs, gradients] = other_products(&fixture, &given(LinearPrecision::Full));
    let all = |shapes: &[ArrayD<f32>]| shapes.iter().map(|x| x.len()).sum::<usize>();
    assert!(4 * outputs > all(&half.outputs), "{outputs}");
    let weights = WIDTHS.windows(2).map(|w| w[0] * w[1]).sum::<usize>();
    assert!(4 * gradients > weights, "{gradients}");
    // A bias gathers what autocast has rounded, and is rounded there.
    for (i, dy) in half.output_gradients.iter().enumerate() {
        let name = format!("layers.{i}.bias");
        let size = magnitudes(dy).sum_axis(Axis(0));
        let bound =
            |theirs, at: &[usize]| U * size[at[0]] + one_rounding(theirs, size[at[0]], dy.len());
        let theirs = fixture.floats(&format!("given.{name}"));
        assert_eq!(outside(&half.gradients[&name], &theirs, bound), 0, "{name}");
    }
}

/// Autocast rounds the logits, which moves each by at most d = u · max |z|: the loss by 2d, a probability
/// by a factor of e^2d. On the way back each of the two rounds what a layer is given: 2u for each layer from
/// the top. Relative to sums of magnitudes along that way, a gradient is off by at most e^(2d + 2ju) - 1 at
/// the j-th layer from the top; u more of itself, since autocast rounds it.
#[test]
fn loss_and_gradients_are_those_of_autocast_within_its_roundings() {
    let fixture = Fixture::new();
    let half = run(&fixture, LinearPrecision::Bf16, None);
    let logits = half.outputs[LAYERS - 1].mapv(f64::from);
    let d = U * logits.iter().fold(0.0_f64, |max, z| max.max(z.abs()));
    let theirs = *fixture.floats("loss").first().unwrap();
    let error = f64::from(half.loss.unwrap() - theirs).abs();
    assert!(error <= 2.0 * d, "the loss is off by {error:e} of {:e}", 2.0 * d);

    // The magnitudes of (softmax - target) / B, and from layer to layer.
    let batch = logits.shape()[0] as f64;
    let mut size: Array2<f64> = softmax(logits.view(), 1).into_dimensionality().unwrap() / batch;
    for (row, &target) in fixture.targets().iter().enumerate() {
        size[[row, target as usize]] += 1.0 / batch;
    }
    let inputs = inputs(&fixture, &half);
    for (j, i) in (1..).zip((0..LAYERS).rev()) {
        let share = (2.0 * d + 2.0 * U * f64::from(j)).exp() - 1.0;
        let check = |name: String, size: ArrayD<f64>| {
            let theirs = fixture.floats(&format!("gradient.{name}"));
            let ours = &half.gradients[&name];
            let bound = |theirs: f64, at: &[usize]| share * size[IxDyn(at)] + U * theirs.abs();
            assert_eq!(outside(ours, &theirs, bound), 0, "{name}");
            // Of the opposite sign it would be found.
            let turned = ours.mapv(|g| -g);
            assert!(outside(&turned, &theirs, bound) > ours.len() / 4, "{name} turned");
        };
        check(format!("layers.{i}.bias"), size.sum_axis(Axis(0)).into_dyn());
        let x = rounded_magnitudes(&inputs[i]);
        check(format!("layers.{i}.weight"), size.t().dot(&x).into_dyn());
        let w = rounded_magnitudes(&fixture.floats(&format!("weight.layers.{i}.weight")));
        let open = magnitudes(&inputs[i]).mapv(|x| f64::from(x > 0.0));
        size = size.dot(&w) * open;
    }
}
