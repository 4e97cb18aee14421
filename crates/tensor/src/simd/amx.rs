//! The matrix unit (AMX): whether it may be used, and its tiles.
//!
//! The instructions have no functions in stable Rust and are written as assembly. Tiles live between
//! [`Tiles::configure`] and its release; nothing that the compiler makes uses them.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::marker::PhantomData;

/// The proof that this processor has a matrix unit which multiplies a kind of numbers, and that the
/// system lets this process use it. `FEATURE` is the kind's bit of CPUID's leaf 7 in EDX (Intel, Software
/// Developer's Manual, volume 2A).
///
/// # Examples
///
/// ```
/// use ulp_tensor::simd::amx::Int8;
///
/// println!("8-bit integers: {}", Int8::detect().is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amx<const FEATURE: u32>(());

/// AMX-INT8.
pub type Int8 = Amx<25>;
/// AMX-BF16.
pub type Bf16 = Amx<22>;

impl<const FEATURE: u32> Amx<FEATURE> {
    /// Asks the processor, then the system.
    pub fn detect() -> Option<Self> {
        const LEAF: u32 = 7;
        const AMX_TILE: u32 = 1 << 24;
        let has = AMX_TILE | 1 << FEATURE;
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

/// The shape of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileShape {
    /// At most 16.
    pub rows: u8,
    /// At most 64.
    pub row_bytes: u16,
}

/// Eight tiles that are set up on this thread; released when it is dropped.
#[derive(Debug)]
pub struct Tiles {
    /// Tiles belong to the thread that configured them.
    _here: PhantomData<*const ()>,
}

impl Tiles {
    /// Tiles 0 to 7 in these shapes. They hold nothing of value yet.
    ///
    /// # Panics
    ///
    /// If a tile has no rows, no bytes, or more than the unit's tiles have.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_tensor::simd::amx::{Int8, TileShape, Tiles};
    ///
    /// let whole = TileShape { rows: 16, row_bytes: 64 };
    /// let tiles = Int8::detect().map(|amx| Tiles::configure(amx, [whole; 8]));
    /// ```
    pub fn configure<const FEATURE: u32>(_: Amx<FEATURE>, shapes: [TileShape; 8]) -> Self {
        let mut config = Configuration {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        for (tile, shape) in shapes.into_iter().enumerate() {
            let TileShape { rows, row_bytes } = shape;
            assert!(
                (1..=16).contains(&rows) && (1..=64).contains(&row_bytes),
                "a tile of {shape:?}"
            );
            (config.rows[tile], config.row_bytes[tile]) = (rows, row_bytes);
        }
        // SAFETY: the processor has the instruction and the system granted it; it reads the 64
        // bytes of `config`, which describe tiles within the bounds of palette 1.
        unsafe {
            asm!("ldtilecfg [{config}]", config = in(reg) &config, options(nostack, readonly));
        }
        Tiles { _here: PhantomData }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the value was made by `configure`, so the processor has the instruction.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}
