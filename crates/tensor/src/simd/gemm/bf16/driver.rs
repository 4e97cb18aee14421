//! The product: both operands packed, then the output tile by tile.

use std::ops::Range;

use super::amx;
use super::dot::Avx512Bf16;
use super::pack::{Block, DEPTH, LINES, Order, pack};
use super::{Bf16Unit, Source};
use crate::simd::amx::Tiles;
use crate::simd::gemm::matrix::Target;
use crate::simd::gemm::{Matrix, PARALLEL, Scratch};
use crate::simd::out::Memory;
use crate::simd::share;

/// Rows and columns of a tile of the output.
const TILE: usize = 2 * LINES;

/// The bytes of the left operand that a task goes through for each tile of columns: half of a second
/// cache.
const A_BYTES: usize = 1 << 20;

/// `a·b`, row after row.
#[track_caller]
pub(super) fn write_product<'m, A: Source, B: Source>(
    unit: Bf16Unit,
    a: Matrix<'_, A>,
    b: Matrix<'_, B>,
    mut memory: Memory<'m, f32>,
) -> &'m mut [f32] {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert!(k == b.rows, "a is {m} x {k}, b is {} x {n}", b.rows);
    assert!(m.checked_mul(n) == Some(memory.len()), "{m} x {n} into {} elements", memory.len());
    if m == 0 || n == 0 || k == 0 {
        return memory.zeros();
    }
    let parallel = m * n * k > PARALLEL && !share::all_are_busy();
    let mut scratch = [Scratch::default(), Scratch::default()];
    let [rows, columns] = &mut scratch;
    let product = Product {
        unit,
        a: Panels::new(a, Order::Pairs, rows, parallel),
        b: Panels::new(b.t(), Order::Lines, columns, parallel),
        m,
        n,
        target: Target { start: memory.as_mut_ptr(), row_stride: n, column_stride: 1 },
    };
    product.write(parallel);
    // SAFETY: each element lies in one of the tiles, all of which have been written.
    unsafe { memory.written() }
}

/// An operand in panels of 16 lines, an even number of them.
struct Panels<'a> {
    blocks: &'a [Block],
    /// Blocks of a panel.
    steps: usize,
}

impl<'a> Panels<'a> {
    /// Of the rows of `x`.
    fn new<S: Source>(
        x: Matrix<'_, S>,
        order: Order,
        scratch: &'a mut Scratch,
        parallel: bool,
    ) -> Self {
        let steps = x.columns.div_ceil(DEPTH);
        let blocks = Block::of(scratch, x.rows.div_ceil(TILE) * 2 * steps);
        share::chunks(blocks, steps, parallel, |panel, blocks| {
            let line = (panel * LINES).min(x.rows);
            pack(x.rows(line, LINES.min(x.rows - line)), order, blocks);
        });
        Panels { blocks, steps }
    }

    /// The two panels of tile `index`.
    fn tile(&self, index: usize) -> [&'a [Block]; 2] {
        let (first, second) =
            self.blocks[2 * index * self.steps..][..2 * self.steps].split_at(self.steps);
        [first, second]
    }
}

/// Operands, and where their product goes.
struct Product<'a> {
    unit: Bf16Unit,
    a: Panels<'a>,
    b: Panels<'a>,
    m: usize,
    n: usize,
    target: Target<f32>,
}

impl Product<'_> {
    fn write(&self, parallel: bool) {
        let (tall, wide) = (self.m.div_ceil(TILE), self.n.div_ceil(TILE));
        let threads = if parallel { rayon::current_num_threads() } else { 1 };
        // Four tasks a thread level out what threads do not share evenly.
        let tasks = if threads > 1 { 4 * threads } else { 1 };
        let most = (A_BYTES / (2 * self.a.steps * size_of::<Block>())).max(1);
        let height = tall.div_ceil(tasks).clamp(1, most);
        let down = tall.div_ceil(height);
        let width = wide.div_ceil(tasks.div_ceil(down));
        let across = wide.div_ceil(width);
        share::for_each(down * across, parallel, |task| {
            let (i, j) = (task / across * height, task % across * width);
            self.write_tiles(i..(i + height).min(tall), j..(j + width).min(wide));
        });
    }

    fn write_tiles(&self, rows: Range<usize>, columns: Range<usize>) {
        let ready = Ready::new(self.unit);
        let mut sums = [0.0f32; TILE * TILE];
        for j in columns {
            for i in rows.clone() {
                let to = self.target.at(TILE * i, TILE * j);
                let height = TILE.min(self.m - TILE * i);
                let width = TILE.min(self.n - TILE * j);
                let whole = height == TILE && width == TILE;
                let (start, stride) =
                    if whole { (to.start, to.row_stride) } else { (sums.as_mut_ptr(), TILE) };
                // SAFETY: a whole tile lies inside the output, and is this task's; others are made in
                // `sums`.
                unsafe { ready.tile(self.a.tile(i), self.b.tile(j), start, stride) };
                if !whole {
                    for (r, row) in sums.chunks_exact(TILE).take(height).enumerate() {
                        // SAFETY: these rows and columns are inside the output, and this task's.
                        let to =
                            unsafe { std::slice::from_raw_parts_mut(to.at(r, 0).start, width) };
                        to.copy_from_slice(&row[..width]);
                    }
                }
            }
        }
    }
}

/// A unit, ready on this thread.
enum Ready {
    Avx512Bf16(Avx512Bf16),
    Amx(Tiles),
}

impl Ready {
    fn new(unit: Bf16Unit) -> Self {
        match unit {
            Bf16Unit::Avx512Bf16(isa) => Ready::Avx512Bf16(isa),
            Bf16Unit::Amx(unit) => Ready::Amx(amx::configured(unit)),
        }
    }

    /// A tile of 32 by 32: `a` is two panels of rows, `b` two of columns. Row r goes to `out + r * stride`.
    ///
    /// # Safety
    ///
    /// The 32 elements of each of the 32 rows of `out` must be writable.
    unsafe fn tile(&self, a: [&[Block]; 2], b: [&[Block]; 2], out: *mut f32, stride: usize) {
        // SAFETY: the tiles are those of `configured`; the rest is passed on to the caller.
        unsafe {
            match self {
                Ready::Avx512Bf16(isa) => isa.tile(a, b, out, stride),
                Ready::Amx(tiles) => amx::tile(tiles, a, b, out, stride),
            }
        }
    }
}
