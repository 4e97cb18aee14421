//! Maxima and means of windows.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::{Conv, Float};

/// The maximum of each window, and its place: row times width plus column of the image. Of equal
/// elements the first counts; padding never does. NaN if an element is.
///
/// # Shapes
///
/// `x` [N, C, H, W] -> twice [N, C, OH, OW]
///
/// # Panics
///
/// If `x` has not four axes, a window does not fit, padding is larger than half a window, or
/// `conv.groups` is not 1.
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
    let mut places = ArrayD::zeros(IxDyn(&shape));
    let mut y = ArrayD::from_elem(IxDyn(&shape), T::NEG_INFINITY);
    let width = x.shape()[3];
    for ((index, y), place) in y.indexed_iter_mut().zip(places.iter_mut()) {
        let mut found = false;
        for (row, column) in inside(&index, x.shape(), window, conv) {
            let value = x[[index[0], index[1], row, column]];
            if !found || value > *y || value.is_nan() && !y.is_nan() {
                (*y, *place, found) = (value, row * width + column, true);
            }
        }
    }
    (y, places)
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
    ArrayD::from_shape_fn(IxDyn(&shape), |index| {
        let terms = inside(&index, x.shape(), window, conv);
        let sum =
            terms.fold(T::ZERO, |sum, (row, column)| sum + x[[index[0], index[1], row, column]]);
        sum / count
    })
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
    let mut dx = ArrayD::from_elem(IxDyn(&shape), T::ZERO);
    let count = T::from_usize(window[0] * window[1]);
    for (index, &dy) in dy.indexed_iter() {
        for (row, column) in inside(&index, &shape, window, conv) {
            dx[[index[0], index[1], row, column]] += dy / count;
        }
    }
    dx
}

#[track_caller]
fn pooled_shape(x: &[usize], window: [usize; 2], conv: Conv) -> [usize; 4] {
    let &[n, c, h, w] = x else { panic!("x {x:?} is not [N, C, H, W]") };
    assert!(conv.groups == 1, "pooling knows no groups, not {}", conv.groups);
    let [oh, ow] = conv.output_size([h, w], window);
    [n, c, oh, ow]
}

/// The rows and columns of the image that a window covers.
fn inside<'a>(
    index: &'a IxDyn,
    shape: &'a [usize],
    window: [usize; 2],
    conv: Conv,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let along = move |axis: usize, k: usize| {
        let place = index[axis + 2] * conv.stride[axis] + k * conv.dilation[axis];
        place.checked_sub(conv.padding[axis]).filter(|&place| place < shape[axis + 2])
    };
    (0..window[0]).filter_map(move |k| along(0, k)).flat_map(move |row| {
        (0..window[1]).filter_map(move |k| along(1, k)).map(move |column| (row, column))
    })
}
