//! The ground floor beside a copy of memory, the naive loop, and other crates.
//!
//! `cargo bench -p ulp-benches --bench fpbits [-- PART...]`, the parts are `slices`, `sums`,
//! `arithmetic`, `text`.
//!
//! What is compared takes turns, round by round, and the table shows the best round of each: other
//! work on the machine only slows down. A ratio above 1 is in our favour.

use std::hint::black_box;
use std::time::Instant;

use fpbits::{Context, Exact, ExactSum, Format};
use rustc_apfloat::Float as _;
use rustc_apfloat::ieee::{Double, Half, Single};

/// Rounds of work on this many elements or fewer; fewer rounds of more.
const ROUNDS: usize = 60;
const ELEMENTS: usize = 1 << 22;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    if wanted("slices") {
        slices(1 << 26, "in DRAM");
        slices(1 << 22, "beyond L2");
        slices(1 << 15, "in L2");
    }
    if wanted("sums") {
        sums(1 << 20);
        sums(1 << 13);
    }
    if wanted("arithmetic") {
        arithmetic();
    }
    if wanted("text") {
        text();
    }
}

/// Seconds that a call takes.
fn seconds(work: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Our time an element, and the peer's over ours.
fn compare(
    name: &str,
    elements: usize,
    ours: &mut dyn FnMut(),
    peer: &str,
    theirs: &mut dyn FnMut(),
) {
    seconds(ours);
    seconds(theirs);
    let (mut best, mut best_peer) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..(ROUNDS * ELEMENTS / elements.max(ELEMENTS)).max(8) {
        best = best.min(seconds(ours));
        best_peer = best_peer.min(seconds(theirs));
    }
    let time = best / elements as f64 * 1e9;
    println!("{name:<28} {time:8.3} ns   {:6.2} x {peer}", best_peer / best);
}

/// Conversions of slices against a copy that moves as many bytes, and against `half`.
fn slices(n: usize, place: &str) {
    println!("── slices of {n} elements ({place})");
    let repeat = ((1 << 22) / n).max(1);
    let values: Vec<f32> = (0..n).map(|i| (i as f32 * 0.001).sin() * 100.0).collect();
    let mut back = vec![0f32; n];
    let (mut codes16, mut codes8) = (vec![0u16; n], vec![0u8; n]);
    let (source, mut target) = (vec![1u8; 3 * n], vec![0u8; 3 * n]);

    macro_rules! against_copy {
        ($name:literal, $bytes:expr, $convert:expr) => {
            let bytes = $bytes * n / 2;
            compare(
                $name,
                n * repeat,
                &mut || (0..repeat).for_each(|_| $convert),
                "a copy",
                &mut || {
                    (0..repeat).for_each(|_| {
                        target[..bytes].copy_from_slice(black_box(&source[..bytes]));
                        black_box(&mut target);
                    });
                },
            );
        };
    }
    against_copy!("f16 from f32", 6, fpbits::f16_from_f32_slice(black_box(&values), &mut codes16));
    against_copy!("f16 to f32", 6, fpbits::f16_to_f32_slice(black_box(&codes16), &mut back));
    against_copy!(
        "bf16 from f32",
        6,
        fpbits::bf16_from_f32_slice(black_box(&values), &mut codes16)
    );
    against_copy!("bf16 to f32", 6, fpbits::bf16_to_f32_slice(black_box(&codes16), &mut back));
    against_copy!(
        "e4m3fn from f32",
        5,
        fpbits::e4m3fn_from_f32_slice(black_box(&values), &mut codes8)
    );
    against_copy!("e4m3fn to f32", 5, fpbits::e4m3fn_to_f32_slice(black_box(&codes8), &mut back));
    against_copy!("e5m2 from f32", 5, fpbits::e5m2_from_f32_slice(black_box(&values), &mut codes8));
    against_copy!("e5m2 to f32", 5, fpbits::e5m2_to_f32_slice(black_box(&codes8), &mut back));
    against_copy!("e2m1 from f32", 5, fpbits::e2m1_from_f32_slice(black_box(&values), &mut codes8));
    against_copy!("e2m1 to f32", 5, fpbits::e2m1_to_f32_slice(black_box(&codes8), &mut back));
    let half_bytes = &mut codes8[..n / 2];
    let mut bytes4 = vec![0u8; n / 2];
    half_bytes.copy_from_slice(&bytes4);
    let moved = 9 * n / 4;
    let mut packed = |name: &str, work: &mut dyn FnMut()| {
        compare(name, n * repeat, &mut || (0..repeat).for_each(|_| work()), "a copy", &mut || {
            (0..repeat).for_each(|_| {
                target[..moved].copy_from_slice(black_box(&source[..moved]));
                black_box(&mut target);
            });
        });
    };
    packed("e2m1 packed from f32", &mut || {
        fpbits::e2m1x2_from_f32_slice(black_box(&values), &mut bytes4);
    });
    packed("e2m1 packed to f32", &mut || {
        fpbits::e2m1x2_to_f32_slice(black_box(half_bytes), &mut back);
    });

    use half::slice::HalfFloatSliceExt;
    let mut halves = vec![half::f16::ZERO; n];
    compare(
        "f16 from f32",
        n * repeat,
        &mut || {
            (0..repeat).for_each(|_| fpbits::f16_from_f32_slice(black_box(&values), &mut codes16))
        },
        "half",
        &mut || (0..repeat).for_each(|_| halves.convert_from_f32_slice(black_box(&values))),
    );
    let mut brains = vec![half::bf16::ZERO; n];
    compare(
        "bf16 from f32",
        n * repeat,
        &mut || {
            (0..repeat).for_each(|_| fpbits::bf16_from_f32_slice(black_box(&values), &mut codes16))
        },
        "half",
        &mut || (0..repeat).for_each(|_| brains.convert_from_f32_slice(black_box(&values))),
    );
}

/// Exact sums against the naive loop, and against `xsum`.
fn sums(n: usize) {
    println!("── sums of {n} elements");
    let repeat = (1 << 20) / n;
    let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin() * 2f32.powi(i as i32 % 40)).collect();
    let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.3).cos()).collect();
    let c: Vec<f64> = a.iter().map(|&x| f64::from(x) * 1.000_000_1).collect();
    let mut naive_dot = || {
        (0..repeat).for_each(|_| {
            black_box(fpbits::naive_dot(black_box(&a), black_box(&b)));
        });
    };
    let mut exact_dot = || {
        (0..repeat).for_each(|_| {
            black_box(fpbits::exact_dot(black_box(&a), black_box(&b)));
        });
    };
    compare("exact dot, f32", n * repeat, &mut exact_dot, "the naive loop", &mut naive_dot);
    let naive = |_| black_box(fpbits::naive_sum(black_box(&a)));
    let exact = |_| black_box(fpbits::exact_sum(black_box(&a)));
    compare(
        "exact sum, f32",
        n * repeat,
        &mut || (0..repeat).map(exact).for_each(drop),
        "the naive loop",
        &mut || (0..repeat).map(naive).for_each(drop),
    );
    let naive = |_| black_box(fpbits::naive_sum(black_box(&c)));
    let exact = |_| black_box(fpbits::exact_sum(black_box(&c)));
    compare(
        "exact sum, f64",
        n * repeat,
        &mut || (0..repeat).map(exact).for_each(drop),
        "the naive loop",
        &mut || (0..repeat).map(naive).for_each(drop),
    );
    compare(
        "exact sum, f64",
        n * repeat,
        &mut || (0..repeat).map(exact).for_each(drop),
        "xsum",
        &mut || {
            (0..repeat).for_each(|_| {
                use xsum::{Xsum, XsumLarge};
                let mut sum = XsumLarge::new();
                sum.add_list(black_box(&c));
                black_box(sum.sum());
            });
        },
    );
    let naive = |_| black_box(fpbits::naive_dot(black_box(&c), &c));
    let exact = |_| black_box(fpbits::exact_dot(black_box(&c), &c));
    compare(
        "exact dot, f64",
        n * repeat,
        &mut || (0..repeat).map(exact).for_each(drop),
        "the naive loop",
        &mut || (0..repeat).map(naive).for_each(drop),
    );
    let codes: Vec<u64> = a.iter().map(|x| fpbits::f16_from_f32(*x).into()).collect();
    compare(
        "exact sum of f16 codes",
        n * repeat,
        &mut || {
            (0..repeat).for_each(|_| {
                let mut sum = ExactSum::new(&Format::BINARY16);
                codes.iter().for_each(|&code| sum.add(black_box(code)));
                black_box(sum.round(Context::NEAREST_EVEN));
            });
        },
        "the soft naive loop",
        &mut || {
            (0..repeat).for_each(|_| {
                let f = Format::BINARY16;
                let sum = codes
                    .iter()
                    .fold(0, |sum, &code| f.add(sum, black_box(code), Context::NEAREST_EVEN).code);
                black_box(sum);
            });
        },
    );
}

