//! Elementwise operations over views of any strides, with broadcasting.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::Float;
use crate::broadcast::broadcast_shape;
use crate::simd::out::{CHUNK, Map1, Map2, Map3, Out, collect};
use crate::simd::strided::Strided;

/// The elements gathered at a time when an operand does not lie side by side.
const BLOCK: usize = 1024;

/// `f` of every element.
pub(crate) fn map1<T: Float, F: Map1<T>>(x: ArrayViewD<'_, T>, f: F) -> ArrayD<T> {
    let strided = Strided::new(&x);
    let data = collect(x.len(), CHUNK, |start, out: &mut Out<T>| {
        let len = out.len();
        match strided.contiguous(start, len) {
            Some(x) => out.map1(f, x),
            None => {
                let mut buffer = [T::ZERO; BLOCK];
                for_blocks(start, len, |at, n| out.map1(f, strided.get(at, n, &mut buffer)));
            }
        }
    });
    shaped(x.shape(), data)
}

/// `f` of every pair, broadcasting.
#[track_caller]
pub(crate) fn map2<T: Float, F: Map2<T>>(
    x: ArrayViewD<'_, T>,
    y: ArrayViewD<'_, T>,
    f: F,
) -> ArrayD<T> {
    let shape = broadcast_shape(x.shape(), y.shape());
    let (x, y) = (expand(&x, &shape), expand(&y, &shape));
    let data = collect(x.len(), CHUNK, |start, out: &mut Out<T>| {
        let len = out.len();
        match (x.contiguous(start, len), y.contiguous(start, len)) {
            (Some(x), Some(y)) => out.map2(f, x, y),
            _ => {
                let (mut b0, mut b1) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
                for_blocks(start, len, |at, n| {
                    out.map2(f, x.get(at, n, &mut b0), y.get(at, n, &mut b1));
                });
            }
        }
    });
    shaped(&shape, data)
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
    let data = collect(x.len(), CHUNK, |start, out: &mut Out<T>| {
        let mut buffers = ([T::ZERO; BLOCK], [T::ZERO; BLOCK], [T::ZERO; BLOCK]);
        for_blocks(start, out.len(), |at, n| {
            let x = x.get(at, n, &mut buffers.0);
            let y = y.get(at, n, &mut buffers.1);
            let z = z.get(at, n, &mut buffers.2);
            out.map3(f, x, y, z);
        });
    });
    shaped(&shape, data)
}

/// A standard-layout copy of any view.
pub(crate) fn copy<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    let strided = Strided::new(&x);
    let data = collect(x.len(), CHUNK, |start, out: &mut Out<T>| {
        let len = out.len();
        match strided.contiguous(start, len) {
            Some(x) => {
                out.copy(x);
            }
            None => strided.read(start, out.fill(len, T::ZERO)),
        }
    });
    shaped(x.shape(), data)
}

/// An array of `data`, which has as many elements as `shape` says.
pub(crate) fn shaped<T>(shape: &[usize], data: Vec<T>) -> ArrayD<T> {
    ArrayD::from_shape_vec(IxDyn(shape), data).expect("the data was made for this shape")
}

fn expand<'a, T: Float>(x: &'a ArrayViewD<'_, T>, shape: &[usize]) -> Strided<'a, T> {
    Strided::new(&x.broadcast(IxDyn(shape)).expect("the shapes were found to broadcast"))
}

fn for_blocks(start: usize, len: usize, mut f: impl FnMut(usize, usize)) {
    for at in (0..len).step_by(BLOCK) {
        f(start + at, BLOCK.min(len - at));
    }
}
