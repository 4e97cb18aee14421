//! Softmax, norms and cross-entropy.

use ulp_tensor::ndarray::{ArrayD, IxDyn};
use ulp_tensor::{
    Float, batch_norm, channel_statistics, cross_entropy, cross_entropy_vjp, group_norm,
    layer_norm, linear, linear_cross_entropy, linear_cross_entropy_with_gradients, linear_vjp_w,
    linear_vjp_x, log_softmax, lstm_cell, rms_norm, softmax,
};

use crate::definitions::{both, close, from_fn, of_rows, real, softmax_of};

fn check_rows<T: Float>() {
    for shape in [vec![0], vec![1], vec![3, 1], vec![2, 17], vec![2, 3, 33], vec![0, 5], vec![4, 0]]
    {
        let n = *shape.last().unwrap();
        let (x, wide) = real::<T>(&shape, 0);
        let (w, wide_w) = real::<T>(&[n], 1);
        let (b, wide_b) = real::<T>(&[n], 2);
        let last = shape.len() - 1;
        let probabilities = of_rows(&wide, softmax_of);
        close(&softmax(x.view(), last), &probabilities, 0.0, 8.0);
        let logarithms = probabilities.mapv(f64::ln);
        close(&log_softmax(x.view(), last), &logarithms, 1.0, 8.0);
        let standard = |eps: f64, centred: bool| {
            of_rows(&wide, move |x| {
                let mean = if centred { x.iter().sum::<f64>() / n as f64 } else { 0.0 };
                let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
                x.iter().map(|x| (x - mean) / (variance + eps).sqrt()).collect()
            })
        };
        let eps = T::from_f64(1e-3);
        let expected = standard(eps.to_f64(), false) * &wide_w;
        close(&rms_norm(x.view(), w.view(), eps), &expected, 0.0, 16.0);
        let expected = standard(eps.to_f64(), true) * &wide_w + &wide_b;
        close(&layer_norm(x.view(), w.view(), b.view(), eps), &expected, 1.0, 16.0);
    }
    // Along another axis than the last.
    let (x, wide) = real::<T>(&[5, 3, 2], 0);
    let turned = of_rows(&wide.view().permuted_axes(vec![2, 1, 0]).into_owned(), softmax_of);
    close(&softmax(x.view(), 0), &turned.permuted_axes(vec![2, 1, 0]), 0.0, 8.0);
}
both!(rows_are_normalised_as_defined, check_rows);

fn check_channels<T: Float>() {
    let (n, channels, length) = (3, 6, 5);
    let (x, wide) = real::<T>(&[n, channels, length], 0);
    let (w, wide_w) = real::<T>(&[channels], 1);
    let (b, wide_b) = real::<T>(&[channels], 2);
    let standard = |x: f64, all: &[f64]| {
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64;
        (x - mean) / (variance + 1e-3).sqrt()
    };
    let expected = |members: &dyn Fn(&[usize], &[usize]) -> bool| {
        from_fn(&[n, channels, length], |at| {
            let all = wide.indexed_iter().filter(|(i, _)| {
                let i: Vec<usize> = (0..3).map(|axis| i[axis]).collect();
                members(&i, at)
            });
            let all: Vec<f64> = all.map(|(_, &x)| x).collect();
            standard(wide[at], &all) * wide_w[at[1]] + wide_b[at[1]]
        })
    };
    let eps = T::from_f64(1e-3);
    let (mean, variance) = channel_statistics(x.view());
    let y = batch_norm(x.view(), mean.view(), variance.view(), w.view(), b.view(), eps);
    close(&y, &expected(&|i, at| i[1] == at[1]), 1.0, 16.0);
    let y = group_norm(x.view(), 3, w.view(), b.view(), eps);
    close(&y, &expected(&|i, at| i[0] == at[0] && i[1] / 2 == at[1] / 2), 1.0, 16.0);
}
both!(channels_are_normalised_as_defined, check_channels);