const COUNT: usize = 1 << 14;

/// Codes whose exponents lie within a few binades of one.
fn operands(format: &Format, seed: u64) -> Vec<u64> {
    let m = format.layout().fraction_bits;
    let random = |i: u64| (i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (i << 32);
    (0..COUNT as u64)
        .map(|i| {
            let r = random(i);
            let exponent = format.layout().bias as u64 + r % 8 - 4;
            exponent << m | r >> (64 - m)
        })
        .collect()
}

/// One operation on many pairs, each result consumed.
fn many(a: &[u64], b: &[u64], operation: &dyn Fn(u64, u64) -> u64) {
    let mut sum = 0u64;
    for (&x, &y) in a.iter().zip(b) {
        sum = sum.wrapping_add(operation(x, y));
    }
    black_box(sum);
}

/// Operations with all exceptions against `rustc_apfloat`, which has them too, and `half`, which has
/// not.
fn arithmetic() {
    println!("── operations");
    let even = Context::NEAREST_EVEN;
    type Ours = fn(&Format, u64, u64, Context) -> u64;
    let ours: [(&str, Ours); 5] = [
        ("add", |f, a, b, context| f.add(a, b, context).code),
        ("multiply", |f, a, b, context| f.multiply(a, b, context).code),
        ("divide", |f, a, b, context| f.divide(a, b, context).code),
        ("square root", |f, a, _, context| f.square_root(a, context).code),
        ("fma", |f, a, b, context| f.fma(a, b, a, context).code),
    ];
    type Peer = fn(u64, u64) -> u64;
    macro_rules! apfloat {
        ($type:ty) => {{
            fn of(code: u64) -> $type {
                <$type>::from_bits(code.into())
            }
            let operations: [(&str, Peer); 4] = [
                ("add", |a, b| (of(a) + of(b)).value.to_bits() as u64),
                ("multiply", |a, b| (of(a) * of(b)).value.to_bits() as u64),
                ("divide", |a, b| (of(a) / of(b)).value.to_bits() as u64),
                ("fma", |a, b| of(a).mul_add(of(b), of(a)).value.to_bits() as u64),
            ];
            operations
        }};
    }
    fn half_of(code: u64) -> half::f16 {
        half::f16::from_bits(code as u16)
    }
    let halves: [(&str, Peer); 3] = [
        ("add", |a, b| (half_of(a) + half_of(b)).to_bits().into()),
        ("multiply", |a, b| (half_of(a) * half_of(b)).to_bits().into()),
        ("divide", |a, b| (half_of(a) / half_of(b)).to_bits().into()),
    ];
    type Row<'a> = (&'a str, Format, &'a str, &'a [(&'a str, Peer)]);
    let rows: [Row<'_>; 4] = [
        ("binary64", Format::BINARY64, "rustc_apfloat", &apfloat!(Double)),
        ("binary32", Format::BINARY32, "rustc_apfloat", &apfloat!(Single)),
        ("binary16", Format::BINARY16, "rustc_apfloat", &apfloat!(Half)),
        ("binary16", Format::BINARY16, "half", &halves),
    ];
    for (name, format, peer, operations) in rows {
        let (a, b) = (operands(&format, 1), operands(&format, 2));
        for (operation, theirs) in operations {
            let (_, ours) = ours.iter().find(|(name, _)| name == operation).expect("listed");
            compare(
                &format!("{name} {operation}"),
                COUNT,
                &mut || many(&a, &b, &|x, y| ours(&format, x, y, even)),
                peer,
                &mut || many(&a, &b, theirs),
            );
        }
    }
    // What the processor's arithmetic is good for: the same operations rounded in software.
    let soft: [(&str, Ours); 4] = [
        ("add", |f, a, b, c| f.round_exact(&Exact::sum(&f.decode(a), &f.decode(b)), c).code),
        ("multiply", |f, a, b, c| {
            f.round_exact(&Exact::product(&f.decode(a), &f.decode(b)), c).code
        }),
        ("divide", |f, a, b, c| {
            f.round_exact(&Exact::quotient(&f.decode(a), &f.decode(b)), c).code
        }),
        ("fma", |f, a, b, c| {
            let (x, y) = (f.decode(a), f.decode(b));
            f.round_exact(&Exact::fused(&x, &y, &x), c).code
        }),
    ];
    for name in ["binary64", "binary32", "binary16", "bfloat16", "e5m2", "e4m3fn"] {
        let format: Format = name.parse().expect("named");
        let (a, b) = (operands(&format, 1), operands(&format, 2));
        for (operation, theirs) in &soft {
            let (_, ours) = ours.iter().find(|(name, _)| name == operation).expect("listed");
            compare(
                &format!("{name} {operation}"),
                COUNT,
                &mut || many(&a, &b, &|x, y| ours(&format, x, y, even)),
                "in software",
                &mut || many(&a, &b, &|x, y| theirs(&format, x, y, even)),
            );
        }
    }
}

fn text() {
    println!("── text");
    let values: Vec<f64> = (0..4096).map(|i| (f64::from(i) * 0.37).exp() % 1e9).collect();
    let f = Format::BINARY64;
    let written: Vec<String> = values.iter().map(f64::to_string).collect();
    compare(
        "shortest text, binary64",
        values.len(),
        &mut || values.iter().for_each(|x| drop(black_box(f.to_shortest(x.to_bits())))),
        "the standard library",
        &mut || values.iter().for_each(|x| drop(black_box(x.to_string()))),
    );
    compare(
        "parse, binary64",
        values.len(),
        &mut || written.iter().for_each(|text| drop(black_box(f.parse(text)))),
        "the standard library",
        &mut || written.iter().for_each(|text| drop(black_box(text.parse::<f64>()))),
    );
}
