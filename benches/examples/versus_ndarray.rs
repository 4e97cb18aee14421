//! Operations beside `ndarray`'s own, taken in turns: the median of the rounds' ratios, above 1 where
//! ours is faster.
//!
//! ```text
//! cargo run --release -p ulp-benches --example versus_ndarray [-- FILTER]
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, ArrayD, Axis, LinalgScalar, s};
use ulp_benches::median;
use ulp_tensor::{self as ulp, Float, random};

/// Rounds of a pair.
const ROUNDS: usize = 11;
/// Each side of a round runs at least as long.
const AT_LEAST: Duration = Duration::from_millis(1);

/// Seconds a call.
fn time(f: &mut dyn FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0u32);
    while start.elapsed() < AT_LEAST {
        // Twice as many before the clock is read again, which costs as much as a small operation.
        for _ in 0..calls.max(1) {
            f();
        }
        calls += calls.max(1);
    }
    start.elapsed().as_secs_f64() / f64::from(calls)
}

/// What is compared, and under which name.
struct Table {
    filter: String,
    ratios: Vec<f64>,
}

impl Table {
    fn row<A, B>(
        &mut self,
        name: &str,
        mut ours: impl FnMut() -> A,
        mut theirs: impl FnMut() -> B,
    ) {
        if !name.contains(&self.filter) {
            return;
        }
        let mut ours = || drop(black_box(ours()));
        let mut theirs = || drop(black_box(theirs()));
        let rounds: Vec<(f64, f64)> =
            (0..ROUNDS).map(|_| (time(&mut ours), time(&mut theirs))).collect();
        let ratio = median(&rounds.iter().map(|(ours, theirs)| theirs / ours).collect::<Vec<_>>());
        let microseconds = 1e6 * median(&rounds.iter().map(|(ours, _)| *ours).collect::<Vec<_>>());
        println!("{name:44} {microseconds:12.2} us   {ratio:6.2}x ndarray");
        self.ratios.push(ratio);
    }

    /// Elementwise operations of two arrays and of one, all layouts.
    fn elementwise<T: Float>(&mut self, kind: &str, n: usize) {
        let [a, b] = [0, 1].map(|stream| random::normal::<T>(&[n, n], 1, stream));
        let (row, column) = (random::normal::<T>(&[n], 1, 2), random::normal::<T>(&[n, 1], 1, 3));
        let wide = random::normal::<T>(&[n, 2 * n], 1, 4);
        let apart = wide.slice(s![.., ..;2]).into_dyn();
        let name = |what: &str| format!("{kind} {n} x {n}: {what}");
        let (a, b) = (a.view(), b.view());
        self.row(&name("a + b"), || ulp::add(a.view(), b.view()), || &a + &b);
        self.row(&name("a * b"), || ulp::mul(a.view(), b.view()), || &a * &b);
        self.row(&name("a / b"), || ulp::div(a.view(), b.view()), || &a / &b);
        self.row(&name("a + row"), || ulp::add(a.view(), row.view()), || &a + &row);
        self.row(&name("a + column"), || ulp::add(a.view(), column.view()), || &a + &column);
        self.row(&name("a + b transposed"), || ulp::add(a.view(), b.t()), || &a + &b.t());
        self.row(&name("both transposed"), || ulp::add(a.t(), b.t()), || &a.t() + &b.t());
        self.row(&name("a + every second"), || ulp::add(a.view(), apart.view()), || &a + &apart);
        self.row(&name("sqrt"), || ulp::sqrt(b.view()), || b.mapv(|x| Float::sqrt(x)));
        self.row(&name("-a"), || ulp::neg(a.view()), || a.mapv(|x| -x));
    }

