//! Tensors under GGUF's names, in GGUF's order of rows.

use std::borrow::Cow;

use crate::error::InferError;
use crate::gguf::GgufWriter;
use crate::hf::HfDirectory;
use crate::model::{Architecture, GGUF_NAMES, ModelConfig, Names, NormKind, RowOrder};
use crate::quant::{TensorType, quantize};

/// A model on its way.
pub(super) struct Exported<'a> {
    pub(super) directory: &'a HfDirectory,
    pub(super) architecture: &'static Architecture,
    pub(super) config: &'a ModelConfig,
    /// Of matrices.
    pub(super) ty: TensorType,
}

/// The place of a tensor in the file.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    name: String,
    /// Learned positions.
    is_positions: bool,
    is_in_layer: bool,
    order: RowOrder,
}

type Name = fn(&Names) -> &'static str;

/// Tensors outside the layers.
const WHOLE: [Name; 3] =
    [|names| names.embedding, |names| names.positions, |names| names.output_norm];

/// Tensors of a layer.
const LAYER: [Name; 15] = [
    |names| names.attention_norm,
    |names| names.query,
    |names| names.key,
    |names| names.value,
    |names| names.query_key_value,
    |names| names.query_norm,
    |names| names.key_norm,
    |names| names.attention_output,
    |names| names.post_attention_norm,
    |names| names.feed_forward_norm,
    |names| names.gate,
    |names| names.up,
    |names| names.gate_up,
    |names| names.down,
    |names| names.post_feed_forward_norm,
];

/// GGUF's name of the tensor that Hugging Face calls `stem`.
fn renamed(list: &[Name], names: &Names, stem: &str) -> Option<&'static str> {
    list.iter().find(|name| name(names) == stem).map(|name| name(&GGUF_NAMES))
}

impl Exported<'_> {
    /// Adds every tensor of the model, whose directory has been found complete.
    ///
    /// # Errors
    ///
    /// Those of reading and of quantizing.
    pub(super) fn write(&self, writer: &mut GgufWriter<'_>) -> Result<(), InferError> {
        let prefix = self.architecture.names.prefix(&self.directory.names());
        for name in self.directory.names() {
            let Some(place) = self.place(name, prefix) else { continue };
            let shape = self.directory.shape(name).unwrap_or_default();
            let values = self.directory.values(name)?;
            let (shape, values) = self.arranged(&place, shape, &values, name.ends_with("weight"));
            let ty = self.stored_type(&place, &shape);
            let stored = quantize(ty, &values)
                .map_err(|e| e.named(&self.directory.path().display().to_string(), name))?;
            writer.tensor(&place.name, &shape, ty, stored);
        }
        Ok(())
    }

    /// The place of a tensor; none for what the model does not read.
    fn place(&self, name: &str, prefix: &str) -> Option<Place> {
        let names = self.architecture.names;
        let (stem, kind) = name.rsplit_once('.')?;
        let place = |ours: String| Place {
            name: format!("{ours}.{kind}"),
            is_positions: ours == GGUF_NAMES.positions,
            is_in_layer: ours.starts_with(GGUF_NAMES.layer),
            order: RowOrder::Stored,
        };
        if !matches!(kind, "weight" | "bias") || names.is_ignored(name) {
            return None;
        }
        if stem == names.output || stem.strip_prefix("language_model.") == Some(names.output) {
            // A tied model may hold its embedding twice.
            return (!self.config.tied).then(|| place(GGUF_NAMES.output.to_string()));
        }
        let stem = stem.strip_prefix(prefix)?;
        if let Some(ours) = renamed(&WHOLE, names, stem) {
            return Some(place(ours.to_string()));
        }
        let (layer, part) = stem.strip_prefix(names.layer)?.strip_prefix('.')?.split_once('.')?;
        let ours = renamed(&LAYER, names, part)?;
        let turns = part == names.query || part == names.key;
        let neighbours_turn = self.architecture.unsaid.neighbours_turn && turns;
        let order = RowOrder::of_gguf(self.config, neighbours_turn);
        Some(Place { order, ..place(format!("{}.{layer}.{ours}", GGUF_NAMES.layer)) })
    }

    /// A tensor's shape and values as GGUF has them.
    fn arranged<'v>(
        &self,
        place: &Place,
        shape: &[usize],
        values: &'v [f32],
        is_weight: bool,
    ) -> (Vec<usize>, Cow<'v, [f32]>) {
        match (shape, place.order) {
            (&[rows, columns], _) if place.is_in_layer && self.architecture.names.transposed => {
                let transposed = (0..columns).flat_map(|c| (0..rows).map(move |r| r * columns + c));
                (vec![columns, rows], transposed.map(|i| values[i]).collect())
            }
            (&[rows, ..], RowOrder::Neighbours { .. }) => {
                let width = values.len() / rows;
                let row = |stored| &values[place.order.row(stored) * width..][..width];
                (shape.to_vec(), (0..rows).flat_map(row).copied().collect())
            }
            // A gain, which GGUF has as it is and not as a difference from 1.
            (&[_], _) if is_weight && self.config.norm == NormKind::RmsFromOne => {
                (shape.to_vec(), values.iter().map(|w| w + 1.0).collect())
            }
            _ => (shape.to_vec(), values.into()),
        }
    }

    /// Vectors and positions stay f32; a matrix whose rows do not fill blocks becomes F16.
    fn stored_type(&self, place: &Place, shape: &[usize]) -> TensorType {
        match shape {
            _ if place.is_positions => TensorType::F32,
            [_, columns] if columns.is_multiple_of(self.ty.block_elements()) => self.ty,
            [_, _] => TensorType::F16,
            _ => TensorType::F32,
        }
    }
}
