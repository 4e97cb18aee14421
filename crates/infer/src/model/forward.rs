//! One pass of a batch of sequences through the model.

use rayon::prelude::*;
use ulp_tensor::in_pool;

use super::activation::cap;
use super::attention::{AttentionScratch, AttentionShape, Segment, attend};
use super::config::Positions;
use super::input_squares::{InputSquares, LayerInput};
use super::lora::{LoraAdapter, Slot};
use super::norm::Norm;
use super::rope::{Place, RowRotations};
use super::weights::{Layer, Projection};
use super::{Input, LogitRows, Model};
use crate::error::InferError;
use crate::kv_cache::{KvCache, RopeFactors};
use crate::line_buffer::LineBuffer;
use crate::quant::{Activations, RowBuffer, Rows, multiply_all};

/// Below this many numbers a pass over rows is done before another thread has woken.
const PARALLEL: usize = 1 << 15;

/// Weights of a matrix below which a layer is done before a thread of the pool has woken.
const WORTH_THE_POOL: usize = 1 << 20;

/// Memory of [`Model::forward`] that is kept from step to step.
///
/// Its size follows the largest batch that it has seen: rows × (5·C + 2·F + ...) numbers, and
/// logits for the rows that asked for them.
#[derive(Debug, Default)]
pub struct Workspace {
    /// The residual stream, `[rows, C]`.
    hidden: LineBuffer,
    /// What a norm made of it, `[rows, C]`.
    normed: LineBuffer,
    /// `[rows, H·D]`
    query: LineBuffer,
    /// `[rows, K·D]`
    key: LineBuffer,
    /// `[rows, K·D]`
    value: LineBuffer,
    /// `[rows, H·D]`
    attended: LineBuffer,
    /// What a block adds to the residual stream, `[rows, C]`.
    addend: LineBuffer,
    /// `[rows, F]`
    gate: LineBuffer,
    /// `[rows, F]`
    up: LineBuffer,
    /// `[wanted rows, V]`
    logits: LineBuffer,
    /// Activations as the products take them.
    rows: RowBuffer,
    attention: AttentionScratch,
    /// Where the inputs of matrices are summed up, if anybody asked.
    squares: Option<InputSquares>,
}

impl Workspace {
    /// An empty one; it grows on first use.
    pub fn new() -> Self {
        Workspace::default()
    }

    /// One that squares and sums what goes into the matrices of `model`.
    pub(crate) fn observing(model: &Model) -> Self {
        Workspace { squares: Some(InputSquares::new(model)), ..Workspace::default() }
    }

    /// The sums of [`Workspace::observing`].
    pub(crate) fn observed(&self) -> Option<&InputSquares> {
        self.squares.as_ref()
    }
}

/// How queries and keys are turned.
struct Rotations {
    /// In layers that see everything.
    global: RowRotations,
    /// In layers with a window, if in another way.
    local: Option<RowRotations>,
}

/// What all layers need to know of a batch.
struct Step<'a> {
    model: &'a Model,
    segments: Vec<Segment>,
    /// The adapter of each segment; empty if none has one.
    adapters: &'a [Option<&'a LoraAdapter>],
    rows: usize,
    /// Where the rows stand in their sequences.
    places: Vec<Place>,
    rotations: Option<Rotations>,
    activations: Activations,
}

