//! Model directories in Hugging Face's form: `config.json` and safetensors files.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use ulp_nn::{Dtype, LlamaConfig, NnError, SafeTensorsHeader};

use crate::bytes::Bytes;
use crate::error::InferError;
use crate::quant::{Format, Matrix, TensorType, UnsupportedType};

const CONFIG: &str = "config.json";
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A model directory: its configuration, and its tensors left where they lie in mapped files.
///
/// The weights are in `model.safetensors`, or in shards that `model.safetensors.index.json` names.
/// A shard's name must be a plain file name: an index cannot lead out of its directory.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::HfDirectory;
///
/// let model = HfDirectory::open("TinyLlama-1.1B")?;
/// let width = model.llama_config()?.hidden_size;
/// let query = model.matrix("model.layers.0.self_attn.q_proj.weight", width, width)?;
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug)]
pub struct HfDirectory {
    path: PathBuf,
    config: Map<String, Value>,
    config_name: &'static str,
    shards: Vec<Shard>,
    /// The shard that holds each tensor.
    places: HashMap<String, usize>,
}

/// One mapped safetensors file.
#[derive(Debug)]
struct Shard {
    bytes: Bytes,
    header: SafeTensorsHeader,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    /// Tensor name to file name.
    weight_map: BTreeMap<String, String>,
}

