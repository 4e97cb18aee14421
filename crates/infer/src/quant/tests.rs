//! Products on every instruction set against their definition, and against each other.

use ulp_tensor::Philox;

use super::bf16_rows::{Bf16Rows, PAIRS, PairChunk};
use super::format::{FORMATS, Format, put_f16};
use super::kernels::{Isa, Reading};
use super::matrix::{Activations, Matrix, multiply_all};
use super::quantized_rows::QuantizedRows;
use super::rows::RowBuffer;
use super::tensor_type::TensorType;
use super::tile::CHUNK;
use crate::bytes::Bytes;

fn numbers(stream: u64, n: usize) -> Vec<f32> {
    (0..n).map(|i| Philox::new(7, stream).normal(i as u64)).collect()
}

/// Stored blocks with arbitrary integers and scales of a common size.
fn blocks(format: &Format, elements: usize) -> Vec<u8> {
    let (ty, philox) = (format.ty, Philox::new(8, u64::from(format.ty.id())));
    if ty.block_elements() == 1 {
        return super::quantize(ty, &numbers(9, elements)).unwrap();
    }
    let bytes = ty.bytes_of(elements).unwrap();
    let mut out: Vec<u8> =
        (0..bytes).map(|i| (256.0 * philox.uniform::<f64>(i as u64)) as u8).collect();
    let scales = numbers(10, out.len() / ty.block_bytes());
    for (block, scale) in out.chunks_exact_mut(ty.block_bytes()).zip(scales) {
        set_scale(format, block, scale / 64.0);
    }
    out
}

/// Gives all f16 of a block a value. Where they are not a field, any bytes below 0x40 do.
fn set_scale(format: &Format, block: &mut [u8], scale: f32) {
    let mut fields = format.layout.fields.iter().filter(|field| field.unit == 2).peekable();
    if fields.peek().is_none() {
        block.iter_mut().for_each(|byte| *byte &= 0x3f);
    }
    for field in fields {
        put_f16(block, field.at, scale);
    }
    if format.ty == TensorType::MXFP4 {
        block[0] = 120 + block[0] % 8;
    }
}

fn matrix(format: &Format, rows: usize, cols: usize) -> Matrix {
    let data = Bytes::from(blocks(format, rows * cols));
    Matrix::new(rows, cols, format.ty, data).unwrap()
}

/// Widths that fill chunks and that do not.
fn widths(format: &Format) -> Vec<usize> {
    let block = format.ty.block_elements();
    let mut widths: Vec<usize> =
        [1, 3, 8, 9, 23].iter().map(|n| (n * 32_usize).next_multiple_of(block)).collect();
    if format.is_plain() {
        widths.extend([1, 31, 255, 257, 511, 513]);
    }
    widths
}

