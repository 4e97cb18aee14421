//! Tiles by the matrix unit, AMX-BF16.

use std::arch::asm;

use super::pack::{Block, LINES};
use crate::simd::amx::{Bf16, TileShape, Tiles};

/// Eight tiles of 16 rows of 64 bytes.
pub(super) fn configured(amx: Bf16) -> Tiles {
    Tiles::configure(amx, [TileShape { rows: 16, row_bytes: 64 }; 8])
}

/// A tile of 32 by 32: `a` is two panels of rows, `b` two of columns. Row r goes to `out + r * stride`.
///
/// # Safety
///
/// The tiles must be those of [`configured`], and the 32 elements of each of the 32 rows of `out` writable.
pub(super) unsafe fn tile(
    _: &Tiles,
    a: [&[Block]; 2],
    b: [&[Block]; 2],
    out: *mut f32,
    stride: usize,
) {
    let steps = a[0].len();
    assert!(steps > 0 && [a[1].len(), b[0].len(), b[1].len()] == [steps; 3]);
    // SAFETY: the caller promises the tiles' shapes, and lends what is written. Each of the four panels
    // holds `steps` blocks of 1024 bytes, which is what the loop reads.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{a0} + {line}*1]",
            "tileloadd tmm6, [{b0} + {line}*1]",
            "tileloadd tmm5, [{a1} + {line}*1]",
            "tileloadd tmm7, [{b1} + {line}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a0}, 1024",
            "add {a1}, 1024",
            "add {b0}, 1024",
            "add {b1}, 1024",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{upper} + {row}*1], tmm0",
            "tilestored [{upper} + {row}*1 + 64], tmm1",
            "tilestored [{lower} + {row}*1], tmm2",
            "tilestored [{lower} + {row}*1 + 64], tmm3",
            a0 = inout(reg) a[0].as_ptr() => _,
            a1 = inout(reg) a[1].as_ptr() => _,
            b0 = inout(reg) b[0].as_ptr() => _,
            b1 = inout(reg) b[1].as_ptr() => _,
            steps = inout(reg) steps => _,
            line = in(reg) 64usize,
            row = in(reg) 4 * stride,
            upper = in(reg) out,
            lower = in(reg) out.wrapping_add(LINES * stride),
            options(nostack),
        );
    }
}