impl HfDirectory {
    /// Reads `config.json` and the headers of the safetensors files, which are mapped.
    ///
    /// # Errors
    ///
    /// [`InferError::Io`] when a file cannot be read, [`InferError::Files`] when one is not what
    /// its format asks for, [`InferError::MissingTensor`] when a shard lacks a tensor that the
    /// index puts there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferError> {
        HfDirectory::open_files(path.as_ref(), CONFIG, SINGLE)
    }

    /// The same with the two files under these names.
    pub(crate) fn open_files(
        path: &Path,
        config_name: &'static str,
        single: &str,
    ) -> Result<Self, InferError> {
        let path = path.to_path_buf();
        let config_path = path.join(config_name);
        let config = object(&read(&config_path)?, &config_path.display().to_string())?;
        let mut directory =
            HfDirectory { path, config, config_name, shards: Vec::new(), places: HashMap::new() };
        let index = directory.path.join(INDEX);
        if single == SINGLE && index.exists() {
            directory.open_sharded(&index)?;
        } else {
            let shard = directory.open_shard(single)?;
            for tensor in directory.shards[shard].header.tensors() {
                directory.places.insert(tensor.name().to_string(), shard);
            }
        }
        Ok(directory)
    }

    fn open_sharded(&mut self, index: &Path) -> Result<(), InferError> {
        let file = index.display().to_string();
        let Index { weight_map } = serde_json::from_slice(&read(index)?)
            .map_err(|source| NnError::Json { file: file.clone(), offset: 0, source })?;
        let mut opened = BTreeMap::new();
        for (tensor, name) in weight_map {
            if !is_plain_file_name(&name) {
                return Err(NnError::InvalidValue {
                    file,
                    field: format!("weight_map.{tensor}"),
                    value: name,
                    rule: "a shard lies in the directory of its index",
                }
                .into());
            }
            let shard = match opened.get(&name) {
                Some(&shard) => shard,
                None => {
                    let shard = self.open_shard(&name)?;
                    opened.insert(name, shard);
                    shard
                }
            };
            let header = &self.shards[shard].header;
            if header.tensor(&tensor).is_none() {
                return Err(InferError::MissingTensor { file: header.file().to_string(), tensor });
            }
            self.places.insert(tensor, shard);
        }
        Ok(())
    }

    fn open_shard(&mut self, name: &str) -> Result<usize, InferError> {
        let path = self.path.join(name);
        let bytes = Bytes::map(&path)?;
        let header = SafeTensorsHeader::parse(&bytes, &path.display().to_string())?;
        self.shards.push(Shard { bytes, header });
        Ok(self.shards.len() - 1)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The fields of `config.json`.
    pub fn config(&self) -> &Map<String, Value> {
        &self.config
    }

    /// Where [`config`](HfDirectory::config) was read, for errors.
    pub(crate) fn config_file(&self) -> String {
        self.path.join(self.config_name).display().to_string()
    }

    /// The configuration of a Llama-shaped model, as `ulp-nn` trains them.
    ///
    /// # Errors
    ///
    /// [`InferError::Files`] if it is of another shape.
    pub fn llama_config(&self) -> Result<LlamaConfig, InferError> {
        let bytes = Value::Object(self.config.clone()).to_string();
        Ok(LlamaConfig::parse(bytes.as_bytes(), &self.config_file())?)
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.places.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The shape of a tensor, outermost dimension first.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        let shard = &self.shards[*self.places.get(name)?];
        shard.header.tensor(name).map(|tensor| tensor.shape())
    }

    /// The type of a tensor.
    ///
    /// # Errors
    ///
    /// [`InferError::MissingTensor`], [`InferError::UnsupportedTensorType`].
    pub fn tensor_type(&self, name: &str) -> Result<TensorType, InferError> {
        let shape = self.shape(name).unwrap_or_default().to_vec();
        Ok(self.stored(name, &shape)?.0)
    }

    /// The type that most elements of the directory's weights have.
    ///
    /// # Errors
    ///
    /// [`InferError::UnsupportedTensorType`].
    pub fn weight_type(&self) -> Result<TensorType, InferError> {
        let mut elements = BTreeMap::<TensorType, usize>::new();
        for name in self.names() {
            let count: usize = self.shape(name).unwrap_or_default().iter().product();
            *elements.entry(self.tensor_type(name)?).or_default() += count;
        }
        Ok(elements.into_iter().max_by_key(|(_, n)| *n).map_or(TensorType::F32, |(ty, _)| ty))
    }

    /// The weight `name`, which must have `rows` outputs and `cols` inputs; its bytes are not
    /// copied.
    ///
    /// # Errors
    ///
    /// [`InferError::MissingTensor`], [`InferError::ShapeMismatch`],
    /// [`InferError::UnsupportedTensorType`].
    pub fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, InferError> {
        let (ty, data) = self.stored(name, &[rows, cols])?;
        Matrix::new(rows, cols, ty, data).map_err(|e| e.named(&self.file(name), name))
    }

    /// The vector `name` of `len` elements (a norm's weight, a bias), as f32.
    ///
    /// # Errors
    ///
    /// See [`HfDirectory::matrix`].
    pub fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, InferError> {
        let (ty, data) = self.stored(name, &[len])?;
        let matrix = Matrix::new(1, len, ty, data).map_err(|e| e.named(&self.file(name), name))?;
        Ok(matrix.row(0))
    }

    /// All elements of the tensor `name`, whatever its shape, as f32.
    pub(crate) fn values(&self, name: &str) -> Result<Vec<f32>, InferError> {
        let shape = self.shape(name).unwrap_or_default().to_vec();
        let (ty, data) = self.stored(name, &shape)?;
        let mut values = vec![0.0; shape.iter().product()];
        let format = Format::of(ty).ok_or(UnsupportedType(ty));
        format.map_err(|e| e.named(&self.file(name), name))?.dequantize_blocks(&data, &mut values);
        Ok(values)
    }

    /// The type and bytes of a tensor that must have this shape.
    pub(crate) fn stored(
        &self,
        name: &str,
        expected: &[usize],
    ) -> Result<(TensorType, Bytes), InferError> {
        let place = self.places.get(name).map(|&shard| &self.shards[shard]);
        let Some((shard, tensor)) = place.and_then(|s| Some((s, s.header.tensor(name)?))) else {
            return Err(InferError::MissingTensor {
                file: self.file(name),
                tensor: name.to_string(),
            });
        };
        if tensor.shape() != expected {
            return Err(InferError::ShapeMismatch {
                file: self.file(name),
                tensor: name.to_string(),
                expected: expected.to_vec(),
                found: tensor.shape().to_vec(),
            });
        }
        let ty = match tensor.dtype() {
            Dtype::F32 => TensorType::F32,
            Dtype::F16 => TensorType::F16,
            Dtype::Bf16 => TensorType::BF16,
            other => {
                return Err(InferError::UnsupportedTensorType {
                    file: self.file(name),
                    tensor: name.to_string(),
                    ty: other.name().to_string(),
                });
            }
        };
        Ok((ty, shard.bytes.slice(tensor.range())))
    }

    /// The file that holds a tensor; the directory where none does.
    fn file(&self, name: &str) -> String {
        match self.places.get(name) {
            Some(&shard) => self.shards[shard].header.file().to_string(),
            None => self.path.display().to_string(),
        }
    }
}

/// The fields of a JSON object.
fn object(bytes: &[u8], file: &str) -> Result<Map<String, Value>, InferError> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => {
            let (file, field) = (file.to_string(), "the whole text".to_string());
            Err(NnError::WrongType { file, field, expected: "an object" }.into())
        }
        Err(source) => Err(NnError::Json { file: file.to_string(), offset: 0, source }.into()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, InferError> {
    std::fs::read(path).map_err(|e| InferError::io(path, e))
}

/// True for a name that cannot lead out of its directory.
fn is_plain_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(_)), None))
        && !name.contains(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_names_stay_in_the_directory() {
        assert!(is_plain_file_name("model-00001-of-00002.safetensors"));
        for name in ["", ".", "..", "/etc/passwd", "../x", "a/b", "a/../../b", "a\\b", "./a"] {
            assert!(!is_plain_file_name(name), "{name:?}");
        }
    }
}
