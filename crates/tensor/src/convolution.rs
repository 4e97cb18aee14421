//! Convolutions by products of matrices.
//!
//! The windows of an image are the columns of a matrix; its rows are the elements of a window, in the
//! order channel, row, column. The product with the weights, and so the order of each sum, is that of
//! [`matmul`](crate::matmul). `by_windows` writes that matrix out; for windows that lie beside one
//! another (stride 1) `adjacent` and `for_weights` read the image instead, with the same bits. Windows of
//! 3 by 3 on many channels go by `winograd`, with bits of its own.

mod adjacent;
mod by_windows;
mod dims;
mod for_weights;
mod plane;
mod winograd;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis};

use self::dims::Dims;
use crate::destination::{fresh, given};
use crate::map::InPlace1;
use crate::simd::gemm::KC;
use crate::simd::out::{Map1, Memory, shaped};
use crate::simd::run;
use crate::{Float, pad, pool};

/// How windows lie on an image of two axes, height first.
///
/// # Examples
///
/// ```
/// use ulp_tensor::Conv;
///
/// let same_size = Conv { padding: [1, 1], ..Conv::default() }; // with a window of 3 x 3
/// assert_eq!(same_size.output_size([28, 28], [3, 3]), [28, 28]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// The distance from a window to the next.
    pub stride: [usize; 2],
    /// Zeros around the image, on each side.
    pub padding: [usize; 2],
    /// The distance between neighbours inside a window.
    pub dilation: [usize; 2],
    /// Channels are cut into so many groups, each with weights of its own.
    pub groups: usize,
}

impl Default for Conv {
    /// Window after window, nothing around, one group.
    fn default() -> Self {
        Conv { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

impl Conv {
    /// The number of windows along both axes: (n + 2 padding - dilation (k - 1) - 1) / stride + 1.
    ///
    /// # Panics
    ///
    /// If a window is larger than the padded image, or a stride, dilation or window is 0.
    #[track_caller]
    pub fn output_size(&self, image: [usize; 2], window: [usize; 2]) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let (k, stride, dilation) = (window[axis], self.stride[axis], self.dilation[axis]);
            assert!(k > 0 && stride > 0 && dilation > 0, "window {window:?} with {self:?}");
            let (extent, padded) = (dilation * (k - 1) + 1, image[axis] + 2 * self.padding[axis]);
            assert!(extent <= padded, "a window {window:?} on an image {image:?} with {self:?}");
            (padded - extent) / stride + 1
        })
    }

    /// The size of an image whose windows are `windows`: the least that [`Conv::output_size`] takes
    /// there, and `extra` more.
    ///
    /// # Panics
    ///
    /// If the padding is larger than the image.
    #[track_caller]
    pub fn transposed_size(
        &self,
        windows: [usize; 2],
        window: [usize; 2],
        extra: [usize; 2],
    ) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let span = windows[axis].saturating_sub(1) * self.stride[axis]
                + self.dilation[axis] * (window[axis].max(1) - 1)
                + 1
                + extra[axis];
            let size = span.checked_sub(2 * self.padding[axis]);
            size.unwrap_or_else(|| panic!("padding {:?} of {windows:?} windows", self.padding))
        })
    }

    /// How many more windows than `windows` fit on an image along both axes. Where
    /// [`Conv::transposed_size`] is asked for a stride more or above, there are some: to the transposed
    /// convolution they are windows of zeros.
    ///
    /// # Panics
    ///
    /// If there are no windows, or as [`Conv::output_size`].
    #[track_caller]
    pub fn windows_behind(
        &self,
        windows: [usize; 2],
        window: [usize; 2],
        image: [usize; 2],
    ) -> [usize; 2] {
        assert!(windows.iter().all(|&n| n > 0), "{windows:?} windows of an image {image:?}");
        let all = self.output_size(image, window);
        std::array::from_fn(|axis| all[axis].saturating_sub(windows[axis]))
    }
}

