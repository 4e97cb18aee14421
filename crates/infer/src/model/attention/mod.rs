//! Causal grouped-query attention over the KV cache.
//!
//! For a query q at position p and the keys and values of positions 0..=p:
//! o = Σₛ softmax(scale · q·kₛ)ₛ vₛ ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762);
//! queries share heads of keys and values as in [GQA](https://arxiv.org/abs/2305.13245)).
//!
//! The softmax is taken block by block ([Milakov and Gimelshein
//! 2018](https://arxiv.org/abs/1805.02867)): each block of [`BLOCK`] positions gives its largest
//! score m, the sum l of exponentials relative to it, and their weighted sum o of values; blocks
//! are merged in ascending order. Blocks lie at multiples of [`BLOCK`] in the sequence, and within
//! one everything has a fixed order, so the bits do not depend on how the sequence came into the
//! cache, on the other queries of the batch, or on who computes which block.
//!
//! Two ways lead through the same operations: many queries go in tiles, one after another through
//! all blocks; a few queries with a long past are split at blocks, so that all threads have work.

mod block;
mod partial;

use rayon::prelude::*;
use ulp_tensor::simd::run;

use crate::kv_cache::{BLOCK, KvCache, SequenceId, WideCell};
use block::{AttendBlock, Seen};
use partial::{Merge, finish, start};

/// Lanes of a vector operation; [`BLOCK`] and the stride of values are multiples.
const LANES: usize = 16;

/// Queries (rows of the batch) that go through the blocks together: the block is read from the
/// nearest cache for all but the first.
const TILE: usize = 8;

/// Blocks that one task of a split takes: some microseconds of work.
const SPLIT: usize = 4;

/// Below this many multiplications a call is not worth waking a thread for.
const WORTH_SPLITTING: usize = 1 << 18;

/// Consecutive rows of the batch that belong to one sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) sequence: SequenceId,
    /// The position of its first row.
    pub(crate) position: usize,
    /// How many rows.
    pub(crate) rows: usize,
}

/// The shape of an attention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionShape {
    /// H, the number of query heads.
    pub(crate) heads: usize,
    /// K, the number of key and value heads.
    pub(crate) kv_heads: usize,
    /// D, the width of a head.
    pub(crate) head_dim: usize,
    /// What scores are multiplied by, 1/√D as a rule.
    pub(crate) scale: f32,
    /// c of c·tanh(score / c).
    pub(crate) cap: Option<f32>,
    /// How many positions a query sees, its own among them; all those before it if none.
    pub(crate) window: Option<usize>,
}

impl AttentionShape {
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// The first position that the query at `position` sees.
    fn first_seen(&self, position: usize) -> usize {
        self.window.map_or(0, |window| (position + 1).saturating_sub(window))
    }

    /// The width of a [`partial`] result.
    fn partial(&self) -> usize {
        2 + self.head_dim.next_multiple_of(LANES)
    }
}

/// Memory of [`attend`] that is kept between calls.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    partials: Vec<f32>,
}

/// Attention of all rows of a batch in one layer.
///
/// # Shapes
///
/// `queries` and `out` are `[rows, H, D]`, the rows of `segments` in order. The keys and values of
/// these rows are in the cache already.
pub(crate) fn attend(
    shape: AttentionShape,
    cache: &KvCache,
    layer: usize,
    segments: &[Segment],
    queries: &[f32],
    out: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    let width = shape.heads * shape.head_dim;
    let tiles: usize = segments.iter().map(|s| s.rows.div_ceil(TILE)).sum();
    let few = tiles < 2 * rayon::current_num_threads();
    let mut tasks = Vec::with_capacity(tiles);
    let (mut queries, mut out) = (queries, out);
    for segment in segments {
        let (q, rest) = queries.split_at(segment.rows * width);
        let (o, rest_out) = out.split_at_mut(segment.rows * width);
        (queries, out) = (rest, rest_out);
        let multiplications = 2 * width * segment.rows * (segment.position + segment.rows);
        if few && multiplications >= WORTH_SPLITTING {
            attend_split(shape, cache, layer, *segment, q, o, scratch);
            continue;
        }
        for (tile, (q, o)) in q.chunks(TILE * width).zip(o.chunks_mut(TILE * width)).enumerate() {
            let rows = q.len() / width;
            let position = segment.position + tile * TILE;
            tasks.push((Segment { position, rows, ..*segment }, q, o));
        }
    }
    let one = |wide: &mut WideCell, (segment, q, o): (Segment, &[f32], &mut [f32])| {
        attend_tile(shape, cache, layer, segment, q, o, wide);
    };
    let work: usize = tasks.iter().map(|(s, q, _)| 2 * q.len() * (s.position + s.rows)).sum();
    if work < WORTH_SPLITTING {
        let mut wide = WideCell::default();
        tasks.into_iter().for_each(|task| one(&mut wide, task));
    } else {
        tasks.into_par_iter().for_each_init(WideCell::default, one);
    }
}