impl Model {
    /// Runs new tokens of any number of sequences through the model: whole prompts, parts of
    /// them, single tokens, or all at once. Their keys and values go into the cache, and each
    /// sequence is as much longer afterwards.
    ///
    /// Returns the logits of the rows that were asked for, in the order of the batch, `[n, V]`.
    /// They have the same bits for every way of cutting the same sequences into batches and for
    /// any number of threads.
    ///
    /// # Errors
    ///
    /// [`InferError::TokenOutOfRange`], [`InferError::ContextFull`], and
    /// [`InferError::ShortFactorsEnd`] for a sequence that was opened for fewer positions
    /// ([`Model::rope_factors`]); no sequence has changed then.
    ///
    /// # Panics
    ///
    /// If the cache was made for another model, or a sequence is not open or is in the batch twice.
    #[track_caller]
    pub fn forward<'w>(
        &self,
        batch: &[Input<'_>],
        cache: &mut KvCache,
        activations: Activations,
        workspace: &'w mut Workspace,
    ) -> Result<&'w [f32], InferError> {
        self.forward_adapted(batch, &[], cache, activations, workspace)
    }

    /// As [`Model::forward`], with an adapter for each sequence of the batch that has one: the one
    /// with which it is computed from its first token on. An empty list is none for any.
    ///
    /// # Errors
    ///
    /// As [`Model::forward`].
    ///
    /// # Panics
    ///
    /// As [`Model::forward`]; and if the list is not empty and has another length than the batch.
    #[track_caller]
    pub fn forward_adapted<'w>(
        &self,
        batch: &[Input<'_>],
        adapters: &[Option<&LoraAdapter>],
        cache: &mut KvCache,
        activations: Activations,
        workspace: &'w mut Workspace,
    ) -> Result<&'w [f32], InferError> {
        self.in_pool(|| {
            let step = self.run(batch, adapters, cache, activations, workspace)?;
            let rows = step.final_states(batch, workspace);
            Ok(step.logits(rows, workspace))
        })
    }

    /// As [`Model::forward`], but returns the final states of the rows, `[n, C]`: what the output
    /// matrix would be multiplied with.
    ///
    /// # Errors
    ///
    /// As [`Model::forward`].
    ///
    /// # Panics
    ///
    /// As [`Model::forward`].
    #[track_caller]
    pub fn states<'w>(
        &self,
        batch: &[Input<'_>],
        cache: &mut KvCache,
        activations: Activations,
        workspace: &'w mut Workspace,
    ) -> Result<&'w [f32], InferError> {
        self.in_pool(|| {
            let step = self.run(batch, &[], cache, activations, workspace)?;
            let rows = step.final_states(batch, workspace);
            Ok(&workspace.normed[..rows * self.config.hidden_size])
        })
    }

    /// Calls `f`, a pass, with the threads of the pool if they are of use in it.
    fn in_pool<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        if self.config.hidden_size * self.config.intermediate_size < WORTH_THE_POOL {
            f()
        } else {
            in_pool(f)
        }
    }

    /// Everything up to the last layer.
    #[track_caller]
    fn run<'a>(
        &'a self,
        batch: &[Input<'_>],
        adapters: &'a [Option<&'a LoraAdapter>],
        cache: &mut KvCache,
        activations: Activations,
        workspace: &mut Workspace,
    ) -> Result<Step<'a>, InferError> {
        assert_eq!(cache.shape(), self.cache_shape(), "the cache is of another model");
        self.check(batch, cache)?;
        let count = adapters.len();
        assert!(count == 0 || count == batch.len(), "{count} adapters of {} inputs", batch.len());
        let step = self.step(batch, adapters, cache, activations)?;
        step.embed(batch, workspace);
        for (index, layer) in self.weights.layers.iter().enumerate() {
            step.attention(index, layer, cache, workspace);
            step.feed_forward(index, layer, workspace);
        }
        for input in batch {
            cache.advance(input.sequence, input.tokens.len());
        }
        Ok(step)
    }

    #[track_caller]
    fn check(&self, batch: &[Input<'_>], cache: &KvCache) -> Result<(), InferError> {
        let (vocabulary, context) = (self.vocab_size(), self.context());
        let mut new_blocks = 0;
        for (i, input) in batch.iter().enumerate() {
            let twice = batch[..i].iter().any(|other| other.sequence == input.sequence);
            assert!(!twice, "{:?} is in the batch twice", input.sequence);
            let out = input.tokens.iter().position(|&token| token as usize >= vocabulary);
            if let Some(index) = out {
                let token = input.tokens[index];
                return Err(InferError::TokenOutOfRange { token, index, vocabulary });
            }
            let needed = cache.len(input.sequence) + input.tokens.len();
            if needed > context {
                return Err(InferError::ContextFull { needed, context });
            }
            let (short, factors) = (self.short_context(), cache.rope_factors(input.sequence));
            if factors == RopeFactors::Short && needed > short {
                return Err(InferError::ShortFactorsEnd { needed, context: short });
            }
            new_blocks += cache.new_blocks(input.sequence, input.tokens.len());
        }
        cache.expect_free_blocks(new_blocks)
    }

    fn step<'a>(
        &'a self,
        batch: &[Input<'_>],
        adapters: &'a [Option<&'a LoraAdapter>],
        cache: &mut KvCache,
        activations: Activations,
    ) -> Result<Step<'a>, InferError> {
        let mut segments = Vec::with_capacity(batch.len());
        let mut places = Vec::new();
        for input in batch {
            let (position, rows) = (cache.len(input.sequence), input.tokens.len());
            cache.reserve(input.sequence, rows)?;
            segments.push(Segment { sequence: input.sequence, position, rows });
            let factors = cache.rope_factors(input.sequence);
            // A context is below 2^31 positions.
            let place = |p| Place { position: p as u32, factors };
            places.extend((position..position + rows).map(place));
        }
        let rotations = match &self.config.positions {
            Positions::Learned => None,
            Positions::Rotary { rope, local } => Some(Rotations {
                global: RowRotations::new(&places, rope, &self.frequencies),
                local: local
                    .as_ref()
                    .map(|rope| RowRotations::new(&places, rope, &self.local_frequencies)),
            }),
        };
        let rows = places.len();
        Ok(Step { model: self, segments, adapters, rows, places, rotations, activations })
    }
}

