//! How much each input of a matrix matters.

use std::collections::BTreeMap;
use std::path::Path;

use super::dat;
use crate::bytes::Bytes;
use crate::error::InferError;
use crate::gguf::{Gguf, GgufWriter};
use crate::quant::{TensorType, quantize};

/// The mean square of each input of each matrix over a text: with it, the error of a product is
/// Σ importance · (error of the weight)² on average, which is what quantizers then make small.
///
/// Files are GGUF in llama.cpp's form: for each matrix a tensor `NAME.in_sum2`, the sums of
/// squares, and `NAME.counts`, how many rows were summed. Its older form is read, too.
/// [`ImportanceCollector`](super::ImportanceCollector) makes them from a model and a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Importance {
    pub(super) matrices: BTreeMap<String, Sums>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sums {
    /// `[cols]`
    squares: Vec<f32>,
    count: f32,
    /// squares / count, what quantizers ask for.
    mean: Vec<f32>,
}

impl Importance {
    /// Nothing known.
    pub fn new() -> Self {
        Importance::default()
    }

    /// Adds the inputs of a matrix: `squares` sums over `count` rows.
    ///
    /// # Panics
    ///
    /// When the matrix had other inputs before.
    #[track_caller]
    pub fn add(&mut self, matrix: &str, squares: &[f64], count: usize) {
        let width = squares.len();
        let zero = || Sums { squares: vec![0.0; width], count: 0.0, mean: vec![0.0; width] };
        let sums = self.matrices.entry(matrix.to_string()).or_insert_with(zero);
        assert_eq!(sums.squares.len(), width, "{matrix}: other inputs than before");
        sums.count += count as f32;
        let all = sums.squares.iter_mut().zip(&mut sums.mean);
        for ((sum, mean), square) in all.zip(squares) {
            *sum += *square as f32;
            *mean = *sum / sums.count.max(1.0);
        }
    }

    /// The matrices that something is known of.
    pub fn matrices(&self) -> impl ExactSizeIterator<Item = &str> {
        self.matrices.keys().map(String::as_str)
    }

    /// The number of inputs that a matrix had where something is known of it. Where a model has
    /// another, the importance is that of another model, and [`of`](Importance::of) gives nothing.
    pub fn inputs(&self, matrix: &str) -> Option<usize> {
        self.matrices.get(matrix).map(|sums| sums.mean.len())
    }

    /// The importance of the inputs of a matrix with this many, where it is known: positive
    /// numbers, since an input that was never seen may come yet.
    pub fn of(&self, matrix: &str, inputs: usize) -> Option<&[f32]> {
        let sums = self.matrices.get(matrix).filter(|sums| sums.mean.len() == inputs)?;
        let usable = sums.count > 0.0
            && sums.mean.iter().all(|x| x.is_finite() && *x >= 0.0)
            && sums.mean.iter().any(|x| *x > 0.0);
        usable.then_some(&sums.mean)
    }

    /// Reads a file of either form.
    ///
    /// # Errors
    ///
    /// Those of [`Gguf::open`] and [`Importance::from_gguf`]; [`InferError::Truncated`] and
    /// [`InferError::Invalid`] for one of the older form.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferError> {
        let bytes = Bytes::map(path.as_ref())?;
        let file = path.as_ref().display().to_string();
        match bytes.starts_with(b"GGUF") {
            true => Importance::from_gguf(&Gguf::parse(bytes, &file)?),
            false => dat::read(&bytes, &file),
        }
    }

    /// Reads a GGUF file.
    ///
    /// # Errors
    ///
    /// [`InferError::MissingTensor`] where sums lack their count, and those of reading tensors.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, InferError> {
        let mut importance = Importance::new();
        for tensor in gguf.tensors() {
            let Some(matrix) = tensor.name.strip_suffix(".in_sum2") else { continue };
            let squares = gguf.numbers(tensor)?;
            let counts = format!("{matrix}.counts");
            let counts = gguf.tensor(&counts).ok_or_else(|| InferError::MissingTensor {
                file: gguf.file().to_string(),
                tensor: counts.clone(),
            })?;
            let count = gguf.numbers(counts)?.first().copied().unwrap_or(0.0);
            let squares: Vec<f64> = squares.into_iter().map(f64::from).collect();
            importance.add(matrix, &squares, count.max(0.0) as usize);
        }
        Ok(importance)
    }

    /// A file; `text` is what the inputs were seen on.
    pub fn to_gguf(&self, text: &str, chunks: usize, chunk_size: usize) -> GgufWriter<'static> {
        let mut writer = GgufWriter::new();
        writer.set("general.type", "imatrix");
        writer.set("imatrix.datasets", [text].into_iter().collect::<crate::gguf::Array>());
        writer.set("imatrix.chunk_count", chunks as u32);
        writer.set("imatrix.chunk_size", chunk_size as u32);
        let stored = |x: &[f32]| quantize(TensorType::F32, x).expect("F32 is written");
        for (name, sums) in &self.matrices {
            let width = sums.squares.len();
            let squares = stored(&sums.squares);
            writer.tensor(&format!("{name}.in_sum2"), &[1, width], TensorType::F32, squares);
            let count = stored(&[sums.count]);
            writer.tensor(&format!("{name}.counts"), &[1, 1], TensorType::F32, count);
        }
        writer
    }
}
