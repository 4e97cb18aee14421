//! The inner loops in plain Rust: what each output is, written down, and the oracle of the others.

use super::super::panel::{BLOCK, Lanes, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::super::tile::TILE;
use super::arch::Arch;

/// What every processor has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Lanes for Portable {
    fn f16x16(self, bytes: &[u8; 2 * TILE]) -> Row16 {
        let mut out = [0.0; TILE];
        for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *out = fpbits::f16_to_f32(u16::from_le_bytes(*bytes));
        }
        out
    }
}

impl Arch for Portable {
    const ROWS: usize = 2;

    fn multiply<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        x: &[RowChunk; N],
        out: &mut [Row16; N],
    ) {
        for (x, out) in x.iter().zip(out) {
            for block in 0..blocks {
                for (row, out) in out.iter_mut().enumerate() {
                    *out = add_block::<S>(panel, x, block, row, *out);
                }
            }
        }
    }

    fn multiply_floats<const N: usize>(
        self,
        floats: &[Row16],
        x: &[f32],
        cols: usize,
        out: &mut [Row16; N],
    ) {
        for (n, out) in out.iter_mut().enumerate() {
            let mut sums = [0f32; TILE];
            for (line, x) in floats.iter().zip(&x[n * cols..]) {
                for (sum, w) in sums.iter_mut().zip(line) {
                    *sum = x.mul_add(*w, *sum);
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out += sum;
            }
        }
    }
}

/// Adds one block of one row to one output: the definition.
fn add_block<S: Scheme>(panel: &Panel, x: &RowChunk, block: usize, row: usize, out: f32) -> f32 {
    let (scale, min) = (panel.scale[block].map(|s| s[row]), panel.min[block].map(|m| m[row]));
    let weight = |i: usize| {
        let byte = panel.q[block][i / 4][row].to_le_bytes()[i % 4];
        i32::from(byte) - if S::MINIMUM { 0 } else { 128 }
    };
    let mut halves = [0i32; 2];
    for i in 0..BLOCK {
        halves[i / 16] += weight(i) * i32::from(x.q[block][i]);
    }
    let product = match S::HALVES {
        true => (halves[1] as f32).mul_add(scale[1], halves[0] as f32 * scale[0]),
        false => (halves[0] + halves[1]) as f32 * scale[0],
    };
    let out = product.mul_add(x.scale[block], out);
    match (S::MINIMUM, S::HALVES) {
        (false, _) => out,
        (true, false) => min[0].mul_add(x.sum[block], out),
        (true, true) => {
            let out = min[0].mul_add(x.half_sum[block][0], out);
            min[1].mul_add(x.half_sum[block][1], out)
        }
    }
}
