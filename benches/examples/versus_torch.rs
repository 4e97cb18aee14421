//! Operations beside PyTorch's, taken in turns.
//!
//! A shared machine drifts by more than what is to be measured, so each round runs ours, then
//! theirs, and what counts is the median of the rounds' ratios. ("best" is the ratio of the best
//! times, which a machine busy with other work disturbs less.) The limit is measured in the same
//! rounds: a loop of fused multiply-adds in registers, or a copy through memory.
//!
//! ```text
//! cargo run --release -p ulp-benches --example versus_torch -- [--python PATH] [--rounds N] [FILTER]
//! ```
//!
//! `--alone` runs ours only. "Warm" is an output into memory that an earlier one left: with
//! [`pool::recycle`] here, with `out=` there; products are warm on our side only (PyTorch's
//! allocator keeps memory up to 32 MiB).

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use ndarray::ArrayD;
use rayon::prelude::*;
use ulp_tensor::simd::{Kernel, run};
use ulp_tensor::{self as ulp, pool};

/// What an operation could at best do.
enum Limit {
    /// So many floating-point operations.
    Arithmetic(f64),
    /// So many bytes read and written.
    Memory(f64),
}

/// An operation under one name on both sides.
struct Subject {
    name: &'static str,
    limit: Limit,
    setup: fn() -> Box<dyn FnMut()>,
}

fn normal(shape: &[usize], stream: u64) -> ArrayD<f32> {
    ulp::random::normal(shape, 1, stream)
}

/// A product, its memory given to the next.
fn matmul(m: usize, k: usize, n: usize) -> Box<dyn FnMut()> {
    let (a, b) = (normal(&[m, k], 0), normal(&[k, n], 1));
    Box::new(move || pool::recycle(black_box(ulp::matmul(a.view(), b.view()))))
}

/// A function of one array, its result's memory given to the next.
fn warm(shape: &[usize], f: impl Fn(&ArrayD<f32>) -> ArrayD<f32> + 'static) -> Box<dyn FnMut()> {
    let x = normal(shape, 0);
    Box::new(move || pool::recycle(black_box(f(&x))))
}

/// A function of one array, its result dropped.
fn fresh(shape: &[usize], f: impl Fn(&ArrayD<f32>) -> ArrayD<f32> + 'static) -> Box<dyn FnMut()> {
    let x = normal(shape, 0);
    Box::new(move || drop(black_box(f(&x))))
}

fn attention(b: usize, t: usize, h: usize, d: usize, backward: bool) -> Box<dyn FnMut()> {
    let [q, k, v, dy] = [0, 1, 2, 3].map(|stream| normal(&[b, t, h, d], stream));
    let scale = 1.0 / (d as f32).sqrt();
    Box::new(move || {
        black_box(ulp::attention(q.view(), k.view(), v.view(), scale, true));
        if backward {
            black_box(ulp::attention_vjp(q.view(), k.view(), v.view(), scale, true, dy.view()));
        }
    })
}

/// Multiplications and additions of one causal pass: two products forward, five backward.
fn attention_work(b: usize, t: usize, h: usize, d: usize, backward: bool) -> Limit {
    let product = (b * h * t * (t + 1) / 2 * d * 2) as f64;
    Limit::Arithmetic(product * if backward { 7.0 } else { 2.0 })
}

fn gemm_work(m: usize, k: usize, n: usize) -> Limit {
    Limit::Arithmetic(2.0 * (m * k * n) as f64)
}

const MI: usize = 1 << 20;
const SQUARE: [usize; 2] = [4096, 4096];

