//! Every pair of small shapes.

use ulp_tensor::ndarray::{ArrayD, IxDyn};
use ulp_tensor::{Float, add, broadcast_shape, broadcast_to, mul, sub, sum_to_shape};

use crate::definitions::{both, close, real, small_shapes};

fn check_broadcasting<T: Float>() {
    let shapes = small_shapes();
    for a in &shapes {
        for b in &shapes {
            let ndim = a.len().max(b.len());
            let length = |shape: &[usize], axis: usize| {
                (axis + shape.len()).checked_sub(ndim).map_or(1, |axis| shape[axis])
            };
            let fits = (0..ndim).all(|i| {
                let (m, n) = (length(a, i), length(b, i));
                m == n || m == 1 || n == 1
            });
            if !fits {
                continue;
            }
            let (x, y) = (real::<T>(a, 0), real::<T>(b, 1));
            let shape = broadcast_shape(a, b);
            let (wide_x, wide_y) = (
                x.1.broadcast(shape.clone()).unwrap().into_owned(),
                y.1.broadcast(shape.clone()).unwrap().into_owned(),
            );
            close(&add(x.0.view(), y.0.view()), &(&wide_x + &wide_y), 0.0, 0.5);
            close(&sub(x.0.view(), y.0.view()), &(&wide_x - &wide_y), 0.0, 0.5);
            close(&mul(x.0.view(), y.0.view()), &(&wide_x * &wide_y), 0.0, 0.5);
            assert_eq!(broadcast_to(x.0.view(), &shape).mapv(T::to_f64), wide_x);
            // The adjoint: each element as often as it was repeated.
            let ones = ArrayD::from_elem(IxDyn(&shape), T::ONE);
            let repeated = sum_to_shape(ones.view(), b);
            let times = if y.1.is_empty() { 0 } else { ones.len() / y.1.len() };
            assert_eq!(repeated, ArrayD::from_elem(IxDyn(b), T::from_usize(times)));
        }
    }
}
both!(every_pair_of_small_shapes_broadcasts, check_broadcasting);
