//! Convolutions and pooling against their definitions, element by element.

use ulp_tensor::ndarray::ArrayD;
use ulp_tensor::*;

use crate::definitions::{both, close, from_fn, real};

/// Strides, paddings, dilations, groups that do not divide evenly into one another.
fn cases() -> Vec<Conv> {
    let plain = Conv::default();
    vec![
        plain,
        Conv { stride: [2, 3], ..plain },
        Conv { padding: [1, 2], ..plain },
        Conv { dilation: [2, 1], padding: [2, 1], ..plain },
        Conv { stride: [3, 2], padding: [2, 3], dilation: [1, 2], groups: 2 },
    ]
}

/// The element of the image under a window, if it is inside.
fn under(conv: &Conv, out: [usize; 2], k: [usize; 2], image: [usize; 2]) -> Option<[usize; 2]> {
    let place = |axis: usize| {
        let at = out[axis] * conv.stride[axis] + k[axis] * conv.dilation[axis];
        at.checked_sub(conv.padding[axis]).filter(|&at| at < image[axis])
    };
    Some([place(0)?, place(1)?])
}

fn check_convolution<T: Float>() {
    let (image, window) = ([8, 9], [3, 2]);
    for conv in cases() {
        let (channels, g) = (4, conv.groups);
        let (x, wide_x) = real::<T>(&[2, channels, image[0], image[1]], 0);
        let (w, wide_w) = real::<T>(&[6, channels / g, window[0], window[1]], 1);
        let (bias, wide_bias) = real::<T>(&[6], 2);
        let [oh, ow] = conv.output_size(image, window);
        let (dy, wide_dy) = real::<T>(&[2, 6, oh, ow], 3);
        // Every product of the sum: (n, o, output, c, window element, image element).
        let each = |f: &mut dyn FnMut([usize; 4], [usize; 4], [usize; 4])| {
            for n in 0..2 {
                for o in 0..6 {
                    for c in 0..channels / g {
                        for at in 0..oh * ow * 6 {
                            let (out, k) = ([at / 6 / ow, at / 6 % ow], [at % 6 / 2, at % 2]);
                            let Some([y, x]) = under(&conv, out, k, image) else { continue };
                            let channel = o / (6 / g) * (channels / g) + c;
                            f([n, o, out[0], out[1]], [o, c, k[0], k[1]], [n, channel, y, x]);
                        }
                    }
                }
            }
        };
        let mut y = from_fn(&[2, 6, oh, ow], |i| wide_bias[i[1]]);
        let (mut dx, mut dw) = (&wide_x * 0.0, &wide_w * 0.0);
        each(&mut |at, of_w, of_x| {
            y[at] += wide_w[of_w] * wide_x[of_x];
            dx[of_x] += wide_dy[at] * wide_w[of_w];
            dw[of_w] += wide_dy[at] * wide_x[of_x];
        });
        close(&conv2d(x.view(), w.view(), Some(bias.view()), conv), &y, 1.0, 16.0);
        close(&conv2d_vjp_x(dy.view(), w.view(), image, conv), &dx, 1.0, 16.0);
        close(&conv2d_vjp_w(dy.view(), x.view(), window, conv), &dw, 1.0, 16.0);
        // The transpose reaches all of the image that windows reach; `extra` rows are beyond.
        let least = conv.transposed_size([oh, ow], window, [0, 0]);
        let extra = [image[0] - least[0], image[1] - least[1]];
        close(&conv2d_transposed(dy.view(), w.view(), extra, conv), &dx, 1.0, 16.0);
    }
    // `extra` of a stride and more: what is beyond the padding is reached, too.
    let conv = Conv { padding: [1, 2], dilation: [2, 3], ..Conv::default() };
    let (dy, wide) = real::<T>(&[1, 2, 4, 5], 0);
    let (w, weights) = real::<T>(&[2, 3, 2, 3], 1);
    let y = conv2d_transposed(dy.view(), w.view(), [1, 2], conv);
    let expected = from_fn(&[1, 3, 5, 9], |i| {
        let mut sum = 0.0;
        for k in 0..2 * 4 * 5 * 2 * 3 {
            let (c, y, x, a, b) = (k / 120, k / 30 % 4, k / 6 % 5, k / 3 % 2, k % 3);
            if (y + 2 * a, x + 3 * b) == (i[2] + 1, i[3] + 2) {
                sum += wide[[0, c, y, x]] * weights[[c, i[1], a, b]];
            }
        }
        sum
    });
    close(&y, &expected, 1.0, 16.0);
    let (x, _) = real::<T>(&[2, 4, 11], 0);
    let (w, _) = real::<T>(&[6, 4, 3], 1);
    let conv = Conv { stride: [9, 2], padding: [9, 1], ..Conv::default() };
    let y = conv1d(x.view(), w.view(), None, conv);
    let as_image = |x: &ArrayD<T>| x.clone().insert_axis(ndarray::Axis(2));
    let flat = Conv { stride: [1, 2], padding: [0, 1], ..Conv::default() };
    let image = conv2d(as_image(&x).view(), as_image(&w).view(), None, flat);
    assert_eq!(as_image(&y), image);
}
both!(convolutions, check_convolution);

