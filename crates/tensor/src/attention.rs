//! Scaled dot-product attention, grouped-query.

use ndarray::{ArrayD, ArrayView2, ArrayViewD, Axis, Ix2, IxDyn, s};
use rayon::prelude::*;

use crate::simd::gemm::{Matrix, gemm};
use crate::simd::run;
use crate::softmax::{SoftmaxVjpRow, softmax_in_place};
use crate::{Float, dot};

/// The queries of one head that are worked on at a time: a block of scores [64, S] stays in the
/// second cache for S up to some two thousand.
const QUERIES: usize = 64;

/// softmax(scale · q kᵀ) v for each head; head h reads key-value head h / (H / K) (Ainslie et al.,
/// [GQA](https://arxiv.org/abs/2305.13245)).
///
/// If `causal`, query t sees the keys s ≤ t + (S - T): the last query sees all, as is right when
/// the keys before the first query are in a cache.
///
/// # Shapes
///
/// `q` [B, T, H, D], `k` [B, S, K, D], `v` [B, S, K, D] -> [B, T, H, D]; K divides H
///
/// # Panics
///
/// If the shapes do not fit, or `causal` and T > S (a query would see nothing).
///
/// # Memory
///
/// One block of scores [64, S] for each thread; never [T, S] for all heads.
#[track_caller]
pub fn attention<T: Float>(
    q: ArrayViewD<'_, T>,
    k: ArrayViewD<'_, T>,
    v: ArrayViewD<'_, T>,
    scale: T,
    causal: bool,
) -> ArrayD<T> {
    let dims = Dims::new(&q, &k, &v, causal);
    let mut out = ArrayD::zeros(IxDyn(q.shape()));
    let blocks = dims.t.div_ceil(QUERIES);
    let parts: Vec<_> = (0..dims.b * dims.h * blocks).collect();
    let results: Vec<Vec<T>> = parts
        .par_iter()
        .map(|&part| {
            let (b, h, t0) =
                (part / blocks / dims.h, part / blocks % dims.h, part % blocks * QUERIES);
            let rows = QUERIES.min(dims.t - t0);
            let kh = h / dims.group();
            let (k, v) = (head(&k, b, kh), head(&v, b, kh));
            let probabilities = dims.probabilities(&head(&q, b, h), &k, t0, rows, scale);
            let seen = dims.seen(t0 + rows - 1);
            let mut out = vec![T::ZERO; rows * dims.d];
            let p = ArrayView2::from_shape((rows, seen), &probabilities).expect("rows x seen");
            let v = v.slice(s![..seen, ..]);
            gemm(Matrix::new(&p), Matrix::new(&v), &mut out, dims.d, false);
            out
        })
        .collect();
    for (&part, result) in parts.iter().zip(&results) {
        let (b, h, t0) = (part / blocks / dims.h, part / blocks % dims.h, part % blocks * QUERIES);
        let rows = QUERIES.min(dims.t - t0);
        let block = ArrayView2::from_shape((rows, dims.d), result).expect("rows x D");
        out.slice_mut(s![b, t0..t0 + rows, h, ..]).assign(&block);
    }
    out
}

