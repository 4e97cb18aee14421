//! Rows of tables, and rows joined to tables.

use ulp_tensor::ndarray::{ArrayViewD, Axis};
use ulp_tensor::{Float, concat, embedding, embedding_vjp};

use crate::definitions::{both, close, from_fn, real};
use crate::table::ids;

fn check_tables<T: Float>() {
    let (w, wide) = real::<T>(&[6, 5], 0);
    let rows = ids(9, 6);
    let expected = from_fn(&[9, 5], |at| wide[[rows[at[0]] as usize, at[1]]]);
    close(&embedding(w.view(), &rows), &expected, 0.0, 0.0);
    assert_eq!(embedding(w.view(), &[]).shape(), [0, 5]);
    let (dy, wide) = real::<T>(&[9, 5], 1);
    let expected = from_fn(&[6, 5], |at| {
        (0..9).filter(|&n| rows[n] as usize == at[0]).map(|n| wide[[n, at[1]]]).sum()
    });
    close(&embedding_vjp(dy.view(), &rows, 6), &expected, 1.0, 4.0);
    let parts: Vec<ArrayViewD<'_, T>> =
        (0..9).map(|n| dy.slice_axis(Axis(0), (n..n + 1).into())).collect();
    assert_eq!(concat(&parts, 0), dy);
}
both!(rows_of_tables, check_tables);
