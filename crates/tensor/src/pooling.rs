//! Maxima and means of windows.

use std::array::from_fn;

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::rows::rows_in_chunk;
use crate::simd::out::{PARALLEL, collect, collect_beside, shaped};
use crate::simd::{Kernel, run, share};
use crate::{Conv, Float, pool};

/// The place of the maximum of a window that has no element, all of it being padding.
pub const NO_PLACE: usize = usize::MAX;

/// The maximum of each window, and its place: row times width plus column of the image. Of equal
/// elements the first counts; padding never does: where there is nothing else the maximum is -∞, at
/// [`NO_PLACE`]. NaN if an element is.
///
/// # Shapes
///
/// `x` [N, C, H, W] -> twice [N, C, OH, OW]
///
/// # Panics
///
/// If `x` has not four axes, a window does not fit, padding is larger than half a window, or
/// `conv.groups` is not 1; or past 2^32 elements in a channel.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{Conv, max_pool2d, ndarray::array};
///
/// let x = array![[[[1.0, 4.0], [3.0, 2.0]]]].into_dyn();
/// let (y, place) = max_pool2d(x.view(), [2, 2], Conv { stride: [2, 2], ..Conv::default() });
/// assert_eq!((y.first(), place.first()), (Some(&4.0), Some(&1)));
/// ```
#[track_caller]
pub fn max_pool2d<T: Float>(
    x: ArrayViewD<'_, T>,
    window: [usize; 2],
    conv: Conv,
) -> (ArrayD<T>, ArrayD<usize>) {
    let fits = (0..2).all(|axis| 2 * conv.padding[axis] <= window[axis]);
    assert!(fits, "padding {:?} of windows {window:?}", conv.padding);
    let shape = pooled_shape(x.shape(), window, conv);
    let windows = Windows { image: [x.shape()[2], x.shape()[3]], window, conv };
    assert!(windows.plane() < u32::MAX as usize, "an image of {:?}", windows.image);
    let x = x.as_standard_layout();
    let x = x.as_slice().expect("standard layout");
    let [_, _, oh, ow] = shape;
    let mut places = ArrayD::zeros(IxDyn(&shape));
    let rows = rows_in_chunk(ow * window[0] * window[1]);
    let all = places.as_slice_mut().expect("standard layout");
    let mut beside: Vec<_> = all.chunks_mut((rows * ow).max(1)).collect();
    let y = collect_beside(shape.iter().product(), rows * ow, &mut beside, |start, out, places| {
        let (first, y) = (start / ow, out.fill(out.len(), T::NEG_INFINITY));
        run(MaxOfRows { windows: &windows, x, out: [oh, ow], first, y, places });
    });
    (shaped(&shape, y), places)
}

/// The mean of each window; padding counts as zeros.
///
/// # Shapes
///
/// `x` [N, C, H, W] -> [N, C, OH, OW]
///
/// # Panics
///
/// If `x` has not four axes, a window does not fit, or `conv.groups` is not 1.
#[track_caller]
pub fn avg_pool2d<T: Float>(x: ArrayViewD<'_, T>, window: [usize; 2], conv: Conv) -> ArrayD<T> {
    let shape = pooled_shape(x.shape(), window, conv);
    let count = T::from_usize(window[0] * window[1]);
    let windows = Windows { image: [x.shape()[2], x.shape()[3]], window, conv };
    let x = x.as_standard_layout();
    let x = x.as_slice().expect("standard layout");
    let [_, _, oh, ow] = shape;
    let rows = rows_in_chunk(ow * window[0] * window[1]);
    let y = collect(shape.iter().product(), rows * ow, |start, out| {
        let y = out.fill(out.len(), T::ZERO);
        for (i, y) in y.iter_mut().enumerate() {
            let (row, ox) = ((start + i) / ow, (start + i) % ow);
            let plane = &x[row / oh * windows.plane()..][..windows.plane()];
            let terms = windows.inside(row % oh, ox);
            *y = terms.fold(T::ZERO, |sum, index| sum + plane[index]) / count;
        }
    });
    shaped(&shape, y)
}

/// The gradient of [`avg_pool2d`] with respect to `x`, whose height and width are `image`.
///
/// # Shapes
///
/// `dy` [N, C, OH, OW] -> [N, C, H, W]
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn avg_pool2d_vjp<T: Float>(
    dy: ArrayViewD<'_, T>,
    image: [usize; 2],
    window: [usize; 2],
    conv: Conv,
) -> ArrayD<T> {
    assert!(dy.ndim() == 4, "dy {:?} is not [N, C, OH, OW]", dy.shape());
    let shape = [dy.shape()[0], dy.shape()[1], image[0], image[1]];
    let expected = pooled_shape(&shape, window, conv);
    assert!(dy.shape() == expected, "dy {:?} of an output {expected:?}", dy.shape());
    let count = T::from_usize(window[0] * window[1]);
    let windows = Windows { image, window, conv };
    let parallel = dy.len() * window[0] * window[1] > PARALLEL;
    let dy = dy.as_standard_layout();
    let dy = dy.as_slice().expect("standard layout");
    let [_, _, oh, ow] = expected;
    let mut dx = pool::zeros(shape.iter().product());
    share::chunks(&mut dx, windows.plane(), parallel, |plane, dx| {
        for (i, &dy) in dy[plane * oh * ow..][..oh * ow].iter().enumerate() {
            windows.inside(i / ow, i % ow).for_each(|index| dx[index] += dy / count);
        }
    });
    shaped(&shape, dx)
}

