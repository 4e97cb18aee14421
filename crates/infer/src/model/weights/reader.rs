//! Tensors by name, with an account of which were taken.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

use super::Projection;
use super::tensors::Tensors;
use crate::bytes::Bytes;
use crate::error::InferError;
use crate::model::names::Names;
use crate::model::rope::RowOrder;
use crate::quant::{Matrix, TensorType, dequantize};

/// Takes tensors by name and remembers which were taken.
pub(super) struct Reader<'a> {
    tensors: &'a dyn Tensors,
    names: &'a Names,
    /// What stands before every name in this file.
    prefix: &'static str,
    all: HashSet<String>,
    taken: RefCell<HashSet<String>>,
}

/// Rows of a matrix that holds those of others too.
pub(super) struct Rows {
    /// How many rows are stored.
    pub(super) of: usize,
    /// Those that are wanted.
    pub(super) range: Range<usize>,
    /// How those follow each other in the file.
    pub(super) order: RowOrder,
}

impl Rows {
    pub(super) fn all(rows: usize) -> Self {
        Rows { of: rows, range: 0..rows, order: RowOrder::Stored }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(tensors: &'a dyn Tensors, names: &'a Names) -> Self {
        let listed = tensors.names();
        let prefix = names.prefix(&listed.iter().map(String::as_str).collect::<Vec<_>>());
        let all: HashSet<String> = listed.into_iter().collect();
        Reader { tensors, names, prefix, all, taken: RefCell::default() }
    }

    pub(super) fn names(&self) -> &'a Names {
        self.names
    }

    pub(super) fn has(&self, name: &str, kind: &str) -> bool {
        self.all.contains(&self.full(name, kind))
    }

    fn full(&self, name: &str, kind: &str) -> String {
        format!("{}{name}.{kind}", self.prefix)
    }

    /// A matrix of `rows` outputs and `cols` inputs.
    pub(super) fn matrix(
        &self,
        name: &str,
        rows: usize,
        cols: usize,
    ) -> Result<Matrix, InferError> {
        self.rows(self.full(name, "weight"), Rows::all(rows), cols)
    }

    /// The output matrix, whose name has not always the prefix.
    pub(super) fn output(&self, rows: usize, cols: usize) -> Result<Matrix, InferError> {
        self.rows(self.output_name(), Rows::all(rows), cols)
    }

    fn output_name(&self) -> String {
        let plain = format!("{}.weight", self.names.output);
        let nested = format!("language_model.{plain}");
        if self.all.contains(&nested) { nested } else { plain }
    }

    fn rows(&self, name: String, rows: Rows, cols: usize) -> Result<Matrix, InferError> {
        let (ty, data) = self.tensors.stored(&name, &[rows.of, cols])?;
        let row = data.len() / rows.of.max(1);
        let data = data.slice(rows.range.start * row..rows.range.end * row);
        let stored = |row| rows.order.stored(row);
        let matrix = Matrix::reordered(rows.range.len(), cols, ty, data, &stored);
        let matrix = matrix.map_err(|e| e.named(&self.tensors.file(), &name))?;
        self.taken.borrow_mut().insert(name);
        Ok(matrix)
    }

    /// Some columns of a matrix that is stored as `[in, out]`: rows of its transpose, as f32.
    fn columns(&self, name: String, columns: Rows, len: usize) -> Result<Matrix, InferError> {
        let (ty, data) = self.tensors.stored(&name, &[len, columns.of])?;
        let named = |e: crate::quant::UnsupportedType| e.named(&self.tensors.file(), &name);
        let values = dequantize(ty, &data).map_err(named)?;
        let mut bytes = Vec::with_capacity(columns.range.len() * len * size_of::<f32>());
        for index in 0..columns.range.len() {
            let column = columns.range.start + columns.order.stored(index);
            for row in values.chunks_exact(columns.of) {
                bytes.extend(row[column].to_le_bytes());
            }
        }
        let matrix = Matrix::new(columns.range.len(), len, TensorType::F32, Bytes::from(bytes));
        let matrix = matrix.map_err(named)?;
        self.taken.borrow_mut().insert(name);
        Ok(matrix)
    }

    /// The vector `name.kind` of `len` elements, as f32.
    pub(super) fn vector(
        &self,
        name: &str,
        kind: &str,
        len: usize,
    ) -> Result<Vec<f32>, InferError> {
        let name = self.full(name, kind);
        let (ty, data) = self.tensors.stored(&name, &[len])?;
        let values = dequantize(ty, &data).map_err(|e| e.named(&self.tensors.file(), &name))?;
        self.taken.borrow_mut().insert(name);
        Ok(values)
    }

    /// Counts tensors as taken that were read with the configuration, where there are any.
    pub(super) fn take_read(&self, names: &[&str]) {
        self.taken.borrow_mut().extend(names.iter().map(|name| self.full(name, "weight")));
    }

    /// A weight and its bias. A bias that the file has is used; one that the configuration speaks
    /// of must be there. (GGUF has no key for biases: there the tensors alone tell.)
    pub(super) fn projection(
        &self,
        name: &str,
        rows: Rows,
        cols: usize,
        transposed: bool,
        needs_bias: bool,
    ) -> Result<Projection, InferError> {
        let bias = match needs_bias || self.has(name, "bias") {
            true => {
                let stored = &self.vector(name, "bias", rows.of)?[rows.range.clone()];
                Some((0..stored.len()).map(|row| stored[rows.order.stored(row)]).collect())
            }
            false => None,
        };
        let full = self.full(name, "weight");
        let weight = match transposed {
            true => self.columns(full, rows, cols)?,
            false => self.rows(full, rows, cols)?,
        };
        Ok(Projection { weight, bias })
    }

    /// # Errors
    ///
    /// [`InferError::UnexpectedTensor`] naming the first tensor that has no place.
    pub(super) fn expect_all_taken(&self, tied: bool) -> Result<(), InferError> {
        // A tied model may hold its embedding twice; the transformers library does not read it.
        let output = self.output_name();
        let other = |name: &str| {
            self.names.is_ignored(name)
                || (tied && name == output)
                || (self.prefix.contains("language_model") && !name.contains("language_model"))
        };
        let taken = self.taken.borrow();
        let left = self.all.iter().filter(|name| !taken.contains(*name) && !other(name));
        match left.min() {
            None => Ok(()),
            Some(tensor) => {
                let (file, tensor) = (self.tensors.file(), tensor.clone());
                Err(InferError::UnexpectedTensor { file, tensor })
            }
        }
    }
}
