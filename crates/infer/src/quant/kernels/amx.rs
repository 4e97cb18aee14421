//! Products of many rows with the matrix unit (AMX-INT8), beside AVX-512.
//!
//! A tile instruction multiplies 16 rows of 8-bit activations with a panel's 16 rows of weights and
//! adds to 16 by 16 integers of 32 bits: a panel lies in memory as the unit wants its second
//! operand, and a [`RowChunk`] as it wants its first. The sums are exact, so the bits are those of
//! every other instruction set.
//!
//! The instructions have no functions in stable Rust and are written as assembly.

use std::arch::asm;
use std::arch::x86_64::*;

use ulp_tensor::simd::amx::{Int8, TileShape, Tiles};

use super::super::panel::{GROUPS, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::super::tile::TILE;
use super::avx512::{add_minimums, load, store};

/// How many of `rows` rows the matrix unit takes.
///
/// Few rows are faster on the vector unit, which neither turns a panel's bits over nor writes sums to
/// memory and reads them again: at Q4_0 and Q4_K both are equal at 32 rows, the vector unit up to 1.5
/// times as fast below. Half blocks give twice the sums for the same products, and are faster there for
/// any number of rows (Q6_K, 512 rows: 1.2 times).
pub(super) fn takes<S: Scheme>(rows: usize) -> usize {
    const WORTH_IT: usize = 48;
    if S::HALVES || rows < WORTH_IT { 0 } else { rows / 8 * 8 }
}

/// Tiles 0 to 3 for sums of `n` rows, one product after the other; 4 and 6 for their activations, 5 and 7
/// for their weights.
fn configured(amx: Int8, n: u8) -> Tiles {
    let groups = GROUPS as u8;
    let sums = TileShape { rows: n, row_bytes: 64 };
    let x = TileShape { rows: n, row_bytes: 4 * u16::from(groups) };
    let w = TileShape { rows: groups, row_bytes: 64 };
    Tiles::configure(amx, [sums, sums, sums, sums, x, w, x, w])
}

/// Sums of integers: activation row, output.
#[repr(C, align(64))]
struct Sums([[i32; TILE]; TILE]);

/// Adds the product of panels with rows, a multiple of eight, to the outputs: panel, `batch` rows.
/// Panels without minimums have signed integers afterwards.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
pub(super) fn multiply_many<S: Scheme>(
    amx: Int8,
    panels: &mut [Panel],
    blocks: usize,
    x: &[RowChunk],
    batch: usize,
    out: &mut [Row16],
) {
    assert!(!S::HALVES, "the matrix unit takes no rows for half blocks");
    if !S::MINIMUM {
        for panel in &mut panels[..out.len() / batch] {
            // Subtracting 128 from a byte is turning its upper bit.
            for word in panel.q[..blocks].as_flattened_mut().as_flattened_mut() {
                *word ^= 0x8080_8080;
            }
        }
    }
    let mut sums = [const { Sums([[0; TILE]; TILE]) }; RING];
    let (sixteens, rest) = x.as_chunks::<16>();
    if !sixteens.is_empty() {
        let tiles = configured(amx, 16);
        for (i, x) in sixteens.iter().enumerate() {
            for (panel, out) in panels.iter().zip(out.chunks_exact_mut(batch)) {
                let out = out[16 * i..].first_chunk_mut().expect("rows of the batch");
                multiply::<S, 16>(&tiles, &mut sums, panel, blocks, x, out);
            }
        }
    }
    if let Some(x) = rest.first_chunk::<8>() {
        let tiles = configured(amx, 8);
        for (panel, out) in panels.iter().zip(out.chunks_exact_mut(batch)) {
            let out = out[16 * sixteens.len()..].first_chunk_mut().expect("rows of the batch");
            multiply::<S, 8>(&tiles, &mut sums, panel, blocks, x, out);
        }
    }
}

/// Tiles of sums, used one after the other.
const RING: usize = 4;
/// Products that are begun before the first one's sums are stored. The matrix unit takes longest from
/// weights to sums; with some products under way, neither unit waits for the other.
const BEGUN: usize = 2;
/// Products whose sums are stored before the first one's are scaled: what a tile stores cannot be
/// read back at once.
const STORED: usize = 1;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn multiply<S: Scheme, const N: usize>(
    tiles: &Tiles,
    sums: &mut [Sums; RING],
    panel: &Panel,
    blocks: usize,
    x: &[RowChunk; N],
    out: &mut [Row16; N],
) {
    const { assert!(N <= TILE && BEGUN + STORED < RING) }
    let mut c = [_mm512_setzero_ps(); N];
    for n in 0..N {
        c[n] = load(&out[n]);
    }
    // The number of a tile stands in the instruction: with one step for each tile of the ring, the
    // compiler knows them all.
    for first in (0..blocks + BEGUN + STORED).step_by(RING) {
        c = step::<S, N, 0>(tiles, sums, panel, blocks, x, first, c);
        c = step::<S, N, 1>(tiles, sums, panel, blocks, x, first + 1, c);
        c = step::<S, N, 2>(tiles, sums, panel, blocks, x, first + 2, c);
        c = step::<S, N, 3>(tiles, sums, panel, blocks, x, first + 3, c);
    }
    for n in 0..N {
        store(&mut out[n], c[n]);
    }
}

/// Begins the product of block `index`, in tile `T` of the ring; stores the sums of one begun before;
/// adds those of one stored before to `c`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn step<S: Scheme, const N: usize, const T: usize>(
    tiles: &Tiles,
    sums: &mut [Sums; RING],
    panel: &Panel,
    blocks: usize,
    x: &[RowChunk; N],
    index: usize,
    c: [__m512; N],
) -> [__m512; N] {
    if index < blocks {
        begin::<S, N>(tiles, T, panel, index, x);
    }
    if (BEGUN..blocks + BEGUN).contains(&index) {
        let stored = (T + RING - BEGUN) % RING;
        store_sums(tiles, stored, &mut sums[stored]);
    }
    match index.checked_sub(BEGUN + STORED) {
        Some(block) if block < blocks => {
            let last = (T + RING - BEGUN - STORED) % RING;
            add_block::<S, N>(panel, block, &sums[last], x, c)
        }
        _ => c,
    }
}

