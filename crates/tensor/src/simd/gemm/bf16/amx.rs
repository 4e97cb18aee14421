//! Tiles by the matrix unit, AMX-BF16.
//!
//! The instructions have no functions in stable Rust and are written as assembly. Tiles live between
//! [`Tiles::configure`] and its release; nothing that the compiler makes uses them.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};

use super::pack::{Block, LINES};

/// The proof that this processor has AMX-BF16 and that the system lets this process use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amx(());

impl Amx {
    /// Asks the processor, then the system.
    pub(super) fn detect() -> Option<Self> {
        const LEAF: u32 = 7;
        const AMX_BF16: u32 = 1 << 22;
        const AMX_TILE: u32 = 1 << 24;
        let has = AMX_TILE | AMX_BF16;
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

/// Eight tiles of 16 rows of 64 bytes, on this thread; released when it is dropped.
pub(super) struct Tiles {
    /// Tiles belong to the thread that configured them.
    _here: std::marker::PhantomData<*const ()>,
}

impl Tiles {
    pub(super) fn configure(_: Amx) -> Self {
        let mut config = Configuration {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        config.rows[..8].fill(16);
        config.row_bytes[..8].fill(64);
        // SAFETY: the processor has the instruction and the system granted it; it reads the 64
        // bytes of `config`, which describe tiles within the bounds of palette 1.
        unsafe {
            asm!("ldtilecfg [{config}]", config = in(reg) &config, options(nostack, readonly));
        }
        Tiles { _here: std::marker::PhantomData }
    }

    /// A tile of 32 by 32: `a` is two panels of rows, `b` two of columns. Row r goes to `out + r * stride`.
    ///
    /// # Safety
    ///
    /// The 32 elements of each of the 32 rows of `out` must be writable.
    pub(super) unsafe fn tile(
        &self,
        a: [&[Block]; 2],
        b: [&[Block]; 2],
        out: *mut f32,
        stride: usize,
    ) {
        let steps = a[0].len();
        assert!(steps > 0 && [a[1].len(), b[0].len(), b[1].len()] == [steps; 3]);
        // SAFETY: `self` exists, so the tiles are configured. Each of the four panels holds `steps`
        // blocks of 1024 bytes, which is what the loop reads; the caller lends what is written.
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
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the value was made by `configure`, so the processor has the instruction.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}
