//! Products of many rows with the matrix unit (AMX-INT8), beside AVX-512.
//!
//! A tile instruction multiplies 16 rows of 8-bit activations with a panel's 16 rows of weights and
//! adds to 16 by 16 integers of 32 bits: a panel lies in memory as the unit wants its second
//! operand, and a [`RowChunk`] as it wants its first. The sums are exact, so the bits are those of
//! every other instruction set.
//!
//! The instructions have no functions in stable Rust and are written as assembly. Tiles live between
//! [`Tiles::configure`] and its release; nothing that the compiler makes uses them.

use std::arch::asm;
use std::arch::x86_64::*;

use super::super::panel::{GROUPS, Panel, Row16, Scheme};
use super::super::quantized_rows::RowChunk;
use super::super::tile::TILE;
use super::avx512::{add_minimums, load, store};

/// The proof that this processor has AMX-INT8 and that the system lets this process use it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amx(());

impl Amx {
    /// Asks the processor, then the system.
    pub(super) fn detect() -> Option<Self> {
        const LEAF: u32 = 7;
        const AMX_TILE: u32 = 1 << 24;
        const AMX_INT8: u32 = 1 << 25;
        let has = AMX_TILE | AMX_INT8;
        let leaves = __cpuid(0).eax;
        let features = if leaves >= LEAF { __cpuid_count(LEAF, 0).edx } else { 0 };
        (features & has == has && granted()).then_some(Amx(()))
    }
}