fn subjects() -> Vec<Subject> {
    let square = || Limit::Memory(2.0 * 4.0 * 16.0 * MI as f64);
    macro_rules! subject {
        ($name:literal, $limit:expr, $setup:expr) => {
            Subject { name: $name, limit: $limit, setup: || $setup }
        };
    }
    vec![
        subject!("matmul 64", gemm_work(64, 64, 64), matmul(64, 64, 64)),
        subject!("matmul 128", gemm_work(128, 128, 128), matmul(128, 128, 128)),
        subject!("matmul 512", gemm_work(512, 512, 512), matmul(512, 512, 512)),
        subject!("matmul 2048", gemm_work(2048, 2048, 2048), matmul(2048, 2048, 2048)),
        subject!("matmul 512 x 2048 x 5632", gemm_work(512, 2048, 5632), matmul(512, 2048, 5632)),
        subject!("matmul 2048 x 256 x 688", gemm_work(2048, 256, 688), matmul(2048, 256, 688)),
        subject!("softmax 4096 x 4096", square(), fresh(&SQUARE, |x| ulp::softmax(x.view(), 1))),
        subject!(
            "softmax 4096 x 4096, warm",
            square(),
            warm(&SQUARE, |x| ulp::softmax(x.view(), 1))
        ),
        subject!("gelu 16M", square(), fresh(&[16 * MI], |x| ulp::gelu(x.view()))),
        subject!("gelu 16M, warm", square(), warm(&[16 * MI], |x| ulp::gelu(x.view()))),
        subject!("gelu_tanh 16M", square(), fresh(&[16 * MI], |x| ulp::gelu_tanh(x.view()))),
        subject!("gelu_tanh 16M, warm", square(), warm(&[16 * MI], |x| ulp::gelu_tanh(x.view()))),
        subject!("layer_norm 16384 x 1024", square(), {
            let (w, b) = (normal(&[1024], 1), normal(&[1024], 2));
            fresh(&[16384, 1024], move |x| ulp::layer_norm(x.view(), w.view(), b.view(), 1e-5))
        }),
        subject!("broadcast add 4096 x 4096", square(), {
            let row = normal(&[4096], 1);
            fresh(&SQUARE, move |x| ulp::add(x.view(), row.view()))
        }),
        subject!("broadcast add 4096 x 4096, warm", square(), {
            let row = normal(&[4096], 1);
            warm(&SQUARE, move |x| ulp::add(x.view(), row.view()))
        }),
        subject!("sum 64M", Limit::Memory(4.0 * 64.0 * MI as f64), {
            fresh(&[64 * MI], |x| ulp::sum(x.view(), &[0], false))
        }),
        subject!(
            "cross_entropy 2048 x 4096, forward and backward",
            Limit::Memory(3.0 * 4.0 * 8.0 * MI as f64),
            {
                let x = normal(&[2048, 4096], 0);
                let targets: Vec<u32> = (0..2048).map(|i| i * 7919 % 4096).collect();
                Box::new(move || {
                    black_box(ulp::cross_entropy(x.view(), &targets, None));
                    black_box(ulp::cross_entropy_vjp(x.view(), &targets, None, 1.0));
                })
            }
        ),
        subject!(
            "attention 8 x 1024 x 8 x 64",
            attention_work(8, 1024, 8, 64, false),
            attention(8, 1024, 8, 64, false)
        ),
        subject!(
            "attention 8 x 1024 x 8 x 64, forward and backward",
            attention_work(8, 1024, 8, 64, true),
            attention(8, 1024, 8, 64, true)
        ),
        subject!(
            "attention 8 x 256 x 8 x 32, forward and backward",
            attention_work(8, 256, 8, 32, true),
            attention(8, 256, 8, 32, true)
        ),
    ]
}

/// Chains of fused multiply-adds in registers, enough of them to hide the latency.
struct Chains(usize);

/// The chains, of 16 numbers each.
const CHAINS: usize = 12;

impl Kernel for Chains {
    type Output = [f32; 16];
    #[inline(always)]
    fn run(self) -> [f32; 16] {
        let (x, y) = (black_box([0.999f32; 16]), black_box([0.001f32; 16]));
        macro_rules! chains {
            ($($sum:ident)*) => {{
                $(let mut $sum = [1.0f32; 16];)*
                for _ in 0..self.0 {
                    $(for j in 0..16 {
                        $sum[j] = $sum[j].mul_add(x[j], y[j]);
                    })*
                }
                let mut total = [0.0f32; 16];
                for j in 0..16 {
                    total[j] = 0.0 $(+ $sum[j])*;
                }
                total
            }};
        }
        chains!(a b c d e f g h i j k l)
    }
}

/// Seconds of `count` calls, for each.
fn time(count: usize, mut f: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..count).for_each(|_| f());
    start.elapsed().as_secs_f64() / count as f64
}

