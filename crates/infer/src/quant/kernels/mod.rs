//! Products of tiles with rows of activations, one file an instruction set.
//!
//! An instruction set is a value that exists only where the processor has it: [`Isa::detect`] makes
//! it, and a kernel asks for it. `portable` is plain Rust and the oracle of the others; all give the
//! same bits, because they do the same operations on each output in the same order and sum the
//! integers exactly.

#[cfg(target_arch = "x86_64")]
mod amx;
mod arch;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_products;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_bf16;
#[cfg(target_arch = "x86_64")]
mod avx_vnni;
mod columns;
mod direct;
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
mod entry_points;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon_products;
mod portable;
mod reading;
mod soon;

use std::sync::OnceLock;

use super::bf16;
use super::bf16_rows::{Bf16Rows, PairChunk, round_in_pairs};
use super::panel::{LaneKernel, Packed, Panel, Row16};
use super::plain::Plain;
use super::quantized_rows::{QuantizedRows, RowChunk, quantize_chunk};
use super::table::Table;
use super::tile::{CHUNK, Layout, TILE};
use crate::line_buffer::LineBuffer;

pub(crate) use columns::{Fill, fill_columns};
pub(crate) use reading::{Cache, Reading};

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Isa {
    /// Plain Rust.
    Portable,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2<false>),
    /// AVX2, FMA, F16C and AVX-VNNI.
    #[cfg(target_arch = "x86_64")]
    AvxVnni(avx2::Avx2<true>),
    /// AVX-512 F, BW and VNNI, with or without BF16 and AMX-INT8.
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    /// NEON.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    Neon(neon::Neon<false>),
    /// NEON with the dot product of bytes.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    NeonDot(neon::Neon<true>),
}

/// Tiles that are multiplied together.
#[derive(Clone, Copy)]
pub(crate) struct Tiles<'a> {
    /// One or a few tiles, one after the other.
    pub(crate) bytes: &'a [u8],
    /// Bytes of one.
    pub(crate) tile_bytes: usize,
    /// How they are read.
    pub(crate) reading: Reading,
}

impl<'a> Tiles<'a> {
    #[inline(always)]
    fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.bytes.chunks_exact(self.tile_bytes)
    }

    /// `count` by `count`; the last may be fewer.
    #[inline(always)]
    fn groups(self, count: usize) -> impl Iterator<Item = Self> {
        self.bytes.chunks(count * self.tile_bytes).map(move |bytes| Tiles { bytes, ..self })
    }

    /// How many chunks of 256 elements the tiles have along their rows.
    #[inline(always)]
    fn chunks(&self, layout: &Layout) -> usize {
        self.tile_bytes.div_ceil(TILE * layout.chunk_bytes())
    }
}

/// A chunk of a tile as f32: element, row.
pub(crate) type Floats = [Row16; CHUNK];

/// Work space of one thread, kept between products.
pub(crate) struct Scratch {
    /// One for each tile.
    panels: Vec<Panel>,
    /// Those of two tiles.
    floats: Box<[Floats; 2]>,
    /// The same.
    #[cfg(target_arch = "x86_64")]
    pairs: Box<[avx512_bf16::Pairs; 2]>,
    /// What the kernels add to: tile, activation row, 16 outputs.
    out: LineBuffer,
}

impl Scratch {
    /// Empty; grows on first use.
    pub(crate) fn new() -> Self {
        Scratch {
            panels: Vec::new(),
            floats: Box::new([[[0.0; TILE]; CHUNK]; 2]),
            #[cfg(target_arch = "x86_64")]
            pairs: Box::new([avx512_bf16::NO_PAIRS; 2]),
            out: LineBuffer::default(),
        }
    }

    /// Gets ready for `tiles` tiles and `batch` rows: outputs are zero.
    pub(crate) fn start(&mut self, tiles: usize, batch: usize) {
        if self.panels.len() < tiles {
            self.panels.resize(tiles, Panel::new());
        }
        self.out.sized(TILE * tiles * batch).fill(0.0);
    }

    /// Of an even number of rows of `tiles` tiles, adds the second half to the first.
    pub(crate) fn add_second_rows(&mut self, tiles: usize) {
        let out = self.out.as_chunks_mut::<TILE>().0;
        let batch = out.len() / tiles / 2;
        for index in 0..tiles * batch {
            let first = index / batch * 2 * batch + index % batch;
            let (sums, rest) = (out[first], out[first + batch]);
            for (out, (sum, rest)) in out[index].iter_mut().zip(sums.into_iter().zip(rest)) {
                *out = sum + rest;
            }
        }
    }

