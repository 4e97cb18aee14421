//! The inner loops in plain Rust: what each output is, written down, and the oracle of the others.

use std::array::from_fn;
use std::hint::black_box;

use super::super::panel::{BLOCK, Lanes, Line, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::super::tile::TILE;
use super::arch::{Arch, SPINS};
use super::reading::Cache;
use super::soon::Soon;

/// What every processor has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Lanes for Portable {
    type Words = Line;
    type Floats = Row16;
    const REGISTERS: usize = 4;

    fn load(self, bytes: &[u8; 4 * TILE]) -> Line {
        let mut words = [0; TILE];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        words
    }

    fn line(self, line: &Line) -> Line {
        *line
    }

    fn widen(self, bytes: &[u8; TILE]) -> Line {
        bytes.map(u32::from)
    }

    fn widen_signed(self, bytes: &[u8; TILE]) -> Line {
        bytes.map(|byte| i32::from(byte as i8) as u32)
    }

    fn store_bytes(self, words: Line, bytes: &mut [u8; 4 * TILE]) {
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
    }

    fn store(self, words: Line, line: &mut Line) {
        *line = words;
    }

    fn bits(self, words: Line, shift: u32, mask: u8) -> Line {
        words.map(|word| word >> shift & u32::from_le_bytes([mask; 4]))
    }

    fn byte(self, words: Line, index: usize) -> Line {
        words.map(|word| word.to_le_bytes()[index].into())
    }

    fn turn(self, words: Line, left: i32, mask: u8) -> Line {
        words.map(|word| {
            word.rotate_left(left.rem_euclid(32) as u32) & u32::from_le_bytes([mask; 4])
        })
    }

    fn or(self, a: Line, b: Line) -> Line {
        from_fn(|lane| a[lane] | b[lane])
    }

    fn add(self, words: Line, n: u8) -> Line {
        words.map(|word| u32::from_le_bytes(word.to_le_bytes().map(|byte| byte + n)))
    }

    fn xor(self, a: Line, b: Line) -> Line {
        from_fn(|lane| a[lane] ^ b[lane])
    }

    fn spread(self, words: Line, shift: u32) -> Line {
        words.map(|word| {
            let four: [u8; 4] = from_fn(|bit| (word >> shift >> bit << 4 & 16) as u8);
            u32::from_le_bytes(four)
        })
    }

    fn look_up(self, table: &[u8; 16], words: Line) -> Line {
        words.map(|word| {
            u32::from_le_bytes(word.to_le_bytes().map(|index| table[usize::from(index)]))
        })
    }

    fn fetch(self, _: *const u8, _: Cache) {}

    fn prefetch(self, _: &[u8], _: usize, _: Cache) {}

    fn floats(self, words: Line) -> Row16 {
        words.map(|word| word as i32 as f32)
    }

    fn row(self, row: &Row16) -> Row16 {
        *row
    }

    fn row_of_bytes(self, bytes: &[u8; 4 * TILE]) -> Row16 {
        self.load(bytes).map(f32::from_bits)
    }

    fn f16(self, bytes: &[u8; 2 * TILE]) -> Row16 {
        from_fn(|lane| fpbits::f16_to_f32(u16::from_le_bytes(bytes.as_chunks().0[lane])))
    }

    fn bf16(self, bytes: &[u8; 2 * TILE]) -> Row16 {
        from_fn(|lane| fpbits::bf16_to_f32(u16::from_le_bytes(bytes.as_chunks().0[lane])))
    }

    fn store_row(self, floats: Row16, row: &mut Row16) {
        *row = floats;
    }

    fn splat(self, x: f32) -> Row16 {
        [x; TILE]
    }

    fn plus(self, a: Row16, b: Row16) -> Row16 {
        from_fn(|lane| a[lane] + b[lane])
    }

    fn times(self, a: Row16, b: Row16) -> Row16 {
        from_fn(|lane| a[lane] * b[lane])
    }

    fn fma(self, a: Row16, b: Row16, c: Row16) -> Row16 {
        from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    fn larger(self, a: Row16, b: Row16) -> Row16 {
        from_fn(|lane| if b[lane] > a[lane] { b[lane] } else { a[lane] })
    }
}

impl Arch for Portable {
    const ROWS: usize = 2;
    const FLOAT_ROWS: usize = 2;
    type Panels<S: Scheme> = S::Any;
    type Single<S: Scheme> = S::Any;
    type Sums = ();

    fn multiply<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        x: &[RowChunk; N],
        _soon: Soon<'_>,
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

    fn spin_int8(self, rounds: usize) -> u64 {
        let (x, w) = black_box(([1i8; TILE], [1u8; TILE]));
        let mut sums = [[0i32; TILE]; SPINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                for lane in 0..TILE {
                    sum[lane] = sum[lane].wrapping_add(i32::from(x[lane]) * i32::from(w[lane]));
                }
            }
        }
        black_box(sums);
        (2 * rounds * SPINS * TILE) as u64
    }
}

/// Adds one block of one row to one output: the definition.
fn add_block<S: Scheme>(panel: &Panel, x: &RowChunk, block: usize, row: usize, out: f32) -> f32 {
    let (scale, min) = (panel.scale[block].map(|s| s[row]), panel.min[block].map(|m| m[row]));
    let weight = |i: usize| {
        let byte = panel.q[block][i / 4][row].to_le_bytes()[i % 4];
        i32::from(byte) - i32::from(S::ZERO)
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
