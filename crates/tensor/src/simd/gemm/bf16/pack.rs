//! Operands rounded to bf16 and copied into the blocks that the units read.

use super::Source;
use crate::simd::gemm::{Element, Matrix, Scratch};
use crate::simd::{Kernel, run};

/// Lines (rows of the left operand, columns of the right one) of a block.
pub(super) const LINES: usize = 16;
/// Pairs along K of a block.
pub(super) const PAIRS: usize = 16;
/// Elements along K of a block.
pub(super) const DEPTH: usize = 2 * PAIRS;

/// 16 lines by 16 pairs; the lower half of a word is the pair's first.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Block(pub(super) [u32; LINES * PAIRS]);

impl Block {
    /// Blocks of any value.
    pub(super) fn of(scratch: &mut Scratch, blocks: usize) -> &mut [Block] {
        let elements = scratch.slice::<f32>(blocks * LINES * PAIRS);
        // SAFETY: the elements are as many words as the blocks have, aligned to a page; any bits are a
        // value of either type.
        unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), blocks) }
    }
}

/// What lies side by side in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The pairs of a line: as the left operand is read.
    Pairs,
    /// The lines of a pair: as the right operand is read.
    Lines,
}

/// Packs at most 16 lines, the rows of `x`, along K; what is missing from whole blocks is zero.
pub(super) fn pack<S: Source>(x: Matrix<'_, S>, order: Order, out: &mut [Block]) {
    run(Pack { x, order, out });
}

struct Pack<'a, S> {
    x: Matrix<'a, S>,
    order: Order,
    out: &'a mut [Block],
}

impl<S: Source> Kernel for Pack<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Pack { x, order, out } = self;
        assert!(x.rows <= LINES && out.len() == x.columns.div_ceil(DEPTH));
        let lies = if x.row_stride == 1 { Order::Lines } else { Order::Pairs };
        let mut block = Block([0; LINES * PAIRS]);
        for (step, out) in out.iter_mut().enumerate() {
            let k = step * DEPTH;
            let part = x.part(0, x.rows, k, DEPTH.min(x.columns - k));
            if lies == order {
                read(part, lies, out);
            } else {
                read(part, lies, &mut block);
                turn(&block, out);
            }
        }
    }
}

/// A block in the order in which `x` lies.
#[inline(always)]
fn read<S: Source>(x: Matrix<'_, S>, lies: Order, block: &mut Block) {
    match lies {
        Order::Pairs => read_lines(x, block),
        Order::Lines => read_pairs(x, block),
    }
}

/// A block in the order of [`Order::Pairs`], line by line.
#[inline(always)]
fn read_lines<S: Source>(x: Matrix<'_, S>, block: &mut Block) {
    let (lines, _) = block.0.as_chunks_mut::<PAIRS>();
    for (line, out) in lines.iter_mut().enumerate() {
        if line >= x.rows {
            out.fill(0);
        } else if x.columns == DEPTH && x.column_stride == 1 {
            // SAFETY: the line is inside the matrix, and its elements lie side by side.
            let line = unsafe { *x.address(line, 0).cast::<[S; DEPTH]>() };
            for (out, pair) in out.iter_mut().zip(line.as_chunks::<2>().0) {
                *out = word(pair[0], pair[1]);
            }
        } else {
            // SAFETY: it is called for columns of the matrix.
            let code = |k: usize| u32::from(unsafe { *x.address(line, k) }.code());
            for (pair, out) in out.iter_mut().enumerate() {
                let k = 2 * pair;
                let first = if k < x.columns { code(k) } else { 0 };
                let second = if k + 1 < x.columns { code(k + 1) } else { 0 };
                *out = first | second << 16;
            }
        }
    }
}

/// A block in the order of [`Order::Lines`], pair by pair, of lines that lie side by side.
#[inline(always)]
fn read_pairs<S: Source>(x: Matrix<'_, S>, block: &mut Block) {
    let (pairs, _) = block.0.as_chunks_mut::<LINES>();
    for (pair, out) in pairs.iter_mut().enumerate() {
        let k = 2 * pair;
        if x.rows == LINES && k + 1 < x.columns {
            // SAFETY: both columns are inside the matrix, whose 16 rows have a stride of 1.
            let at = |k: usize| unsafe { *x.address(0, k).cast::<[S; LINES]>() };
            for (out, (first, second)) in out.iter_mut().zip(at(k).into_iter().zip(at(k + 1))) {
                *out = word(first, second);
            }
        } else {
            let code = |line: usize, k: usize| {
                if line >= x.rows || k >= x.columns {
                    return 0;
                }
                // SAFETY: the element is inside the matrix.
                u32::from(unsafe { *x.address(line, k) }.code())
            };
            for (line, out) in out.iter_mut().enumerate() {
                *out = code(line, k) | code(line, k + 1) << 16;
            }
        }
    }
}

#[inline(always)]
fn word<S: Source>(first: S, second: S) -> u32 {
    u32::from(first.code()) | u32::from(second.code()) << 16
}

/// `to` becomes `from`, lines and pairs exchanged.
#[inline(always)]
fn turn(from: &Block, to: &mut Block) {
    let (from, to) = (from.0.as_ptr().cast::<f32>(), to.0.as_mut_ptr().cast::<f32>());
    for row in (0..LINES).step_by(4) {
        for column in (0..PAIRS).step_by(4) {
            // SAFETY: both squares are inside their blocks. An f32 is moved without a look at its value.
            unsafe {
                let (from, to) = (from.add(row * PAIRS + column), to.add(column * LINES + row));
                f32::turn_square(from, PAIRS as isize, to, LINES);
            }
        }
    }
}
