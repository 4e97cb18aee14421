//! Activations within a budget: the same bits, whatever is kept, and never more than allowed.

use std::cell::Cell;
use std::rc::Rc;

use ulp_autograd::{Tape, Var, grad};
use ulp_tensor::ndarray::{ArrayD, arr1};
use ulp_tensor::random;

const N: usize = 64;

fn draw(shape: &[usize], stream: u64) -> ArrayD<f32> {
    random::normal(shape, 8, stream)
}

/// A residual block, which uses its input three times and its weight twice.
fn block<'t>(x: &[Var<'t, f32>]) -> Var<'t, f32> {
    let inner = x[0].linear(x[1], None).silu() * x[0];
    x[0] + inner.linear(x[1], None).tanh()
}

/// The bytes of a block's activations: linear, silu, mul, linear, tanh.
const BLOCK: usize = 5 * 4 * N;

/// What a net gives: loss, gradients, and how often a block was computed on the way back.
struct Run {
    loss: f32,
    gradients: Vec<ArrayD<f32>>,
    again: usize,
    peak: usize,
    kept: usize,
}

/// Blocks with shared weights and connections across them; `budget` none: without segments.
fn run(blocks: usize, budget: Option<usize>) -> Run {
    let tape = Tape::new();
    let leaves: Vec<_> = [vec![4, N / 4], vec![N / 4, N / 4], vec![N / 4, N / 4]]
        .iter()
        .zip(0..)
        .map(|(shape, stream)| tape.leaf(draw(shape, stream) * 0.3))
        .collect();
    if let Some(budget) = budget {
        tape.set_activation_budget(budget);
    }
    let calls = Rc::new(Cell::new(0));
    let mut x = leaves[0];
    for i in 0..blocks {
        let inputs = [x, leaves[1 + i % 2]];
        let calls = Rc::clone(&calls);
        let y = match budget {
            None => block(&inputs),
            Some(_) => tape.segment(
                move |inputs| {
                    calls.set(calls.get() + 1);
                    block(inputs)
                },
                &inputs,
            ),
        };
        // Each second block's input goes around the block, too.
        x = if i % 2 == 0 { y * x } else { y };
    }
    let loss = x.mean_all();
    let kept = tape.activation_bytes();
    let forward = calls.get();
    let gradients = loss.backward();
    let gradients = leaves.iter().map(|leaf| gradients.get(*leaf).unwrap().clone()).collect();
    let (again, peak) = (calls.get() - forward, tape.peak_activation_bytes());
    Run { loss: loss.item(), gradients, again, peak, kept }
}

#[test]
fn the_budget_changes_no_bit() {
    let plain = run(9, None);
    for budget in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 9 * BLOCK, usize::MAX] {
        let segments = run(9, Some(budget));
        assert_eq!(plain.loss.to_bits(), segments.loss.to_bits());
        assert_eq!(plain.gradients, segments.gradients, "budget {budget}");
    }
}

#[test]
fn what_is_kept_stays_within_the_budget() {
    // A running block has its result too, for a moment.
    let least = BLOCK + 4 * N;
    for budget in (least..11 * BLOCK).step_by(BLOCK / 4) {
        let run = run(10, Some(budget));
        assert!(run.peak <= budget, "{} bytes of {budget}", run.peak);
        assert!(run.kept <= budget);
    }
    // Less than a block needs: it runs alone, and nothing is kept.
    let run = run(10, Some(10));
    assert_eq!((run.peak, run.kept, run.again), (least, 0, 10));
}

#[test]
fn no_more_is_computed_again_than_has_to_be() {
    let all = run(10, Some(10 * BLOCK + 4 * N));
    assert_eq!((all.again, all.kept), (0, 10 * BLOCK));
    // Half of them are kept on the way there. On the way back the last makes room, which costs
    // nothing, as it has been passed.
    let half = run(10, Some(5 * BLOCK + 4 * N));
    assert_eq!((half.again, half.kept), (5, 5 * BLOCK));
}

/// Segments of 3, 1, 5 and 2 values within a budget of 7 (and the result of the one that runs).
#[test]
fn the_smallest_that_is_enough_is_given_up() {
    let tape = Tape::new();
    let runs = Rc::new(Cell::new(0_u32));
    tape.set_activation_budget(7 * 4 * N);
    let x = tape.leaf(draw(&[N], 0));
    let segment = |x, n: usize, digit: u32| {
        let runs = Rc::clone(&runs);
        tape.segment(
            move |x| {
                runs.set(10 * runs.get() + digit);
                tanhs(x[0], n + 1)
            },
            &[x],
        )
    };
    let x3 = segment(x, 3, 3);
    let x1 = segment(x3, 1, 1);
    assert_eq!(tape.activation_bytes(), 4 * 4 * N);
    // Three values fit; then 1 is enough, for the result 3 has to go.
    let x5 = segment(x1, 5, 5);
    assert_eq!(tape.activation_bytes(), 5 * 4 * N);
    let x2 = segment(x5, 2, 2);
    assert_eq!(tape.activation_bytes(), 2 * 4 * N);
    runs.set(0);
    let _ = x2.sum_all().backward();
    assert_eq!(runs.get(), 513, "all but the last, from behind");
}

