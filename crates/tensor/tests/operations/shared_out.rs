//! Work along an axis and in windows that is shared out among threads: against the serial loops, and
//! the same bits on any number of threads.

use rayon::ThreadPoolBuilder;
use ulp_tensor::ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};
use ulp_tensor::*;

use crate::same_bits::{bits, layouts};
use crate::table::{Domain, sample};

/// The serial loops, one element after another.
mod serial {
    use super::*;

    pub(super) fn gather<T: Float>(x: &ArrayD<T>, axis: usize, index: &ArrayD<usize>) -> ArrayD<T> {
        ArrayD::from_shape_fn(index.raw_dim(), |mut at| {
            at[axis] = index[&at];
            x[&at]
        })
    }

    pub(super) fn scatter_add<T: Float>(
        x: &ArrayD<T>,
        axis: usize,
        index: &ArrayD<usize>,
        y: &ArrayD<T>,
    ) -> ArrayD<T> {
        let mut result = x.clone();
        for (mut at, &term) in y.indexed_iter() {
            at[axis] = index[&at];
            result[&at] += term;
        }
        result
    }

    pub(super) fn arg_sort<T: Float>(
        x: &ArrayD<T>,
        axis: usize,
        descending: bool,
    ) -> ArrayD<usize> {
        let mut places = ArrayD::zeros(x.raw_dim());
        let lanes = places.lanes_mut(Axis(axis)).into_iter().zip(x.lanes(Axis(axis)));
        for (mut places, lane) in lanes {
            let mut order: Vec<usize> = (0..lane.len()).collect();
            order.sort_by(|&a, &b| {
                let (a, b) = if descending { (b, a) } else { (a, b) };
                let (a, b) = (lane[a], lane[b]);
                a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
            });
            places.iter_mut().zip(order).for_each(|(place, index)| *place = index);
        }
        places
    }

    pub(super) fn cum_sum<T: Float>(x: &ArrayD<T>, axis: usize, reverse: bool) -> ArrayD<T> {
        let mut sums = x.clone();
        for mut lane in sums.lanes_mut(Axis(axis)) {
            if reverse {
                lane.invert_axis(Axis(0));
            }
            for i in 1..lane.len() {
                lane[i] = lane[i - 1] + lane[i];
            }
        }
        sums
    }

    /// The elements of a window: rows, columns.
    fn inside(at: &IxDyn, image: &[usize], window: [usize; 2], conv: Conv) -> Vec<(usize, usize)> {
        let along = |axis: usize| -> Vec<usize> {
            let place = |k| at[axis + 2] * conv.stride[axis] + k * conv.dilation[axis];
            let places = (0..window[axis]).map(place);
            let inside = places.filter_map(|place| place.checked_sub(conv.padding[axis]));
            inside.filter(|&place| place < image[axis + 2]).collect()
        };
        let (rows, columns) = (along(0), along(1));
        rows.iter().flat_map(|&row| columns.iter().map(move |&column| (row, column))).collect()
    }

    fn pooled(image: &[usize], window: [usize; 2], conv: Conv) -> IxDyn {
        let [oh, ow] = conv.output_size([image[2], image[3]], window);
        IxDyn(&[image[0], image[1], oh, ow])
    }

    pub(super) fn max_pool2d<T: Float>(
        x: &ArrayD<T>,
        window: [usize; 2],
        conv: Conv,
    ) -> (ArrayD<T>, ArrayD<usize>) {
        let shape = pooled(x.shape(), window, conv);
        let best = ArrayD::from_shape_fn(shape, |at| {
            let mut best: Option<(T, usize)> = None;
            for (row, column) in inside(&at, x.shape(), window, conv) {
                let value = x[[at[0], at[1], row, column]];
                let better = |(y, _): (T, usize)| value > y || value.is_nan() && !y.is_nan();
                if best.is_none_or(better) {
                    best = Some((value, row * x.shape()[3] + column));
                }
            }
            best.unwrap()
        });
        (best.mapv(|(value, _)| value), best.mapv(|(_, place)| place))
    }

    pub(super) fn avg_pool2d<T: Float>(x: &ArrayD<T>, window: [usize; 2], conv: Conv) -> ArrayD<T> {
        ArrayD::from_shape_fn(pooled(x.shape(), window, conv), |at| {
            let mut sum = T::ZERO;
            for (row, column) in inside(&at, x.shape(), window, conv) {
                sum += x[[at[0], at[1], row, column]];
            }
            sum / T::from_usize(window[0] * window[1])
        })
    }

    pub(super) fn avg_pool2d_vjp<T: Float>(
        dy: &ArrayD<T>,
        image: &[usize],
        window: [usize; 2],
        conv: Conv,
    ) -> ArrayD<T> {
        let mut dx = ArrayD::from_elem(IxDyn(image), T::ZERO);
        for (at, &dy) in dy.indexed_iter() {
            for (row, column) in inside(&at, image, window, conv) {
                dx[[at[0], at[1], row, column]] += dy / T::from_usize(window[0] * window[1]);
            }
        }
        dx
    }
}

