use ndarray::{Array2, Array4, array};

use super::*;
use crate::convolution::by_windows;
use crate::{Conv, Philox};

/// Sizes of a convolution: images, channels, height and width, output channels, padding, groups.
#[derive(Clone, Copy, Debug)]
struct Case {
    images: usize,
    channels: usize,
    image: [usize; 2],
    outputs: usize,
    padding: [usize; 2],
    groups: usize,
}

impl Case {
    fn dims(&self) -> Dims {
        let conv = Conv { padding: self.padding, groups: self.groups, ..Conv::default() };
        Dims::new(&self.x(), &self.w(), conv)
    }

    fn x(&self) -> [usize; 4] {
        [self.images, self.channels, self.image[0], self.image[1]]
    }

    fn w(&self) -> [usize; 4] {
        [self.outputs, self.channels / self.groups, 3, 3]
    }
}

/// Every small image and padding.
fn cases() -> impl Iterator<Item = Case> {
    let sizes = (0..36).map(|i| [i / 6 + 1, i % 6 + 1]);
    let paddings = (0..9).map(|i| [i / 3, i % 3]);
    sizes.flat_map(move |image| {
        paddings.clone().enumerate().filter_map(move |(i, padding)| {
            let groups = 1 + i % 2;
            let case = Case {
                images: 2,
                channels: 3 * groups,
                image,
                outputs: 7 * groups,
                padding,
                groups,
            };
            let fits = (0..2).all(|axis| image[axis] + 2 * padding[axis] >= 3);
            fits.then_some(case)
        })
    })
}

/// Whole numbers from -8 to 8, of which no sum here is rounded.
fn whole<T: Float>(len: usize, seed: u64) -> Vec<T> {
    let random = Philox::new(seed, 0);
    (0..len as u64).map(|i| T::from_f64((random.uniform::<f64>(i) * 17.0).floor() - 8.0)).collect()
}

fn value<T: Float>(dims: &Dims, x: &[T], w: &[T]) -> Vec<T> {
    let len = dims.y_shape().iter().product();
    crate::simd::out::fresh(len, |memory| write(dims, x, w, memory, |_, _, _| ()))
}

/// The value and both gradients, by tiles and by windows.
fn both_ways<T: Float>(case: Case, [x, w, dy]: [&[T]; 3]) -> [[Vec<T>; 3]; 2] {
    let dims = case.dims();
    let gradients = |for_x: &dyn Fn(&mut [T]), for_w: &dyn Fn(&mut [T])| {
        let (mut dx, mut dw) = (vec![T::ZERO; x.len()], vec![T::ZERO; w.len()]);
        for_x(&mut dx);
        for_w(&mut dw);
        [dx, dw]
    };
    let [dx, dw] = gradients(&|dx| vjp_x(&dims, dy, w, dx), &|dw| vjp_w(&dims, dy, x, dw));
    let tiles = [value(&dims, x, w), dx, dw];
    let [dx, dw] = gradients(&|dx| by_windows::vjp_x(&dims, dy, w, dx), &|dw| {
        by_windows::vjp_w(&dims, dy, x, dw)
    });
    let mut y = vec![T::ZERO; dy.len()];
    for (index, y) in y.chunks_mut(dims.y_group()).enumerate() {
        by_windows::rewrite(&dims, index, [x, w], 0, y, |_| true);
    }
    [tiles, [y, dx, dw]]
}

fn samples<T: Float>(case: Case, sample: impl Fn(usize, u64) -> Vec<T>) -> [Vec<T>; 3] {
    let lens = [case.x(), case.w(), case.dims().y_shape()].map(|shape| shape.iter().product());
    [sample(lens[0], 1), sample(lens[1], 2), sample(lens[2], 3)]
}

fn check_small<T: Float>() {
    for case in cases() {
        let inputs = samples::<T>(case, whole);
        let [tiles, windows] = both_ways(case, inputs.each_ref().map(|x| &x[..]));
        assert_eq!(tiles, windows, "{case:?}");
    }
}

#[test]
fn whole_numbers_have_the_results_of_windows() {
    check_small::<f32>();
    check_small::<f64>();
}

#[test]
fn so_have_more_channels_than_a_block_or_a_tile_and_more_places_than_a_panel() {
    for (channels, outputs, groups) in [(300, 5, 1), (3, 45, 1), (8, 64, 2)] {
        let image = [19, 18];
        let case = Case { images: 3, channels, image, outputs, padding: [1, 0], groups };
        let inputs = samples::<f32>(case, whole);
        let [tiles, windows] = both_ways(case, inputs.each_ref().map(|x| &x[..]));
        assert_eq!(tiles, windows, "{case:?}");
    }
}

/// What is infinite, NaN or too large is where windows have it, and as they have it.
#[test]
fn what_is_not_finite_stays_in_its_windows() {
    let case =
        Case { images: 1, channels: 2, image: [7, 7], outputs: 3, padding: [1, 1], groups: 1 };
    for special in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX] {
        for at in 0..49 {
            let [mut x, w, mut dy] = samples::<f32>(case, whole);
            (x[at], dy[at]) = (special, special);
            let [tiles, windows] = both_ways(case, [&x, &w, &dy]);
            for (tiles, windows) in tiles.iter().flatten().zip(windows.iter().flatten()) {
                let same = tiles == windows || tiles.is_nan() && windows.is_nan();
                // The largest number's neighbours are rounded in its tile.
                let near = special == f32::MAX && (tiles - windows).abs() <= f32::MAX * 1e-6;
                assert!(same || near, "{special} at {at}: {tiles} for {windows}");
            }
        }
    }
}

