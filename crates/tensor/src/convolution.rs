//! Convolutions by products of matrices.
//!
//! The windows of an image become the columns of a matrix (Chellapilla, Puri and Simard, "High
//! performance convolutional neural networks for document processing", 2006); rows are the elements
//! of a window, in the order channel, row, column. The product with the weights, and so the order of
//! each sum, is that of [`matmul`](crate::matmul).

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis};

use crate::destination::{fresh, given};
use crate::simd::gemm::{Matrix, gemm};
use crate::simd::out::Memory;
use crate::simd::out::shaped;
use crate::simd::share;
use crate::{Float, pool};

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
    /// If the padding is as large as the image.
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
}

/// Element (n, o, y, x) is Σ `x`\[n, c, y', x'\] · `w`\[o, c, ky, kx\] over the window's elements, c
/// being the channels of the group of o, plus `bias`\[o\]. (A cross-correlation, as all libraries of
/// the field have it.)
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
    fresh(&dims.y_shape(), |memory| dims.write(&x, &w, bias.as_deref(), memory))
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
    given(&dims.y_shape(), out, |memory| dims.write(&x, &w, bias.as_deref(), memory));
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
    share::chunks(&mut dx, dims.x_group(), true, |index, dx| {
        let mut columns = vec![T::ZERO; dims.column_len()];
        let dy = &dy[index * dims.y_group()..][..dims.y_group()];
        let dy = Matrix::from_slice(dy, dims.o / conv.groups, dims.windows());
        gemm(dims.weights(w, index % conv.groups).t(), dy, &mut columns, dims.windows(), false);
        dims.add_windows(&columns, dx);
    });
    shaped(&shape, dx)
}