/// A tile of queries goes through all blocks, head after head.
fn attend_tile(
    shape: AttentionShape,
    cache: &KvCache,
    layer: usize,
    segment: Segment,
    queries: &[f32],
    out: &mut [f32],
    wide: &mut WideCell,
) {
    let (d, group, partial) = (shape.head_dim, shape.group(), shape.partial());
    let (width, rows, scale, cap) = (shape.heads * d, segment.rows, shape.scale, shape.cap);
    let last = segment.position + rows - 1;
    let (first_block, last_first) =
        (shape.first_seen(segment.position) / BLOCK, shape.first_seen(last));
    // [query head of the group, row][partial]
    let mut running = vec![0.0f32; group * rows * partial];
    let mut results = vec![0.0f32; group.max(rows) * partial];
    for kv_head in 0..shape.kv_heads {
        let first = kv_head * group * d;
        running.chunks_exact_mut(partial).for_each(start);
        for block in first_block..=last / BLOCK {
            let (keys, values) = cache.block(segment.sequence, block, layer, kv_head, wide);
            if (block + 1) * BLOCK <= segment.position + 1 && last_first <= block * BLOCK {
                // All rows see the whole block: a head's rows go through it together.
                let results = &mut results[..rows * partial];
                for (g, states) in running.chunks_exact_mut(rows * partial).enumerate() {
                    let (queries, stride) = (&queries[first + g * d..], width);
                    run(AttendBlock {
                        queries,
                        stride,
                        d,
                        keys,
                        values,
                        seen: Seen::ALL,
                        scale,
                        cap,
                        out: results,
                    });
                    for (state, block) in
                        states.chunks_exact_mut(partial).zip(results.chunks_exact(partial))
                    {
                        run(Merge { state, block });
                    }
                }
                continue;
            }
            let results = &mut results[..group * partial];
            for row in 0..rows {
                let position = segment.position + row;
                let seen = Seen::of_block(block, shape.first_seen(position), position + 1);
                let Some(seen) = seen else { continue };
                let (queries, stride) = (&queries[row * width + first..], d);
                let out = &mut *results;
                run(AttendBlock { queries, stride, d, keys, values, seen, scale, cap, out });
                for (g, block) in results.chunks_exact(partial).enumerate() {
                    let state = &mut running[(g * rows + row) * partial..][..partial];
                    run(Merge { state, block });
                }
            }
        }
        for (i, state) in running.chunks_exact(partial).enumerate() {
            let (g, row) = (i / rows, i % rows);
            finish(state, &mut out[row * width + first + g * d..][..d]);
        }
    }
}