/// The absolute values of the matrices, for a bound of errors.
fn magnitudes() -> [Array2<f64>; 3] {
    [
        array![
            [1.0, 0.0, 1.0, 0.0],
            [0.0, 1.0, 1.0, 0.0],
            [0.0, 1.0, 1.0, 0.0],
            [0.0, 1.0, 0.0, 1.0]
        ],
        array![[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.0, 0.0, 1.0]],
        array![[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]],
    ]
}

/// The error of an output is at most (C + 11) u · |Aᵀ| [Σ (|G||g||Gᵀ|) ⊙ (|Bᵀ||d||B|)] |A|: C roundings of a
/// chain along the channels, 2 of the image's transform, 4 of the weights' (with their products by 1/2, which
/// are exact), 4 of the outputs', and one to spare for what the bound itself leaves out of second order.
#[test]
fn errors_are_within_their_bound() {
    let [b, g, a] = magnitudes();
    let (channels, side) = (40, 12);
    let draw = |shape: [usize; 4], seed| {
        let (random, mut index) = (Philox::new(seed, 0), 0);
        Array4::from_shape_simple_fn(shape, || {
            index += 1;
            random.uniform::<f32>(index) * 2.0 - 1.0
        })
    };
    let (x, w) = (draw([1, channels, side, side], 1), draw([4, channels, 3, 3], 2));
    let image = [side; 2];
    let case = Case { images: 1, channels, image, outputs: 4, padding: [0, 0], groups: 1 };
    let dims = case.dims();
    let y = value(&dims, x.as_slice().unwrap(), w.as_slice().unwrap());
    let exact = Array4::from_shape_fn(dims.y_shape(), |(_, o, row, column)| {
        let each = (0..channels * 9).map(|i| (i / 9, i / 3 % 3, i % 3));
        let term = |(c, i, j): (usize, usize, usize)| {
            f64::from(x[[0, c, row + i, column + j]]) * f64::from(w[[o, c, i, j]])
        };
        each.map(term).sum::<f64>()
    });
    let mut worst = 0.0_f64;
    for (index, &y) in y.iter().enumerate() {
        let (o, row, column) = (index / 100, index / 10 % 10, index % 10);
        let mut sums = Array2::<f64>::zeros((4, 4));
        for c in 0..channels {
            let d = Array2::from_shape_fn((4, 4), |(i, j)| {
                f64::from(x[[0, c, row / 2 * 2 + i, column / 2 * 2 + j]].abs())
            });
            let of_w = Array2::from_shape_fn((3, 3), |(i, j)| f64::from(w[[o, c, i, j]].abs()));
            sums = sums + g.dot(&of_w).dot(&g.t()) * b.dot(&d).dot(&b.t());
        }
        let bound = a.dot(&sums).dot(&a.t())[[row % 2, column % 2]] * f64::from(f32::EPSILON) / 2.0;
        let error = (f64::from(y) - exact[[0, o, row, column]]).abs();
        assert!(error <= (channels + 11) as f64 * bound, "{error} beside {bound}");
        worst = worst.max(error / bound);
    }
    assert!(worst > 0.01, "no bound is that wide: {worst}");
}

/// The root mean square errors of y, dx and dw in f32, in u of the root mean square of the same in f64: of tiles,
/// of windows. These stand in docs/numerics.md.
#[test]
fn roundings_are_about_those_of_windows() {
    check_roundings(32, 26, 64, [0, 0], [[3.2, 4.3, 4.0], [4.6, 2.6, 4.6]]);
    check_roundings(256, 14, 256, [1, 1], [[4.5, 4.5, 3.9], [4.7, 4.9, 4.1]]);
}

fn check_roundings(
    channels: usize,
    side: usize,
    outputs: usize,
    padding: [usize; 2],
    expected: [[f64; 3]; 2],
) {
    let case = Case { images: 2, channels, image: [side; 2], outputs, padding, groups: 1 };
    let drawn = samples(case, |len, seed| {
        let random = Philox::new(seed, 0);
        (0..len as u64).map(|i| random.uniform::<f32>(i) * 2.0 - 1.0).collect()
    });
    let wide = drawn.each_ref().map(|x| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    let found = both_ways(case, drawn.each_ref().map(|x| &x[..]));
    let [_, exact] = both_ways(case, wide.each_ref().map(|x| &x[..]));
    for (found, expected) in found.iter().zip(expected) {
        for ((found, exact), expected) in found.iter().zip(&exact).zip(expected) {
            let square: f64 = exact.iter().map(|x| x * x).sum();
            let errors = found.iter().zip(exact).map(|(&x, e)| f64::from(x) - e);
            let off = (errors.map(|e| e * e).sum::<f64>() / square).sqrt() * 2.0_f64.powi(24);
            assert!((off - expected).abs() <= 0.051, "{channels} channels: {off}, not {expected}");
        }
    }
}

#[test]
fn it_pays_where_panels_are_full_and_channels_many() {
    let case = |channels, side, outputs, padding| Case {
        images: 1,
        channels,
        image: [side; 2],
        outputs,
        padding: [padding; 2],
        groups: 1,
    };
    let paying = [(32, 26, 64, 0), (64, 56, 64, 1), (16, 32, 16, 1), (256, 14, 256, 1)];
    assert!(paying.iter().all(|&(c, side, o, p)| pays(&case(c, side, o, p).dims())));
    let other = [(1, 28, 32, 0), (512, 7, 512, 1), (8, 32, 8, 1), (32, 26, 64, 3)];
    assert!(!other.iter().any(|&(c, side, o, p)| pays(&case(c, side, o, p).dims())));
}
