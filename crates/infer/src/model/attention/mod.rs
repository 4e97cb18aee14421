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
//! Three ways lead through the same operations: many queries go in tiles, one after another through all blocks; of
//! a few queries with a long past each thread takes some heads or, where those cannot be shared out evenly, some
//! blocks.

mod block;
mod partial;

use rayon::prelude::*;
use ulp_tensor::simd::run;

use crate::kv_cache::{BLOCK, KvCache, SequenceId, WideCell};
use crate::line_buffer::LineBuffer;
use crate::quant::Isa;
use block::{AttendBlock, Block, Queries, Seen, Soon, States};
use partial::{Finish, Merge, start};

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
}

/// Memory of [`attend`] that is kept between calls.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    partials: LineBuffer,
}

/// Memory of one task.
#[derive(Default)]
struct TaskMemory {
    wide: WideCell,
    states: LineBuffer,
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
    let layer = Layer { shape, cache, layer };
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
            match (segment.rows * shape.kv_heads).is_multiple_of(rayon::current_num_threads()) {
                true => layer.attend_by_heads(*segment, q, o),
                false => layer.attend_split(*segment, q, o, scratch),
            }
            continue;
        }
        for (tile, (q, o)) in q.chunks(TILE * width).zip(o.chunks_mut(TILE * width)).enumerate() {
            let rows = q.len() / width;
            let position = segment.position + tile * TILE;
            tasks.push((Segment { position, rows, ..*segment }, q, o));
        }
    }
    let one = |memory: &mut TaskMemory, (segment, q, o): (Segment, &[f32], &mut [f32])| {
        layer.attend_tile(segment, q, o, memory);
    };
    let work: usize = tasks.iter().map(|(s, q, _)| 2 * q.len() * (s.position + s.rows)).sum();
    if work < WORTH_SPLITTING {
        let mut memory = TaskMemory::default();
        tasks.into_iter().for_each(|task| one(&mut memory, task));
    } else {
        tasks.into_par_iter().for_each_init(TaskMemory::default, one);
    }
}

/// The keys and values of a layer, and how queries attend to them.
#[derive(Clone, Copy)]
struct Layer<'a> {
    shape: AttentionShape,
    cache: &'a KvCache,
    layer: usize,
}

