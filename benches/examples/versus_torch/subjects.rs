//! The operations, under the names that `peers/torch_ops.py` has for them.

use std::hint::black_box;

use ndarray::ArrayD;
use ulp_tensor::{self as ulp, Conv, pool};

/// What an operation could at best do.
pub(crate) enum Limit {
    /// So many floating-point operations.
    Arithmetic(f64),
    /// So many bytes read and written.
    Memory(f64),
}

/// An operation under one name on both sides.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) limit: Limit,
    pub(crate) setup: fn() -> Box<dyn FnMut()>,
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

/// A convolution with windows of 3 by 3 and its gradients.
fn conv(n: usize, c: usize, o: usize, size: usize, backward: bool) -> Box<dyn FnMut()> {
    let (x, w, bias) = (normal(&[n, c, size, size], 0), normal(&[o, c, 3, 3], 1), normal(&[o], 2));
    let dy = normal(&[n, o, size - 2, size - 2], 3);
    let conv = Conv::default();
    Box::new(move || {
        black_box(ulp::conv2d(x.view(), w.view(), Some(bias.view()), conv));
        if backward {
            black_box(ulp::conv2d_vjp_x(dy.view(), w.view(), [size, size], conv));
            black_box(ulp::conv2d_vjp_w(dy.view(), x.view(), [3, 3], conv));
            black_box(ulp::sum(dy.view(), &[0, 2, 3], false));
        }
    })
}

/// Multiplications and additions of one such convolution: one product forward, two backward.
fn conv_work(n: usize, c: usize, o: usize, size: usize, backward: bool) -> Limit {
    let product = (2 * n * c * o * 9 * (size - 2) * (size - 2)) as f64;
    Limit::Arithmetic(product * if backward { 3.0 } else { 1.0 })
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

pub(crate) const MI: usize = 1 << 20;
const SQUARE: [usize; 2] = [4096, 4096];

pub(crate) fn subjects() -> Vec<Subject> {
    let square = || Limit::Memory(2.0 * 4.0 * 16.0 * MI as f64);
    macro_rules! subject {
        // What is multiplied and added, and what does it, depend on the same numbers.
        ($name:literal, $work:ident, $setup:ident $numbers:tt) => {
            Subject { name: $name, limit: $work $numbers, setup: || $setup $numbers }
        };
        ($name:literal, $limit:expr, $setup:expr) => {
            Subject { name: $name, limit: $limit, setup: || $setup }
        };
    }
    vec![
        subject!("matmul 64", gemm_work, matmul(64, 64, 64)),
        subject!("matmul 128", gemm_work, matmul(128, 128, 128)),
        subject!("matmul 512", gemm_work, matmul(512, 512, 512)),
        subject!("matmul 2048", gemm_work, matmul(2048, 2048, 2048)),
        subject!("matmul 512 x 2048 x 5632", gemm_work, matmul(512, 2048, 5632)),
        subject!("matmul 2048 x 256 x 688", gemm_work, matmul(2048, 256, 688)),
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
        subject!("layer_norm 16384 x 1024, warm", square(), {
            let (w, b) = (normal(&[1024], 1), normal(&[1024], 2));
            warm(&[16384, 1024], move |x| ulp::layer_norm(x.view(), w.view(), b.view(), 1e-5))
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
        subject!("conv2d 64 x 1 x 28 x 28 to 32", conv_work, conv(64, 1, 32, 28, false)),
        subject!("conv2d 64 x 32 x 26 x 26 to 64", conv_work, conv(64, 32, 64, 26, false)),
        subject!(
            "conv2d 64 x 32 x 26 x 26 to 64, forward and backward",
            conv_work,
            conv(64, 32, 64, 26, true)
        ),
        subject!("attention 8 x 1024 x 8 x 64", attention_work, attention(8, 1024, 8, 64, false)),
        subject!(
            "attention 8 x 1024 x 8 x 64, forward and backward",
            attention_work,
            attention(8, 1024, 8, 64, true)
        ),
        subject!(
            "attention 8 x 256 x 8 x 32, forward and backward",
            attention_work,
            attention(8, 256, 8, 32, true)
        ),
    ]
}