/// The blocks of a few queries are shared out among the threads, then merged in their order.
fn attend_split(
    shape: AttentionShape,
    cache: &KvCache,
    layer: usize,
    segment: Segment,
    queries: &[f32],
    out: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    let (d, group, partial) = (shape.head_dim, shape.group(), shape.partial());
    let width = shape.heads * d;
    let blocks = (segment.position + segment.rows).div_ceil(BLOCK);
    let spans = blocks.div_ceil(SPLIT);
    // [row, kv head, span][block of the span, query of the group][partial]
    let task = SPLIT * group * partial;
    scratch.partials.resize(segment.rows * shape.kv_heads * spans * task, 0.0);
    let tasks = scratch.partials.par_chunks_mut(task).enumerate();
    tasks.for_each_init(WideCell::default, |wide, (index, results)| {
        let (span, rest) = (index % spans, index / spans);
        let (kv_head, row) = (rest % shape.kv_heads, rest / shape.kv_heads);
        for (i, results) in results.chunks_exact_mut(group * partial).enumerate() {
            let block = span * SPLIT + i;
            let position = segment.position + row;
            let seen = Seen::of_block(block, shape.first_seen(position), position + 1);
            let Some(seen) = seen else { continue };
            let (keys, values) = cache.block(segment.sequence, block, layer, kv_head, wide);
            let queries = &queries[row * width + kv_head * group * d..];
            let (scale, cap, stride) = (shape.scale, shape.cap, d);
            run(AttendBlock { queries, stride, d, keys, values, seen, scale, cap, out: results });
        }
    });
    let mut state = vec![0.0f32; partial];
    for row in 0..segment.rows {
        let position = segment.position + row;
        let seen_blocks = shape.first_seen(position) / BLOCK..position / BLOCK + 1;
        for head in 0..shape.heads {
            let (kv_head, g) = (head / group, head % group);
            start(&mut state);
            for block in seen_blocks.clone() {
                let index = (row * shape.kv_heads + kv_head) * spans + block / SPLIT;
                let offset = index * task + (block % SPLIT * group + g) * partial;
                let block = &scratch.partials[offset..][..partial];
                run(Merge { state: &mut state, block });
            }
            finish(&state, &mut out[row * width + head * d..][..d]);
        }
    }
}

#[cfg(test)]
mod tests {
    use ulp_tensor::Philox;

    use super::*;
    use crate::kv_cache::{CacheShape, CacheType, oracle};

    const SHAPE: AttentionShape = AttentionShape {
        heads: 6,
        kv_heads: 2,
        head_dim: 24,
        scale: 0.204,
        cap: None,
        window: None,
    };
    /// Every part that a model may have or not have.
    const SHAPES: [AttentionShape; 3] = [
        SHAPE,
        AttentionShape { window: Some(70), ..SHAPE },
        AttentionShape { window: Some(5), cap: Some(1.5), ..SHAPE },
    ];

    fn random(stream: u64, n: usize) -> Vec<f32> {
        (0..n).map(|i| Philox::new(1, stream).normal(i as u64)).collect()
    }

    struct Case {
        shape: AttentionShape,
        cache: KvCache,
        sequence: SequenceId,
        keys: Vec<f32>,
        values: Vec<f32>,
        queries: Vec<f32>,
    }

    fn case(shape: AttentionShape, ty: CacheType, len: usize) -> Case {
        let width = SHAPE.kv_heads * SHAPE.head_dim;
        case_of(shape, ty, random(0, len * width), random(1, len * width))
    }

    fn case_of(shape: AttentionShape, ty: CacheType, keys: Vec<f32>, values: Vec<f32>) -> Case {
        let cache_shape =
            CacheShape { layers: 1, kv_heads: SHAPE.kv_heads, head_dim: SHAPE.head_dim };
        let mut cache = KvCache::of_type(cache_shape, ty, 1024);
        let sequence = cache.open();
        let width = SHAPE.kv_heads * SHAPE.head_dim;
        let len = keys.len() / width;
        cache.reserve(sequence, len).unwrap();
        for position in 0..len {
            let row = position * width..(position + 1) * width;
            cache.write(sequence, 0, position, &keys[row.clone()], &values[row]);
        }
        let queries = random(2, len * SHAPE.heads * SHAPE.head_dim);
        Case { shape, cache, sequence, keys, values, queries }
    }

