//! How a processor reads weights from memory fastest.

use std::sync::OnceLock;

/// What the measurements of docs/benchmarks.md chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Several tiles side by side, and what comes soon is asked for into the first-level cache: Intel's
    /// cores, and those that nobody has measured.
    SideBySide,
    /// One line after the other, as the processor's own prefetching expects it: AMD's cores. Not more
    /// than some two dozen lines can be on their way to the first-level cache of one, which is 12 GB/s
    /// where memory answers after 130 ns; what is asked for itself goes to the second one.
    InOrder,
}

/// A cache that is asked to fetch something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cache {
    /// The first level.
    First,
    /// The second level.
    Second,
}

/// How far ahead of the chunk that is multiplied another is asked for, and where it is to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    pub(super) chunks: usize,
    pub(super) cache: Cache,
}

impl Reading {
    /// That of this processor, found once.
    pub(crate) fn detect() -> Reading {
        static FOUND: OnceLock<Reading> = OnceLock::new();
        *FOUND.get_or_init(|| if is_amd() { Reading::InOrder } else { Reading::SideBySide })
    }

    /// What is asked for where `usual` chunks ahead are asked for side by side.
    #[inline(always)]
    pub(super) fn ahead(self, usual: usize) -> Ahead {
        match self {
            Reading::SideBySide => Ahead { chunks: usual, cache: Cache::First },
            Reading::InOrder => Ahead { chunks: IN_ORDER_AHEAD, cache: Cache::Second },
        }
    }
}

/// Chunks between the one that is multiplied and the one that is asked for, in order.
const IN_ORDER_AHEAD: usize = 4;

/// Is this one of AMD's processors, or of those that share their cores?
#[cfg(target_arch = "x86_64")]
fn is_amd() -> bool {
    let vendor = std::arch::x86_64::__cpuid(0);
    let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
    matches!(name.as_flattened(), b"AuthenticAMD" | b"HygonGenuine")
}

#[cfg(not(target_arch = "x86_64"))]
fn is_amd() -> bool {
    false
}