/// Linux wants to be asked before the first use of tiles: for this process and all its threads.
fn granted() -> bool {
    #[cfg(target_os = "linux")]
    {
        const ARCH_PRCTL: i64 = 158;
        const REQUEST_PERMISSION: i64 = 0x1023;
        const TILE_DATA: i64 = 18;
        let result: i64;
        // SAFETY: the call reads no memory of this process and writes none; `syscall` changes rax,
        // rcx and r11.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => result,
                in("rdi") REQUEST_PERMISSION,
                in("rsi") TILE_DATA,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        result == 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    /// Bytes of a row of each tile.
    row_bytes: [u16; 16],
    /// Rows of each tile.
    rows: [u8; 16],
}

/// Tiles that are set up; released when it is dropped.
struct Tiles(());

impl Tiles {
    /// Tiles 0 to 2 for products of `n` rows: sums, activations, weights; 3 to 5 the same again.
    fn configure<S: Scheme>(_: Amx, n: u8) -> Self {
        let groups = if S::HALVES { GROUPS / 2 } else { GROUPS } as u8;
        let mut config = Configuration {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        for first in [0, 3] {
            config.rows[first..first + 3].copy_from_slice(&[n, n, groups]);
            config.row_bytes[first..first + 3].copy_from_slice(&[64, 4 * u16::from(groups), 64]);
        }
        // SAFETY: the processor has the instruction and the system granted it; it reads the 64
        // bytes of `config`, which describe tiles within the bounds of palette 1.
        unsafe {
            asm!("ldtilecfg [{config}]", config = in(reg) &config, options(nostack, readonly));
        }
        Tiles(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the value was made by `configure`, so the processor has the instruction.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}

/// Sums of integers: activation row, output.
#[repr(C, align(64))]
struct Sums([[i32; TILE]; TILE]);

/// Adds the product of panels with rows, a multiple of eight, to the outputs: panel, `batch` rows.
/// Panels without minimums have signed integers afterwards.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
pub(super) fn multiply_many<S: Scheme>(
    amx: Amx,
    panels: &mut [Panel],
    blocks: usize,
    x: &[RowChunk],
    batch: usize,
    out: &mut [Row16],
) {
    if !S::MINIMUM {
        for panel in &mut panels[..out.len() / batch] {
            // Subtracting 128 from a byte is turning its upper bit.
            for word in panel.q[..blocks].as_flattened_mut().as_flattened_mut() {
                *word ^= 0x8080_8080;
            }
        }
    }
    let (sixteens, rest) = x.as_chunks::<16>();
    if !sixteens.is_empty() {
        let tiles = Tiles::configure::<S>(amx, 16);
        for (i, x) in sixteens.iter().enumerate() {
            for (panel, out) in panels.iter().zip(out.chunks_exact_mut(batch)) {
                let out = out[16 * i..].first_chunk_mut().expect("rows of the batch");
                multiply::<S, 16>(&tiles, panel, blocks, x, out);
            }
        }
    }
    if let Some(x) = rest.first_chunk::<8>() {
        let tiles = Tiles::configure::<S>(amx, 8);
        for (panel, out) in panels.iter().zip(out.chunks_exact_mut(batch)) {
            let out = out[16 * sixteens.len()..].first_chunk_mut().expect("rows of the batch");
            multiply::<S, 8>(&tiles, panel, blocks, x, out);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn multiply<S: Scheme, const N: usize>(
    tiles: &Tiles,
    panel: &Panel,
    blocks: usize,
    x: &[RowChunk; N],
    out: &mut [Row16; N],
) {
    const { assert!(N <= TILE) }
    let mut c = [_mm512_setzero_ps(); N];
    for n in 0..N {
        c[n] = load(&out[n]);
    }
    // While the vector unit works on the sums of a block, the matrix unit makes those of the next.
    let mut sums = [const { Sums([[0; TILE]; TILE]) }; 4];
    products::<S, N>(tiles, panel, 0, x, &mut sums);
    for block in 0..blocks {
        if block + 1 < blocks {
            products::<S, N>(tiles, panel, block + 1, x, &mut sums);
        }
        let [first, second] = halves(block);
        let scale = [load(&panel.scale[block][0]), load(&panel.scale[block][1])];
        for n in 0..N {
            let mut product = _mm512_mul_ps(integers(&sums[first].0[n]), scale[0]);
            if S::HALVES {
                product = _mm512_fmadd_ps(integers(&sums[second].0[n]), scale[1], product);
            }
            c[n] = _mm512_fmadd_ps(product, _mm512_set1_ps(x[n].scale[block]), c[n]);
        }
        c = add_minimums::<S, N>(panel, block, x, c);
    }
    for n in 0..N {
        store(&mut out[n], c[n]);
    }
}

/// Where the sums of a block's halves are.
fn halves(block: usize) -> [usize; 2] {
    [2 * (block % 2), 2 * (block % 2) + 1]
}

/// The integer sums of a block, or of each of its halves.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
fn products<S: Scheme, const N: usize>(
    _: &Tiles,
    panel: &Panel,
    block: usize,
    x: &[RowChunk; N],
    sums: &mut [Sums; 4],
) {
    let [first, second] = halves(block);
    let stride = size_of::<RowChunk>();
    let lines = &panel.q[block];
    /// Tiles $c, $a and $b: the product of what is at `x` and `w`, stored at `out`.
    macro_rules! product {
        ($instruction:literal, $c:literal, $a:literal, $b:literal, $x:expr, $w:expr, $out:expr) => {
            asm!(
                concat!("tilezero ", $c),
                concat!("tileloadd ", $a, ", [{x} + {stride}*1]"),
                concat!("tileloadd ", $b, ", [{w} + {line}*1]"),
                concat!($instruction, " ", $c, ", ", $a, ", ", $b),
                concat!("tilestored [{out} + {line}*1], ", $c),
                x = in(reg) $x,
                stride = in(reg) stride,
                w = in(reg) $w,
                line = in(reg) 64usize,
                out = in(reg) $out,
                out("tmm0") _, out("tmm1") _, out("tmm2") _,
                out("tmm3") _, out("tmm4") _, out("tmm5") _,
                options(nostack),
            )
        };
    }
    let (x_first, w_first) = (x[0].q[block].as_ptr(), lines[0].as_ptr());
    let (x_second, w_second) = (x[0].q[block][16..].as_ptr(), lines[GROUPS / 2].as_ptr());
    let out_first = sums[first].0.as_mut_ptr();
    // SAFETY: the tiles are configured for N rows. Activations: N rows of 32 bytes (16 of a half)
    // with the stride of `RowChunk`, inside `x`. Weights: 8 lines (4 of a half) of 64 bytes, inside
    // `panel.q[block]`. Sums: N rows of 64 bytes, N <= 16.
    unsafe {
        match S::MINIMUM {
            true => product!("tdpbsud", "tmm0", "tmm1", "tmm2", x_first, w_first, out_first),
            false => product!("tdpbssd", "tmm0", "tmm1", "tmm2", x_first, w_first, out_first),
        }
    }
    if S::HALVES {
        let out_second = sums[second].0.as_mut_ptr();
        // SAFETY: see above.
        unsafe {
            match S::MINIMUM {
                true => product!("tdpbsud", "tmm3", "tmm4", "tmm5", x_second, w_second, out_second),
                false => {
                    product!("tdpbssd", "tmm3", "tmm4", "tmm5", x_second, w_second, out_second)
                }
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn integers(sums: &[i32; TILE]) -> __m512 {
    // SAFETY: sixteen integers are read.
    _mm512_cvtepi32_ps(unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) })
}
