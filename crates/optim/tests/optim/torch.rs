//! Every rule against PyTorch's own ten steps (golden/make_torch.py), in f32 and f64.

use serde_json::Value;
use ulp_optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, Muon, Optimizer, Param, RAdam, RmsProp, Rule,
    Sgd, clip_global_norm,
};
use ulp_tensor::Float;
use ulp_tensor::ndarray::{Array1, ArrayD};

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/torch.json")).expect("the committed golden file")
}

fn array<T: Float>(value: &Value) -> ArrayD<T> {
    let numbers = value.as_array().expect("a list").iter();
    let numbers = numbers.map(|x| T::from_f64(x.as_f64().expect("a number")));
    Array1::from_iter(numbers).into_dyn()
}

fn option(case: &Value, name: &str, default: f64) -> f64 {
    case["options"].get(name).map_or(default, |x| x.as_f64().expect("a number"))
}

fn beta(case: &Value, index: usize, default: f64) -> f64 {
    case["options"].get("betas").map_or(default, |b| b[index].as_f64().expect("a number"))
}

fn run<R: Rule, T: Float>(rule: R, golden: &Value, theirs: &Value, epsilon: f64) {
    let mut optimizer = Optimizer::new(rule).expect("a legal rule");
    let mut p = array::<T>(&golden["start"]);
    let steps = golden["gradients"].as_array().expect("a list");
    for (step, gradient) in steps.iter().enumerate() {
        let gradient = array::<T>(gradient);
        let value = p.view_mut();
        let param = Param { name: "p", value, gradient: Some(gradient.view()), group: 0 };
        optimizer.step(&mut [param]).expect("a legal step");
        let expected = match step {
            0 => &theirs[0],
            _ if step + 1 == steps.len() => &theirs[1],
            _ => continue,
        };
        // A step rounds about eight times where PyTorch may round otherwise (fused products,
        // division by reciprocal), each by at most an epsilon of a value below 4.
        let bound = 8.0 * 4.0 * epsilon * (step + 1) as f64;
        for (ours, theirs) in p.iter().zip(array::<f64>(expected).iter()) {
            let error = (ours.to_f64() - theirs).abs();
            assert!(error <= bound, "step {step}: {ours:?} {theirs}: {error:e} > {bound:e}");
        }
    }
}

fn run_case<T: Float>(golden: &Value, case: &Value, key: &str, epsilon: f64) {
    let theirs = &case[key];
    let given = |name: &str, default: f64| option(case, name, default);
    let flag = |name: &str| case["options"].get(name).is_some();
    let (learning_rate, weight_decay) = (given("lr", f64::NAN), given("weight_decay", 0.0));
    let (beta1, beta2) = (beta(case, 0, 0.9), beta(case, 1, 0.999));
    let eps = given("eps", 1e-8);
    match case["rule"].as_str() {
        Some("sgd") => {
            let (momentum, dampening) = (given("momentum", 0.0), given("dampening", 0.0));
            let nesterov = flag("nesterov");
            let rule = Sgd { learning_rate, momentum, dampening, weight_decay, nesterov };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        Some("adam") => {
            let rule = Adam { learning_rate, beta1, beta2, eps, weight_decay };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        Some("adamw") => {
            let weight_decay = given("weight_decay", 1e-2);
            let rule = AdamW { learning_rate, beta1, beta2, eps, weight_decay };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        Some("rmsprop") => {
            let (alpha, momentum) = (given("alpha", 0.99), given("momentum", 0.0));
            let centered = flag("centered");
            let rule = RmsProp { learning_rate, alpha, eps, weight_decay, momentum, centered };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        Some("adagrad") => {
            let rule = Adagrad {
                learning_rate,
                learning_rate_decay: given("lr_decay", 0.0),
                weight_decay,
                initial_sum: given("initial_accumulator_value", 0.0),
                eps: given("eps", 1e-10),
            };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        Some("adadelta") => {
            let (rho, eps) = (given("rho", 0.9), given("eps", 1e-6));
            let rule = Adadelta { learning_rate, rho, eps, weight_decay };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        Some("adamax") => {
            let rule = Adamax { learning_rate, beta1, beta2, eps, weight_decay };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        Some("radam") => {
            let rule = RAdam { learning_rate, beta1, beta2, eps, weight_decay };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        Some("lion") => {
            let beta2 = beta(case, 1, 0.99);
            let rule = Lion { learning_rate, beta1, beta2, weight_decay };
            run::<_, T>(rule, golden, theirs, epsilon);
        }
        other => panic!("unknown rule {other:?}"),
    }
}

#[test]
fn every_rule_takes_the_steps_of_pytorch() {
    let golden = golden();
    let cases = golden["cases"].as_array().expect("a list");
    assert_eq!(cases.len(), 23);
    for case in cases {
        run_case::<f32>(&golden, case, "f32", f64::from(f32::EPSILON));
        run_case::<f64>(&golden, case, "f64", f64::EPSILON);
    }
}

#[test]
fn clipping_is_that_of_pytorch() {
    let golden = golden();
    let mut gradient = array::<f64>(&golden["gradients"][0]);
    let norm = clip_global_norm(&mut [gradient.view_mut()], 1.0).expect("finite");
    let expected = golden["clip"]["norm"].as_f64().expect("a number");
    // Six squares summed in another order, and a root.
    assert!(fpbits::ulp_distance(norm, expected) <= 4, "{norm} {expected}");
    for (ours, theirs) in gradient.iter().zip(array::<f64>(&golden["clip"]["scaled"]).iter()) {
        assert!(fpbits::ulp_distance(*ours, *theirs) <= 8, "{ours} {theirs}");
    }
}

#[test]
fn muon_takes_the_steps_of_pytorch() {
    let golden = golden();
    let cases = golden["muon"].as_array().expect("a list");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).expect("a shape");
        let matrix = |value: &Value| array::<f64>(value).into_shape_with_order(shape.clone());
        let mut optimizer = Optimizer::new(Muon {
            learning_rate: option(case, "lr", 1e-3),
            momentum: option(case, "momentum", 0.95),
            weight_decay: option(case, "weight_decay", 0.1),
            nesterov: case["options"].get("nesterov").is_none(),
        })
        .expect("a legal rule");
        let mut p = matrix(&case["start"]).expect("as many as the shape says");
        for gradient in case["gradients"].as_array().expect("a list") {
            let gradient = matrix(gradient).expect("as many as the shape says");
            let (value, gradient) = (p.view_mut(), Some(gradient.view()));
            optimizer.step(&mut [Param { name: "p", value, gradient, group: 0 }]).expect("legal");
        }
        for (ours, theirs) in p.iter().zip(array::<f64>(&case["end"]).iter()) {
            // Each of five iterations multiplies an error by at most the polynomial's slope of 3.4.
            let bound = 4.0 * 512.0 * f64::EPSILON;
            assert!((ours - theirs).abs() <= bound, "{ours} {theirs}");
        }
    }
}