/// The gradient of [`conv2d`] with respect to `w`, whose windows are `window`; images are added in
/// their order.
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
    let rows = dims.o / conv.groups;
    let window = dims.window_len();
    share::chunks(&mut dw, rows * window, conv.groups > 1, |group, dw| {
        let mut columns = vec![T::ZERO; dims.column_len()];
        for n in 0..dims.n {
            let index = n * conv.groups + group;
            dims.read_windows(dims.group_of(x, index), &mut columns);
            let dy = &dy[index * dims.y_group()..][..dims.y_group()];
            let dy = Matrix::from_slice(dy, rows, dims.windows());
            gemm(dy, dims.column_matrix(&columns).t(), dw, window, true);
        }
    });
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
/// If the shapes do not fit, or `extra` is not below the stride.
#[track_caller]
pub fn conv2d_transposed<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    extra: [usize; 2],
    conv: Conv,
) -> ArrayD<T> {
    assert!(x.ndim() == 4 && w.ndim() == 4, "x {:?} and w {:?}", x.shape(), w.shape());
    let pair = |x: &[usize]| [x[2], x[3]];
    let image = conv.transposed_size(pair(x.shape()), pair(w.shape()), extra);
    conv2d_vjp_x(x, w, image, conv)
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

/// The sizes of one convolution.
struct Dims {
    n: usize,
    c: usize,
    o: usize,
    image: [usize; 2],
    window: [usize; 2],
    out: [usize; 2],
    conv: Conv,
}

impl Dims {
    #[track_caller]
    fn new(x: &[usize], w: &[usize], conv: Conv) -> Self {
        let (&[n, c, h, width], &[o, c_group, kh, kw]) = (x, w) else {
            panic!("x {x:?} and w {w:?} are not [N, C, H, W] and [O, C / groups, KH, KW]");
        };
        let g = conv.groups;
        let fits = g > 0 && c.is_multiple_of(g) && o.is_multiple_of(g) && c / g == c_group;
        assert!(fits, "x {x:?} and w {w:?} do not fit in {g} groups");
        let (image, window) = ([h, width], [kh, kw]);
        Dims { n, c, o, image, window, out: conv.output_size(image, window), conv }
    }

    #[track_caller]
    fn channel_terms<T: Float>(&self, bias: Option<&ArrayViewD<'_, T>>) -> Option<Vec<T>> {
        bias.map(|bias| {
            assert!(bias.shape() == [self.o], "bias {:?} of {} channels", bias.shape(), self.o);
            bias.iter().copied().collect()
        })
    }

    /// The convolution itself.
    fn write<'m, T: Float>(
        &self,
        x: &ArrayViewD<'_, T>,
        w: &ArrayViewD<'_, T>,
        bias: Option<&[T]>,
        memory: Memory<'m, T>,
    ) -> &'m mut [T] {
        let (x, w) = (x.as_standard_layout(), w.as_standard_layout());
        let x = x.as_slice().expect("standard layout");
        let w = w.as_slice().expect("standard layout");
        let groups = self.conv.groups;
        let y = memory.fill_parts(self.y_group(), true, |index, out| {
            let mut columns = vec![T::ZERO; self.column_len()];
            self.read_windows(self.group_of(x, index), &mut columns);
            out.product(self.weights(w, index % groups), self.column_matrix(&columns));
        });
        if let Some(bias) = bias {
            // Channel after channel, image after image.
            let channels = y.chunks_mut(self.windows().max(1)).zip(bias.iter().cycle());
            channels.for_each(|(y, &bias)| y.iter_mut().for_each(|y| *y += bias));
        }
        y
    }

    #[track_caller]
    fn check_dy<T>(&self, dy: &ArrayViewD<'_, T>) {
        let shape = self.y_shape();
        assert!(dy.shape() == shape, "dy {:?} of an output {shape:?}", dy.shape());
    }

    fn y_shape(&self) -> [usize; 4] {
        [self.n, self.o, self.out[0], self.out[1]]
    }

    fn windows(&self) -> usize {
        self.out[0] * self.out[1]
    }

    fn window_len(&self) -> usize {
        self.c / self.conv.groups * self.window[0] * self.window[1]
    }

    fn column_len(&self) -> usize {
        self.window_len() * self.windows()
    }

    /// The elements of one group of one image.
    fn x_group(&self) -> usize {
        self.c / self.conv.groups * self.image[0] * self.image[1]
    }

    fn y_group(&self) -> usize {
        self.o / self.conv.groups * self.windows()
    }

    /// Group number `index % groups` of image number `index / groups`.
    fn group_of<'a, T>(&self, x: &'a [T], index: usize) -> &'a [T] {
        &x[index * self.x_group()..][..self.x_group()]
    }

    fn weights<'a, T: Float>(&self, w: &'a [T], group: usize) -> Matrix<'a, T> {
        let rows = self.o / self.conv.groups;
        Matrix::from_slice(&w[group * rows * self.window_len()..], rows, self.window_len())
    }

    fn column_matrix<'a, T: Float>(&self, columns: &'a [T]) -> Matrix<'a, T> {
        Matrix::from_slice(columns, self.window_len(), self.windows())
    }

    /// Calls `f(place in the group, place in the column matrix, windows)` for each run of windows
    /// whose element (c, ky, kx) lies in one row of the image; elements outside are left out.
    fn for_runs(&self, mut f: impl FnMut(usize, usize, usize)) {
        let ([h, w], [kh, kw], [oh, ow]) = (self.image, self.window, self.out);
        let Conv { stride, padding, dilation, .. } = self.conv;
        let mut row = 0;
        for c in 0..self.c / self.conv.groups {
            for ky in 0..kh {
                for kx in 0..kw {
                    let shift = kx * dilation[1];
                    // The windows whose element lies inside: ox * stride + shift - padding in 0..w.
                    let first = padding[1].saturating_sub(shift).div_ceil(stride[1]).min(ow);
                    let end = (w + padding[1]).saturating_sub(shift).div_ceil(stride[1]).min(ow);
                    for oy in 0..oh {
                        let y = oy * stride[0] + ky * dilation[0];
                        if y < padding[0] || y - padding[0] >= h || first >= end {
                            continue;
                        }
                        let image_row = (c * h + y - padding[0]) * w;
                        let from = image_row + first * stride[1] + shift - padding[1];
                        let to = row * oh * ow + oy * ow + first;
                        f(from, to, end - first);
                    }
                    row += 1;
                }
            }
        }
    }

    /// The column matrix of one group of an image; `columns` holds zeros, or another image's.
    fn read_windows<T: Float>(&self, x: &[T], columns: &mut [T]) {
        let stride = self.conv.stride[1];
        self.for_runs(|from, to, n| {
            let to = &mut columns[to..to + n];
            if stride == 1 {
                to.copy_from_slice(&x[from..from + n]);
            } else {
                to.iter_mut().zip(x[from..].iter().step_by(stride)).for_each(|(to, &x)| *to = x);
            }
        });
    }

    /// Adds each element of the column matrix to where it was read from.
    fn add_windows<T: Float>(&self, columns: &[T], x: &mut [T]) {
        let stride = self.conv.stride[1];
        self.for_runs(|place, from, n| {
            let places = x[place..].iter_mut().step_by(stride);
            places.zip(&columns[from..from + n]).for_each(|(x, &term)| *x += term);
        });
    }
}