fn product(isa: Isa, matrix: &Matrix, x: &[f32], activations: Activations) -> Vec<f32> {
    let [out, other] = [Reading::SideBySide, Reading::InOrder].map(|reading| {
        let mut out = vec![f32::NAN; x.len() / matrix.cols() * matrix.rows()];
        let mut rows = RowBuffer::new();
        let mut rows = rows.rows(x, matrix.cols(), activations);
        matrix.multiply_on((isa, reading), &mut rows, &mut out);
        out
    });
    assert_eq!(
        bits(&out),
        bits(&other),
        "{matrix:?} on {}, in another order of memory",
        isa.name()
    );
    out
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn rows_come_out_as_they_went_in() {
    for format in &FORMATS {
        for cols in widths(format) {
            let data = blocks(format, 37 * cols);
            let mut expected = vec![0.0; 37 * cols];
            format.dequantize_blocks(&data, &mut expected);
            let (ty, data) = (format.ty, Bytes::from(data));
            let matrix = Matrix::new(37, cols, ty, data.clone()).unwrap();
            let rows: Vec<f32> = (0..37).flat_map(|row| matrix.row(row)).collect();
            assert_eq!(bits(&rows), bits(&expected), "{ty} of {cols} columns");
            let back = |row| 36 - row;
            let matrix = Matrix::reordered(37, cols, ty, data, &back).unwrap();
            let rows: Vec<f32> = (0..37).flat_map(|row| matrix.row(back(row))).collect();
            assert_eq!(bits(&rows), bits(&expected), "{ty} of {cols} columns, from the end");
        }
    }
}

/// Chains of fused multiply-adds along blocks of 256 columns, added in ascending order.
fn exact(matrix: &Matrix, x: &[f32]) -> Vec<f32> {
    let mut out = Vec::new();
    for x in x.chunks_exact(matrix.cols()) {
        for row in 0..matrix.rows() {
            let w = matrix.row(row);
            out.push(w.chunks(CHUNK).zip(x.chunks(CHUNK)).fold(0.0, |sum, (w, x)| {
                sum + w.iter().zip(x).fold(0.0f32, |sum, (w, x)| x.mul_add(*w, sum))
            }));
        }
    }
    out
}

#[test]
fn exact_products_are_chains_of_fused_multiply_adds() {
    for format in &FORMATS {
        for cols in widths(format) {
            let matrix = matrix(format, 35, cols);
            let x = numbers(11, 13 * cols);
            let expected = exact(&matrix, &x);
            for isa in Isa::available() {
                let out = product(isa, &matrix, &x, Activations::Exact);
                assert_eq!(bits(&out), bits(&expected), "{} {cols} {}", format.ty, isa.name());
            }
        }
    }
}

/// The product of the numbers that weights and rounded activations stand for, in f64, and the sum
/// of the magnitudes of its terms.
fn quantized(matrix: &Matrix, x: &[f32]) -> Vec<(f64, f64)> {
    let cols = matrix.cols();
    let mut rounded = QuantizedRows::default();
    rounded.fill(Isa::Portable, x, cols);
    let mut out = Vec::new();
    for b in 0..x.len() / cols {
        for row in 0..matrix.rows() {
            let mut sum = (0.0, 0.0);
            for (i, w) in matrix.row(row).into_iter().enumerate() {
                let chunk = &rounded.chunk(i / CHUNK)[b];
                let (block, i) = (i % CHUNK / 32, i % 32);
                let x = f64::from(chunk.scale[block]) * f64::from(chunk.q[block][i]);
                sum.0 += f64::from(w) * x;
                sum.1 += (f64::from(w) * x).abs();
            }
            out.push(sum);
        }
    }
    out
}

#[test]
fn quantized_products_are_those_of_the_rounded_activations() {
    for format in FORMATS.iter().filter(|format| format.quantized.is_some()) {
        for cols in widths(format) {
            let matrix = matrix(format, 19, cols);
            let x = numbers(12, 3 * cols);
            let out = product(Isa::Portable, &matrix, &x, Activations::Quantized);
            for (out, (sum, magnitude)) in out.iter().zip(quantized(&matrix, &x)) {
                // Integers are exact. With a minimum, terms of opposite sign are summed apart, each
                // at most some times the magnitude of the sum; each of the chain's steps rounds by
                // 2^-24 of what it has.
                let bound = 1e-6 * magnitude + 1e-6;
                let error = (f64::from(*out) - sum).abs();
                assert!(error <= bound, "{} {cols}: {out} {sum} {error:e}", format.ty);
            }
        }
    }
}

#[test]
fn instruction_sets_and_batches_give_the_same_bits() {
    for format in &FORMATS {
        for cols in widths(format) {
            let matrix = matrix(format, 35, cols);
            let x = numbers(13, 61 * cols);
            for activations in [Activations::Quantized, Activations::Exact] {
                let oracle = product(Isa::Portable, &matrix, &x, activations);
                for isa in Isa::available() {
                    for batch in [1, 2, 3, 5, 8, 15, 43, 61] {
                        let out = product(isa, &matrix, &x[..batch * cols], activations);
                        let expected = &oracle[..batch * 35];
                        let name = format!("{} {cols} {batch} {}", format.ty, isa.name());
                        assert_eq!(bits(&out), bits(expected), "{name}, {activations:?}");
                    }
                }
            }
        }
    }
}

/// `x` rounded to bf16, what is below 2^-56 being 0.
/// Many rows of such a width are copied before, so that they fit into a cache together; alone they are not.
#[test]
fn rows_that_are_spread_have_the_bits_of_each_alone() {
    let (cols, batch) = (1024, 13);
    let x = numbers(23, batch * cols);
    for ty in [TensorType::F32, TensorType::F16, TensorType::BF16, TensorType::Q4_0] {
        let matrix = matrix(Format::of(ty).unwrap(), 40, cols);
        for activations in [Activations::Exact, Activations::Quantized] {
            for isa in Isa::available() {
                let out = product(isa, &matrix, &x, activations);
                for (x, out) in x.chunks(cols).zip(out.chunks(40)) {
                    let alone = product(isa, &matrix, x, activations);
                    assert_eq!(bits(&alone), bits(out), "{ty} {activations:?} {}", isa.name());
                }
            }
        }
    }
}

fn rounded_to_bf16(x: &[f32]) -> Vec<f32> {
    let round = |x: &f32| fpbits::bf16_to_f32(fpbits::bf16_from_f32(*x));
    let settled = |x: f32| if x.abs() < 2.0f32.powi(-56) { 0.0 } else { x };
    x.iter().map(round).map(settled).collect()
}

#[test]
fn bf16_products_are_those_of_activations_rounded_to_bf16() {
    let format = Format::of(TensorType::BF16).unwrap();
    for cols in widths(format) {
        let matrix = matrix(format, 35, cols);
        let x = numbers(19, 43 * cols);
        let rounded = rounded_to_bf16(&x);
        let expected = exact(&matrix, &rounded);
        for isa in Isa::available() {
            let out = product(isa, &matrix, &x, Activations::Quantized);
            assert_eq!(bits(&out), bits(&expected), "{cols} {}", isa.name());
        }
        for (i, out) in expected.into_iter().enumerate() {
            let (w, x) = (matrix.row(i % 35), &rounded[i / 35 * cols..][..cols]);
            let terms = w.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x));
            let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()));
            assert!((f64::from(out) - sum).abs() <= 257.0 * 2f64.powi(-24) * size, "{out} {sum}");
        }
    }
}