fn check_pooling<T: Float>() {
    let (image, window) = ([8, 9], [3, 2]);
    for conv in [
        Conv { stride: [3, 2], ..Conv::default() },
        Conv { stride: [1, 2], padding: [1, 1], dilation: [2, 1], ..Conv::default() },
    ] {
        let (x, wide) = real::<T>(&[2, 3, image[0], image[1]], 0);
        let [oh, ow] = conv.output_size(image, window);
        let elements = |i: &[usize]| -> Vec<([usize; 2], f64)> {
            let places = (0..6).filter_map(|k| under(&conv, [i[2], i[3]], [k / 2, k % 2], image));
            places.map(|[y, x]| ([y, x], wide[[i[0], i[1], y, x]])).collect()
        };
        let largest = |i: &[usize]| {
            elements(i).into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a }).unwrap()
        };
        let (y, places) = max_pool2d(x.view(), window, conv);
        close(&y, &from_fn(&[2, 3, oh, ow], |i| largest(i).1), 0.0, 0.0);
        let expected = from_fn(&[2, 3, oh, ow], |i| {
            let [y, x] = largest(i).0;
            (y * image[1] + x) as f64
        });
        assert_eq!(places.mapv(|place| place as f64), expected);
        let mean = |i: &[usize]| elements(i).iter().map(|(_, x)| x).sum::<f64>() / 6.0;
        close(&avg_pool2d(x.view(), window, conv), &from_fn(&[2, 3, oh, ow], mean), 1.0, 4.0);
        // The adjoint: ⟨pool x, dy⟩ = ⟨x, vjp dy⟩.
        let (dy, _) = real::<T>(&[2, 3, oh, ow], 1);
        let dx = avg_pool2d_vjp(dy.view(), image, window, conv);
        let inner = |a: &ArrayD<T>, b: &ArrayD<T>| -> f64 {
            a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
        };
        let (left, right) = (inner(&avg_pool2d(x.view(), window, conv), &dy), inner(&x, &dx));
        assert!((left - right).abs() < 100.0 * T::EPSILON.to_f64(), "{left} {right}");
    }
}
both!(pooling, check_pooling);

#[test]
#[should_panic(expected = "a window [3, 2] on an image [2, 9]")]
fn a_window_larger_than_the_image_is_refused() {
    Conv::default().output_size([2, 9], [3, 2]);
}

