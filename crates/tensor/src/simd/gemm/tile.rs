//! The innermost loop: one tile of the output over one block along K.

use std::ops::Add;

use super::column::ColumnKernel;
use super::{Matrix, bf16};
use crate::simd::Isa;
use crate::simd::out::Memory;

/// An element type that products of matrices are made of: `f32` or `f64`.
pub trait Element: Copy + Default + Send + Sync + Add<Output = Self> + 'static {
    /// The tile of an instruction set.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn tile(isa: Isa) -> Tile<Self>;
    /// The kernel for products with one column, if the instruction set has one.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn column(isa: Isa) -> Option<ColumnKernel<Self>>;
    /// Copies a square of four by four: row r of it, at `from + r * row_stride`, becomes a column, its
    /// element c at `to + c * to_stride + r`.
    ///
    /// # Safety
    ///
    /// The rows must be readable and the places writable.
    #[doc(hidden)]
    unsafe fn turn_square(from: *const Self, row_stride: isize, to: *mut Self, to_stride: usize);
    /// `a · b` of operands rounded to bf16, row after row.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn write_product_bf16<'m>(
        a: Matrix<'_, Self>,
        b: Matrix<'_, Self>,
        memory: Memory<'m, Self>,
    ) -> &'m mut [Self];
}

/// A tile's part of an operand: element `i` of step `k` along K is at
/// `start + i * across + k * step`.
pub(crate) struct Operand<T> {
    pub(crate) start: *const T,
    pub(crate) across: isize,
    pub(crate) step: isize,
}

impl<T> Clone for Operand<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Operand<T> {}

/// What of `b` will be read next: `step` elements are fetched into the second cache during each step
/// along K. The addresses need not be readable.
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
pub(crate) struct Ahead<T> {
    pub(crate) start: *const T,
    pub(crate) step: isize,
}

impl<T> Clone for Ahead<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ahead<T> {}

/// The rows of a tile of the output, or of partial sums: row `r` begins at `start + r * row`.
pub(crate) struct Rows<T> {
    pub(crate) start: *mut T,
    pub(crate) row: usize,
}

impl<T> Clone for Rows<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rows<T> {}

/// `to = from + a · b` for all rows and columns of a tile over `k` steps; without `from`, `to = a · b`.
///
/// A kernel gets it by reference. Passed one by one its parts would be copied on the stack in pieces of
/// other sizes than they were written in, and such a copy waits until all earlier writes, those of the
/// tile before among them, have reached the cache.
pub(crate) struct Job<T> {
    pub(crate) k: usize,
    pub(crate) a: Operand<T>,
    pub(crate) b: Operand<T>,
    pub(crate) from: Option<Rows<T>>,
    pub(crate) to: Rows<T>,
    pub(crate) ahead: Ahead<T>,
}

/// The kernel for a number of rows.
pub(crate) type Run<T> = unsafe fn(&Job<T>);

/// The kernels of one instruction set and element type.
#[derive(Clone, Copy)]
pub(crate) struct Tile<T: 'static> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Entry r is the kernel for r + 1 rows of `a`, first where the elements of a step of `a` lie
    /// side by side (`a.across` is 1), then where they may lie anywhere.
    pub(crate) kernels: [&'static [Run<T>]; 2],
}

impl<T> Tile<T> {
    /// Element (r, s) of `to` becomes the sum over the k steps of `a[r, step] · b[step, s]`, added
    /// to that of `from` if there is one. The elements of a step of `b` lie side by side
    /// (`b.across` is 1).
    ///
    /// # Safety
    ///
    /// The operands and `from` must be readable for `rows` rows and a tile's columns, and those of
    /// `to` writable and nobody else's; the processor must have the instruction set.
    #[inline(always)]
    pub(crate) unsafe fn run(
        &self,
        [rows, k]: [usize; 2],
        [a, b]: [Operand<T>; 2],
        from: Option<Rows<T>>,
        to: Rows<T>,
        ahead: Ahead<T>,
    ) {
        let kernel = self.kernels[usize::from(a.across != 1)][rows - 1];
        // SAFETY: passed on to the caller.
        unsafe { kernel(&Job { k, a, b, from, to, ahead }) }
    }
}

