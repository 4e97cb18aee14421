//! Rows of a table by their numbers.

use ndarray::{ArrayD, ArrayViewD};

use crate::rows::{row, rows_in_chunk};
use crate::simd::out::{Out, PARALLEL, collect, shaped};
use crate::simd::share;
use crate::simd::strided::Strided;
use crate::{Float, axpy, pool};

/// Row `ids[n]` of `w`, for each n.
///
/// # Shapes
///
/// `w` [V, C], `ids` N -> [N, C]
///
/// # Panics
///
/// If an id is not below V.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{embedding, ndarray::array};
///
/// let w = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// let rows = array![[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]].into_dyn();
/// assert_eq!(embedding(w.view(), &[1, 0, 1]), rows);
/// ```
#[track_caller]
pub fn embedding<T: Float>(w: ArrayViewD<'_, T>, ids: &[u32]) -> ArrayD<T> {
    assert!(w.ndim() == 2, "w {:?} is not [V, C]", w.shape());
    let (v, c) = (w.shape()[0], w.shape()[1]);
    check(ids, v);
    let table = Strided::new(&w);
    let data = collect(ids.len() * c, rows_in_chunk(c) * c, |start, out: &mut Out<T>| {
        let mut buffer = Vec::new();
        for &id in &ids[start / c..(start + out.len()) / c] {
            out.copy(row(&table, id as usize, c, &mut buffer));
        }
    });
    shaped(&[ids.len(), c], data)
}

/// The gradient of [`embedding`] with respect to `w`: row v is the sum of the rows of `dy` whose
/// id is v, added from zero in ascending order of n.
///
/// # Shapes
///
/// `dy` [N, C], `ids` N -> [`vocabulary`, C]
///
/// # Panics
///
/// If the shapes do not fit or an id is not below `vocabulary`.
#[track_caller]
pub fn embedding_vjp<T: Float>(dy: ArrayViewD<'_, T>, ids: &[u32], vocabulary: usize) -> ArrayD<T> {
    assert!(
        dy.ndim() == 2 && dy.shape()[0] == ids.len(),
        "dy {:?} is not [{}, C]",
        dy.shape(),
        ids.len()
    );
    check(ids, vocabulary);
    let c = dy.shape()[1];
    let (starts, places) = by_id(ids, vocabulary);
    let rows = Strided::new(&dy);
    let mut data = pool::zeros(vocabulary * c);
    let parallel = ids.len() * c > PARALLEL;
    share::chunks(&mut data, c, parallel, |id, sum| {
        let mut buffer = Vec::new();
        for &n in &places[starts[id]..starts[id + 1]] {
            axpy(T::ONE, row(&rows, n, c, &mut buffer), sum);
        }
    });
    shaped(&[vocabulary, c], data)
}

/// The places at which each id stands, in ascending order: those of id v are
/// `places[starts[v]..starts[v + 1]]` (a counting sort).
fn by_id(ids: &[u32], vocabulary: usize) -> (Vec<usize>, Vec<usize>) {
    let mut starts = vec![0; vocabulary + 1];
    for &id in ids {
        starts[id as usize + 1] += 1;
    }
    for v in 0..vocabulary {
        starts[v + 1] += starts[v];
    }
    let mut next = starts.clone();
    let mut places = vec![0; ids.len()];
    for (n, &id) in ids.iter().enumerate() {
        places[next[id as usize]] = n;
        next[id as usize] += 1;
    }
    (starts, places)
}

#[track_caller]
fn check(ids: &[u32], vocabulary: usize) {
    for &id in ids {
        assert!((id as usize) < vocabulary, "id {id} in a vocabulary of {vocabulary}");
    }
}
