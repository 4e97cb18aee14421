//! Scaled dot-product attention, grouped-query.

use std::ops::Range;

use ndarray::{ArrayD, ArrayViewD, Axis, Ix2};

use crate::rows::rows_in_chunk;
use crate::simd::gemm::{Matrix, Scratch, gemm};
use crate::simd::out::{collect, shaped};
use crate::simd::{Kernel, run, share};
use crate::softmax::scaled_softmax_in_place;
use crate::{Float, dot, pool};

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
    forward(Dims::new(&q, &k, &v, causal), q, k, v, scale)
}

/// [`attention`] in which query t sees `window` keys only: those up to s = t + (S - T), the last of
/// them (Beltagy et al., [Longformer](https://arxiv.org/abs/2004.05150); Mistral's sliding window).
/// The work grows with T · `window`, not with T · S.
///
/// # Shapes
///
/// As [`attention`].
///
/// # Panics
///
/// If the shapes do not fit, T > S, or `window` is 0.
#[track_caller]
pub fn local_attention<T: Float>(
    q: ArrayViewD<'_, T>,
    k: ArrayViewD<'_, T>,
    v: ArrayViewD<'_, T>,
    scale: T,
    window: usize,
) -> ArrayD<T> {
    forward(Dims::new(&q, &k, &v, true).within(window), q, k, v, scale)
}

fn forward<T: Float>(
    dims: Dims,
    q: ArrayViewD<'_, T>,
    k: ArrayViewD<'_, T>,
    v: ArrayViewD<'_, T>,
    scale: T,
) -> ArrayD<T> {
    let (row, sequence) = (dims.h * dims.d, dims.t * dims.h * dims.d);
    let mut out: Vec<T> = pool::zeros(dims.b * sequence);
    if out.is_empty() {
        return shaped(q.shape(), out);
    }
    // One task makes all heads of a block of queries: those lie side by side in the output.
    let blocks = dims.t.div_ceil(QUERIES);
    let mut parts: Vec<&mut [T]> =
        out.chunks_mut(sequence).flat_map(|out| out.chunks_mut(QUERIES * row)).collect();
    share::chunks(&mut parts, 1, true, |index, out| {
        let (b, t0, out) = (index / blocks, index % blocks * QUERIES, &mut *out[0]);
        let rows = out.len() / row;
        let mut scratch = Scratch::default();
        let scores = scratch.slice(rows * dims.s);
        for h in 0..dims.h {
            let kh = h / dims.group();
            let q = head(&q, b, h).rows(t0, rows);
            let (first, seen) = dims.probabilities(q, head(&k, b, kh), t0, scale, scores);
            let p = Matrix::from_slice(scores, rows, seen);
            gemm(p, head(&v, b, kh).rows(first, seen), &mut out[h * dims.d..], row, false);
        }
    });
    shaped(q.shape(), out)
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
    backward(Dims::new(&q, &k, &v, causal), q, k, v, scale, dy)
}

/// The gradients `(dq, dk, dv)` of [`local_attention`], given the gradient `dy` of its value.
///
/// # Panics
///
/// As [`local_attention`].
#[track_caller]
pub fn local_attention_vjp<T: Float>(
    q: ArrayViewD<'_, T>,
    k: ArrayViewD<'_, T>,
    v: ArrayViewD<'_, T>,
    scale: T,
    window: usize,
    dy: ArrayViewD<'_, T>,
) -> (ArrayD<T>, ArrayD<T>, ArrayD<T>) {
    backward(Dims::new(&q, &k, &v, true).within(window), q, k, v, scale, dy)
}

