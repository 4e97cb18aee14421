//! A Llama's weights to and from safetensors files and Hugging Face directories.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, ArrayViewD};

use super::Llama;
use crate::config::LlamaConfig;
use crate::error::NnError;
use crate::init::ParameterSpec;
use crate::module::{ArrayX, Module};
use crate::replace_file;
use crate::safetensors::{Dtype, SafeTensors, SafeTensorsWriter, TensorView};

const CONFIG_FILE: &str = "config.json";
const WEIGHTS_FILE: &str = "model.safetensors";
const INDEX_FILE: &str = "model.safetensors.index.json";

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

/// An element type whose arrays go to files and come back with the same bits.
pub trait StoredFloat: Float {
    /// The numbers of a tensor in a file.
    ///
    /// # Errors
    ///
    /// [`NnError::Unsupported`] for integers and booleans.
    fn read(tensor: TensorView<'_>) -> Result<ArrayD<Self>, NnError>;

    /// Adds an array to a file, unrounded.
    ///
    /// # Panics
    ///
    /// If the name was added before.
    fn write<'a>(writer: &mut SafeTensorsWriter<'a>, name: &str, values: ArrayViewD<'a, Self>);
}

impl StoredFloat for f32 {
    fn read(tensor: TensorView<'_>) -> Result<ArrayD<f32>, NnError> {
        tensor.to_f32()
    }

    fn write<'a>(writer: &mut SafeTensorsWriter<'a>, name: &str, values: ArrayViewD<'a, f32>) {
        writer.array(name, Dtype::F32, values);
    }
}

impl StoredFloat for f64 {
    fn read(tensor: TensorView<'_>) -> Result<ArrayD<f64>, NnError> {
        tensor.to_f64()
    }

    fn write<'a>(writer: &mut SafeTensorsWriter<'a>, name: &str, values: ArrayViewD<'a, f64>) {
        writer.array_f64(name, values);
    }
}

impl<T: StoredFloat> Llama<ArrayX<T>> {
    /// The model whose weights `file` holds under transformers' names.
    ///
    /// What old checkpoints carry beside the weights is allowed: `rotary_emb.inv_freq` buffers,
    /// and with a tied head an `lm_head.weight` that repeats the embedding.
    ///
    /// # Errors
    ///
    /// [`NnError::MissingTensor`], [`NnError::UnexpectedTensor`], [`NnError::TensorShape`] and
    /// [`NnError::Unsupported`] (integers), each naming the tensor; [`NnError::InvalidValue`] if
    /// the configuration breaks a rule or the head differs from the embedding it is tied to.
    pub fn from_safetensors(config: LlamaConfig, file: &SafeTensors<'_>) -> Result<Self, NnError> {
        from_shards(config, std::slice::from_ref(file), file.header().file())
    }

    /// The bytes of a safetensors file: names as transformers has them, order of declaration,
    /// every bit kept.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.writer().write_to(&mut bytes).expect("writing to memory cannot fail");
        bytes
    }

    /// Reads a model directory as transformers writes it: `config.json` and `model.safetensors`,
    /// or the files that `model.safetensors.index.json` names.
    ///
    /// # Errors
    ///
    /// [`NnError::Io`]; what is wrong with a file, as [`LlamaConfig::parse`],
    /// [`SafeTensors::parse`] and [`Llama::from_safetensors`].
    pub fn load_dir(directory: &Path) -> Result<Self, NnError> {
        let config = read_config(directory)?;
        let (files, origin) = if directory.join(WEIGHTS_FILE).exists() {
            (vec![WEIGHTS_FILE.to_owned()], WEIGHTS_FILE)
        } else if directory.join(INDEX_FILE).exists() {
            (shard_files(directory)?, INDEX_FILE)
        } else {
            // The error of the file that a directory without either is most likely to lack.
            (vec![WEIGHTS_FILE.to_owned()], WEIGHTS_FILE)
        };
        let contents =
            files.iter().map(|name| read(&directory.join(name))).collect::<Result<Vec<_>, _>>()?;
        let shards = files
            .iter()
            .zip(&contents)
            .map(|(name, bytes)| SafeTensors::parse(bytes, &shown(directory, name)))
            .collect::<Result<Vec<_>, _>>()?;
        from_shards(config, &shards, &shown(directory, origin))
    }

    /// Writes `config.json` and `model.safetensors` to a directory that exists. Each file is
    /// written beside its name first, so that neither is ever half there.
    ///
    /// # Errors
    ///
    /// [`NnError::Io`].
    pub fn save_dir(&self, directory: &Path) -> Result<(), NnError> {
        self.writer().write_file(&directory.join(WEIGHTS_FILE))?;
        let text = self.config.to_json();
        replace_file(&directory.join(CONFIG_FILE), |out| out.write_all(text.as_bytes()))
    }

    fn writer(&self) -> SafeTensorsWriter<'_> {
        let mut writer = SafeTensorsWriter::new();
        writer.metadata("format", "pt");
        self.visit(|path, p| T::write(&mut writer, path, p.view()));
        writer
    }
}