/// Element (n, o, y, x) is Σ `x`\[n, c, y', x'\] · `w`\[o, c, ky, kx\] over the window's elements, c
/// being the channels of the group of o, plus `bias`\[o\]. (A cross-correlation, as all libraries of
/// the field have it.)
///
/// # Accuracy
///
/// With K elements in a window of all channels, at most (K + 1) u · Σ|x||w| + u |y|, u being 2⁻²⁴ or 2⁻⁵³.
/// Windows of 3 by 3 (stride and dilation 1) on many channels are made by Winograd's tiles, whose error is
/// relative to the largest terms of a tile, four by four: docs/numerics.md has the bound, and the sizes.
///
/// # Shapes
///
/// `x` [N, C, H, W], `w` [O, C / groups, KH, KW], `bias` \[O\] -> [N, O, OH, OW]
///
/// # Panics
///
/// If the shapes do not fit; `groups` divides C and O.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{Conv, conv2d, ndarray::{array, ArrayD, IxDyn}};
///
/// let x = array![[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]].into_dyn();
/// let w = ArrayD::ones(IxDyn(&[1, 1, 2, 2]));
/// let y = conv2d(x.view(), w.view(), None, Conv::default());
/// assert_eq!(y, array![[[[12.0, 16.0]]]].into_dyn());
/// ```
#[track_caller]
pub fn conv2d<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    bias: Option<ArrayViewD<'_, T>>,
    conv: Conv,
) -> ArrayD<T> {
    let dims = Dims::new(x.shape(), w.shape(), conv);
    let bias = dims.channel_terms(bias.as_ref());
    fresh(&dims.y_shape(), |memory| write(&dims, &x, &w, bias.as_deref(), memory))
}

/// [`conv2d`] into `out`.
///
/// # Shapes
///
/// `x` [N, C, H, W], `w` [O, C / groups, KH, KW], `bias` \[O\], `out` [N, O, OH, OW]
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn conv2d_into<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    bias: Option<ArrayViewD<'_, T>>,
    conv: Conv,
    out: ArrayViewMutD<'_, T>,
) {
    let dims = Dims::new(x.shape(), w.shape(), conv);
    let bias = dims.channel_terms(bias.as_ref());
    given(&dims.y_shape(), out, |memory| write(&dims, &x, &w, bias.as_deref(), memory));
}

/// The gradient of [`conv2d`] with respect to `x`, whose height and width are `image`; also called
/// its transpose.
///
/// # Shapes
///
/// `dy` [N, O, OH, OW], `w` [O, C / groups, KH, KW] -> [N, C, H, W]
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn conv2d_vjp_x<T: Float>(
    dy: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    image: [usize; 2],
    conv: Conv,
) -> ArrayD<T> {
    assert!(dy.ndim() == 4 && w.ndim() == 4, "dy {:?} and w {:?}", dy.shape(), w.shape());
    let shape = [dy.shape()[0], w.shape()[1] * conv.groups, image[0], image[1]];
    let dims = Dims::new(&shape, w.shape(), conv);
    dims.check_dy(&dy);
    let (dy, w) = (dy.as_standard_layout(), w.as_standard_layout());
    let (dy, w) = (dy.as_slice().expect("standard layout"), w.as_slice().expect("standard layout"));
    let mut dx = pool::zeros(shape.iter().product());
    if winograd::pays(&dims) {
        winograd::vjp_x(&dims, dy, w, &mut dx);
    } else if dims.are_adjacent() && dims.c / conv.groups >= LEAST {
        adjacent::vjp_x(&dims, dy, w, &mut dx);
    } else {
        by_windows::vjp_x(&dims, dy, w, &mut dx);
    }
    shaped(&shape, dx)
}

/// The gradient of [`conv2d`] with respect to `w`, whose windows are `window`; images are added in one
/// fixed order.
///
/// # Shapes
///
/// `dy` [N, O, OH, OW], `x` [N, C, H, W] -> [O, C / groups, KH, KW]
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn conv2d_vjp_w<T: Float>(
    dy: ArrayViewD<'_, T>,
    x: ArrayViewD<'_, T>,
    window: [usize; 2],
    conv: Conv,
) -> ArrayD<T> {
    assert!(dy.ndim() == 4 && x.ndim() == 4, "dy {:?} and x {:?}", dy.shape(), x.shape());
    let shape = [dy.shape()[1], x.shape()[1] / conv.groups.max(1), window[0], window[1]];
    let dims = Dims::new(x.shape(), &shape, conv);
    dims.check_dy(&dy);
    let (dy, x) = (dy.as_standard_layout(), x.as_standard_layout());
    let (dy, x) = (dy.as_slice().expect("standard layout"), x.as_slice().expect("standard layout"));
    let mut dw = pool::zeros(shape.iter().product());
    if winograd::pays(&dims) {
        winograd::vjp_w(&dims, dy, x, &mut dw);
    } else if dims.are_adjacent() && dims.c.min(dims.o / 2) / conv.groups >= 2 * LEAST {
        for_weights::vjp_w(&dims, dy, x, &mut dw);
    } else {
        by_windows::vjp_w(&dims, dy, x, &mut dw);
    }
    shaped(&shape, dw)
}

