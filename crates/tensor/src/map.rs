//! Elementwise operations over views of any strides, with broadcasting.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Dimension, IxDyn};

use crate::Float;
use crate::broadcast::broadcast_shape;
use crate::destination::{fresh, given, in_place};
use crate::rows::stretch;
use crate::simd::out::{CHUNK, Map1, Map2, Map3, Memory, Out, PARALLEL, Turned, collect, shaped};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run, share};

/// The elements gathered at a time when an operand does not lie side by side.
const BLOCK: usize = 1024;

/// `f` of every element. The result keeps the order in which the elements of `x` lie side by side.
pub(crate) fn map1<T: Float, F: Map1<T>>(x: ArrayViewD<'_, T>, f: F) -> ArrayD<T> {
    match Turned::new(&x) {
        None => fresh(x.shape(), |memory| write1(&x, f, memory)),
        Some(x) => x.fresh(|memory| {
            memory.fill(CHUNK, |start, out| out.map1(f, &x.elements[start..][..out.len()]))
        }),
    }
}

/// [`map1`] into `out`.
#[track_caller]
pub(crate) fn map1_into<T: Float, F: Map1<T>>(
    x: ArrayViewD<'_, T>,
    f: F,
    out: ArrayViewMutD<'_, T>,
) {
    given(x.shape(), out, |memory| write1(&x, f, memory));
}

fn write1<'m, T: Float, F: Map1<T>>(
    x: &ArrayViewD<'_, T>,
    f: F,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    if let Some(x) = x.as_slice() {
        return memory.fill(CHUNK, |start, out| out.map1(f, &x[start..][..out.len()]));
    }
    let x = Strided::new(x);
    memory.fill(chunk(&[&x]), |start, out| {
        for_blocks(&[&x], start, out.len(), |at, n| {
            run(InPlace1 { f, x: out.read(&x, at, n) });
        });
    })
}

/// `f` of every pair, broadcasting. Operands that lie alike give a result that lies as they do.
#[track_caller]
pub(crate) fn map2<T: Float, F: Map2<T>>(
    x: ArrayViewD<'_, T>,
    y: ArrayViewD<'_, T>,
    f: F,
) -> ArrayD<T> {
    if x.shape() == y.shape()
        && x.strides() == y.strides()
        && let (Some(x), Some(y)) = (Turned::new(&x), Turned::new(&y))
    {
        return x.fresh(|memory| {
            memory.fill(CHUNK, |start, out| {
                let part = start..start + out.len();
                out.map2(f, &x.elements[part.clone()], &y.elements[part]);
            })
        });
    }
    let shape = common_shape(&x, &y);
    fresh(&shape, |memory| write2(&x, &y, f, &shape, memory))
}

/// [`map2`] into `out`.
#[track_caller]
pub(crate) fn map2_into<T: Float, F: Map2<T>>(
    x: ArrayViewD<'_, T>,
    y: ArrayViewD<'_, T>,
    f: F,
    out: ArrayViewMutD<'_, T>,
) {
    let shape = common_shape(&x, &y);
    given(&shape, out, |memory| write2(&x, &y, f, &shape, memory));
}

/// The shape that both broadcast to. Equal shapes, the common case, cost no allocation.
#[track_caller]
fn common_shape<'a, T>(x: &'a ArrayViewD<'_, T>, y: &ArrayViewD<'_, T>) -> Cow<'a, [usize]> {
    if x.shape() == y.shape() {
        return Cow::Borrowed(x.shape());
    }
    Cow::Owned(broadcast_shape(x.shape(), y.shape()))
}

fn write2<'m, T: Float, F: Map2<T>>(
    x: &ArrayViewD<'_, T>,
    y: &ArrayViewD<'_, T>,
    f: F,
    shape: &[usize],
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    if x.shape() == y.shape()
        && let (Some(x), Some(y)) = (x.as_slice(), y.as_slice())
    {
        return memory.fill(CHUNK, |start, out| {
            let part = start..start + out.len();
            out.map2(f, &x[part.clone()], &y[part]);
        });
    }
    let (x, y) = (expand(x, shape), expand(y, shape));
    memory.fill(chunk(&[&x, &y]), |start, out| {
        let mut buffer = Vec::new();
        for_blocks(&[&x, &y], start, out.len(), |at, n| {
            match (x.contiguous(at, n), y.contiguous(at, n)) {
                (Some(x), Some(y)) => out.map2(f, x, y),
                // What does not lie side by side is read into the output, and changed there.
                (x_part, Some(y)) => {
                    debug_assert!(x_part.is_none());
                    run(InPlace2 { f, x: None, y: Some(y), out: out.read(&x, at, n) });
                }
                (Some(x), None) => {
                    run(InPlace2 { f, x: Some(x), y: None, out: out.read(&y, at, n) });
                }
                (None, None) => {
                    let x = stretch(&x, at, n, &mut buffer);
                    run(InPlace2 { f, x: Some(x), y: None, out: out.read(&y, at, n) });
                }
            }
        });
    })
}

