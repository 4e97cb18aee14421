//! What the tape promises beside right derivatives.

use proptest::prelude::*;
use ulp_autograd::gradcheck::gradcheck_projected;
use ulp_autograd::{Tape, Var, concat, grad, hvp};
use ulp_tensor::ndarray::{Array1, Array2, ArrayD, IxDyn, arr0, arr1, arr2};
use ulp_tensor::random;

/// A forward and backward pass through most of the operations, large enough to be split among
/// threads.
fn gradients_of_a_network() -> Vec<u32> {
    let tape = Tape::<f32>::new();
    let leaf = |shape: &[usize], stream| tape.leaf(random::normal::<f32>(shape, 1, stream) * 0.2);
    let (b, t, h, kv, d) = (2, 70, 4, 2, 32);
    let c = h * d;
    let table = leaf(&[50, c], 0);
    let ids =
        ulp_tensor::ndarray::Array2::from_shape_fn((b, t), |(i, j)| (i * 31 + j * 7) as u32 % 50);
    let x = table.embedding(ids.view().into_dyn());
    let norm = leaf(&[c], 1);
    let n = x.rms_norm(norm, 1e-5);
    let (wq, wk, wv) = (leaf(&[c, c], 2), leaf(&[kv * d, c], 3), leaf(&[kv * d, c], 4));
    let frequencies: Vec<f32> = (0..d / 2).map(|i| 1.0 / (1.0 + i as f32)).collect();
    let q = n.linear(wq, None).reshape(&[b, t, h, d]).rope(&frequencies, 0);
    let k = n.linear(wk, None).reshape(&[b, t, kv, d]).rope(&frequencies, 0);
    let v = n.linear(wv, None).reshape(&[b, t, kv, d]);
    let x = x + q.attention(k, v, 0.2, true).reshape(&[b, t, c]);
    let (w, bias) = (leaf(&[c], 5), leaf(&[c], 6));
    let n = x.layer_norm(w, bias, 1e-5);
    let (gate, up, down) = (leaf(&[300, c], 7), leaf(&[300, c], 8), leaf(&[c, 300], 9));
    let x = x + n.linear(gate, None).silu_mul(n.linear(up, None)).linear(down, None);
    let x = x + x.gelu().dropout(0.1, 3, 4) * x.softmax(-1).mean_keepdim(&[0]);
    let logits = x.linear(table, None).reshape(&[b * t, 50]);
    let targets: Vec<u32> = (0..b * t).map(|i| (i * 13 % 50) as u32).collect();
    let loss = logits.cross_entropy(&targets, Some(7));
    let gradients = loss.backward();
    let leaves = [table, norm, wq, wk, wv, w, bias, gate, up, down];
    let mut bits = vec![loss.item().to_bits()];
    for leaf in leaves {
        bits.extend(gradients.get(leaf).unwrap().iter().map(|g| g.to_bits()));
    }
    bits
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let in_pool = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(gradients_of_a_network)
    };
    let one = in_pool(1);
    assert!(one.iter().all(|&bits| f32::from_bits(bits).is_finite()));
    assert!(one == in_pool(2), "2 threads give other bits than 1");
    assert!(one == in_pool(4), "4 threads give other bits than 1");
}

#[test]
fn sizes_beyond_one_block_are_right() {
    let sample = |shape: &[usize], stream| random::normal::<f64>(shape, 9, stream);
    // Attention works in blocks of 64 queries, products in blocks of 256 along K, sums in blocks
    // of 4096: each is exceeded here.
    let qkv = [sample(&[1, 70, 2, 4], 0), sample(&[1, 75, 1, 4], 1), sample(&[1, 75, 1, 4], 2)];
    gradcheck_projected(|x| x[0].attention(x[1], x[2], 0.5, true), &qkv, 2).unwrap();
    let factors = [sample(&[3, 300], 3), sample(&[300, 5], 4)];
    gradcheck_projected(|x| x[0].matmul(x[1]), &factors, 2).unwrap();
    let maps = [sample(&[70, 20], 5), sample(&[300, 20], 6), sample(&[300], 7)];
    gradcheck_projected(|x| x[0].linear(x[1], Some(x[2])).tanh(), &maps, 2).unwrap();
    let long = [sample(&[3, 5000], 8), sample(&[5000], 9)];
    gradcheck_projected(|x| x[0].rms_norm(x[1], 1e-5), &long, 2).unwrap();
    gradcheck_projected(|x| x[0].softmax(-1) * x[1], &long, 2).unwrap();
    gradcheck_projected(|x| (x[0] * x[1]).sum(&[1]), &long, 2).unwrap();
}