/// Floating-point operations a second on all threads.
fn peak() -> f64 {
    const STEPS: usize = 200_000;
    let threads = rayon::current_num_threads();
    let seconds = time(1, || {
        (0..threads).into_par_iter().for_each(|_| {
            black_box(run(Chains(black_box(STEPS))));
        });
    });
    (threads * STEPS * CHAINS * 16 * 2) as f64 / seconds
}

/// Bytes read and written a second on all threads, between two arrays that no cache holds.
fn bandwidth(from: &[f32], to: &mut [f32]) -> f64 {
    let chunk = 1 << 16;
    let seconds = time(1, || {
        let pairs = to.par_chunks_mut(chunk).zip(from.par_chunks(chunk));
        pairs.for_each(|(to, from)| to.copy_from_slice(from));
    });
    2.0 * size_of_val(from) as f64 / seconds
}

/// PyTorch in a process of its own.
struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    fn new(python: &str) -> Result<Self, Box<dyn Error>> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/torch_ops.py");
        let mut child = Command::new(python)
            .arg(script)
            .env("OMP_NUM_THREADS", rayon::current_num_threads().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().ok_or("no way in")?;
        let from = BufReader::new(child.stdout.take().ok_or("no way out")?);
        Ok(Peer { child, to, from })
    }

    fn ask(&mut self, line: &str) -> Result<String, Box<dyn Error>> {
        writeln!(self.to, "{line}")?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        match answer.trim() {
            "" => Err(format!("the peer ended at {line:?}").into()),
            answer => Ok(answer.to_string()),
        }
    }

    fn time(&mut self, count: usize) -> Result<f64, Box<dyn Error>> {
        Ok(self.ask(&format!("run {count}"))?.parse()?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(x: &[f64]) -> f64 {
    let mut x = x.to_vec();
    x.sort_by(f64::total_cmp);
    x[x.len() / 2]
}

fn least(x: &[f64]) -> f64 {
    x.iter().copied().fold(f64::INFINITY, f64::min)
}

struct Options {
    python: Option<String>,
    rounds: usize,
    filter: String,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { python: Some("python3".into()), rounds: 7, filter: String::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--alone" => options.python = None,
            "--python" => options.python = Some(arguments.next().ok_or("--python PATH")?),
            "--rounds" => options.rounds = arguments.next().ok_or("--rounds N")?.parse()?,
            _ => options.filter = argument,
        }
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn Error>> {
    let Options { python, rounds, filter } = options()?;
    let mut peer = python.as_deref().map(Peer::new).transpose()?;
    let (from, mut to) = (vec![1.0f32; 16 * MI], vec![0.0f32; 16 * MI]);
    println!("{} threads, {rounds} rounds", rayon::current_num_threads());
    println!(
        "{:50} {:>9} {:>9} {:>6} {:>6} {:>8}",
        "", "ours, ms", "torch, ms", "ratio", "best", "of limit"
    );
    for subject in subjects().iter().filter(|subject| subject.name.contains(&filter)) {
        let mut ours = (subject.setup)();
        let once = time(1, &mut ours).min(time(1, &mut ours));
        let count = (0.05 / once).clamp(1.0, 1e5) as usize;
        if let Some(peer) = &mut peer {
            peer.ask(&format!("setup {}", subject.name))?;
        }
        let (mut own, mut theirs, mut ratios, mut shares) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let at_best = match subject.limit {
                Limit::Arithmetic(work) => work / peak(),
                Limit::Memory(bytes) => bytes / bandwidth(&from, &mut to),
            };
            let seconds = time(count, &mut ours);
            own.push(seconds);
            shares.push(at_best / seconds);
            if let Some(peer) = &mut peer {
                let other = peer.time(count)?;
                theirs.push(other);
                ratios.push(other / seconds);
            }
        }
        let share = format!("{:.0}%", 100.0 * median(&shares));
        print!("{:50} {:9.3} ", subject.name, 1e3 * median(&own));
        if peer.is_some() {
            let (ratio, best) = (median(&ratios), least(&theirs) / least(&own));
            print!("{:9.3} {ratio:6.2} {best:6.2} ", 1e3 * median(&theirs));
        }
        println!("{share:>8}");
    }
    Ok(())
}
