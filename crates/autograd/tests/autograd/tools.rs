//! Jacobians, checkpoints, hooks, anomalies: what is built on the tape.

use crate::table::table;
use ulp_autograd::{AnomalyKind, Tape, Var, grad, hessian, hvp, jacobian, jvp};
use ulp_tensor::ndarray::{ArrayD, arr0, arr1, arr2};
use ulp_tensor::random;

/// ⟨w, J v⟩ = ⟨Jᵀ w, v⟩ for each operation.
#[test]
fn products_from_both_sides_agree() {
    for row in table() {
        let inputs = row.samples();
        let tape = Tape::new();
        let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
        let y = (row.in_f64)(&leaves);
        if !y.wants_gradient() {
            continue;
        }
        let draw = |shape: &[usize], stream| random::normal::<f64>(shape, 5, stream);
        let tangent = |(i, x): (usize, &Var<'_, f64>)| draw(&x.shape(), i as u64);
        let tangents: Vec<ArrayD<f64>> = leaves.iter().enumerate().map(tangent).collect();
        let vars: Vec<_> = tangents.iter().map(|v| tape.constant(v.clone())).collect();
        let w = draw(&y.shape(), 99);
        let left = jvp(y, &leaves, &vars).map_or(0.0, |jv| (&jv.value() * &w).sum());
        let gradients = y.backward_with(w.clone());
        let terms = leaves.iter().zip(&tangents);
        let right: f64 = terms.filter_map(|(x, v)| gradients.get(*x).map(|g| (g * v).sum())).sum();
        let scale = left.abs().max(right.abs()).max(1.0);
        assert!((left - right).abs() <= 1e-11 * scale, "{}: {left} {right}", row.name);
    }
}

#[test]
fn a_jacobian_holds_all_products() {
    let tape = Tape::new();
    let x = tape.leaf(random::normal::<f64>(&[2, 3], 1, 0));
    let w = tape.leaf(random::normal::<f64>(&[4, 3], 1, 1));
    let y = x.linear(w, None).tanh();
    let length = tape.len();
    let all = jacobian(y, x);
    assert_eq!((all.shape(), tape.len()), (&[2, 4, 2, 3][..], length));
    let v = random::normal::<f64>(&[2, 3], 1, 2);
    let product = jvp(y, &[x], &[tape.constant(v.clone())]).unwrap().value();
    for (index, &found) in product.indexed_iter() {
        let right: f64 =
            v.indexed_iter().map(|(j, v)| all[[index[0], index[1], j[0], j[1]]] * v).sum();
        assert!((found - right).abs() < 1e-14);
    }
    let z = tape.leaf(arr1(&[0.3_f64, -0.7]));
    let loss = (z.exp() * z.sum_all()).sum_all();
    let all = hessian(loss, z);
    let along = hvp(loss, &[z], &[tape.constant(arr1(&[1.0, 2.0]))])[0].unwrap().value();
    for i in 0..2 {
        assert!((along[i] - all[[i, 0]] - 2.0 * all[[i, 1]]).abs() < 1e-14);
        assert!((all[[0, 1]] - all[[1, 0]]).abs() < 1e-15);
    }
    assert_eq!(hessian(z.sum_all(), z), ArrayD::<f64>::zeros(vec![2, 2]));
}

fn block<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    x[0].linear(x[1], None).silu().softmax(-1) * x[0]
}

#[test]
fn a_checkpoint_changes_no_bit() {
    let inputs = [random::normal::<f64>(&[3, 4], 1, 0), random::normal::<f64>(&[4, 4], 1, 1)];
    let run = |checkpointed: bool| {
        let tape = Tape::new();
        let leaves = inputs.clone().map(|x| tape.leaf(x));
        let step = |x| {
            if checkpointed {
                tape.checkpoint(block, &[x, leaves[1]])
            } else {
                block(&[x, leaves[1]])
            }
        };
        let loss = step(step(leaves[0])).sum_all();
        let length = tape.len();
        let gradients = loss.backward();
        // And a second time, on the tape.
        let first = grad(loss, &leaves)[1].unwrap();
        let second = grad((first * first).sum_all(), &leaves)[0].unwrap().value();
        let [a, b] = leaves.map(|leaf| gradients.get(leaf).unwrap().clone());
        (loss.item(), a, b, second, length)
    };
    let (kept, again) = (run(false), run(true));
    assert_eq!((&kept.0, &kept.1, &kept.2), (&again.0, &again.1, &again.2));
    assert!((&kept.3 - &again.3).iter().all(|d| d.abs() < 1e-12));
    assert!(again.4 < kept.4, "{} values with checkpoints, {} without", again.4, kept.4);
}

#[test]
fn an_anomaly_is_named_where_it_is_born() {
    let tape = Tape::new();
    tape.watch();
    let x = tape.leaf(arr1(&[1.0_f32, 60.0, 90.0]));
    let y = tape.within("layers.0", || tape.within("mlp", || x.exp()) * 2.0);
    let _ = (y - y).sum_all();
    let found = tape.anomaly().unwrap();
    assert_eq!(found.to_string(), "infinity born in exp in layers.0.mlp, element 2 of [3]");

    // On the way back: the slope of √ at 0.
    let tape = Tape::new();
    tape.watch();
    let x = tape.leaf(arr2(&[[1.0_f64, 0.0]]));
    let y = tape.within("norm", || x.sqrt()).sum_all();
    assert_eq!(tape.anomaly(), None);
    let _ = y.backward();
    let found = tape.anomaly().unwrap();
    assert_eq!((found.operation, found.backward, found.element), ("sqrt", true, 1));
    assert_eq!((found.kind, &found.path[..]), (AnomalyKind::Infinity, "norm"));

    // Two in three are too small for f32; a rectifier's zeros are none.
    let tape = Tape::new();
    tape.watch();
    let x = tape.leaf(arr1(&[-1.0_f32, -200.0, -300.0]));
    let _ = x.relu();
    assert_eq!(tape.anomaly(), None);
    let _ = x.exp();
    assert_eq!(tape.anomaly().unwrap().kind, AnomalyKind::Underflow);
}

#[test]
fn a_picture_shows_what_was_used_only() {
    let tape = Tape::new();
    let (x, c) = (tape.leaf(arr0(1.0_f64)), tape.constant(arr0(2.0)));
    let _unused = x.exp();
    let picture = (x * c).to_dot();
    assert!(picture.contains("leaf") && picture.contains("constant") && picture.contains("mul"));
    assert!(!picture.contains("exp"));
}