/// [`conv2d`]'s transpose as an operation of its own: each element of `x` puts a multiple of the
/// weights' window into the result, where windows overlap they are added. `extra` rows and columns
/// are added at the end (PyTorch's `output_padding`).
///
/// # Shapes
///
/// `x` [N, C, H, W], `w` [C, O / groups, KH, KW] -> [N, O, OH, OW] with
/// OH = stride (H - 1) + dilation (KH - 1) + 1 - 2 padding + extra
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn conv2d_transposed<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    extra: [usize; 2],
    conv: Conv,
) -> ArrayD<T> {
    assert!(x.ndim() == 4 && w.ndim() == 4, "x {:?} and w {:?}", x.shape(), w.shape());
    let pair = |x: &[usize]| [x[2], x[3]];
    let (windows, window) = (pair(x.shape()), pair(w.shape()));
    let image = conv.transposed_size(windows, window, extra);
    match conv.windows_behind(windows, window, image) {
        [0, 0] => conv2d_vjp_x(x, w, image, conv),
        [rows, columns] => {
            let padded = pad(x, &[(0, 0), (0, 0), (0, rows), (0, columns)], T::ZERO);
            conv2d_vjp_x(padded.view(), w, image, conv)
        }
    }
}

/// [`conv2d`] of one axis: stride, padding and dilation are the second ones of `conv`.
///
/// # Shapes
///
/// `x` [N, C, L], `w` [O, C / groups, K], `bias` \[O\] -> [N, O, OL]
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn conv1d<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    bias: Option<ArrayViewD<'_, T>>,
    conv: Conv,
) -> ArrayD<T> {
    assert!(x.ndim() == 3 && w.ndim() == 3, "x {:?} and w {:?}", x.shape(), w.shape());
    let conv = Conv {
        stride: [1, conv.stride[1]],
        padding: [0, conv.padding[1]],
        dilation: [1, conv.dilation[1]],
        ..conv
    };
    let y = conv2d(x.insert_axis(Axis(2)), w.insert_axis(Axis(2)), bias, conv);
    y.index_axis_move(Axis(2), 0)
}

/// The channels of a group that fill a tile well enough for [`adjacent`]; for [`for_weights`] it takes
/// twice as many, and twice that on the output's side, which is the wide one of its tiles.
const LEAST: usize = 4;

/// x + bias.
#[derive(Clone, Copy)]
struct PlusBias<T>(T);

impl<T: Float> Map1<T> for PlusBias<T> {
    #[inline(always)]
    fn at(self, x: T) -> T {
        x + self.0
    }
}

/// The convolution itself.
fn write<'m, T: Float>(
    dims: &Dims,
    x: &ArrayViewD<'_, T>,
    w: &ArrayViewD<'_, T>,
    bias: Option<&[T]>,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    let (x, w) = (x.as_standard_layout(), w.as_standard_layout());
    let x = x.as_slice().expect("standard layout");
    let w = w.as_slice().expect("standard layout");
    let groups = dims.conv.groups;
    // What is left to do with the channels from `first` on of a group of an image.
    let finish = |index: usize, first: usize, y: &mut [T]| {
        if let Some(bias) = bias {
            let bias = &bias[index % groups * (dims.o / groups) + first..];
            for (y, &bias) in y.chunks_mut(dims.windows().max(1)).zip(bias) {
                run(InPlace1 { f: PlusBias(bias), x: y });
            }
        }
    };
    if winograd::pays(dims) {
        return winograd::write(dims, x, w, memory, finish);
    }
    // A product of one block along K is the sum of its products, to which the bias is added as to any other sum: it
    // may be there before. (The sum of two numbers does not depend on their order.)
    let begins_as = bias.filter(|_| dims.window_len() <= KC);
    let adjacent = dims.are_adjacent() && dims.o / groups >= LEAST;
    let adjacent = adjacent.then(|| adjacent::Value::new(dims, w, begins_as));
    memory.fill_parts(dims.y_group(), true, |index, out| match &adjacent {
        Some(value) => {
            let y = out.write(out.len(), |memory| value.write(index, x, memory));
            if begins_as.is_none() {
                finish(index, 0, y);
            }
        }
        None => finish(index, 0, by_windows::write(dims, index, x, w, out)),
    })
}