impl Element for f32 {
    #[allow(private_interfaces)]
    fn tile(isa: Isa) -> Tile<f32> {
        match isa {
            Isa::Portable => Tile { rows: 6, columns: 16, kernels: [&portable::F32; 2] },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => Tile { rows: 6, columns: 16, kernels: crate::simd::avx2::TILE_F32 },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => {
                Tile { rows: 12, columns: 32, kernels: crate::simd::avx512::TILE_F32 }
            }
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon(_) => Tile { rows: 6, columns: 16, kernels: crate::simd::neon::TILE_F32 },
        }
    }

    #[allow(private_interfaces)]
    fn column(isa: Isa) -> Option<ColumnKernel<f32>> {
        match isa {
            Isa::Portable => None,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => Some(crate::simd::avx2::COLUMN_F32),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => Some(crate::simd::avx512::COLUMN_F32),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon(_) => Some(crate::simd::neon::COLUMN_F32),
        }
    }

    #[inline(always)]
    unsafe fn turn_square(from: *const f32, row_stride: isize, to: *mut f32, to_stride: usize) {
        // SAFETY: passed on to the caller.
        unsafe { super::square::turn_f32(from, row_stride, to, to_stride) }
    }

    #[track_caller]
    #[allow(private_interfaces)]
    fn write_product_bf16<'m>(
        a: Matrix<'_, f32>,
        b: Matrix<'_, f32>,
        memory: Memory<'m, f32>,
    ) -> &'m mut [f32] {
        bf16::write_product(a, b, memory)
    }
}

impl Element for f64 {
    #[allow(private_interfaces)]
    fn tile(isa: Isa) -> Tile<f64> {
        match isa {
            Isa::Portable => Tile { rows: 6, columns: 8, kernels: [&portable::F64; 2] },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => Tile { rows: 6, columns: 8, kernels: crate::simd::avx2::TILE_F64 },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => {
                Tile { rows: 12, columns: 16, kernels: crate::simd::avx512::TILE_F64 }
            }
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon(_) => Tile { rows: 6, columns: 8, kernels: crate::simd::neon::TILE_F64 },
        }
    }

    #[allow(private_interfaces)]
    fn column(isa: Isa) -> Option<ColumnKernel<f64>> {
        match isa {
            Isa::Portable => None,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => Some(crate::simd::avx2::COLUMN_F64),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => Some(crate::simd::avx512::COLUMN_F64),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon(_) => Some(crate::simd::neon::COLUMN_F64),
        }
    }

    #[inline(always)]
    unsafe fn turn_square(from: *const f64, row_stride: isize, to: *mut f64, to_stride: usize) {
        // SAFETY: passed on to the caller.
        unsafe { super::square::turn_f64(from, row_stride, to, to_stride) }
    }

    #[track_caller]
    #[allow(private_interfaces)]
    fn write_product_bf16<'m>(
        a: Matrix<'_, f64>,
        b: Matrix<'_, f64>,
        memory: Memory<'m, f64>,
    ) -> &'m mut [f64] {
        bf16::write_widened(a, b, memory)
    }
}

mod portable {
    use super::{Job, Run};
    use crate::Float;

    pub(super) static F32: [Run<f32>; 6] = [
        tile::<f32, 1, 16>,
        tile::<f32, 2, 16>,
        tile::<f32, 3, 16>,
        tile::<f32, 4, 16>,
        tile::<f32, 5, 16>,
        tile::<f32, 6, 16>,
    ];
    pub(super) static F64: [Run<f64>; 6] = [
        tile::<f64, 1, 8>,
        tile::<f64, 2, 8>,
        tile::<f64, 3, 8>,
        tile::<f64, 4, 8>,
        tile::<f64, 5, 8>,
        tile::<f64, 6, 8>,
    ];