    fn reductions<T: Float>(&mut self, kind: &str, n: usize) {
        let a = random::normal::<T>(&[n, n], 1, 0);
        let a = a.view();
        let larger = |a: &T, b: &T| if b > a { *b } else { *a };
        let name = |what: &str| format!("{kind} {n} x {n}: {what}");
        self.row(&name("sum"), || ulp::sum(a.view(), &[0, 1], false), || a.sum());
        self.row(&name("sum, transposed"), || ulp::sum(a.t(), &[0, 1], false), || a.t().sum());
        for (axis, over) in [(0, "rows"), (1, "columns")] {
            let (ours, theirs) = ([axis], Axis(axis));
            let sum = || ulp::sum(a.view(), &ours, false);
            self.row(&name(&format!("sum over {over}")), sum, || a.sum_axis(theirs));
            let sum = || ulp::sum(a.t(), &ours, false);
            let name_t = name(&format!("sum over {over}, transposed"));
            self.row(&name_t, sum, || a.t().sum_axis(theirs));
            let mean = || ulp::mean(a.view(), &ours, false);
            self.row(&name(&format!("mean over {over}")), mean, || {
                a.sum_axis(theirs) / T::from_usize(n)
            });
            let max = || ulp::max(a.view(), &ours, false);
            self.row(&name(&format!("max over {over}")), max, || {
                a.fold_axis(theirs, T::NEG_INFINITY, larger)
            });
        }
    }

    fn products<T: Float + LinalgScalar>(&mut self, kind: &str, n: usize) {
        let [a, b] = [0, 1].map(|stream| random::normal::<T>(&[n, n], 1, stream));
        let fixed = |x: &ArrayD<T>| -> Array2<T> { x.clone().into_dimensionality().expect("two") };
        let (a2, b2) = (fixed(&a), fixed(&b));
        let x = random::normal::<T>(&[n, 1], 1, 2);
        let x1: Array1<T> = x.iter().copied().collect();
        let name = |what: &str| format!("{kind} {n} x {n}: {what}");
        self.row(&name("a b"), || ulp::matmul(a.view(), b.view()), || a2.dot(&b2));
        self.row(&name("a bᵀ"), || ulp::matmul_nt(a.view(), b.view()), || a2.dot(&b2.t()));
        self.row(&name("aᵀ b"), || ulp::matmul_tn(a.view(), b.view()), || a2.t().dot(&b2));
        self.row(&name("a x"), || ulp::matmul(a.view(), x.view()), || a2.dot(&x1));
        self.row(&name("aᵀ x"), || ulp::matmul_tn(a.view(), x.view()), || a2.t().dot(&x1));
        let (flat_a, flat_b) = (a.as_slice().expect("dense"), b.as_slice().expect("dense"));
        let (view_a, view_b) = (a.flatten(), b.flatten());
        self.row(&name("dot of all"), || ulp::dot(flat_a, flat_b), || view_a.dot(&view_b));
    }

    fn three_axes<T: Float>(&mut self, kind: &str, n: usize) {
        let a = random::normal::<T>(&[n, n, n], 1, 0);
        let row = random::normal::<T>(&[n, 1, n], 1, 1);
        let a = a.view();
        let name = |what: &str| format!("{kind} {n} x {n} x {n}: {what}");
        self.row(&name("a + [n, 1, n]"), || ulp::add(a.view(), row.view()), || &a + &row);
        for axis in 0..3 {
            let sum = || ulp::sum(a.view(), &[axis], false);
            self.row(&name(&format!("sum over axis {axis}")), sum, || a.sum_axis(Axis(axis)));
        }
        let turned = a.view().permuted_axes(vec![2, 0, 1]);
        let copy = || ulp::broadcast_to(turned.view(), turned.shape());
        self.row(&name("copy of axes 2, 0, 1"), copy, || turned.as_standard_layout().into_owned());
        self.row(&name("a + axes 2, 0, 1"), || ulp::add(a.view(), turned.view()), || &a + &turned);
    }
}

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let mut table = Table { filter, ratios: Vec::new() };
    for n in [8, 16, 64, 512, 2048] {
        table.elementwise::<f32>("f32", n);
        table.reductions::<f32>("f32", n);
        table.products::<f32>("f32", n);
    }
    for n in [16, 512] {
        table.elementwise::<f64>("f64", n);
        table.reductions::<f64>("f64", n);
        table.products::<f64>("f64", n);
    }
    table.three_axes::<f32>("f32", 8);
    table.three_axes::<f32>("f32", 100);
    let slower = table.ratios.iter().filter(|&&ratio| ratio < 1.0).count();
    println!("{} rows, {slower} below 1", table.ratios.len());
}