#[test]
fn a_maximum_is_the_first_of_equals_or_nan_and_nothing_has_none() {
    let x = ArrayD::from_shape_vec(vec![1, 1, 1, 6], vec![1.0, 5.0, 5.0, 5.0, f32::NAN, 9.0]);
    let pairs = Conv { stride: [1, 2], ..Conv::default() };
    let (y, places) = max_pool2d(x.unwrap().view(), [1, 2], pairs);
    assert_eq!((y[[0, 0, 0, 0]], y[[0, 0, 0, 1]]), (5.0, 5.0));
    assert!(y[[0, 0, 0, 2]].is_nan());
    assert_eq!(places.iter().copied().collect::<Vec<_>>(), [1, 2, 4]);
    // Both elements of the only window lie beside the image.
    let around = Conv { padding: [0, 1], dilation: [1, 2], ..Conv::default() };
    let (y, places) = max_pool2d(ArrayD::<f32>::ones(vec![1, 1, 1, 1]).view(), [1, 2], around);
    assert_eq!((y.first(), places.first()), (Some(&f32::NEG_INFINITY), Some(&NO_PLACE)));
}

/// The way that a convolution takes depends on how many threads there are, its bits do not: windows beside one
/// another are not written out where there are images enough for all threads; where windows are 3 by 3 and
/// channels many, threads share out output channels.
fn check_ways<T: Float>() {
    let plain = Conv::default();
    for (shape, window, outputs, conv) in [
        ([2, 9, 19, 21], [3, 3], 22, plain),
        ([3, 8, 30, 11], [3, 5], 40, Conv { padding: [1, 2], ..plain }),
        (
            [2, 16, 12, 12],
            [3, 2],
            32,
            Conv { padding: [2, 3], dilation: [2, 3], groups: 2, ..plain },
        ),
        // More than a block along K: windows, elements of a window, output channels.
        ([1, 60, 17, 18], [3, 2], 290, Conv { padding: [1, 1], ..plain }),
        ([1, 40, 17, 18], [3, 3], 290, Conv { padding: [1, 1], ..plain }),
        ([3, 80, 20, 20], [3, 3], 48, Conv { groups: 2, ..plain }),
        ([2, 13, 4, 5], [1, 1], 17, plain),
        ([1, 8, 9, 1], [3, 1], 16, plain),
    ] {
        let (x, _) = real::<T>(&shape, 0);
        let (w, _) = real::<T>(&[outputs, shape[1] / conv.groups, window[0], window[1]], 1);
        let (bias, _) = real::<T>(&[outputs], 2);
        let image = [shape[2], shape[3]];
        let [oh, ow] = conv.output_size(image, window);
        let (dy, _) = real::<T>(&[shape[0], outputs, oh, ow], 3);
        let all = || {
            [
                conv2d(x.view(), w.view(), Some(bias.view()), conv),
                conv2d_vjp_x(dy.view(), w.view(), image, conv),
                conv2d_vjp_w(dy.view(), x.view(), window, conv),
            ]
        };
        let with = |threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
        };
        assert_eq!(with(1), with(8), "{shape:?} to {outputs}, {conv:?}");
    }
}
both!(both_ways_have_the_same_bits, check_ways);

/// An image has the same result alone as among others, whatever the way.
fn check_alone<T: Float>() {
    for (shape, outputs) in [([3, 40, 17, 18], 48), ([3, 4, 9, 9], 5)] {
        let (x, _) = real::<T>(&shape, 0);
        let (w, _) = real::<T>(&[outputs, shape[1], 3, 3], 1);
        let conv = Conv { padding: [1, 1], ..Conv::default() };
        let y = conv2d(x.view(), w.view(), None, conv);
        let dx = conv2d_vjp_x(y.view(), w.view(), [shape[2], shape[3]], conv);
        for n in 0..shape[0] {
            let one = |x: &ArrayD<T>| x.slice_axis(ndarray::Axis(0), (n..n + 1).into()).to_owned();
            assert_eq!(conv2d(one(&x).view(), w.view(), None, conv), one(&y));
            let alone = conv2d_vjp_x(one(&y).view(), w.view(), [shape[2], shape[3]], conv);
            assert_eq!(alone, one(&dx));
        }
    }
}
both!(an_image_has_the_same_bits_alone, check_alone);
