//! Schedules against PyTorch's own learning rates (golden/make_schedules.py), and their borders.

use serde_json::Value;
use ulp_optim::{
    CosineRestarts, Exponential, OneCycle, Polynomial, Schedule, StepDecay, WarmupCosine,
    WarmupInverseSqrt, WarmupStableDecay,
};

fn schedule(case: &Value) -> Box<dyn Schedule> {
    let number = |name: &str| case[name].as_f64().expect(name);
    let count = |name: &str| case[name].as_u64().expect(name);
    let start = number("start");
    match case["schedule"].as_str() {
        Some("step_decay") => {
            let steps: Vec<u64> = serde_json::from_value(case["steps"].clone()).expect("steps");
            Box::new(StepDecay::new(start, number("factor"), &steps).expect("legal"))
        }
        Some("exponential") => Box::new(Exponential::new(start, number("factor")).expect("legal")),
        Some("polynomial") => {
            Box::new(Polynomial::new(start, number("power"), count("total")).expect("legal"))
        }
        Some("cosine_restarts") => {
            let (first, growth) = (count("first"), count("growth"));
            Box::new(CosineRestarts::new(start, number("floor"), first, growth).expect("legal"))
        }
        Some("one_cycle") => Box::new(OneCycle::new(start, count("total")).expect("legal")),
        other => panic!("unknown schedule {other:?}"),
    }
}

#[test]
fn rates_are_those_of_pytorch() {
    let golden: Vec<Value> =
        serde_json::from_str(include_str!("../golden/schedules.json")).expect("the golden file");
    assert_eq!(golden.len(), 7);
    for case in &golden {
        let (ours, rates) = (schedule(case), case["rates"].as_array().expect("rates"));
        assert_eq!(rates.len(), 60);
        for (step, theirs) in rates.iter().enumerate() {
            let (ours, theirs) =
                (ours.learning_rate(step as u64), theirs.as_f64().expect("a rate"));
            // PyTorch multiplies the last rate by a ratio in each step: it drifts by half an ulp
            // each time, and where 1 + cos cancels by an ulp of the largest rate.
            let bound = 60.0 * f64::EPSILON * theirs + 4.0 * f64::EPSILON * 0.3;
            assert!((ours - theirs).abs() <= bound, "{case}: step {step}: {ours} {theirs}");
        }
    }
}

#[test]
fn no_step_is_out_of_range() {
    let schedules: [Box<dyn Schedule>; 8] = [
        Box::new(WarmupCosine::new(1.0, 0.1, 0, 0).expect("legal")),
        Box::new(WarmupStableDecay::new(1.0, 0.1, 0, 0, 0).expect("legal")),
        Box::new(WarmupStableDecay::new(1.0, 0.1, 3, 4, 7).expect("legal")),
        Box::new(WarmupInverseSqrt::new(1.0, 1).expect("legal")),
        Box::new(OneCycle::new(1.0, 7).expect("legal")),
        Box::new(CosineRestarts::new(1.0, 0.0, 1, 2).expect("legal")),
        Box::new(Polynomial::new(1.0, 0.5, 1).expect("legal")),
        Box::new(Exponential::new(1.0, 0.999).expect("legal")),
    ];
    for schedule in &schedules {
        for step in [0, 1, 2, 3, 6, 7, 1000, 1 << 40, u64::MAX - 1] {
            let rate = schedule.learning_rate(step);
            assert!((0.0..=1.0).contains(&rate), "step {step}: {rate}");
        }
    }
}

#[test]
fn what_means_nothing_is_refused() {
    assert!(WarmupStableDecay::new(1.0, 0.0, 5, 6, 10).is_err());
    assert!(WarmupStableDecay::new(1.0, 0.0, 5, u64::MAX, 10).is_err());
    assert!(WarmupStableDecay::new(1.0, 2.0, 1, 1, 10).is_err());
    assert!(WarmupInverseSqrt::new(1.0, 0).is_err());
    assert!(CosineRestarts::new(1.0, 0.0, 0, 1).is_err());
    assert!(CosineRestarts::new(f64::NAN, 0.0, 1, 1).is_err());
    assert!(Polynomial::new(1.0, -1.0, 5).is_err());
    assert!(OneCycle::new(1.0, 6).is_err());
    assert!(StepDecay::new(1.0, f64::INFINITY, &[1]).is_err());
}