/// Codes of all exponents or of small ones only, where sums could be subnormal, or of large ones only, where
/// they overflow.
#[test]
fn bf16_products_of_any_size_have_the_same_bits() {
    let (rows, cols, batch) = (16, 301, 13);
    for (least, most) in [(0, 0x80), (0, 0x40), (0, 0x24), (0x1f, 0x24), (0x3f, 0x80)] {
        let philox = Philox::new(20, least);
        let code = |i: usize| {
            let upper =
                least + (philox.uniform::<f64>(2 * i as u64) * (most - least) as f64) as u64;
            let lower = (philox.uniform::<f64>(2 * i as u64 + 1) * 512.0) as u64;
            // No infinity or NaN.
            let code = (upper << 8 | lower & 255).min(0x7f7f) as u16;
            code | (lower as u16 >> 8) << 15
        };
        let codes: Vec<u8> = (0..rows * cols).flat_map(|i| code(i).to_le_bytes()).collect();
        let x: Vec<f32> =
            (0..batch * cols).map(|i| fpbits::bf16_to_f32(code(i + codes.len()))).collect();
        let matrix = Matrix::new(rows, cols, TensorType::BF16, Bytes::from(codes.clone())).unwrap();
        let stored: Vec<f32> = (0..rows).flat_map(|row| matrix.row(row)).collect();
        let weights = super::dequantize(TensorType::BF16, &codes).unwrap();
        assert_eq!(bits(&stored), bits(&rounded_to_bf16(&weights)));
        let expected = exact(&matrix, &rounded_to_bf16(&x));
        assert!(expected.iter().all(|x| !x.is_subnormal()));
        for isa in Isa::available() {
            for batch in [1, batch] {
                let out = product(isa, &matrix, &x[..batch * cols], Activations::Quantized);
                for (out, expected) in out.into_iter().zip(&expected) {
                    let same = out.to_bits() == expected.to_bits();
                    assert!(same || out.is_nan() && expected.is_nan(), "{out} {expected}");
                }
            }
        }
    }
}

#[test]
fn infinity_and_nan_stay_in_their_rows() {
    let cols = 300;
    let matrix = matrix(Format::of(TensorType::BF16).unwrap(), 16, cols);
    let mut x = numbers(21, 9 * cols);
    x[cols + 7] = f32::INFINITY;
    x[2 * cols + 299] = f32::NAN;
    for isa in Isa::available() {
        let out = product(isa, &matrix, &x, Activations::Quantized);
        for (i, out) in out.into_iter().enumerate() {
            match i / 16 {
                1 => assert_eq!(out, f32::INFINITY.copysign(matrix.row(i % 16)[7])),
                2 => assert!(out.is_nan()),
                _ => assert!(out.is_finite()),
            }
        }
    }
}

#[test]
fn activations_in_pairs_are_those_rounded_to_bf16() {
    for len in [0, 1, 2, 31, 255, 256] {
        let mut x = numbers(22, len);
        let special = [1e-17, -1e-38, 1e-45, 3.4e38, f32::NEG_INFINITY, f32::NAN, 1.003_906_2];
        x.iter_mut().zip(special).for_each(|(x, special)| *x = special);
        let mut expected = rounded_to_bf16(&x);
        expected.resize(2 * PAIRS, 0.0);
        let mut rows = Bf16Rows::default();
        if len > 0 {
            rows.fill((Isa::Portable, Reading::InOrder), &x, len);
            assert_eq!(bits(rows.numbers().0), bits(&expected[..len]));
        }
        for isa in Isa::available() {
            let mut chunk = PairChunk([1; PAIRS]);
            isa.round_in_pairs(&x, &mut chunk);
            let halves = chunk.0.iter().flat_map(|pair| [pair & 0xffff_0000, pair << 16]);
            assert_eq!(halves.collect::<Vec<u32>>(), bits(&expected), "{len} {}", isa.name());
        }
    }
}

