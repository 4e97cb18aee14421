//! Operations beside `ndarray`'s own, taken in turns: the median of the rounds' ratios, above 1 where
//! ours is faster.
//!
//! ```text
//! cargo run --release -p ulp-benches --example versus_ndarray
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayD, Axis};
use ulp_tensor::{self as ulp, random};

/// Rounds of a pair.
const ROUNDS: usize = 15;
/// Each side of a round runs at least as long.
const AT_LEAST: Duration = Duration::from_millis(4);

/// Seconds a call.
fn time(f: &mut dyn FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < AT_LEAST {
        f();
        calls += 1;
    }
    start.elapsed().as_secs_f64() / f64::from(calls)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(name: &str, ours: &mut dyn FnMut(), theirs: &mut dyn FnMut()) {
    let rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (time(ours), time(theirs))).collect();
    let ratio = median(rounds.iter().map(|(ours, theirs)| theirs / ours).collect());
    let microseconds = 1e6 * median(rounds.iter().map(|(ours, _)| *ours).collect());
    println!("{name:32} {microseconds:12.1} us   {ratio:6.2}x ndarray");
}

fn square(n: usize, stream: u64) -> (ArrayD<f32>, Array2<f32>) {
    let x = random::normal::<f32>(&[n, n], 1, stream);
    let matrix = x.clone().into_dimensionality().expect("two axes");
    (x, matrix)
}

fn main() {
    for n in [64, 512, 2048] {
        let ((a, a2), (b, b2)) = (square(n, 0), square(n, 1));
        let row = random::normal::<f32>(&[n], 1, 2);
        compare(
            &format!("add {n} x {n}"),
            &mut || drop(black_box(ulp::add(a.view(), b.view()))),
            &mut || drop(black_box(&a + &b)),
        );
        compare(
            &format!("add {n} x {n} and a row"),
            &mut || drop(black_box(ulp::add(a.view(), row.view()))),
            &mut || drop(black_box(&a + &row)),
        );
        compare(
            &format!("add {n} x {n} and a transposed"),
            &mut || drop(black_box(ulp::add(a.view(), b.t()))),
            &mut || drop(black_box(&a + &b.t())),
        );
        compare(
            &format!("exp {n} x {n}"),
            &mut || drop(black_box(ulp::exp(a.view()))),
            &mut || drop(black_box(a.exp())),
        );
        compare(
            &format!("sum {n} x {n}"),
            &mut || drop(black_box(ulp::sum(a.view(), &[0, 1], false))),
            &mut || {
                black_box(a.sum());
            },
        );
        compare(
            &format!("sum {n} x {n} over rows"),
            &mut || drop(black_box(ulp::sum(a.view(), &[0], false))),
            &mut || drop(black_box(a.sum_axis(Axis(0)))),
        );
        compare(
            &format!("sum {n} x {n} over columns"),
            &mut || drop(black_box(ulp::sum(a.view(), &[1], false))),
            &mut || drop(black_box(a.sum_axis(Axis(1)))),
        );
        compare(
            &format!("matmul {n}"),
            &mut || drop(black_box(ulp::matmul(a.view(), b.view()))),
            &mut || drop(black_box(a2.dot(&b2))),
        );
    }
}