impl Step<'_> {
    /// x = the embedding of each token, and of its position where positions are learned.
    fn embed(&self, batch: &[Input<'_>], workspace: &mut Workspace) {
        let (config, weights) = (&self.model.config, &self.model.weights);
        let c = config.hidden_size;
        let tokens = batch.iter().flat_map(|input| input.tokens);
        let hidden = workspace.hidden.sized(self.rows * c);
        for (&token, row) in tokens.zip(hidden.chunks_exact_mut(c)) {
            weights.embedding.row_into(token as usize, row);
        }
        if let Some(scale) = config.embedding_scale {
            hidden.iter_mut().for_each(|x| *x *= scale);
        }
        if let Some(learned) = &weights.positions {
            for (place, row) in self.places.iter().zip(hidden.chunks_exact_mut(c)) {
                add(row, &learned.row(place.position as usize));
            }
        }
    }

    /// x += o(attention(rope(q(n)), rope(k(n)), v(n))) with n the norm of x.
    fn attention(&self, index: usize, layer: &Layer, cache: &mut KvCache, w: &mut Workspace) {
        let config = &self.model.config;
        let (c, d) = (config.hidden_size, config.head_dim);
        let (query_width, kv_width) = (config.query_width(), config.key_value_width());
        let rows = self.rows;

        let normed = w.normed.sized(rows * c);
        self.norm(&w.hidden[..rows * c], &layer.attention_norm, normed);
        observe(&mut w.squares, index, LayerInput::Attention, normed);
        let query = w.query.sized(rows * query_width);
        let key = w.key.sized(rows * kv_width);
        let value = w.value.sized(rows * kv_width);
        let mut x = w.rows.rows(normed, c, self.activations);
        project(
            &mut x,
            [(&layer.query, &mut *query), (&layer.key, &mut *key), (&layer.value, &mut *value)],
        );
        self.adapt(index, Slot::Query, normed, query);
        self.adapt(index, Slot::Key, normed, key);
        self.adapt(index, Slot::Value, normed, value);
        let window = config.window.of(index);
        self.turn(query, query_width, layer.query_norm.as_ref(), window.is_some());
        self.turn(key, kv_width, layer.key_norm.as_ref(), window.is_some());

        let mut row = 0;
        for segment in &self.segments {
            for position in segment.position..segment.position + segment.rows {
                let cells = row * kv_width..(row + 1) * kv_width;
                let (key, value) = (&key[cells.clone()], &value[cells]);
                cache.write(segment.sequence, index, position, key, value);
                row += 1;
            }
        }
        let shape = AttentionShape {
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: d,
            scale: config.attention_scale,
            cap: config.score_cap,
            window,
        };
        let attended = w.attended.sized(rows * query_width);
        attend(shape, cache, index, &self.segments, query, attended, &mut w.attention);
        observe(&mut w.squares, index, LayerInput::AttentionOutput, attended);

        let addend = w.addend.sized(rows * c);
        let mut x = w.rows.rows(attended, query_width, self.activations);
        project(&mut x, [(&layer.attention_output, addend)]);
        self.adapt(index, Slot::AttentionOutput, attended, addend);
        self.add_to_residual(layer.post_attention_norm.as_ref(), w);
    }

    /// Each head of each row: its norm, if there is one, then turned to its position.
    fn turn(&self, heads: &mut [f32], width: usize, norm: Option<&Norm>, is_local: bool) {
        let (d, eps) = (self.model.config.head_dim, self.model.config.norm_eps);
        let rotation = self.rotations.as_ref().map(|rotations| match &rotations.local {
            Some(local) if is_local => local,
            _ => &rotations.global,
        });
        by_rows(heads, width, |row, heads| {
            if let Some(norm) = norm {
                let mut normed = vec![0.0; d];
                for head in heads.chunks_exact_mut(d) {
                    norm.row(head, eps, &mut normed);
                    head.copy_from_slice(&normed);
                }
            }
            if let Some(rotation) = rotation {
                rotation.rotate(row, heads, d);
            }
        });
    }

    /// x += down(f(gate(n)) · up(n)), or down(f(up(n))) without a gate, with n the norm of x.
    fn feed_forward(&self, index: usize, layer: &Layer, w: &mut Workspace) {
        let config = &self.model.config;
        let (c, f) = (config.hidden_size, config.intermediate_size);
        let (rows, activation) = (self.rows, config.activation);
        let normed = w.normed.sized(rows * c);
        self.norm(&w.hidden[..rows * c], &layer.feed_forward_norm, normed);
        observe(&mut w.squares, index, LayerInput::FeedForward, normed);
        let inner = w.gate.sized(rows * f);
        let mut x = w.rows.rows(normed, c, self.activations);
        match &layer.gate {
            Some(gate) => {
                let up = w.up.sized(rows * f);
                project(&mut x, [(gate, &mut *inner), (&layer.up, &mut *up)]);
                self.adapt(index, Slot::Gate, normed, inner);
                self.adapt(index, Slot::Up, normed, up);
                by_rows(inner, f, |row, gate| activation.gate(gate, &up[row * f..][..f]));
            }
            None => {
                project(&mut x, [(&layer.up, &mut *inner)]);
                self.adapt(index, Slot::Up, normed, inner);
                by_rows(inner, f, |_, x| activation.apply(x));
            }
        }
        observe(&mut w.squares, index, LayerInput::Down, inner);
        let addend = w.addend.sized(rows * c);
        let mut x = w.rows.rows(inner, f, self.activations);
        project(&mut x, [(&layer.down, addend)]);
        self.adapt(index, Slot::Down, inner, addend);
        self.add_to_residual(layer.post_feed_forward_norm.as_ref(), w);
    }

    /// Adds what the adapters of the segments change of a map's output, given its input.
    fn adapt(&self, layer: usize, slot: Slot, x: &[f32], out: &mut [f32]) {
        if self.adapters.is_empty() {
            return;
        }
        let (inputs, outputs) = (x.len() / self.rows.max(1), out.len() / self.rows.max(1));
        let mut first = 0;
        for (segment, adapter) in self.segments.iter().zip(self.adapters) {
            let rows = first..first + segment.rows;
            first = rows.end;
            if let Some(adapter) = adapter {
                let x = &x[rows.start * inputs..rows.end * inputs];
                adapter.add(layer, slot, x, &mut out[rows.start * outputs..rows.end * outputs]);
            }
        }
    }

    /// x += addend, or its norm.
    fn add_to_residual(&self, norm: Option<&Norm>, w: &mut Workspace) {
        let len = self.rows * self.model.config.hidden_size;
        let (hidden, mut addend) = (&mut w.hidden[..len], &w.addend[..len]);
        if let Some(norm) = norm {
            self.norm(addend, norm, &mut w.normed[..len]);
            addend = &w.normed[..len];
        }
        let c = self.model.config.hidden_size;
        by_rows(hidden, c, |row, x| add(x, &addend[row * c..][..c]));
    }

    /// Puts the norms of the rows that were asked for to the front of the workspace's `normed`;
    /// says how many they are.
    fn final_states(&self, batch: &[Input<'_>], w: &mut Workspace) -> usize {
        let c = self.model.config.hidden_size;
        let mut wanted = Vec::new();
        let mut first = 0;
        for input in batch {
            let rows = first..first + input.tokens.len();
            first = rows.end;
            match input.logits {
                LogitRows::None => {}
                LogitRows::Last => wanted.extend(rows.last()),
                LogitRows::Final(n) => {
                    wanted.extend(rows.skip(input.tokens.len().saturating_sub(n)))
                }
                LogitRows::All => wanted.extend(rows),
            }
        }
        // The rows go to the front of a buffer that is free by now.
        let gathered = w.addend.sized(wanted.len() * c);
        for (&row, out) in wanted.iter().zip(gathered.chunks_exact_mut(c)) {
            out.copy_from_slice(&w.hidden[row * c..][..c]);
        }
        let normed = w.normed.sized(wanted.len() * c);
        self.norm(gathered, &self.model.weights.output_norm, normed);
        if let Some(squares) = &mut w.squares {
            squares.add_output(normed);
        }
        wanted.len()
    }

    /// The logits of the first `rows` of `normed`.
    fn logits<'w>(&self, rows: usize, w: &'w mut Workspace) -> &'w [f32] {
        let config = &self.model.config;
        let (c, v) = (config.hidden_size, config.vocab_size);
        let logits = w.logits.sized(rows * v);
        let mut x = w.rows.rows(&w.normed[..rows * c], c, self.activations);
        self.model.weights.output.multiply(&mut x, logits);
        if let Some(c) = config.logit_cap {
            by_rows(logits, v, |_, logits| cap(logits, c));
        }
        logits
    }

    fn norm(&self, x: &[f32], norm: &Norm, out: &mut [f32]) {
        let (c, eps) = (norm.weight.len(), self.model.config.norm_eps);
        by_rows(out, c, |row, out| norm.row(&x[row * c..][..c], eps, out));
    }
}