    /// The outputs: tile, activation row.
    pub(crate) fn outputs(&self) -> &[Row16] {
        self.out.as_chunks().0
    }
}

/// Calls a function of the instruction set.
macro_rules! dispatch {
    ($isa:expr, $portable:expr, $name:ident $([$format:ty])? ($($argument:expr),*)) => {
        match $isa {
            Isa::Portable => $portable,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(isa) => isa.$name$(::<$format>)?($($argument),*),
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni(isa) => isa.$name$(::<$format>)?($($argument),*),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(isa) => isa.$name$(::<$format>)?($($argument),*),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon(isa) => isa.$name$(::<$format>)?($($argument),*),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::NeonDot(isa) => isa.$name$(::<$format>)?($($argument),*),
        }
    };
}

impl Isa {
    /// The best instruction set of this processor, found once. The environment variable `ULP_ISA`
    /// (`portable`, `avx2`, `avxvnni`, `avx512`, `avx512bf16` or `amx`, `neon` or `dotprod`) asks for another
    /// one, for tests and measurements; what the processor does not have is not given.
    pub(crate) fn detect() -> Isa {
        static FOUND: OnceLock<Isa> = OnceLock::new();
        *FOUND.get_or_init(|| {
            let asked = std::env::var("ULP_ISA").ok();
            let all = Isa::available();
            let asked = all.iter().find(|isa| asked.as_deref() == Some(isa.name()));
            *asked.or(all.last()).expect("portable is always there")
        })
    }