fn from_shards<T: StoredFloat>(
    config: LlamaConfig,
    shards: &[SafeTensors<'_>],
    origin: &str,
) -> Result<Llama<ArrayX<T>>, NnError> {
    config.validate(CONFIG_FILE)?;
    // A configuration may claim a model that no memory holds; the plan's own size is bounded by
    // the number of tensors that the files have.
    let layers = config.num_hidden_layers;
    let tensors: usize = shards.iter().map(|shard| shard.header().tensors().len()).sum();
    if layers > tensors {
        let name = format!("model.layers.{tensors}.self_attn.q_proj.weight");
        return Err(NnError::MissingTensor { file: origin.to_owned(), name });
    }
    // It also has a frequency for each pair of a head's coordinates.
    let query = [config.query_width(), config.hidden_size];
    held_tensor(shards, origin, "model.layers.0.self_attn.q_proj.weight", &query)?;
    let plan = Llama::spec(config);
    refuse_extra(&plan, shards)?;
    plan.try_map(|path, spec| read_parameter(shards, origin, path, &spec.shape))
}

fn read_parameter<T: StoredFloat>(
    shards: &[SafeTensors<'_>],
    origin: &str,
    path: &str,
    expected: &[usize],
) -> Result<ArrayX<T>, NnError> {
    Ok(T::read(held_tensor(shards, origin, path, expected)?)?.into_shared())
}

/// The tensor of that name, in whichever file it is, of the shape that the model needs.
fn held_tensor<'s>(
    shards: &'s [SafeTensors<'_>],
    origin: &str,
    path: &str,
    expected: &[usize],
) -> Result<TensorView<'s>, NnError> {
    let missing = || NnError::MissingTensor { file: origin.to_owned(), name: path.to_owned() };
    let held = shards.iter().find_map(|shard| Some((shard, shard.tensor(path)?)));
    let (shard, tensor) = held.ok_or_else(missing)?;
    if tensor.shape() != expected {
        return Err(NnError::TensorShape {
            file: shard.header().file().to_owned(),
            name: path.to_owned(),
            expected: expected.to_vec(),
            found: tensor.shape().to_vec(),
        });
    }
    Ok(tensor)
}

/// Refuses tensors that the model has no place for: loading them silently would turn a wrong
/// configuration (a bias switched off, a layer too few) into wrong answers.
fn refuse_extra(plan: &Llama<ParameterSpec>, shards: &[SafeTensors<'_>]) -> Result<(), NnError> {
    let mut known = BTreeSet::new();
    plan.visit(|path, _| {
        known.insert(path.to_owned());
    });
    for shard in shards {
        for tensor in shard.tensors() {
            let name = tensor.name();
            if known.contains(name) || name.ends_with("rotary_emb.inv_freq") {
                continue;
            }
            let file = shard.header().file().to_owned();
            if name != HEAD {
                return Err(NnError::UnexpectedTensor { file, name: name.to_owned() });
            }
            let embedding = shards.iter().find_map(|shard| shard.tensor(EMBEDDING));
            let same = |e: TensorView<'_>| e.dtype() == tensor.dtype() && e.data() == tensor.data();
            if !embedding.is_some_and(same) {
                return Err(NnError::InvalidValue {
                    file,
                    field: HEAD.to_owned(),
                    value: format!("other numbers than {EMBEDDING}"),
                    rule: "tie_word_embeddings in config.json says they are one matrix",
                });
            }
        }
    }
    Ok(())
}

fn read_config(directory: &Path) -> Result<LlamaConfig, NnError> {
    LlamaConfig::parse(&read(&directory.join(CONFIG_FILE))?, &shown(directory, CONFIG_FILE))
}

/// The files that the index names, each once, in alphabetical order.
fn shard_files(directory: &Path) -> Result<Vec<String>, NnError> {
    let file = shown(directory, INDEX_FILE);
    let index: Index = parse_index(&read(&directory.join(INDEX_FILE))?, &file)?;
    Ok(index.into_values().collect::<BTreeSet<_>>().into_iter().collect())
}

/// Tensor names and the files that hold them.
type Index = BTreeMap<String, String>;

fn parse_index(bytes: &[u8], file: &str) -> Result<Index, NnError> {
    let json = |source| NnError::Json { file: file.to_owned(), offset: 0, source };
    let value: Value = serde_json::from_slice(bytes).map_err(json)?;
    let wrong = |field: &str, expected| NnError::WrongType {
        file: file.to_owned(),
        field: field.to_owned(),
        expected,
    };
    let map = value.get("weight_map").ok_or_else(|| NnError::MissingField {
        file: file.to_owned(),
        field: "weight_map".to_owned(),
    })?;
    let map = map.as_object().ok_or_else(|| wrong("weight_map", "an object"))?;
    let mut index = Index::new();
    for (tensor, shard) in map {
        let field = || format!("weight_map.{tensor}");
        let shard = shard.as_str().ok_or_else(|| wrong(&field(), "a file name"))?;
        let bare = Path::new(shard).file_name().is_some_and(|name| name == shard);
        if !bare {
            return Err(NnError::InvalidValue {
                file: file.to_owned(),
                field: field(),
                value: shard.to_owned(),
                rule: "weights lie in the model's own directory",
            });
        }
        index.insert(tensor.clone(), shard.to_owned());
    }
    Ok(index)
}

fn read(path: &Path) -> Result<Vec<u8>, NnError> {
    std::fs::read(path).map_err(|source| NnError::Io { path: path.to_owned(), source })
}

/// A file's name in errors.
fn shown(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_cannot_reach_out_of_its_directory() {
        for name in ["../secret", "/etc/passwd", "a/b.safetensors", "..", ""] {
            let text = format!(r#"{{"weight_map": {{"w": "{name}"}}}}"#);
            let error = parse_index(text.as_bytes(), "index.json").unwrap_err();
            assert!(
                matches!(&error, NnError::InvalidValue { field, .. } if field == "weight_map.w"),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn an_index_says_what_is_wrong_with_it() {
        let parse = |text: &str| parse_index(text.as_bytes(), "index.json").unwrap_err();
        assert!(matches!(parse("{"), NnError::Json { .. }));
        assert!(matches!(parse("[]"), NnError::MissingField { .. }));
        assert!(matches!(parse(r#"{"weight_map": 3}"#), NnError::WrongType { .. }));
        assert!(matches!(parse(r#"{"weight_map": {"w": 3}}"#), NnError::WrongType { .. }));
    }
}
