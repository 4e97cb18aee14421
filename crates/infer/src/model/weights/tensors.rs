//! Where tensors come from.

use crate::bytes::Bytes;
use crate::error::InferError;
use crate::gguf::Gguf;
use crate::hf::HfDirectory;
use crate::quant::TensorType;

/// A file or directory of tensors.
pub(super) trait Tensors {
    /// The file, for errors.
    fn file(&self) -> String;
    /// The names of all tensors.
    fn names(&self) -> Vec<String>;
    /// The type and bytes of a tensor that must have this shape.
    fn stored(&self, name: &str, shape: &[usize]) -> Result<(TensorType, Bytes), InferError>;
}

impl Tensors for Gguf {
    fn file(&self) -> String {
        Gguf::file(self).to_string()
    }

    fn names(&self) -> Vec<String> {
        self.tensors().iter().map(|tensor| tensor.name.clone()).collect()
    }

    fn stored(&self, name: &str, shape: &[usize]) -> Result<(TensorType, Bytes), InferError> {
        Gguf::stored(self, name, shape)
    }
}

impl Tensors for HfDirectory {
    fn file(&self) -> String {
        self.path().display().to_string()
    }

    fn names(&self) -> Vec<String> {
        HfDirectory::names(self).into_iter().map(str::to_string).collect()
    }

    fn stored(&self, name: &str, shape: &[usize]) -> Result<(TensorType, Bytes), InferError> {
        HfDirectory::stored(self, name, shape)
    }
}