#[test]
fn fine_activations_have_sixteen_bits() {
    for format in FORMATS.iter().filter(|format| format.quantized.is_some()) {
        let cols = 512;
        let matrix = matrix(format, 35, cols).with_fine_activations();
        let x = numbers(16, 9 * cols);
        let oracle = product(Isa::Portable, &matrix, &x, Activations::Quantized);
        let exact = product(Isa::Portable, &matrix, &x, Activations::Exact);
        for (i, (out, exact)) in oracle.iter().zip(&exact).enumerate() {
            // A block's error is at most 0.5 / 127^2 of its largest activation, here at most 5.
            let bound = 1.6e-4 * matrix.row(i % 35).iter().map(|w| w.abs()).sum::<f32>();
            assert!((out - exact).abs() <= bound, "{}: {out} {exact}", format.ty);
        }
        for isa in Isa::available() {
            for batch in [1, 2, 5, 9] {
                let out = product(isa, &matrix, &x[..batch * cols], Activations::Quantized);
                let name = format!("{} {batch} {}", format.ty, isa.name());
                assert_eq!(bits(&out), bits(&oracle[..batch * 35]), "{name}");
            }
        }
    }
}

#[test]
fn fine_products_are_those_of_the_rounded_activations_and_of_the_rest() {
    let format = Format::of(TensorType::Q4_K).unwrap();
    let (cols, coarse) = (512, matrix(format, 35, 512));
    let x = numbers(17, 3 * cols);
    let mut rounded = QuantizedRows::default();
    rounded.fill(Isa::Portable, &x, cols);
    let rest: Vec<f32> = (0..x.len())
        .map(|i| {
            let chunk = &rounded.chunk(i % cols / CHUNK)[i / cols];
            let (block, at) = (i % CHUNK / 32, i % 32);
            (-chunk.scale[block]).mul_add(f32::from(chunk.q[block][at]), x[i])
        })
        .collect();
    let [of_x, of_rest] =
        [&x, &rest].map(|x| product(Isa::Portable, &coarse, x, Activations::Quantized));
    let sums: Vec<f32> = of_x.iter().zip(of_rest).map(|(a, b)| a + b).collect();
    let fine = coarse.with_fine_activations();
    assert_eq!(bits(&product(Isa::Portable, &fine, &x, Activations::Quantized)), bits(&sums));
}

#[test]
fn several_matrices_multiply_as_each_alone() {
    let types = [(TensorType::Q4_0, 35), (TensorType::Q6_K, 16), (TensorType::F16, 0)];
    let matrices = types.map(|(ty, rows)| matrix(Format::of(ty).unwrap(), rows, 512));
    multiply_as_each_alone(&matrices);
    let types = [(TensorType::BF16, 35), (TensorType::F16, 16), (TensorType::BF16, 48)];
    let matrices = types.map(|(ty, rows)| matrix(Format::of(ty).unwrap(), rows, 512));
    multiply_as_each_alone(&matrices);
}

fn multiply_as_each_alone([a, b, c]: &[Matrix; 3]) {
    let b = &b.clone().with_fine_activations();
    for activations in [Activations::Quantized, Activations::Exact] {
        for batch in [0, 1, 9] {
            let x = numbers(18, batch * 512);
            let mut buffer = RowBuffer::new();
            let [mut of_a, mut of_b, mut of_c] =
                [a, b, c].map(|matrix| vec![f32::NAN; batch * matrix.rows()]);
            let mut rows = buffer.rows(&x, 512, activations);
            multiply_all(&mut rows, [(a, &mut of_a[..]), (b, &mut of_b), (c, &mut of_c)]);
            for (matrix, out) in [(a, of_a), (b, of_b), (c, of_c)] {
                let alone = product(Isa::detect(), matrix, &x, activations);
                assert_eq!(bits(&out), bits(&alone), "{matrix:?}, {batch} rows");
            }
        }
    }
}