impl Layer<'_> {
    /// A tile of queries goes through all blocks, head after head.
    fn attend_tile(
        self,
        segment: Segment,
        queries: &[f32],
        out: &mut [f32],
        memory: &mut TaskMemory,
    ) {
        let (d, group, rows) = (self.shape.head_dim, self.shape.group(), segment.rows);
        let (width, partial) = (self.shape.heads * d, partial::rows(d));
        for kv_head in 0..self.shape.kv_heads {
            let first = kv_head * group * d;
            self.attend_head(segment, kv_head, &queries[first..], memory);
            let states = memory.states.as_chunks().0;
            for (i, states) in states.chunks_exact(partial).enumerate() {
                let (g, row) = (i / rows, i % rows);
                let out = &mut out[row * width + first + g * d..][..d];
                run(Finish { states, rows: partial, d, out });
            }
        }
    }

    /// A few queries; a thread takes a row's query heads of one key and value head.
    fn attend_by_heads(self, segment: Segment, queries: &[f32], out: &mut [f32]) {
        let AttentionShape { kv_heads, head_dim: d, .. } = self.shape;
        let width = self.shape.group() * d;
        let tasks = out.par_chunks_exact_mut(width).zip(queries.par_chunks_exact(width));
        tasks.enumerate().for_each_init(TaskMemory::default, |memory, (index, (out, queries))| {
            let position = segment.position + index / kv_heads;
            self.attend_head(
                Segment { position, rows: 1, ..segment },
                index % kv_heads,
                queries,
                memory,
            );
            let states = memory.states.as_chunks().0;
            run(Finish { states, rows: partial::rows(d), d, out });
        });
    }

    /// The query heads of one key and value head go through all blocks, which leaves the results in memory: query
    /// head of the group, row. `queries` begins with the first of these heads in the first row.
    fn attend_head(
        self,
        segment: Segment,
        kv_head: usize,
        queries: &[f32],
        memory: &mut TaskMemory,
    ) {
        let TaskMemory { wide, states } = memory;
        let isa = Isa::detect();
        let (shape, partial) = (self.shape, partial::rows(self.shape.head_dim));
        let (d, group, rows) = (shape.head_dim, shape.group(), segment.rows);
        let width = shape.heads * d;
        let (first, last) = (segment.position, segment.position + rows - 1);
        let (first_block, last_block) = (shape.first_seen(first) / BLOCK, last / BLOCK);
        let states = states.sized(group * rows * partial * LANES).as_chunks_mut().0;
        states.chunks_exact_mut(partial).for_each(start);
        for index in first_block..=last_block {
            let (keys, values) =
                self.cache.block(segment.sequence, index, self.layer, kv_head, wide);
            let next =
                if index < last_block { (index + 1, kv_head) } else { (first_block, kv_head + 1) };
            let soon = &mut self.soon(segment.sequence, next);
            let block = Block { d, keys, values, scale: shape.scale, cap: shape.cap };
            let all_see_all =
                (index + 1) * BLOCK <= first + 1 && shape.first_seen(last) <= index * BLOCK;
            if all_see_all && rows >= group {
                // A head's rows go through the block together.
                for (g, rows_of_head) in states.chunks_exact_mut(rows * partial).enumerate() {
                    let numbers = &queries[g * d..];
                    let queries = Queries { numbers, stride: width, count: rows };
                    let states = States { rows: rows_of_head, step: partial };
                    isa.lanes(AttendBlock { block, seen: Seen::ALL, queries, states, soon });
                }
                continue;
            }
            for row in 0..rows {
                let position = first + row;
                let seen = Seen::of_block(index, shape.first_seen(position), position + 1);
                let Some(seen) = seen else { continue };
                // A row's heads go through it together.
                let queries = Queries { numbers: &queries[row * width..], stride: d, count: group };
                let states = States { rows: &mut states[row * partial..], step: rows * partial };
                isa.lanes(AttendBlock { block, seen, queries, states, soon });
            }
        }
    }

    /// The blocks of a few queries are shared out among the threads, then merged in their order.
    fn attend_split(
        self,
        segment: Segment,
        queries: &[f32],
        out: &mut [f32],
        scratch: &mut AttentionScratch,
    ) {
        let isa = Isa::detect();
        let (shape, partial) = (self.shape, partial::rows(self.shape.head_dim));
        let (d, group) = (shape.head_dim, shape.group());
        let blocks = (segment.position + segment.rows).div_ceil(BLOCK);
        let spans = blocks.div_ceil(SPLIT);
        // [row, kv head, span][block of the span, query of the group][partial]
        let task = SPLIT * group * partial * LANES;
        let partials = scratch.partials.sized(segment.rows * shape.kv_heads * spans * task);
        let tasks = partials.par_chunks_mut(task).enumerate();
        tasks.for_each_init(WideCell::default, |wide, (index, results)| {
            let (span, heads) = (index % spans, index / spans);
            let (kv_head, position) =
                (heads % shape.kv_heads, segment.position + heads / shape.kv_heads);
            let results = results.as_chunks_mut().0;
            for (i, states) in results.chunks_exact_mut(group * partial).enumerate() {
                let index = span * SPLIT + i;
                let seen = Seen::of_block(index, shape.first_seen(position), position + 1);
                let Some(seen) = seen else { continue };
                let (keys, values) =
                    self.cache.block(segment.sequence, index, self.layer, kv_head, wide);
                let soon = &mut self.soon(segment.sequence, (index + 1, kv_head));
                let block = Block { d, keys, values, scale: shape.scale, cap: shape.cap };
                let queries =
                    Queries { numbers: &queries[heads * group * d..], stride: d, count: group };
                states.chunks_exact_mut(partial).for_each(start);
                let states = States { rows: states, step: partial };
                isa.lanes(AttendBlock { block, seen, queries, states, soon });
            }
        });
        let partials = partials.as_chunks().0;
        let mut states = LineBuffer::default();
        let states = states.sized(group * partial * LANES).as_chunks_mut().0;
        for (heads, out) in out.chunks_exact_mut(group * d).enumerate() {
            let position = segment.position + heads / shape.kv_heads;
            states.chunks_exact_mut(partial).for_each(start);
            for block in shape.first_seen(position) / BLOCK..position / BLOCK + 1 {
                let first = (heads * spans * SPLIT + block) * group * partial;
                let added = &partials[first..][..group * partial];
                isa.lanes(Merge { states, added, rows: partial });
            }
            run(Finish { states, rows: partial, d, out });
        }
    }

    /// Block and head that come next.
    fn soon(self, sequence: SequenceId, (block, head): (usize, usize)) -> Soon {
        Soon::at(self.cache.addresses(sequence, block, self.layer, head))
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

    /// A key that is NaN makes all outputs NaN whose queries see it, and no others.
    #[test]
    fn a_nan_goes_as_far_as_it_is_seen() {
        for shape in SHAPES {
            let (width, d) = (SHAPE.kv_heads * SHAPE.head_dim, SHAPE.head_dim);
            let (mut keys, values) = (random(0, 200 * width), random(1, 200 * width));
            keys[70 * width + d] = f32::NAN;
            let out = case_of(shape, CacheType::F32, keys, values).attend(0, 200);
            for (i, x) in out.iter().enumerate() {
                let (position, head) = (i / (SHAPE.heads * d), i / d % SHAPE.heads);
                let seen = position >= 70 && shape.first_seen(position) <= 70;
                assert_eq!(x.is_nan(), seen && head >= shape.group(), "{position} {head}: {x}");
            }
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
                // Many threads share the blocks, fewer the heads; a whole pass of one thread goes in tiles.
                for (from, to) in [(0, 1), (5, 6), (63, 65), (64, 70), (300, 301), (690, 700)] {
                    assert_eq!(case.attend(from, to), whole[from * width..to * width]);
                }
            });
        }
    }
}