    /// All instruction sets of this processor, the best last.
    pub(crate) fn available() -> Vec<Isa> {
        #[allow(unused_mut)]
        let mut all = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = avx2::Avx2::detect();
            all.extend(avx2.map(Isa::Avx2));
            all.extend(avx2.and_then(avx2::Avx2::with_vnni).map(Isa::AvxVnni));
            let avx512 = avx512::Avx512::detect();
            let with_bf16 = avx512.and_then(avx512::Avx512::with_bf16);
            let with_amx = with_bf16.or(avx512).and_then(avx512::Avx512::with_amx);
            all.extend([avx512, with_bf16, with_amx].into_iter().flatten().map(Isa::Avx512));
        }
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        {
            all.push(Isa::Neon(neon::Neon::BASELINE));
            all.extend(neon::Neon::detect().map(Isa::NeonDot));
        }
        all
    }

    /// The name by which `ULP_ISA` asks for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni(_) => "avxvnni",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(isa) if isa.has_amx() => "amx",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(isa) if isa.bf16().is_some() => "avx512bf16",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => "avx512",
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon(_) => "neon",
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::NeonDot(_) => "dotprod",
        }
    }

    /// Tiles that a task multiplies with `rows` rows.
    pub(crate) fn together(self, rows: usize) -> usize {
        /// Where there are many rows, each group of them meets so many tiles.
        const MANY: usize = 4;
        match rows {
            few if few <= self.direct_rows() => self.streams(),
            // Each panel that is written and read again takes room in the first-level cache.
            2..8 => 1 + usize::from(self.pairs()),
            _ => MANY,
        }
    }

    /// Tiles whose rows are multiplied as they are unpacked: where they are read side by side, a stream of
    /// memory alone comes slower. With 256-bit registers go first-level caches of 32 KiB, which chunks of four
    /// tiles fill.
    fn streams(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) | Isa::AvxVnni(_) => 2,
            _ => 4,
        }
    }

    /// [`Arch::DIRECT`](arch::Arch::DIRECT)
    fn direct_rows(self) -> usize {
        dispatch!(self, <portable::Portable as arch::Arch>::DIRECT, direct_rows())
    }

    /// [`Arch::PAIRS`](arch::Arch::PAIRS)
    fn pairs(self) -> bool {
        dispatch!(self, <portable::Portable as arch::Arch>::PAIRS, pairs())
    }

    /// Runs a computation on lanes.
    pub(crate) fn lanes<K: LaneKernel>(self, kernel: K) {
        dispatch!(self, kernel.run(portable::Portable), lanes[K](kernel))
    }

    /// Rounds up to 256 activations, or what `coarse` leaves of them.
    pub(crate) fn quantize_chunk(self, x: &[f32], coarse: Option<&RowChunk>, chunk: &mut RowChunk) {
        dispatch!(self, quantize_chunk(x, coarse, chunk), quantize_chunk(x, coarse, chunk))
    }

    /// Multiplies 8-bit integers in registers; returns the number of operations.
    pub(crate) fn spin_int8(self, rounds: usize) -> u64 {
        dispatch!(self, arch::Arch::spin_int8(portable::Portable, rounds), spin_int8(rounds))
    }

    /// Multiplies f32 in registers; returns the number of operations.
    pub(crate) fn spin_f32(self, rounds: usize) -> u64 {
        dispatch!(self, arch::spin_f32(portable::Portable, rounds), spin_f32(rounds))
    }

    /// Multiplies bf16 in registers, as f32 where there is nothing for pairs of them; returns the number of
    /// operations.
    pub(crate) fn spin_bf16(self, rounds: usize) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if let Some(unit) = self.bf16_unit() {
            return unit.spin(rounds);
        }
        self.spin_f32(rounds)
    }

    /// Reads memory.
    pub(crate) fn read(self, bytes: &[u8]) {
        dispatch!(self, arch::read(portable::Portable, bytes), read(bytes))
    }

    /// Adds the product of tiles with rounded activations to the outputs.
    pub(crate) fn quantized<P: Packed>(
        self,
        tiles: Tiles<'_>,
        x: &QuantizedRows,
        scratch: &mut Scratch,
    ) {
        let portable = portable::Portable;
        dispatch!(
            self,
            arch::quantized::<_, P>(portable, tiles, x, scratch),
            quantized[P](tiles, x, scratch)
        )
    }

    /// Adds the product of tiles, dequantized, with f32 activations `[B, cols]` to the outputs.
    pub(crate) fn exact<P: Packed>(
        self,
        tiles: Tiles<'_>,
        x: &[f32],
        cols: usize,
        scratch: &mut Scratch,
    ) {
        let portable = portable::Portable;
        dispatch!(
            self,
            arch::exact::<_, P>(portable, tiles, x, cols, scratch),
            exact[P](tiles, x, cols, scratch)
        )
    }

    /// Adds the product of tiles of plain numbers with f32 activations `[B, cols]` to the outputs.
    pub(crate) fn plain<P: Plain>(
        self,
        tiles: Tiles<'_>,
        x: &[f32],
        cols: usize,
        scratch: &mut Scratch,
    ) {
        let portable = portable::Portable;
        dispatch!(
            self,
            match x.len() / cols {
                1 => arch::few_plain::<_, P, 1>(portable, tiles, x, cols, scratch),
                _ => arch::plain::<_, P>(portable, tiles, x, cols, scratch),
            },
            plain[P](tiles, x, cols, scratch)
        )
    }

    /// What multiplies pairs of bf16.
    #[cfg(target_arch = "x86_64")]
    fn bf16_unit(self) -> Option<avx512_bf16::Avx512Bf16> {
        match self {
            Isa::Avx512(isa) => isa.bf16(),
            _ => None,
        }
    }

    /// Whether it multiplies bf16 weights with so many rows in pairs. Few rows take no more time than the
    /// weights take to come.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub(crate) fn takes_pairs(self, rows: usize, reading: Reading) -> bool {
        #[cfg(target_arch = "x86_64")]
        if self.bf16_unit().is_some() {
            return rows > avx512::Avx512::few_plain_rows(reading);
        }
        false
    }

    /// Rounds up to 256 activations to bf16.
    pub(crate) fn round_in_pairs(self, x: &[f32], chunk: &mut PairChunk) {
        #[cfg(target_arch = "x86_64")]
        if let Some(unit) = self.bf16_unit() {
            return unit.round_in_pairs(x, chunk);
        }
        round_in_pairs(x, chunk)
    }

    /// Adds the product of tiles in bf16 with activations in bf16 to the outputs.
    pub(crate) fn bf16(self, tiles: Tiles<'_>, x: &Bf16Rows, scratch: &mut Scratch) {
        #[cfg(target_arch = "x86_64")]
        if let (Isa::Avx512(isa), Some(x)) = (self, x.pairs()) {
            return avx512_bf16::product(isa, tiles, x, scratch);
        }
        let (numbers, stride) = x.numbers();
        self.plain::<bf16::Tiled>(tiles, numbers, stride, scratch);
    }

    /// Adds the product of tiles of a format that is only dequantized with f32 activations
    /// `[B, cols]` to the outputs.
    pub(crate) fn table<T: Table>(
        self,
        tiles: Tiles<'_>,
        x: &[f32],
        cols: usize,
        scratch: &mut Scratch,
    ) {
        let portable = portable::Portable;
        dispatch!(
            self,
            arch::table::<_, T>(portable, tiles, x, cols, scratch),
            table[T](tiles, x, cols, scratch)
        )
    }
}