#[track_caller]
fn backward<T: Float>(
    dims: Dims,
    q: ArrayViewD<'_, T>,
    k: ArrayViewD<'_, T>,
    v: ArrayViewD<'_, T>,
    scale: T,
    dy: ArrayViewD<'_, T>,
) -> (ArrayD<T>, ArrayD<T>, ArrayD<T>) {
    assert!(q.shape() == dy.shape(), "q {:?} and dy {:?} differ", q.shape(), dy.shape());
    let Dims { t, s, d, .. } = dims;
    // One task makes all that reads one key-value head; its parts of dk and dv are added up in
    // ascending order of heads and queries.
    let mut parts: Vec<[Vec<T>; 3]> = vec![[const { Vec::new() }; 3]; dims.b * dims.kv];
    share::chunks(&mut parts, 1, true, |part, result| {
        let (b, kh) = (part / dims.kv, part % dims.kv);
        let (k, v) = (head(&k, b, kh), head(&v, b, kh));
        let mut dq = pool::zeros(dims.group() * t * d);
        let (mut dk, mut dv) = (pool::zeros(s * d), pool::zeros(s * d));
        let mut scratch = Scratch::default();
        let (p, ds) = scratch.slice(2 * QUERIES.min(t) * s).split_at_mut(QUERIES.min(t) * s);
        for g in 0..dims.group() {
            let h = kh * dims.group() + g;
            for t0 in (0..t).step_by(QUERIES) {
                let rows = QUERIES.min(t - t0);
                let (q, dy) = (head(&q, b, h).rows(t0, rows), head(&dy, b, h).rows(t0, rows));
                let (first, seen) = dims.probabilities(q, k, t0, scale, p);
                let (k, v) = (k.rows(first, seen), v.rows(first, seen));
                gemm(dy, v.t(), ds, seen, false);
                for (y, dx) in p.chunks(seen.max(1)).zip(ds.chunks_mut(seen.max(1))).take(rows) {
                    let mean = dot(y, dx);
                    run(ScoresVjpRow { y, dx, mean, scale });
                }
                let p = Matrix::from_slice(p, rows, seen);
                let ds = Matrix::from_slice(ds, rows, seen);
                gemm(p.t(), dy, &mut dv[first * d..], d, true);
                gemm(ds.t(), q, &mut dk[first * d..], d, true);
                gemm(ds, k, &mut dq[(g * t + t0) * d..], d, false);
            }
        }
        result[0] = [dq, dk, dv];
    });
    // From [B, K, H/K, T, D] and twice [B, K, S, D] to the layout of the inputs.
    let gather = |which: usize, shape: &[usize], heads: usize| {
        let (length, group) = (shape[1], heads / dims.kv.max(1));
        let data = collect(shape.iter().product(), rows_in_chunk(d) * d, |start, out| {
            for index in start / d..(start + out.len()) / d {
                let (b, i, h) = (index / heads / length, index / heads % length, index % heads);
                let part: &[T] = &parts[b * dims.kv + h / group][which];
                out.copy(&part[((h % group) * length + i) * d..][..d]);
            }
        });
        shaped(shape, data)
    };
    let gradients = (
        gather(0, q.shape(), dims.h),
        gather(1, k.shape(), dims.kv),
        gather(2, v.shape(), dims.kv),
    );
    parts.into_iter().flatten().for_each(pool::give_back);
    gradients
}

/// scale y (dx - mean), in place of dx.
struct ScoresVjpRow<'a, T> {
    y: &'a [T],
    dx: &'a mut [T],
    mean: T,
    scale: T,
}

impl<T: Float> Kernel for ScoresVjpRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (dx, &y) in self.dx.iter_mut().zip(self.y) {
            *dx = y * (*dx - self.mean) * self.scale;
        }
    }
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
    /// How many keys a query sees at most.
    window: usize,
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
        Dims { b: q[0], t: q[1], s: k[1], h: q[2], kv: k[2], d: q[3], causal, window: usize::MAX }
    }

    #[track_caller]
    fn within(self, window: usize) -> Self {
        assert!(window > 0, "a window of no keys");
        Dims { window, ..self }
    }

    fn group(&self) -> usize {
        self.h / self.kv.max(1)
    }

    /// The keys that query `t` sees.
    fn seen(&self, t: usize) -> Range<usize> {
        let end = if self.causal { self.s - self.t + t + 1 } else { self.s };
        end.saturating_sub(self.window)..end
    }

    /// softmax(scale q kᵀ) for the queries from `t0` on, [rows of q, keys], in the beginning of
    /// `scores`; 0 where a query does not see. Returns the first key and how many there are: from the
    /// first that the first query sees to the last that the last one sees.
    fn probabilities<T: Float>(
        &self,
        q: Matrix<'_, T>,
        k: Matrix<'_, T>,
        t0: usize,
        scale: T,
        scores: &mut [T],
    ) -> (usize, usize) {
        let first = self.seen(t0).start;
        let keys = self.seen(t0 + q.height() - 1).end - first;
        gemm(q, k.rows(first, keys).t(), scores, keys, false);
        for (i, row) in scores.chunks_mut(keys.max(1)).take(q.height()).enumerate() {
            let seen = self.seen(t0 + i);
            let (row, hidden) = row.split_at_mut(seen.end - first);
            let (gone, row) = row.split_at_mut(seen.start - first);
            scaled_softmax_in_place(row, scale);
            gone.fill(T::ZERO);
            hidden.fill(T::ZERO);
        }
        (first, keys)
    }
}

/// Head `h` of sequence `b`, as [T, D].
fn head<'a, T: Float>(x: &ArrayViewD<'a, T>, b: usize, h: usize) -> Matrix<'a, T> {
    let x = x.clone().index_axis_move(Axis(0), b).index_axis_move(Axis(1), h);
    Matrix::new(&x.into_dimensionality::<Ix2>().expect("two axes are left"))
}