/// `x = f(x, y)` for every pair, `y` broadcasting to the shape of `x`.
#[track_caller]
pub(crate) fn map2_in_place<T: Float, F: Map2<T>>(
    x: ArrayViewMutD<'_, T>,
    y: ArrayViewD<'_, T>,
    f: F,
) {
    let (shape, of_y) = (x.raw_dim(), y.shape());
    let y = y.broadcast(shape.clone());
    let y = y.unwrap_or_else(|| panic!("{of_y:?} does not broadcast to {:?}", shape.slice()));
    let y = &Strided::new(&y);
    in_place(shape.slice(), x, |x| {
        let (chunk, parallel) = (chunk(&[y]), x.len() > PARALLEL);
        share::chunks(x, chunk, parallel, |index, x| {
            let (start, mut buffer) = (index * chunk, Vec::new());
            for_blocks(&[y], start, x.len(), |at, n| {
                let y = Some(stretch(y, at, n, &mut buffer));
                run(InPlace2 { f, x: None, y, out: &mut x[at - start..][..n] });
            });
        });
    });
}

/// `x = f(x)`.
pub(crate) struct InPlace1<'a, T, F> {
    pub(crate) f: F,
    pub(crate) x: &'a mut [T],
}

impl<T: Float, F: Map1<T>> Kernel for InPlace1<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for x in self.x.iter_mut() {
            *x = self.f.at(*x);
        }
    }
}

/// `out = f(x, y)`, where `out` itself is the one that is not given.
struct InPlace2<'a, T, F> {
    f: F,
    x: Option<&'a [T]>,
    y: Option<&'a [T]>,
    out: &'a mut [T],
}

impl<T: Float, F: Map2<T>> Kernel for InPlace2<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let InPlace2 { f, x, y, out } = self;
        if let Some(x) = x {
            for (out, &x) in out.iter_mut().zip(x) {
                *out = f.at(x, *out);
            }
        }
        if let Some(y) = y {
            for (out, &y) in out.iter_mut().zip(y) {
                *out = f.at(*out, y);
            }
        }
    }
}

/// `f` of every triple, broadcasting.
#[track_caller]
pub(crate) fn map3<T: Float, F: Map3<T>>(
    x: ArrayViewD<'_, T>,
    y: ArrayViewD<'_, T>,
    z: ArrayViewD<'_, T>,
    f: F,
) -> ArrayD<T> {
    let shape = broadcast_shape(&broadcast_shape(x.shape(), y.shape()), z.shape());
    let (x, y, z) = (expand(&x, &shape), expand(&y, &shape), expand(&z, &shape));
    let operands = [&x, &y, &z];
    let data = collect(x.len(), chunk(&operands), |start, out: &mut Out<T>| {
        let mut buffers = [Vec::new(), Vec::new(), Vec::new()];
        for_blocks(&operands, start, out.len(), |at, n| {
            let [x, y, z] = part_of_each(&operands, &mut buffers, at, n);
            out.map3(f, x, y, z);
        });
    });
    shaped(&shape, data)
}

/// `n` elements of each operand: where they lie, or in its buffer.
fn part_of_each<'b, 'a: 'b, T: Float, const N: usize>(
    operands: &[&Strided<'a, T>; N],
    buffers: &'b mut [Vec<T>; N],
    at: usize,
    n: usize,
) -> [&'b [T]; N] {
    let mut parts = [&[][..]; N];
    for ((part, x), buffer) in parts.iter_mut().zip(operands).zip(buffers) {
        *part = stretch(x, at, n, buffer);
    }
    parts
}

/// A standard-layout copy of any view.
pub(crate) fn copy<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    let strided = Strided::new(&x);
    let data = collect(x.len(), chunk(&[&strided]), |start, out: &mut Out<T>| {
        let len = out.len();
        match strided.contiguous(start, len) {
            Some(x) => out.copy(x),
            None => out.read(&strided, start, len),
        };
    });
    shaped(x.shape(), data)
}

fn expand<'a, T: Float>(x: &'a ArrayViewD<'_, T>, shape: &[usize]) -> Strided<'a, T> {
    Strided::new(&x.broadcast(IxDyn(shape)).expect("the shapes were found to broadcast"))
}

/// The elements of a chunk of work on these operands: whole tiles of what is read in tiles.
fn chunk<T: Float>(operands: &[&Strided<'_, T>]) -> usize {
    let tile = operands.iter().map(|x| x.tile()).max().unwrap_or(1);
    CHUNK.next_multiple_of(tile)
}

/// Calls `f(at, n)` for parts of `start..start + len`, each small enough for the first cache (unless
/// an operand is read in tiles), and none across the end of a long row that can be read in place.
fn for_blocks<T: Float>(
    operands: &[&Strided<'_, T>],
    start: usize,
    len: usize,
    mut f: impl FnMut(usize, usize),
) {
    let tiled = operands.iter().any(|x| x.tile() > 1);
    let whole = operands.iter().all(|x| x.contiguous(start, len).is_some());
    let rows = operands.iter().filter_map(|x| x.dense_row()).filter(|&row| row < len).min();
    let (block, row) = match rows {
        _ if tiled || whole => (len, usize::MAX),
        Some(row) if row >= BLOCK / 8 => (CHUNK, row),
        _ => (BLOCK, usize::MAX),
    };
    let (mut at, end) = (start, start + len);
    while at < end {
        let n = block.min(end - at).min(row - at % row);
        f(at, n);
        at += n;
    }
}