fn observe(squares: &mut Option<InputSquares>, layer: usize, input: LayerInput, x: &[f32]) {
    if let Some(squares) = squares {
        squares.add(layer, input, x);
    }
}

/// The maps of the same rows, as one piece of work for all threads.
fn project<const N: usize>(x: &mut Rows<'_>, outputs: [(&Projection, &mut [f32]); N]) {
    let biases = outputs.each_ref().map(|(projection, _)| projection.bias.as_ref());
    let mut products = outputs.map(|(projection, out)| (&projection.weight, out));
    multiply_all(x, products.each_mut().map(|(weight, out)| (*weight, &mut **out)));
    for (bias, (_, out)) in biases.into_iter().zip(products) {
        if let Some(bias) = bias {
            by_rows(out, bias.len(), |_, out| add(out, bias));
        }
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// Calls `f` with the number and the numbers of each row, on all threads if that is worth while.
fn by_rows(rows: &mut [f32], width: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    if rows.len() < PARALLEL {
        rows.chunks_exact_mut(width).enumerate().for_each(|(row, x)| f(row, x));
    } else {
        let parts = (4 * rayon::current_num_threads()).max(1);
        let count = (rows.len() / width).div_ceil(parts);
        rows.par_chunks_mut(width * count).enumerate().for_each(|(part, rows)| {
            for (row, x) in rows.chunks_exact_mut(width).enumerate() {
                f(part * count + row, x);
            }
        });
    }
}