fn tanhs<'t>(x: Var<'t, f32>, n: usize) -> Var<'t, f32> {
    (0..n).fold(x, |x, _| x.tanh())
}

#[test]
fn shared_buffers_count_once() {
    let tape = Tape::new();
    let x = tape.leaf(draw(&[N], 0));
    let y = tape.segment(|x| reshaped(x[0]), &[x]);
    assert_eq!(
        tape.activation_bytes(),
        4 * N,
        "exp is kept, its shapes share it; tanh is the result"
    );
    assert_eq!(y.shape(), [N]);
    let same = tape.segment(|x| x[0], &[x]);
    assert_eq!(tape.activation_bytes(), 4 * N);
    assert!(same.backward_with(arr1(&[1.0; N])).get(x).is_some());
}

fn reshaped<'t>(x: Var<'t, f32>) -> Var<'t, f32> {
    x.reshape(&[8, N / 8]).exp().reshape(&[N]).tanh()
}

#[test]
fn segments_and_checkpoints_may_be_nested() {
    fn inner<'t>(x: &[Var<'t, f32>]) -> Var<'t, f32> {
        let y = x[0].tape().segment(block, x);
        x[0] * x[0].tape().checkpoint(block, &[y, x[1]])
    }
    let gradients = |budget: Option<usize>, plain: bool| {
        let tape = Tape::new();
        let x = tape.leaf(draw(&[4, N / 4], 0) * 0.3);
        let w = tape.leaf(draw(&[N / 4, N / 4], 1) * 0.3);
        budget.inspect(|&budget| tape.set_activation_budget(budget));
        let y = if plain { x * block(&[block(&[x, w]), w]) } else { tape.segment(inner, &[x, w]) };
        let mut gradients = (y * x).sum_all().backward();
        [x, w].map(|leaf| gradients.take(leaf).unwrap())
    };
    let expected = gradients(None, true);
    assert_eq!(gradients(None, false), expected);
    assert_eq!(gradients(Some(0), false), expected);
}

#[test]
fn a_recorded_gradient_keeps_what_it_went_through() {
    let second = |budget: usize| {
        let tape = Tape::new();
        tape.set_activation_budget(budget);
        let x = tape.leaf(arr1(&[0.3_f64, -0.7]));
        let y = tape.segment(|x| cube_of_exp(x[0]), &[x]);
        let z = tape.segment(|y| cube_of_exp(y[0]), &[y]);
        let first = grad(z.sum_all(), &[x])[0].unwrap();
        tape.set_activation_budget(0);
        grad((first * first).sum_all(), &[x])[0].unwrap().value()
    };
    let difference = &second(usize::MAX) - &second(0);
    assert!(difference.iter().all(|d: &f64| d.abs() < 1e-9), "{difference}");
}

fn cube_of_exp<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let e = (x * 0.1).exp();
    e * e * x
}

#[test]
fn without_gradients_nothing_is_kept() {
    let tape = Tape::new();
    let x = tape.constant(draw(&[N], 0));
    let y = tape.segment(|x| tanhs(x[0], 3), &[x]);
    assert_eq!((tape.len(), tape.activation_bytes()), (2, 0));
    assert_eq!(y.value(), tanhs(x, 3).value());
    let w = tape.leaf(draw(&[N], 1));
    let before = tape.len();
    tape.no_grad(|| tape.segment(|x| tanhs(x[0], 3), &[w]));
    assert_eq!(tape.len(), before + 1);
}

/// The VJP of what was computed again is reported under the path that it was made in.
#[test]
fn an_anomaly_on_the_way_back_has_its_path() {
    for budget in [0, usize::MAX] {
        let tape = Tape::new();
        tape.watch();
        tape.set_activation_budget(budget);
        let x = tape.leaf(arr1(&[1.0_f64, 0.0]));
        let y = tape.within("layers.3", || tape.segment(|x| root_within(x[0]), &[x]));
        let _ = y.sum_all().backward();
        let found = tape.anomaly().unwrap();
        assert_eq!((found.operation, found.backward), ("sqrt", true));
        assert_eq!(found.path, "layers.3.norm", "budget {budget}");
    }
}

fn root_within<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    x.tape().within("norm", || x.sqrt()) * 2.0
}