fn check_lstm<T: Float>() {
    let (batch, inputs, width) = (3, 4, 2);
    let (x, wide_x) = real::<T>(&[batch, inputs], 0);
    let (h, wide_h) = real::<T>(&[batch, width], 1);
    let (c, wide_c) = real::<T>(&[batch, width], 2);
    let (w, wide_w) = real::<T>(&[4 * width, inputs], 3);
    let (u, wide_u) = real::<T>(&[4 * width, width], 4);
    let (bias, wide_bias) = real::<T>(&[4 * width], 5);
    let gate = |n: usize, row: usize| {
        let of_x: f64 = (0..inputs).map(|i| wide_x[[n, i]] * wide_w[[row, i]]).sum();
        let of_h: f64 = (0..width).map(|i| wide_h[[n, i]] * wide_u[[row, i]]).sum();
        of_x + of_h + wide_bias[row]
    };
    let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
    let next = from_fn(&[batch, width], |at| {
        let (n, j) = (at[0], at[1]);
        let new = sigma(gate(n, j)) * gate(n, 2 * width + j).tanh();
        sigma(gate(n, width + j)) * wide_c[at] + new
    });
    let shown =
        from_fn(&[batch, width], |at| sigma(gate(at[0], 3 * width + at[1])) * next[at].tanh());
    let weights = (w.view(), u.view());
    let got = lstm_cell(x.view(), (h.view(), c.view()), weights, Some(bias.view()));
    close(&got.1, &next, 1.0, 16.0);
    close(&got.0, &shown, 1.0, 16.0);
}
both!(a_step_of_an_lstm, check_lstm);

#[test]
#[should_panic(expected = "x [2, 3], h [1, 2], c [1, 2] and w_hidden [8, 2]")]
fn a_step_of_an_lstm_has_one_batch() {
    let ones = |shape: &[usize]| ArrayD::<f64>::ones(shape);
    let (x, h, w, u) = (ones(&[2, 3]), ones(&[1, 2]), ones(&[8, 3]), ones(&[8, 2]));
    lstm_cell(x.view(), (h.view(), h.view()), (w.view(), u.view()), None);
}

fn check_cross_entropy<T: Float>() {
    let (x, wide) = real::<T>(&[5, 7], 0);
    let targets = [3, 9, 0, 6, 9];
    let probabilities = of_rows(&wide, softmax_of);
    let counted = [0, 2, 3].map(|n| -probabilities[[n, targets[n] as usize]].ln());
    let loss = ArrayD::from_elem(IxDyn(&[]), counted.iter().sum::<f64>() / 3.0);
    close(&cross_entropy(x.view(), &targets, Some(9)), &loss, 1.0, 8.0);
    let gradient = from_fn(&[5, 7], |at| match targets[at[0]] {
        9 => 0.0,
        target => (probabilities[at] - f64::from(u8::from(at[1] == target as usize))) * 0.5 / 3.0,
    });
    let got = cross_entropy_vjp(x.view(), &targets, Some(9), T::HALF);
    close(&got, &gradient, 1.0, 4.0);
    assert!(cross_entropy(x.view(), &[9; 5], Some(9)).first().unwrap().is_nan());
}
both!(cross_entropy_is_the_mean_over_what_counts, check_cross_entropy);

/// One block of rows; blocks and a part of one; more classes than a block of a sum; no rows; no columns.
fn check_linear_cross_entropy<T: Float>() {
    for [n, c, v] in [[1, 1, 1], [7, 5, 3], [700, 9, 4500], [520, 33, 70], [0, 4, 5], [3, 0, 2]] {
        let (x, w) = (real::<T>(&[n, c], 0).0, real::<T>(&[v, c], 1).0);
        let targets: Vec<u32> = (0..n as u32).map(|i| i * 7919 % v as u32).collect();
        let ignore = Some(targets.last().map_or(0, |_| targets[n / 2]));
        let logits = linear(x.view(), w.view(), None);
        let loss = cross_entropy(logits.view(), &targets, ignore);
        let dlogits = cross_entropy_vjp(logits.view(), &targets, ignore, T::ONE);
        let dx = linear_vjp_x(dlogits.view(), w.view());
        let dw = linear_vjp_w(dlogits.view(), x.view());
        same_bits(&linear_cross_entropy(x.view(), w.view(), &targets, ignore), &loss);
        for wanted in [[true, true], [true, false], [false, true]] {
            let (y, gradients) =
                linear_cross_entropy_with_gradients(x.view(), w.view(), &targets, ignore, wanted);
            same_bits(&y, &loss);
            for ((found, expected), wanted) in gradients.iter().zip([&dx, &dw]).zip(wanted) {
                assert_eq!(found.is_some(), wanted);
                found.iter().for_each(|found| same_bits(found, expected));
            }
        }
    }
}
both!(logits_in_blocks_give_the_bits_of_all_logits, check_linear_cross_entropy);

/// Equal, a NaN (of no rows) to itself.
fn same_bits<T: Float>(found: &ArrayD<T>, expected: &ArrayD<T>) {
    assert_eq!(found.shape(), expected.shape());
    let bits = |x: &ArrayD<T>| x.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(found), bits(expected));
}
