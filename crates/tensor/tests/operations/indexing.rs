//! Choosing, moving and sorting elements.

use ulp_tensor::ndarray::{ArrayD, Axis, IxDyn, array};
use ulp_tensor::*;

use crate::definitions::{both, close, from_fn, real, small_shapes};

fn check_indexing<T: Float>() {
    let (x, wide) = real::<T>(&[3, 7, 2], 0);
    let index = ArrayD::from_shape_fn(IxDyn(&[3, 9, 2]), |i| (i[0] * 5 + i[1] * 3 + i[2]) % 7);
    let expected = from_fn(&[3, 9, 2], |i| wide[[i[0], index[i], i[2]]]);
    close(&gather(x.view(), 1, index.view()), &expected, 0.0, 0.0);
    let (y, wide_y) = real::<T>(&[3, 9, 2], 1);
    let expected = from_fn(&[3, 7, 2], |i| {
        let here = (0..9).filter(|&j| index[[i[0], j, i[2]]] == i[1]);
        wide[i] + here.map(|j| wide_y[[i[0], j, i[2]]]).sum::<f64>()
    });
    close(&scatter_add(x.view(), 1, index.view(), y.view()), &expected, 1.0, 4.0);

    let (sorted, places) = sort(x.view(), 1, false);
    for (values, places) in sorted.lanes(Axis(1)).into_iter().zip(places.lanes(Axis(1))) {
        assert!(values.iter().zip(values.iter().skip(1)).all(|(a, b)| a <= b));
        let mut places = places.to_vec();
        places.sort_unstable();
        assert_eq!(places, (0..7).collect::<Vec<_>>());
    }
    let (best, places) = top_k(x.view(), 3, 1);
    assert_eq!(places, arg_sort(x.view(), 1, true).slice_axis(Axis(1), (..3).into()));
    assert_eq!(best.index_axis(Axis(1), 0), max(x.view(), &[1], false));
    assert_eq!(places.index_axis(Axis(1), 0), arg_max(x.view(), 1));
    let last = arg_sort(x.view(), 1, false);
    assert_eq!(last.index_axis(Axis(1), 0), arg_min(x.view(), 1));

    let padded = pad(x.view(), &[(1, 0), (0, 2), (3, 1)], T::HALF);
    let expected = from_fn(&[4, 9, 6], |i| {
        let inside = i[0] >= 1 && i[1] < 7 && (3..5).contains(&i[2]);
        if inside { wide[[i[0] - 1, i[1], i[2] - 3]] } else { 0.5 }
    });
    close(&padded, &expected, 0.0, 0.0);

    let mask = ArrayD::from_shape_fn(IxDyn(&[7, 1]), |i| i[0] % 3 == 0);
    let chosen = select(mask.view(), x.view(), y.slice_axis(Axis(1), (..7).into()));
    let of_y = |i: &[usize]| wide_y[i];
    let expected = from_fn(&[3, 7, 2], |i| if i[1] % 3 == 0 { wide[i] } else { of_y(i) });
    close(&chosen, &expected, 0.0, 0.0);
    let filled = masked_fill(x.view(), mask.view(), T::NEG_INFINITY);
    assert!(filled.indexed_iter().all(|(i, &v)| (v == T::NEG_INFINITY) == (i[1] % 3 == 0)));
}
both!(elements_chosen_and_moved, check_indexing);

#[test]
fn nan_sorts_last_and_is_the_largest() {
    let x = array![2.0, f64::NAN, -1.0, 2.0].into_dyn();
    assert_eq!(arg_sort(x.view(), 0, false), array![2, 0, 3, 1].into_dyn());
    assert_eq!(arg_sort(x.view(), 0, true), array![1, 0, 3, 2].into_dyn());
    assert_eq!(arg_max(x.view(), 0).first(), Some(&1));
    assert_eq!(arg_min(x.view(), 0).first(), Some(&1));
    assert!(min(x.view(), &[0], false).first().is_some_and(|x| x.is_nan()));
}

#[test]
fn running_sums_over_all_small_shapes() {
    for shape in small_shapes() {
        let (x, wide) = real::<f64>(&shape, 0);
        for axis in 0..shape.len() {
            for reverse in [false, true] {
                let expected = from_fn(&shape, |i| {
                    let range = if reverse { i[axis]..shape[axis] } else { 0..i[axis] + 1 };
                    let term = |j: usize| {
                        let mut at = i.to_vec();
                        at[axis] = j;
                        wide[&at[..]]
                    };
                    range.map(term).sum()
                });
                close(&cum_sum(x.view(), axis, reverse), &expected, 1.0, 4.0);
            }
        }
    }
}

#[test]
#[should_panic(expected = "index 7 along axis 1 of an array [3, 7, 2]")]
fn an_index_out_of_range_is_refused() {
    let x = ArrayD::<f32>::zeros(IxDyn(&[3, 7, 2]));
    gather(x.view(), 1, ArrayD::from_elem(IxDyn(&[3, 1, 2]), 7).view());
}
