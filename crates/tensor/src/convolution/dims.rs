//! The sizes of a convolution, and its matrix of windows.

use ndarray::ArrayViewD;

use super::Conv;
use crate::Float;
use crate::simd::gemm::Matrix;

/// The sizes of one convolution.
pub(super) struct Dims {
    pub(super) n: usize,
    pub(super) c: usize,
    pub(super) o: usize,
    pub(super) image: [usize; 2],
    pub(super) window: [usize; 2],
    pub(super) out: [usize; 2],
    pub(super) conv: Conv,
}

impl Dims {
    #[track_caller]
    pub(super) fn new(x: &[usize], w: &[usize], conv: Conv) -> Self {
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
    pub(super) fn channel_terms<T: Float>(
        &self,
        bias: Option<&ArrayViewD<'_, T>>,
    ) -> Option<Vec<T>> {
        bias.map(|bias| {
            assert!(bias.shape() == [self.o], "bias {:?} of {} channels", bias.shape(), self.o);
            bias.iter().copied().collect()
        })
    }

    /// Whether windows lie beside one another, and there are enough images to share out.
    pub(super) fn are_adjacent(&self) -> bool {
        let shared = self.n * self.conv.groups >= rayon::current_num_threads();
        self.conv.stride == [1, 1] && shared && self.windows() > 0 && self.window_len() > 0
    }

    #[track_caller]
    pub(super) fn check_dy<T>(&self, dy: &ArrayViewD<'_, T>) {
        let shape = self.y_shape();
        assert!(dy.shape() == shape, "dy {:?} of an output {shape:?}", dy.shape());
    }

    pub(super) fn y_shape(&self) -> [usize; 4] {
        [self.n, self.o, self.out[0], self.out[1]]
    }

    pub(super) fn windows(&self) -> usize {
        self.out[0] * self.out[1]
    }

    pub(super) fn window_len(&self) -> usize {
        self.c / self.conv.groups * self.window[0] * self.window[1]
    }

    pub(super) fn column_len(&self) -> usize {
        self.window_len() * self.windows()
    }

    /// The elements of one group of one image.
    pub(super) fn x_group(&self) -> usize {
        self.c / self.conv.groups * self.image[0] * self.image[1]
    }

    pub(super) fn y_group(&self) -> usize {
        self.o / self.conv.groups * self.windows()
    }

    /// Group number `index % groups` of image number `index / groups`.
    pub(super) fn group_of<'a, T>(&self, x: &'a [T], index: usize) -> &'a [T] {
        &x[index * self.x_group()..][..self.x_group()]
    }

    pub(super) fn weights<'a, T: Float>(&self, w: &'a [T], group: usize) -> Matrix<'a, T> {
        let rows = self.o / self.conv.groups;
        Matrix::from_slice(&w[group * rows * self.window_len()..], rows, self.window_len())
    }

    pub(super) fn column_matrix<'a, T: Float>(&self, columns: &'a [T]) -> Matrix<'a, T> {
        Matrix::from_slice(columns, self.window_len(), self.windows())
    }

    /// Calls `f(place in the group, place in the column matrix, windows)` for each run of windows
    /// whose element (c, ky, kx) lies in one row of the image; elements outside are left out.
    pub(super) fn for_runs(&self, mut f: impl FnMut(usize, usize, usize)) {
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
    pub(super) fn read_windows<T: Float>(&self, x: &[T], columns: &mut [T]) {
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
    pub(super) fn add_windows<T: Float>(&self, columns: &[T], x: &mut [T]) {
        let stride = self.conv.stride[1];
        self.for_runs(|place, from, n| {
            let places = x[place..].iter_mut().step_by(stride);
            places.zip(&columns[from..from + n]).for_each(|(x, &term)| *x += term);
        });
    }
}