#[track_caller]
fn pooled_shape(x: &[usize], window: [usize; 2], conv: Conv) -> [usize; 4] {
    let &[n, c, h, w] = x else { panic!("x {x:?} is not [N, C, H, W]") };
    assert!(conv.groups == 1, "pooling knows no groups, not {}", conv.groups);
    let [oh, ow] = conv.output_size([h, w], window);
    [n, c, oh, ow]
}

/// The windows whose maxima are found at a time.
const LANES: usize = 16;

/// The maxima of the windows of rows `first..` of all planes, and their places.
struct MaxOfRows<'a, T> {
    windows: &'a Windows,
    x: &'a [T],
    /// The rows and columns of windows on a plane.
    out: [usize; 2],
    first: usize,
    y: &'a mut [T],
    places: &'a mut [usize],
}

impl<T: Float> Kernel for MaxOfRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let MaxOfRows { windows, x, out: [oh, ow], first, y, places } = self;
        let rows = y.chunks_mut(ow).zip(places.chunks_mut(ow));
        for (row, (y, places)) in (first..).zip(rows) {
            let plane = &x[row / oh * windows.plane()..][..windows.plane()];
            let parts = y.chunks_mut(LANES).zip(places.chunks_mut(LANES));
            for (part, (y, places)) in parts.enumerate() {
                let (max, place) = windows.max_of_part(plane, row % oh, part * LANES, ow);
                y.copy_from_slice(&max[..y.len()]);
                for (to, place) in places.iter_mut().zip(place) {
                    *to = if place == Windows::NONE { NO_PLACE } else { place as usize };
                }
            }
        }
    }
}

/// Element `l * stride` for each lane; the nearest there is beyond the ends.
#[inline(always)]
fn strided<T: Float>(x: &[T], start: isize, stride: usize) -> [T; LANES] {
    let inside = usize::try_from(start).ok().and_then(|start| x.get(start..));
    if let Some(x) = inside.and_then(|x| x.get(..(LANES - 1) * stride + 1)) {
        // With a constant the compiler reads whole registers.
        return match stride {
            1 => from_fn(|l| x[l]),
            2 => from_fn(|l| x[2 * l]),
            stride => from_fn(|l| x[l * stride]),
        };
    }
    let last = x.len() as isize - 1;
    from_fn(|l| x[(start + (l * stride) as isize).clamp(0, last) as usize])
}

/// The windows of an image.
struct Windows {
    image: [usize; 2],
    window: [usize; 2],
    conv: Conv,
}

impl Windows {
    /// The place in a window that lies around the image and has no element of it.
    const NONE: u32 = u32::MAX;

    /// The elements of an image.
    fn plane(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// The maxima of windows `ox..` of row `oy`, and their places, of `ow` in the row. The element with
    /// one offset is taken of all windows before the next: each window meets its own in order.
    #[inline(always)]
    fn max_of_part<T: Float>(
        &self,
        plane: &[T],
        oy: usize,
        ox: usize,
        ow: usize,
    ) -> ([T; LANES], [u32; LANES]) {
        let &Windows { image: [h, w], window: [kh, kw], conv } = self;
        let (mut max, mut places) = ([T::NEG_INFINITY; LANES], [Self::NONE; LANES]);
        for ky in 0..kh {
            let row = (oy * conv.stride[0] + ky * conv.dilation[0]).checked_sub(conv.padding[0]);
            let Some(row) = row.filter(|&row| row < h && w > 0) else { continue };
            for kx in 0..kw {
                let (stride, shift, padding) =
                    (conv.stride[1], kx * conv.dilation[1], conv.padding[1]);
                // The windows whose element lies inside: ox * stride + shift - padding in 0..w.
                let end = (w + padding).saturating_sub(shift).div_ceil(stride).min(ow);
                let first = padding.saturating_sub(shift).div_ceil(stride);
                let (first, end) = (first.saturating_sub(ox) as u32, end.saturating_sub(ox) as u32);
                let start = (row * w + ox * stride + shift) as isize - padding as isize;
                let values = strided(plane, start, stride);
                for l in 0..LANES {
                    let (lane, value) = (l as u32, values[l]);
                    let inside = (lane >= first) & (lane < end);
                    let larger = (places[l] == Self::NONE)
                        | (value > max[l])
                        | (value.is_nan() & !max[l].is_nan());
                    let place = (start as u32).wrapping_add(lane.wrapping_mul(stride as u32));
                    max[l] = if inside & larger { value } else { max[l] };
                    places[l] = if inside & larger { place } else { places[l] };
                }
            }
        }
        (max, places)
    }

    /// The elements of the image that window (`oy`, `ox`) covers, row after row.
    fn inside(&self, oy: usize, ox: usize) -> impl Iterator<Item = usize> {
        let &Windows { image: [h, w], window: [kh, kw], conv } = self;
        let along = move |o: usize, k: usize, axis: usize, length: usize| {
            let place = o * conv.stride[axis] + k * conv.dilation[axis];
            place.checked_sub(conv.padding[axis]).filter(|&place| place < length)
        };
        let rows = (0..kh).filter_map(move |k| along(oy, k, 0, h));
        rows.flat_map(move |row| {
            (0..kw).filter_map(move |k| along(ox, k, 1, w)).map(move |column| row * w + column)
        })
    }
}