/// `c` and the product of a block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn add_block<S: Scheme, const N: usize>(
    panel: &Panel,
    block: usize,
    sums: &Sums,
    x: &[RowChunk; N],
    mut c: [__m512; N],
) -> [__m512; N] {
    let scale = load(&panel.scale[block][0]);
    for n in 0..N {
        let product = _mm512_mul_ps(integers(&sums.0[n]), scale);
        c[n] = _mm512_fmadd_ps(product, _mm512_set1_ps(x[n].scale[block]), c[n]);
    }
    add_minimums::<S, N>(panel, block, x, c)
}

/// Begins the product of a block, which leaves its sums in tile `tile`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn begin<S: Scheme, const N: usize>(
    _: &Tiles,
    tile: usize,
    panel: &Panel,
    block: usize,
    x: &[RowChunk; N],
) {
    /// Tiles $c, $a and $b: the product of what is at `x` and `w`.
    macro_rules! product {
        ($instruction:literal, $c:literal, $a:literal, $b:literal, $x:expr, $w:expr) => {
            asm!(
                concat!("tilezero ", $c),
                concat!("tileloadd ", $a, ", [{x} + {stride}*1]"),
                concat!("tileloadd ", $b, ", [{w} + {line}*1]"),
                concat!($instruction, " ", $c, ", ", $a, ", ", $b),
                x = in(reg) $x,
                stride = in(reg) size_of::<RowChunk>(),
                w = in(reg) $w,
                line = in(reg) 64usize,
                options(nostack, readonly),
            )
        };
    }
    let x = x[0].q[block].as_ptr();
    let w = panel.q[block].as_ptr();
    // SAFETY: the tiles are configured for N rows. Activations: N rows of 32 bytes with the stride of
    // `RowChunk`, inside the N of `x`. Weights: 8 lines of 64 bytes, which are `panel.q[block]`.
    unsafe {
        match (S::MINIMUM, tile) {
            (true, 0) => product!("tdpbsud", "tmm0", "tmm4", "tmm5", x, w),
            (true, 1) => product!("tdpbsud", "tmm1", "tmm6", "tmm7", x, w),
            (true, 2) => product!("tdpbsud", "tmm2", "tmm4", "tmm5", x, w),
            (true, _) => product!("tdpbsud", "tmm3", "tmm6", "tmm7", x, w),
            (false, 0) => product!("tdpbssd", "tmm0", "tmm4", "tmm5", x, w),
            (false, 1) => product!("tdpbssd", "tmm1", "tmm6", "tmm7", x, w),
            (false, 2) => product!("tdpbssd", "tmm2", "tmm4", "tmm5", x, w),
            (false, _) => product!("tdpbssd", "tmm3", "tmm6", "tmm7", x, w),
        }
    }
}

/// Stores the sums of tile `tile`, at most 16 rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn store_sums(_: &Tiles, tile: usize, sums: &mut Sums) {
    macro_rules! store {
        ($c:literal) => {
            asm!(
                concat!("tilestored [{out} + {line}*1], ", $c),
                out = in(reg) sums.0.as_mut_ptr(),
                line = in(reg) 64usize,
                options(nostack),
            )
        };
    }
    // SAFETY: the tiles are configured, for at most 16 rows of 64 bytes: the size of `sums`.
    unsafe {
        match tile {
            0 => store!("tmm0"),
            1 => store!("tmm1"),
            2 => store!("tmm2"),
            _ => store!("tmm3"),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn integers(sums: &[i32; TILE]) -> __m512 {
    // SAFETY: sixteen integers are read.
    _mm512_cvtepi32_ps(unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) })
}