/// The gradients `(dq, dk, dv)` of [`attention`], given the gradient `dy` of its value.
///
/// With P the probabilities and dP = dy vᵀ: dS = P (dP - Σ P dP), dq = scale dS k,
/// dk = scale dSᵀ q, dv = Pᵀ dy. P is computed again, block by block.
#[track_caller]
pub fn attention_vjp<T: Float>(
    q: ArrayViewD<'_, T>,
    k: ArrayViewD<'_, T>,
    v: ArrayViewD<'_, T>,
    scale: T,
    causal: bool,
    dy: ArrayViewD<'_, T>,
) -> (ArrayD<T>, ArrayD<T>, ArrayD<T>) {
    let dims = Dims::new(&q, &k, &v, causal);
    assert!(q.shape() == dy.shape(), "q {:?} and dy {:?} differ", q.shape(), dy.shape());
    let Dims { t, s, d, .. } = dims;
    let results: Vec<(Vec<T>, Vec<T>, Vec<T>)> = (0..dims.b * dims.kv)
        .into_par_iter()
        .map(|part| {
            let (b, kh) = (part / dims.kv, part % dims.kv);
            let (k, v) = (head(&k, b, kh), head(&v, b, kh));
            let mut dq = vec![T::ZERO; dims.group() * t * d];
            let (mut dk, mut dv) = (vec![T::ZERO; s * d], vec![T::ZERO; s * d]);
            for g in 0..dims.group() {
                let h = kh * dims.group() + g;
                let (q, dy) = (head(&q, b, h), head(&dy, b, h));
                for t0 in (0..t).step_by(QUERIES) {
                    let rows = QUERIES.min(t - t0);
                    let seen = dims.seen(t0 + rows - 1);
                    let (k, v) = (k.slice(s![..seen, ..]), v.slice(s![..seen, ..]));
                    let q = q.slice(s![t0..t0 + rows, ..]);
                    let dy = dy.slice(s![t0..t0 + rows, ..]);
                    let p = dims.probabilities(&head_rows(&q), &k, t0, rows, scale);
                    let mut ds = vec![T::ZERO; rows * seen];
                    gemm(Matrix::new(&dy), Matrix::new(&v.t()), &mut ds, seen, false);
                    for (y, dx) in p.chunks(seen).zip(ds.chunks_mut(seen)) {
                        let mean = dot(y, dx);
                        run(SoftmaxVjpRow { y, dx, mean });
                        for x in dx.iter_mut() {
                            *x *= scale;
                        }
                    }
                    let p = ArrayView2::from_shape((rows, seen), &p).expect("rows x seen");
                    let ds = ArrayView2::from_shape((rows, seen), &ds).expect("rows x seen");
                    gemm(Matrix::new(&p.t()), Matrix::new(&dy), &mut dv, d, true);
                    gemm(Matrix::new(&ds.t()), Matrix::new(&q), &mut dk, d, true);
                    let dq = &mut dq[(g * t + t0) * d..][..rows * d];
                    gemm(Matrix::new(&ds), Matrix::new(&k), dq, d, false);
                }
            }
            (dq, dk, dv)
        })
        .collect();
    let mut dq = ArrayD::zeros(IxDyn(q.shape()));
    let mut dk = ArrayD::zeros(IxDyn(k.shape()));
    let mut dv = ArrayD::zeros(IxDyn(v.shape()));
    for (part, (q, k, v)) in results.iter().enumerate() {
        let (b, kh) = (part / dims.kv, part % dims.kv);
        for g in 0..dims.group() {
            let block = ArrayView2::from_shape((t, d), &q[g * t * d..][..t * d]).expect("T x D");
            dq.slice_mut(s![b, .., kh * dims.group() + g, ..]).assign(&block);
        }
        dk.slice_mut(s![b, .., kh, ..]).assign(&ArrayView2::from_shape((s, d), k).expect("S x D"));
        dv.slice_mut(s![b, .., kh, ..]).assign(&ArrayView2::from_shape((s, d), v).expect("S x D"));
    }
    (dq, dk, dv)
}

#[derive(Clone, Copy)]
struct Dims {
    b: usize,
    t: usize,
    s: usize,
    h: usize,
    kv: usize,
    d: usize,
    causal: bool,
}

impl Dims {
    #[track_caller]
    fn new<T>(
        q: &ArrayViewD<'_, T>,
        k: &ArrayViewD<'_, T>,
        v: &ArrayViewD<'_, T>,
        causal: bool,
    ) -> Self {
        let fits = match (q.shape(), k.shape()) {
            (&[b, t, h, d], &[kb, s, kv, kd]) => {
                b == kb
                    && d == kd
                    && k.shape() == v.shape()
                    && (kv > 0 && h % kv == 0 || h == 0 && kv == 0)
                    && (!causal || t <= s)
            }
            _ => false,
        };
        assert!(
            fits,
            "q {:?}, k {:?} and v {:?} are not [B, T, H, D] and twice [B, S, K, D]{}",
            q.shape(),
            k.shape(),
            v.shape(),
            if causal { " with T <= S" } else { "" }
        );
        let (q, k) = (q.shape(), k.shape());
        Dims { b: q[0], t: q[1], s: k[1], h: q[2], kv: k[2], d: q[3], causal }
    }

    fn group(&self) -> usize {
        self.h / self.kv.max(1)
    }

    /// How many keys query `t` sees.
    fn seen(&self, t: usize) -> usize {
        if self.causal { self.s - self.t + t + 1 } else { self.s }
    }

    /// softmax(scale q kᵀ) for queries `t0..t0 + rows`, as [rows, seen]; 0 where nothing is seen.
    fn probabilities<T: Float>(
        &self,
        q: &ArrayView2<'_, T>,
        k: &ArrayView2<'_, T>,
        t0: usize,
        rows: usize,
        scale: T,
    ) -> Vec<T> {
        let seen = self.seen(t0 + rows - 1);
        let q = if q.nrows() == rows { q.view() } else { q.slice(s![t0..t0 + rows, ..]) };
        let k = k.slice(s![..seen, ..]);
        let mut scores = vec![T::ZERO; rows * seen];
        gemm(Matrix::new(&q), Matrix::new(&k.t()), &mut scores, seen, false);
        for (i, row) in scores.chunks_mut(seen.max(1)).enumerate() {
            let (row, hidden) = row.split_at_mut(self.seen(t0 + i));
            for x in row.iter_mut() {
                *x *= scale;
            }
            softmax_in_place(row);
            hidden.fill(T::ZERO);
        }
        scores
    }
}

/// Head `h` of sequence `b`, as [T, D].
fn head<'a, T>(x: &ArrayViewD<'a, T>, b: usize, h: usize) -> ArrayView2<'a, T> {
    x.clone()
        .index_axis_move(Axis(0), b)
        .index_axis_move(Axis(1), h)
        .into_dimensionality::<Ix2>()
        .expect("two axes are left")
}

fn head_rows<'a, T>(x: &'a ArrayView2<'_, T>) -> ArrayView2<'a, T> {
    x.view()
}
