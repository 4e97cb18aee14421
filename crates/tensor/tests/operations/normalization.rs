//! Softmax, norms and cross-entropy.

use ulp_tensor::ndarray::{ArrayD, IxDyn};
use ulp_tensor::{
    Float, cross_entropy, cross_entropy_vjp, layer_norm, log_softmax, rms_norm, softmax,
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