/// Calls `f` in pools of 1, 2 and 5 threads.
fn on_threads(f: impl Fn() + Sync) {
    for threads in [1, 2, 5] {
        ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(&f);
    }
}

fn places(shape: &[usize], below: usize) -> ArrayD<usize> {
    let mut n = 0_usize;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        n += 1;
        n.wrapping_mul(2_654_435_761) / 7 % below
    })
}

/// Arrays on both sides of what is shared out, lanes long and short, and one lane alone.
const SHAPES: [&[usize]; 8] = [
    &[7],
    &[40_003],
    &[3, 5, 4],
    &[211, 230],
    &[2, 20_011],
    &[20_011, 2],
    &[13, 70, 61],
    &[4, 0, 3],
];

fn same<T: Float>(left: ArrayD<T>, right: &ArrayD<T>, what: &str) {
    let same = left.shape() == right.shape() && bits(&[left]) == bits(std::slice::from_ref(right));
    assert!(same, "{what} of {:?}", right.shape());
}

fn check_lanes<T: Float>(shape: &[usize], axis: usize) {
    let x = sample::<T>(Domain::Real, shape, 0);
    // Ties, and a NaN or two.
    let rounded =
        |x: T| if x > T::from_f64(1.99) { T::NAN } else { T::from_f64((8.0 * x.to_f64()).round()) };
    let ties = x.mapv(rounded);
    let n = shape[axis];
    let mut index_shape = shape.to_vec();
    index_shape[axis] = if n == 0 { 0 } else { n + 3 };
    let index = places(&index_shape, n.max(1));
    let y = sample::<T>(Domain::Real, &index_shape, 1);
    let gathered = serial::gather(&x, axis, &index);
    let scattered = serial::scatter_add(&x, axis, &index, &y);
    let sums = [false, true].map(|reverse| serial::cum_sum(&x, axis, reverse));
    let orders = [false, true].map(|descending| serial::arg_sort(&ties, axis, descending));
    let sorted = serial::gather(&ties, axis, &orders[1]);
    let others = layouts(&x);
    let views: Vec<ArrayViewD<'_, T>> =
        [x.view()].into_iter().chain(others.iter().map(|x| x.view())).collect();
    on_threads(|| {
        for x in &views {
            same(gather(x.view(), axis, index.view()), &gathered, "gather");
            same(scatter_add(x.view(), axis, index.view(), y.view()), &scattered, "scatter_add");
            same(cum_sum(x.view(), axis, false), &sums[0], "cum_sum");
            same(cum_sum(x.view(), axis, true), &sums[1], "cum_sum back");
        }
        assert_eq!(arg_sort(ties.view(), axis, false), orders[0]);
        assert_eq!(arg_sort(ties.view(), axis, true), orders[1]);
        for k in [0, n.min(1), n / 3, n] {
            let (values, places) = top_k(ties.view(), k, axis);
            assert_eq!(places, orders[1].slice_axis(Axis(axis), (..k).into()), "{k} of {shape:?}");
            let expected = sorted.slice_axis(Axis(axis), (..k).into()).to_owned();
            same(values, &expected, "top_k");
        }
    });
}

#[test]
fn lanes_are_those_of_the_serial_loops() {
    for shape in SHAPES {
        for axis in 0..shape.len() {
            check_lanes::<f32>(shape, axis);
        }
    }
    check_lanes::<f64>(&[211, 230], 0);
}

fn check_windows<T: Float>(image: &[usize], window: [usize; 2], conv: Conv) {
    let mut x = sample::<T>(Domain::Real, image, 0);
    x.iter_mut().step_by(977).for_each(|x| *x = T::NAN);
    let (best, best_places) = serial::max_pool2d(&x, window, conv);
    let means = serial::avg_pool2d(&x, window, conv);
    let dy = sample::<T>(Domain::Real, means.shape(), 1);
    let dx = serial::avg_pool2d_vjp(&dy, image, window, conv);
    let size = [image[2], image[3]];
    on_threads(|| {
        for x in [&x].into_iter().chain(&layouts(&x)) {
            let (found, places) = max_pool2d(x.view(), window, conv);
            same(found, &best, "max_pool2d");
            assert_eq!(places, best_places);
            same(avg_pool2d(x.view(), window, conv), &means, "avg_pool2d");
        }
        same(avg_pool2d_vjp(dy.view(), size, window, conv), &dx, "avg_pool2d_vjp");
    });
}

#[test]
fn windows_are_those_of_the_serial_loops() {
    let plain = Conv::default();
    let padded = Conv { stride: [2, 1], padding: [1, 1], dilation: [1, 2], groups: 1 };
    for image in
        [&[1, 1, 5, 7], &[2, 3, 40, 31], &[1, 1, 301, 203], &[5, 16, 31, 37], &[0, 2, 6, 6]]
    {
        check_windows::<f32>(image, [2, 2], Conv { stride: [2, 2], ..plain });
        check_windows::<f32>(image, [3, 3], padded);
    }
    check_windows::<f64>(&[5, 16, 31, 37], [3, 2], padded);
}