#[test]
fn an_empty_batch_has_zero_gradients() {
    let tape = Tape::new();
    let x = tape.leaf(ArrayD::<f32>::zeros(IxDyn(&[0, 3])));
    let w = tape.leaf(ArrayD::<f32>::ones(IxDyn(&[2, 3])));
    let gradients = x.linear(w, None).silu().sum_all().backward();
    assert_eq!(gradients.get(x).unwrap().shape(), [0, 3]);
    assert!(gradients.get(w).unwrap().iter().all(|&g| g == 0.0));
}

#[test]
fn derivatives_of_any_order() {
    // tanh' = 1 - t², tanh'' = -2t(1 - t²), tanh''' = -2(1 - t²)(1 - 3t²).
    let tape = Tape::new();
    let x = tape.leaf(arr0(0.3_f64));
    let first = grad(x.tanh(), &[x])[0].unwrap();
    let second = grad(first, &[x])[0].unwrap();
    let third = grad(second, &[x])[0].unwrap();
    let t = 0.3_f64.tanh();
    let right = -2.0 * (1.0 - t * t) * (1.0 - 3.0 * t * t);
    assert!((third.item() - right).abs() < 1e-14);

    // SiLU is fused: its third derivative goes through the reference of the VJP's VJP.
    let x = tape.leaf(arr0(0.0_f64));
    let mut y = x.silu();
    let mut derivatives = vec![y.item()];
    for _ in 0..4 {
        y = grad(y, &[x])[0].unwrap();
        derivatives.push(y.item());
    }
    // x σ(x) = x/2 + x²/4 - x⁴/48 + …
    for (found, right) in derivatives.iter().zip([0.0, 0.5, 0.5, 0.0, -0.5]) {
        assert!((found - right).abs() < 1e-14, "{derivatives:?}");
    }
}

#[test]
fn inputs_that_depend_on_each_other_keep_their_partial_derivatives_apart() {
    // y = f(x, g(x)) with f fused: the second derivative must count each path once.
    let tape = Tape::new();
    let x = tape.leaf(arr1(&[0.7_f64, -0.4]));
    let total = |x: Var<'_, f64>| x.silu_mul(x.tanh()).sum_all().item();
    let first = grad(x.silu_mul(x.tanh()).sum_all(), &[x])[0].unwrap();
    let second = grad(first.sum_all(), &[x])[0].unwrap().value();
    let h = 2f64.powi(-13);
    for i in 0..2 {
        let at = |step: f64| {
            let tape = Tape::new();
            let mut moved = x.value().to_owned();
            moved[i] += step;
            total(tape.leaf(moved))
        };
        // Central second difference: truncation h²/12 f'''' ≈ 10⁻⁹·4, rounding 4u/h² ≈ 6·10⁻⁸.
        let difference = (at(h) - 2.0 * at(0.0) + at(-h)) / (h * h);
        assert!((second[i] - difference).abs() < 2e-7, "{} and {difference}", second[i]);
    }
}

#[test]
fn hessian_vector_products_need_no_hessian() {
    // f = ½ xᵀAx with A symmetric: H = A.
    let a = arr2(&[[2.0_f64, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 4.0]]);
    let tape = Tape::new();
    let x = tape.leaf(arr1(&[0.1, 0.2, 0.3]));
    let v = arr1(&[1.0, -2.0, 0.5]);
    let loss = (x.linear(tape.constant(a.clone()), None) * x).sum_all() * 0.5;
    let hv = hvp(loss, &[x], &[tape.constant(v.clone())])[0].unwrap().value();
    assert!(hv.iter().zip(&a.dot(&v)).all(|(a, b)| (a - b).abs() < 1e-15));
}

#[test]
fn a_tape_can_be_walked_twice() {
    let tape = Tape::new();
    let x = tape.leaf(arr1(&[1.0_f32, 2.0]));
    let loss = (x.exp() * x).sum_all();
    assert_eq!(loss.backward().get(x), loss.backward().get(x));
}

#[test]
fn constants_and_dead_ends_cost_no_record() {
    let tape = Tape::new();
    let (x, c) = (tape.leaf(arr0(2.0_f32)), tape.constant(arr0(3.0_f32)));
    assert!(!(c * c).wants_gradient());
    assert!(!x.stop_gradient().exp().wants_gradient());
    assert!(!tape.no_grad(|| x.exp()).wants_gradient());
    assert!((x * c).wants_gradient());
    assert!(grad(x * c, &[x])[0].is_some());
    let unused = tape.leaf(arr0(1.0_f32));
    assert!(grad(x * c, &[unused])[0].is_none());
    let later = x * c;
    assert!(grad(x.exp(), &[later])[0].is_none());
}