    /// See [`Tile::run`](super::Tile::run).
    unsafe fn tile<T: Float, const R: usize, const C: usize>(job: &Job<T>) {
        let &Job { k, a, b, from, to, .. } = job;
        let mut sums = [[T::ZERO; C]; R];
        for step in 0..k as isize {
            // SAFETY: the caller promises that row `step` of b is readable.
            let b = unsafe { &*b.start.offset(step * b.step).cast::<[T; C]>() };
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the caller promises that this element of a is readable.
                let a = unsafe { *a.start.offset(r as isize * a.across + step * a.step) };
                for (sum, &b) in sums.iter_mut().zip(b) {
                    *sum = a.mul_add(b, *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            // SAFETY: the caller promises that row r of `from` is readable.
            let from = from.map(|from| unsafe { *from.start.add(r * from.row).cast::<[T; C]>() });
            // SAFETY: the caller promises that row r of `to` is writable.
            let to = unsafe { &mut *to.start.add(r * to.row).cast::<[T; C]>() };
            for (s, (to, &sum)) in to.iter_mut().zip(sums).enumerate() {
                *to = from.map_or(sum, |from| from[s] + sum);
            }
        }
    }
}

/// Defines a tile of `$rows` by two registers out of one instruction set's intrinsics, and the
/// table `$table` of it for 1 to `$rows` rows.
#[cfg(target_arch = "x86_64")]
macro_rules! x86_tile {
    (
        $table:ident, $tile:ident, $features:literal, $t:ty, $lanes:literal,
        [$($rows:literal),*],
        $zero:ident, $load:ident, $store:ident, $set1:ident, $fmadd:ident, $add:ident
    ) => {
        pub(crate) const $table: [&[crate::simd::gemm::tile::Run<$t>]; 2] =
            [&[$($tile::<$rows, true>),*], &[$($tile::<$rows, false>),*]];

        /// See [`Tile::run`](crate::simd::gemm::tile::Tile::run).
        #[target_feature(enable = $features)]
        unsafe fn $tile<const R: usize, const PACKED: bool>(
            job: &crate::simd::gemm::tile::Job<$t>,
        ) {
            let &crate::simd::gemm::tile::Job { k, a, b, from, to, ahead } = job;
            use std::arch::x86_64::{
                $add, $fmadd, $load, $set1, $store, $zero, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch,
            };
            let mut sums = [[$zero(); 2]; R];
            let across = if PACKED { 1 } else { a.across };
            // Addresses of every third row: reckoned one from the other, all of them would make a
            // chain as long as a step takes.
            let mut a_step = [a.start; 4];
            for (i, start) in a_step.iter_mut().enumerate() {
                *start = start.wrapping_offset(3 * i as isize * across);
            }
            let mut b_step = b.start;
            let mut next = ahead.start;
            // The output's rows are needed at the end. One is asked for after the other, the steps spread
            // among them: all at once, they would keep what the next steps read waiting.
            let mut due = 0;
            for r in 0..R {
                for half in 0..2 {
                    let c = to.start.wrapping_add(r * to.row + half * $lanes);
                    // SAFETY: even an address that is not mapped would be no fault. (Newer compilers
                    // know it.)
                    #[allow(unused_unsafe)]
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(c.cast()) };
                }
                due += k;
                while due >= R {
                    due -= R;
                    // SAFETY: the caller promises that this step of b (two registers) and of a (R
                    // elements) is readable; the pointers move on without being read past the last.
                    // What is ahead is not read.
                    unsafe {
                        let (b0, b1) = ($load(b_step), $load(b_step.add($lanes)));
                        for r in 0..R {
                            let x = $set1(*a_step[r / 3].offset((r % 3) as isize * across));
                            sums[r][0] = $fmadd(x, b0, sums[r][0]);
                            sums[r][1] = $fmadd(x, b1, sums[r][1]);
                        }
                        _mm_prefetch::<_MM_HINT_T1>(next.cast());
                    }
                    for start in &mut a_step {
                        *start = start.wrapping_offset(a.step);
                    }
                    b_step = b_step.wrapping_offset(b.step);
                    next = next.wrapping_offset(ahead.step);
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                for (half, &sum) in sums.iter().enumerate() {
                    // SAFETY: the caller promises that row r of `from` (two registers) is readable
                    // and that of `to` writable.
                    unsafe {
                        let sum = match from {
                            Some(from) => {
                                $add($load(from.start.add(r * from.row + half * $lanes)), sum)
                            }
                            None => sum,
                        };
                        $store(to.start.add(r * to.row + half * $lanes), sum);
                    }
                }
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_tile;