    impl Case {
        /// Rows `from..to`, all in one call.
        fn attend(&self, from: usize, to: usize) -> Vec<f32> {
            let width = SHAPE.heads * SHAPE.head_dim;
            let segment = Segment { sequence: self.sequence, position: from, rows: to - from };
            let mut out = vec![0.0; (to - from) * width];
            attend(
                self.shape,
                &self.cache,
                0,
                &[segment],
                &self.queries[from * width..to * width],
                &mut out,
                &mut AttentionScratch::default(),
            );
            out
        }

        /// The definition, in f64.
        fn naive(&self, position: usize, head: usize) -> Vec<f64> {
            let (d, group) = (SHAPE.head_dim, SHAPE.heads / SHAPE.kv_heads);
            let row = |x: &[f32], heads: usize, position: usize, head: usize| -> Vec<f64> {
                let start = (position * heads + head) * d;
                x[start..start + d].iter().map(|&x| f64::from(x)).collect()
            };
            let q = row(&self.queries, SHAPE.heads, position, head);
            let weights: Vec<f64> = (0..=position)
                .map(|s| {
                    if self.shape.window.is_some_and(|window| s + window <= position) {
                        return 0.0;
                    }
                    let k = row(&self.keys, SHAPE.kv_heads, s, head / group);
                    let dot: f64 = q.iter().zip(&k).map(|(a, b)| a * b).sum();
                    let score = dot * f64::from(SHAPE.scale);
                    let capped = |cap: f32| f64::from(cap) * (score / f64::from(cap)).tanh();
                    self.shape.cap.map_or(score, capped).exp()
                })
                .collect();
            let total: f64 = weights.iter().sum();
            let mut out = vec![0.0; d];
            for (s, w) in weights.iter().enumerate() {
                for (o, v) in out.iter_mut().zip(row(&self.values, SHAPE.kv_heads, s, head / group))
                {
                    *o += w / total * v;
                }
            }
            out
        }
    }

    #[test]
    fn equals_the_definition() {
        for shape in SHAPES {
            check_definition(&case(shape, CacheType::F32, 200));
        }
    }

    fn check_definition(case: &Case) {
        let out = case.attend(0, 200);
        for position in [0, 1, 63, 64, 65, 127, 128, 199] {
            for head in 0..SHAPE.heads {
                let expected = case.naive(position, head);
                let start = (position * SHAPE.heads + head) * SHAPE.head_dim;
                for (x, e) in out[start..].iter().zip(&expected) {
                    // Values are of size 1. A weight is off by the rounding of its score (24
                    // products of size 1: some 1e-6 at worst) and of exp; the sums average it.
                    assert!((f64::from(*x) - e).abs() < 4e-6, "{position} {head}: {x} {e}");
                }
            }
        }
    }

    /// Stored in another type, the bits are those of the rounded numbers in f32.
    #[test]
    fn types_of_the_cache_only_round() {
        for (shape, ty) in SHAPES.into_iter().flat_map(|s| CacheType::ALL.map(|ty| (s, ty))) {
            let case = case(shape, ty, 200);
            let round = |rows: &[f32]| oracle::stored(ty, rows, SHAPE.head_dim);
            let rounded = case_of(shape, CacheType::F32, round(&case.keys), round(&case.values));
            assert_eq!(case.attend(0, 200), rounded.attend(0, 200), "{ty}");
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_way() {
        for (shape, ty) in SHAPES.into_iter().flat_map(|s| CacheType::ALL.map(|ty| (s, ty))) {
            check_bits(&case(shape, ty, 700));
        }
    }

    fn check_bits(case: &Case) {
        let width = SHAPE.heads * SHAPE.head_dim;
        let whole = case.attend(0, 700);
        for threads in [1, 3, 40] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                // 40 threads make every call a split one; 1 thread none.
                for (from, to) in [(0, 1), (5, 6), (63, 65), (64, 70), (300, 301), (690, 700)] {
                    assert_eq!(case.attend(from, to), whole[from * width..to * width]);
                }
            });
        }
    }
}