#[test]
fn threads_do_not_show() {
    let matrices =
        [TensorType::Q4_K, TensorType::BF16].map(|ty| matrix(Format::of(ty).unwrap(), 1000, 512));
    for (matrix, batch) in
        matrices.iter().flat_map(|matrix| [1, 9, 40].map(|batch| (matrix, batch)))
    {
        let x = numbers(14, batch * 512);
        let product = || {
            let mut out = vec![0.0; batch * 1000];
            matrix.matmul(&x, &mut out, Activations::Quantized);
            bits(&out)
        };
        let all = [1, 2, 5].map(|threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(product)
        });
        assert_eq!(all[0], all[1]);
        assert_eq!(all[0], all[2]);
    }
}

#[test]
fn extreme_integers_do_not_saturate() {
    // Weights of the largest magnitude and activations of +-127: the largest sums there are.
    let cols = 512;
    let x: Vec<f32> =
        (0..16 * cols).map(|i| if i / cols % 2 == 0 { 127.0 } else { -127.0 }).collect();
    for format in FORMATS.iter().filter(|format| format.quantized.is_some()) {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let mut data = vec![byte; format.ty.bytes_of(16 * cols).unwrap()];
            for block in data.chunks_exact_mut(format.ty.block_bytes()) {
                set_scale(format, block, 1.0);
            }
            let matrix = Matrix::new(16, cols, format.ty, Bytes::from(data)).unwrap();
            // Many rows, and single ones, which are multiplied in another loop.
            for x in [&x[..], &x[..cols], &x[cols..2 * cols]] {
                let expected = quantized(&matrix, x);
                for isa in Isa::available() {
                    let out = product(isa, &matrix, x, Activations::Quantized);
                    for (out, (sum, magnitude)) in out.iter().zip(&expected) {
                        let error = (f64::from(*out) - sum).abs();
                        assert!(error <= 1e-6 * magnitude, "{} {}", format.ty, isa.name());
                    }
                }
            }
        }
    }
}

#[test]
fn activations_round_to_nearest() {
    let cols = 96;
    let mut x = numbers(15, 4 * cols);
    x[cols..][..32].fill(1e-35);
    x[2 * cols] = f32::INFINITY;
    x[3 * cols + 95] = f32::NAN;
    let mut oracle = QuantizedRows::default();
    oracle.fill(Isa::Portable, &x, cols);
    for b in 0..4 {
        let chunk = &oracle.chunk(0)[b];
        for (block, x) in x[b * cols..][..cols].chunks_exact(32).enumerate() {
            let absmax = x.iter().fold(0.0f32, |max, x| max.max(x.abs()));
            if x.iter().any(|x| !x.is_finite()) {
                assert!(chunk.scale[block].is_nan());
            } else if absmax < 1e-30 {
                assert_eq!((chunk.scale[block], chunk.q[block]), (0.0, [0; 32]));
            } else {
                assert_eq!(chunk.scale[block], absmax / 127.0);
                for (x, &q) in x.iter().zip(&chunk.q[block]) {
                    let error = x - chunk.scale[block] * f32::from(q);
                    assert!(error.abs() <= 0.5001 * chunk.scale[block]);
                }
            }
        }
        for isa in Isa::available() {
            let mut rows = QuantizedRows::default();
            rows.fill(isa, &x, cols);
            let other = &rows.chunk(0)[b];
            assert_eq!(
                (chunk.q, chunk.bias, chunk.half_bias),
                (other.q, other.bias, other.half_bias)
            );
            assert_eq!(bits(&chunk.sum[..]), bits(&other.sum[..]), "{}", isa.name());
            assert_eq!(bits(&chunk.scale[..]), bits(&other.scale[..]), "{}", isa.name());
        }
    }
}

/// Rows longer than what a thread takes at once, and not a multiple of it.
#[test]
fn a_matrix_is_quantized_like_its_blocks() {
    let cols = 256 * 40;
    let x = numbers(12, 3 * cols);
    let weights: Vec<f32> = numbers(13, cols).iter().map(|w| w * w).collect();
    for ty in FORMATS.iter().filter(|format| format.quantize.is_some()).map(|format| format.ty) {
        let whole = super::quantize_weighted(ty, &x, Some(&weights)).unwrap();
        let rows: Vec<u8> = x
            .chunks(256)
            .enumerate()
            .flat_map(|(i, x)| {
                let weights = &weights[256 * i % cols..][..256];
                super::quantize_weighted(ty, x, Some(weights)).unwrap()
            })
            .collect();
        assert_eq!(whole, rows, "{ty}");
        let numbers: Vec<f32> = rows
            .chunks(ty.bytes_of(256).unwrap())
            .flat_map(|bytes| super::dequantize(ty, bytes).unwrap())
            .collect();
        assert_eq!(super::dequantize(ty, &whole).unwrap(), numbers, "{ty}");
    }
}
