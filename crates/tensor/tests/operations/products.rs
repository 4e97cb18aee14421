//! Products of matrices.

use ulp_tensor::ndarray::{ArrayD, Axis, IxDyn};
use ulp_tensor::{Float, linear, linear_vjp_w, linear_vjp_x, matmul, matmul_nt, matmul_tn};

use crate::definitions::{both, close, from_fn, real};

fn product(a: &ArrayD<f64>, b: &ArrayD<f64>) -> ArrayD<f64> {
    let (m, k, n) = (a.shape()[0], a.shape()[1], b.shape()[1]);
    from_fn(&[m, n], |at| (0..k).map(|k| a[[at[0], k]] * b[[k, at[1]]]).sum())
}

fn check_products<T: Float>() {
    for m in 0..5 {
        for k in 0..5 {
            for n in 0..5 {
                let (a, wide_a) = real::<T>(&[m, k], 0);
                let (b, wide_b) = real::<T>(&[k, n], 1);
                let expected = product(&wide_a, &wide_b);
                let (at, bt) = (a.t().into_owned(), b.t().into_owned());
                close(&matmul(a.view(), b.view()), &expected, 1.0, 8.0);
                close(&matmul_nt(a.view(), bt.view()), &expected, 1.0, 8.0);
                close(&matmul_tn(at.view(), b.view()), &expected, 1.0, 8.0);
                close(&linear(a.view(), bt.view(), None), &expected, 1.0, 8.0);
                close(&linear_vjp_x(a.view(), b.view()), &expected, 1.0, 8.0);
                close(&linear_vjp_w(at.view(), b.view()), &expected, 1.0, 8.0);
                let (bias, wide_bias) = real::<T>(&[n], 2);
                let y = linear(a.view(), bt.view(), Some(bias.view()));
                close(&y, &(&expected + &wide_bias), 1.0, 8.0);
            }
        }
    }
    // A batch, broadcast on both sides.
    let (a, wide_a) = real::<T>(&[2, 1, 3, 4], 0);
    let (b, wide_b) = real::<T>(&[5, 4, 2], 1);
    let expected = from_fn(&[2, 5, 3, 2], |at| {
        (0..4).map(|k| wide_a[[at[0], 0, at[2], k]] * wide_b[[at[1], k, at[3]]]).sum()
    });
    close(&matmul(a.view(), b.view()), &expected, 1.0, 8.0);
    let none = ArrayD::<T>::zeros(IxDyn(&[0, 3, 4]));
    assert_eq!(matmul(none.view(), b.slice_axis(Axis(0), (0..1).into())).shape(), [0, 3, 2]);
}
both!(products_of_small_matrices, check_products);

#[test]
#[should_panic(expected = "shapes [2, 3] and [4, 2] do not multiply")]
fn a_product_that_does_not_fit_names_both_shapes() {
    let zeros = |shape: &[usize]| ArrayD::<f32>::zeros(IxDyn(shape));
    matmul(zeros(&[2, 3]).view(), zeros(&[4, 2]).view());
}
