//! Exact sums of slices: one integer a binade.
//!
//! Numbers with the same exponent are integers of the same unit. A table has an integer for each
//! exponent field; a number is added to the one that its exponent names, with its sign. Only when
//! those integers could overflow, and at the end, do they go into the accumulator.

use super::{ExactSum, Native};

/// Elements between two emptyings. A significand of `f32`'s products has 48 bits, so that 2^15 of
/// them fit into 63 bits; there are four tables.
const BLOCK: usize = 1 << 16;

/// Fewer elements are not worth a table.
const SHORT: usize = 128;

pub(super) fn add_slice<F: Native>(sum: &mut ExactSum, values: &[F]) {
    for block in values.chunks(BLOCK) {
        match block.len() >= SHORT && block.iter().all(|x| x.is_a_number()) {
            true if size_of::<F>() == 4 => singles(sum, block),
            true => doubles(sum, block),
            false => block.iter().for_each(|x| sum.add(x.code())),
        }
    }
}

pub(super) fn add_products<F: Native>(sum: &mut ExactSum, a: &[F], b: &[F]) {
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let finite = |x: &[F]| x.iter().all(|x| x.is_a_number());
        match size_of::<F>() == 4 && a.len() >= SHORT && finite(a) && finite(b) {
            true => products_of_singles(sum, a, b),
            false => a.iter().zip(b).for_each(|(x, y)| sum.add_product(x.code(), y.code())),
        }
    }
}

/// Exponent fields of binary64.
const FIELDS: usize = 2048;

/// Whether every term is a negative zero, which integers cannot say.
fn all_negative_zero(mut codes: impl Iterator<Item = f64>) -> bool {
    codes.all(|x| x.to_bits() == 1 << 63)
}

/// The integer of a number's significand, with its sign, and its exponent field.
#[inline(always)]
fn parts(x: f64) -> (i64, usize) {
    let bits = x.to_bits();
    let significand = (bits & ((1 << 52) - 1) | 1 << 52) as i64;
    let sign = bits as i64 >> 63;
    ((significand ^ sign) - sign, (bits >> 52) as usize & (FIELDS - 1))
}

/// The exponent of the unit of the significands in a binade of binary64.
const fn unit(field: usize) -> i32 {
    field as i32 - 1075
}

/// Tables side by side: a number goes to the table of its place, so that neighbours with the same
/// exponent do not wait for one another.
const TABLES: usize = 4;

/// Every f32 is a normal f64 or zero, with 24 significant bits.
fn singles<F: Native>(sum: &mut ExactSum, values: &[F]) {
    if all_negative_zero(values.iter().map(|x| x.to_f64())) {
        return values.iter().for_each(|x| sum.add(x.code()));
    }
    const ZEROS: u32 = 29;
    let mut tables = [[0i64; FIELDS]; TABLES];
    let mut add = |table: usize, x: F| {
        let (significand, field) = parts(x.to_f64());
        tables[table][field] += significand >> ZEROS;
    };
    let (blocks, rest) = values.as_chunks::<TABLES>();
    for &[x, y, z, w] in blocks {
        add(0, x);
        add(1, y);
        add(2, z);
        add(3, w);
    }
    rest.iter().for_each(|&x| add(0, x));
    // 2^-149 to 2^128
    empty(sum, &tables, 1023 - 149..1023 + 128, ZEROS);
}

/// The product of two f32 is a normal f64 or zero, with 48 significant bits.
fn products_of_singles<F: Native>(sum: &mut ExactSum, a: &[F], b: &[F]) {
    let product = |(x, y): (&F, &F)| x.to_f64() * y.to_f64();
    if all_negative_zero(a.iter().zip(b).map(product)) {
        return a.iter().zip(b).for_each(|(x, y)| sum.add_product(x.code(), y.code()));
    }
    const ZEROS: u32 = 5;
    let mut tables = [[0i64; FIELDS]; TABLES];
    let mut add = |table: usize, x: F, y: F| {
        let (significand, field) = parts(x.to_f64() * y.to_f64());
        tables[table][field] += significand >> ZEROS;
    };
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<TABLES>(), b.as_chunks::<TABLES>());
    for (x, y) in a.iter().zip(b) {
        add(0, x[0], y[0]);
        add(1, x[1], y[1]);
        add(2, x[2], y[2]);
        add(3, x[3], y[3]);
    }
    a_rest.iter().zip(b_rest).for_each(|(&x, &y)| add(0, x, y));
    // 2^-298 to 2^256
    empty(sum, &tables, 1023 - 298..1023 + 256, ZEROS);
}

/// Moves the fields of the tables in which there can be anything into the accumulator. Field 0
/// holds zeros only.
fn empty(
    sum: &mut ExactSum,
    tables: &[[i64; FIELDS]; TABLES],
    fields: core::ops::Range<usize>,
    zeros: u32,
) {
    for field in fields {
        for total in tables.iter().map(|table| table[field]).filter(|&total| total != 0) {
            sum.add_scaled(total < 0, total.unsigned_abs(), unit(field) + zeros as i32);
        }
    }
    sum.add_scaled(false, 0, 0); // there was a term other than negative zero
}

/// 53 bits, in two tables for their halves: 2^31 of them fit. Subnormal numbers have the unit of
/// the first binade and no implied bit.
fn doubles<F: Native>(sum: &mut ExactSum, values: &[F]) {
    if all_negative_zero(values.iter().map(|x| x.to_f64())) {
        return values.iter().for_each(|x| sum.add(x.code()));
    }
    let (mut low, mut high) = ([0i64; FIELDS], [0i64; FIELDS]);
    let mut numbers = 0;
    for x in values {
        let (significand, field) = parts(x.to_f64());
        low[field] += significand & 0xffff_ffff;
        high[field] += significand >> 32;
        numbers += i64::from(field == 0) * if significand < 0 { -1 } else { 1 };
    }
    // Take the implied bit of subnormal numbers back out.
    high[0] -= numbers << 20;
    for field in 0..FIELDS {
        let exponent = unit(field.max(1));
        for (total, exponent) in [(low[field], exponent), (high[field], exponent + 32)] {
            if total != 0 {
                sum.add_scaled(total < 0, total.unsigned_abs(), exponent);
            }
        }
    }
    sum.add_scaled(false, 0, 0);
}
