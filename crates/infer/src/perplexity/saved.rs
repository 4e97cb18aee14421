//! Distributions in a file, so that a large reference model has to run once only.

use std::io::{self, Write};
use std::path::Path;

use ulp_nn::{Dtype, NnError, SafeTensorsHeader, replace_file};

use super::{Distributions, Windows};
use crate::bytes::Bytes;
use crate::error::InferError;

const IDS: &str = "ids";
const LOGPROBS: &str = "logprobs";

/// A safetensors file with a text's windows and a model's distributions over them: `ids`
/// `[windows, context]` in U32, `logprobs` `[windows, scored, V]` in F32.
///
/// The numbers are kept as they are: a model compared with its own file has a divergence of exactly 0.
/// They take 4·V bytes a scored token, for V = 32,000 and windows of 512 tokens 33 MB a window.
#[derive(Debug)]
pub struct SavedDistributions {
    file: String,
    bytes: Bytes,
    ids: Tensor<2>,
    logprobs: Tensor<3>,
}

/// Where a tensor of `N` dimensions stands in the file.
#[derive(Debug)]
struct Tensor<const N: usize> {
    shape: [usize; N],
    offset: usize,
}

impl SavedDistributions {
    /// Writes the distributions of all windows, which `each` computes one after the other. The file
    /// is written beside `path` and renamed.
    ///
    /// # Errors
    ///
    /// What `each` returns, and [`InferError::Io`]; `path` is as it was then.
    ///
    /// # Panics
    ///
    /// If `each` returns distributions over another vocabulary than `vocabulary`.
    pub fn write(
        path: &Path,
        windows: &Windows<'_>,
        vocabulary: usize,
        mut each: impl FnMut(usize) -> Result<Distributions, InferError>,
    ) -> Result<(), InferError> {
        let mut failed = None;
        let written = replace_file(path, |out| {
            write_header(out, windows, vocabulary)?;
            for index in 0..windows.len() {
                write_all(out, windows.get(index), u32::to_le_bytes)?;
            }
            for index in 0..windows.len() {
                let rows = each(index).map_err(|error| {
                    failed = Some(error);
                    io::Error::other("nothing to write")
                })?;
                assert_eq!(rows.vocabulary(), vocabulary, "distributions of another vocabulary");
                write_all(out, rows.logprobs().iter().copied(), f32::to_le_bytes)?;
            }
            Ok(())
        });
        match (failed, written) {
            (Some(error), _) => Err(error),
            (None, Err(NnError::Io { path, source })) => Err(InferError::Io { path, source }),
            (None, other) => Ok(other?),
        }
    }

    /// Maps a file that [`write`](Self::write) made.
    ///
    /// # Errors
    ///
    /// [`InferError::Io`], [`InferError::Files`] for a file that is not safetensors,
    /// [`InferError::MissingTensor`], [`InferError::UnsupportedTensorType`],
    /// [`InferError::Invalid`] and [`InferError::ShapeMismatch`] for one with other tensors.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferError> {
        let bytes = Bytes::map(path.as_ref())?;
        let header = SafeTensorsHeader::parse(&bytes, &path.as_ref().display().to_string())?;
        let ids = tensor(&header, IDS, Dtype::U32)?;
        let logprobs = tensor::<3>(&header, LOGPROBS, Dtype::F32)?;
        let ([windows, context], [rows, scored, vocabulary]) = (ids.shape, logprobs.shape);
        let expected = [windows, context.saturating_sub(1 + context / 2), vocabulary];
        if context < 4 || [rows, scored, vocabulary] != expected {
            return Err(InferError::ShapeMismatch {
                file: header.file().to_string(),
                tensor: LOGPROBS.to_string(),
                expected: expected.to_vec(),
                found: logprobs.shape.to_vec(),
            });
        }
        Ok(SavedDistributions { file: header.file().to_string(), bytes, ids, logprobs })
    }

    /// The number of windows.
    pub fn len(&self) -> usize {
        self.ids.shape[0]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tokens in a window.
    pub fn context(&self) -> usize {
        self.ids.shape[1]
    }

    /// V.
    pub fn vocabulary(&self) -> usize {
        self.logprobs.shape[2]
    }

    /// The file's name, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The tokens of a window.
    ///
    /// # Panics
    ///
    /// If there is no such window.
    #[track_caller]
    pub fn ids(&self, index: usize) -> Vec<u32> {
        self.numbers(self.ids.offset, index, self.context(), u32::from_le_bytes)
    }

    /// The distributions over a window.
    ///
    /// # Panics
    ///
    /// If there is no such window.
    #[track_caller]
    pub fn get(&self, index: usize) -> Distributions {
        let [_, scored, vocabulary] = self.logprobs.shape;
        let next = self.ids(index).split_off(self.context() - scored);
        let len = scored * vocabulary;
        let logprobs = self.numbers(self.logprobs.offset, index, len, f32::from_le_bytes);
        Distributions::from_parts(next, vocabulary, logprobs)
    }

    #[track_caller]
    fn numbers<T>(
        &self,
        offset: usize,
        index: usize,
        len: usize,
        read: fn([u8; 4]) -> T,
    ) -> Vec<T> {
        assert!(index < self.len(), "window {index} of {}", self.len());
        let bytes = &self.bytes[offset + 4 * len * index..][..4 * len];
        let (words, _) = bytes.as_chunks::<4>();
        words.iter().map(|&word| read(word)).collect()
    }
}

fn tensor<const N: usize>(
    header: &SafeTensorsHeader,
    name: &str,
    dtype: Dtype,
) -> Result<Tensor<N>, InferError> {
    let (file, tensor) = (header.file().to_string(), name.to_string());
    let Some(info) = header.tensor(name) else {
        return Err(InferError::MissingTensor { file, tensor });
    };
    if info.dtype() != dtype {
        let ty = info.dtype().name().to_string();
        return Err(InferError::UnsupportedTensorType { file, tensor, ty });
    }
    match info.shape().try_into() {
        Ok(shape) => Ok(Tensor { shape, offset: info.range().start }),
        Err(_) => Err(InferError::Invalid {
            file,
            field: tensor,
            offset: info.range().start as u64,
            what: "has another number of dimensions than saved distributions",
        }),
    }
}

fn write_header(out: &mut dyn Write, windows: &Windows<'_>, vocabulary: usize) -> io::Result<()> {
    let (count, context, scored) = (windows.len(), windows.context(), windows.scored());
    let ids = 4 * count * context;
    let end = ids + 4 * count * scored * vocabulary;
    let mut header = serde_json::json!({
        IDS: {"dtype": "U32", "shape": [count, context], "data_offsets": [0, ids]},
        LOGPROBS: {"dtype": "F32", "shape": [count, scored, vocabulary], "data_offsets": [ids, end]},
    })
    .to_string();
    // The format wants data to begin at a multiple of 8 bytes.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())
}

fn write_all<T>(
    out: &mut dyn Write,
    numbers: impl IntoIterator<Item = T>,
    bytes: fn(T) -> [u8; 4],
) -> io::Result<()> {
    for number in numbers {
        out.write_all(&bytes(number))?;
    }
    Ok(())
}