#[test]
fn recording_is_restored_after_a_panic() {
    let tape = Tape::<f32>::new();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tape.no_grad(|| panic!("on purpose"));
    }));
    assert!(caught.is_err() && tape.is_recording());
}

#[test]
#[should_panic(expected = "Var of another tape")]
fn tapes_do_not_mix() {
    let (one, other) = (Tape::new(), Tape::new());
    let _ = one.leaf(arr0(1.0_f32)) + other.leaf(arr0(1.0_f32));
}

#[test]
#[should_panic(expected = "these gradients belong to another tape")]
fn gradients_do_not_mix() {
    let (one, other) = (Tape::new(), Tape::new());
    let gradients = one.leaf(arr0(1.0_f32)).backward();
    let _ = gradients.get(other.leaf(arr0(1.0_f32)));
}

#[test]
#[should_panic(expected = "wants a single number, not a value of shape [2]")]
fn backward_wants_a_scalar() {
    let tape = Tape::new();
    let _ = tape.leaf(arr1(&[1.0_f32, 2.0])).backward();
}

#[test]
#[should_panic(expected = "with respect to a constant")]
fn grad_refuses_constants() {
    let tape = Tape::new();
    let (x, c) = (tape.leaf(arr0(1.0_f32)), tape.constant(arr0(1.0_f32)));
    let _ = grad(x * c, &[c]);
}

#[test]
fn views_share_one_buffer() {
    let tape = Tape::new();
    let x = tape.leaf(Array2::<f32>::zeros((4, 6)));
    let start = x.value().as_ptr();
    for view in [x.reshape(&[24]), x.permute(&[1, 0]), x.slice(0, 0..2), x.reshape(&[2, 2, 6])] {
        assert_eq!(view.value().as_ptr(), start);
    }
    assert_eq!(x.slice(0, 1..).value().as_ptr(), start.wrapping_add(6));
}

proptest! {
    /// The gradient is linear in the cotangent; with weights that are powers of two, exactly.
    #[test]
    fn backward_is_linear(x in prop::collection::vec(-2.0f64..2.0, 1..40), k in -8i32..8) {
        let factor = 2f64.powi(k);
        let gradient = |weight: f64| {
            let tape = Tape::new();
            let x = tape.leaf(Array1::from(x.clone()));
            let loss = (x.tanh() * x + x.silu().softmax(0)).sum_all();
            loss.backward_with(arr0(weight)).take(x).unwrap()
        };
        prop_assert_eq!(gradient(factor), gradient(1.0) * factor);
    }

    /// Cutting a value apart and joining it again is the identity, both ways.
    #[test]
    fn slices_joined_are_the_whole(n in 2usize..20, at in 1usize..19) {
        let at = at.min(n - 1);
        let tape = Tape::new();
        let x = tape.leaf(random::normal::<f64>(&[n, 3], 5, 0));
        let weights = random::normal::<f64>(&[n, 3], 5, 1);
        let joined = concat(&[x.slice(0, ..at as isize), x.slice(0, at as isize..)], 0);
        prop_assert_eq!(joined.value(), x.value());
        let gradients = joined.backward_with(weights.clone());
        prop_assert_eq!(gradients.get(x).unwrap(), &weights);
    }

    /// Whatever broadcasts, the gradient of the sum counts how often each element was used.
    #[test]
    fn broadcasting_counts_uses(a in prop::collection::vec(1usize..4, 0..4), mask in 0u8..16, cut in 0usize..4) {
        let b: Vec<usize> = a.iter().enumerate()
            .map(|(i, &n)| if mask >> i & 1 == 1 { 1 } else { n })
            .skip(cut.min(a.len()))
            .collect();
        let tape = Tape::new();
        let x = tape.leaf(ArrayD::<f32>::ones(IxDyn(&a)));
        let y = tape.leaf(ArrayD::<f32>::ones(IxDyn(&b)));
        let gradients = (x * y).sum_all().backward();
        let uses = (x.len() / y.len()) as f32;
        prop_assert!(gradients.get(x).unwrap().iter().all(|&g| g == 1.0));
        prop_assert!(gradients.get(y).unwrap().iter().all(|&g| g == uses));
    }
}
