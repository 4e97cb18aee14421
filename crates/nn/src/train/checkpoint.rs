//! A training run as a directory:
//!
//! | file | what |
//! |---|---|
//! | `config.json`, `model.safetensors` | the model, as transformers reads it |
//! | `optimizer.safetensors` | AdamW's state: arrays as they are, scalars as F64 |
//! | `trainer.json` | the training's configuration and the step |

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use ulp_optim::StateDict;
use ulp_tensor::ndarray::arr0;

use super::{Trainer, TrainingConfig};
use crate::json_fields::JsonFields;
use crate::{ArrayX, Dtype, Llama, Module, NnError, SafeTensors, SafeTensorsWriter, replace_file};

const OPTIMIZER_FILE: &str = "optimizer.safetensors";
const TRAINER_FILE: &str = "trainer.json";

/// What a tensor's name in the optimizer's file begins with if it is a scalar.
const SCALAR: &str = "scalar/";
const ARRAY: &str = "array/";

impl Trainer {
    /// Saves the run. The files are written to a new directory beside `directory`, which then
    /// takes its place; files in it that are not of the checkpoint (a tokenizer) move along. A
    /// run that dies on the way leaves a whole checkpoint for [`Trainer::load`].
    ///
    /// # Errors
    ///
    /// [`NnError::Io`].
    pub fn save(&self, directory: &Path) -> Result<(), NnError> {
        let (partial, old) = (beside(directory, ".partial"), beside(directory, ".old"));
        remove(&partial)?;
        let saved = self.save_beside(directory, &partial);
        if saved.is_err() {
            // The failure is the one to tell; what cannot be removed goes with the next save.
            let _ = fs::remove_dir_all(&partial);
        }
        saved?;
        if directory.exists() {
            remove(&old)?;
            io(directory, fs::rename(directory, &old))?;
        }
        io(directory, fs::rename(&partial, directory))?;
        remove(&old)
    }

    /// Writes all that is to stand in `directory` to `partial`.
    fn save_beside(&self, directory: &Path, partial: &Path) -> Result<(), NnError> {
        io(partial, fs::create_dir_all(partial))?;
        self.model.save_dir(partial)?;
        self.save_optimizer(&partial.join(OPTIMIZER_FILE))?;
        let text = format!("{:#}\n", Value::Object(self.to_json()));
        replace_file(&partial.join(TRAINER_FILE), |out| out.write_all(text.as_bytes()))?;
        if directory.exists() { keep_other_files(directory, partial) } else { Ok(()) }
    }

    /// Loads a run that [`Trainer::save`] saved; it continues with the same bits. A save that died
    /// half way is first undone.
    ///
    /// # Errors
    ///
    /// [`NnError::Io`], and what is wrong with a file.
    pub fn load(directory: &Path) -> Result<Self, NnError> {
        // A save that died between its two renames left the checkpoint before it there.
        let old = beside(directory, ".old");
        if !directory.exists() && old.exists() {
            io(directory, fs::rename(&old, directory))?;
        }
        let path = directory.join(TRAINER_FILE);
        let file = path.display().to_string();
        let bytes = io(&path, fs::read(&path))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|source| NnError::Json {
            file: file.clone(),
            offset: 0,
            source,
        })?;
        let object = value.as_object().ok_or_else(|| NnError::WrongType {
            file: file.clone(),
            field: "the whole text".to_owned(),
            expected: "an object",
        })?;
        let fields = JsonFields::new(&file, "", object);
        let config = TrainingConfig::from_json(&fields)?;
        config.validate(&file)?;
        let model = Llama::<ArrayX<f32>>::load_dir(directory)?;
        let mut trainer = Self::from_model(model, config).map_err(|error| in_file(error, &file))?;
        trainer.step = fields.required_count("step")? as u64;
        trainer.load_optimizer(&directory.join(OPTIMIZER_FILE))?;
        Ok(trainer)
    }

    fn to_json(&self) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("step".to_owned(), json!(self.step));
        object.extend(self.config.to_json());
        object
    }

    fn save_optimizer(&self, path: &Path) -> Result<(), NnError> {
        let state = self.optimizer.state_dict();
        let scalars: Vec<_> =
            state.scalars.iter().map(|(name, x)| (name, arr0(*x).into_dyn())).collect();
        let mut writer = SafeTensorsWriter::new();
        writer.metadata("kind", &state.kind);
        for (name, array) in &state.arrays {
            writer.array(&format!("{ARRAY}{name}"), Dtype::F32, array.view());
        }
        for (name, scalar) in &scalars {
            writer.array_f64(&format!("{SCALAR}{name}"), scalar.view());
        }
        writer.write_file(path)
    }

    fn load_optimizer(&mut self, path: &Path) -> Result<(), NnError> {
        let bytes = io(path, fs::read(path))?;
        let name = path.display().to_string();
        let file = SafeTensors::parse(&bytes, &name)?;
        let kind = file.header().metadata().get("kind").ok_or_else(|| NnError::MissingField {
            file: name.clone(),
            field: "__metadata__.kind".to_owned(),
        })?;
        let mut state =
            StateDict { kind: kind.clone(), scalars: BTreeMap::new(), arrays: BTreeMap::new() };
        for tensor in file.tensors() {
            let unexpected =
                || NnError::UnexpectedTensor { file: name.clone(), name: tensor.name().to_owned() };
            if let Some(entry) = tensor.name().strip_prefix(ARRAY) {
                state.arrays.insert(entry.to_owned(), tensor.to_f32()?);
            } else if let Some(entry) = tensor.name().strip_prefix(SCALAR) {
                let value = tensor.to_f64()?;
                let scalar = value.first().filter(|_| value.ndim() == 0);
                state.scalars.insert(entry.to_owned(), *scalar.ok_or_else(unexpected)?);
            } else {
                return Err(unexpected());
            }
        }
        self.check_arrays(&state, &name)?;
        self.check_steps(&state, &name)?;
        let groups = self.optimizer.groups().len();
        let refused = |source| NnError::SavedState { file: name.clone(), source };
        self.optimizer.load_state_dict(state).map_err(refused)?;
        if self.optimizer.groups().len() != groups {
            return Err(NnError::InvalidValue {
                file: name,
                field: "the number of groups".to_owned(),
                value: self.optimizer.groups().len().to_string(),
                rule: "one group decays and one does not",
            });
        }
        Ok(())
    }

    /// A parameter that lost its state would start again from nothing, and the run would quietly
    /// be another one: each has taken as many steps as the trainer.
    fn check_steps(&self, state: &StateDict<f32>, file: &str) -> Result<(), NnError> {
        if self.step == 0 && state.arrays.is_empty() {
            return Ok(());
        }
        for (path, _) in self.model.named_parameters() {
            let name = format!("step/{path}");
            let field = format!("{SCALAR}{name}");
            let Some(step) = state.scalars.get(&name) else {
                return Err(NnError::MissingTensor { file: file.to_owned(), name: field });
            };
            if *step != self.step as f64 {
                return Err(NnError::InvalidValue {
                    file: file.to_owned(),
                    field,
                    value: step.to_string(),
                    rule: "it must be the step in trainer.json",
                });
            }
        }
        Ok(())
    }

    /// State of a parameter that the model lacks, or of another shape, is found now, and not in a
    /// step an hour later.
    fn check_arrays(&self, state: &StateDict<f32>, file: &str) -> Result<(), NnError> {
        let shapes: BTreeMap<String, Vec<usize>> = self
            .model
            .named_parameters()
            .into_iter()
            .map(|(path, p)| (path, p.shape().to_vec()))
            .collect();
        for (entry, array) in &state.arrays {
            let parameter = entry.split_once('/').map_or("", |(_, parameter)| parameter);
            match shapes.get(parameter) {
                None => {
                    let name = format!("{ARRAY}{entry}");
                    return Err(NnError::UnexpectedTensor { file: file.to_owned(), name });
                }
                Some(expected) if expected != array.shape() => {
                    return Err(NnError::TensorShape {
                        file: file.to_owned(),
                        name: format!("{ARRAY}{entry}"),
                        expected: expected.clone(),
                        found: array.shape().to_vec(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// What the optimizer refuses came from this file.
fn in_file(error: NnError, file: &str) -> NnError {
    match error {
        NnError::Optim(source) => NnError::SavedState { file: file.to_owned(), source },
        other => other,
    }
}

fn beside(directory: &Path, suffix: &str) -> PathBuf {
    let mut name = directory.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a directory that an earlier save may have left.
fn remove(directory: &Path) -> Result<(), NnError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => io(directory, Err(error)),
        _ => Ok(()),
    }
}

/// Copies what is in `from` and not in `to`: the old directory stays whole until it is replaced.
fn keep_other_files(from: &Path, to: &Path) -> Result<(), NnError> {
    for entry in io(from, fs::read_dir(from))? {
        let entry = io(from, entry)?;
        let target = to.join(entry.file_name());
        if io(from, entry.file_type())?.is_file() && !target.exists() {
            io(&target, fs::copy(entry.path(), &target))?;
        }
    }
    Ok(())
}

fn io<V>(path: &Path, result: std::io::Result<V>) -> Result<V, NnError> {
    result.map_err(|source| NnError::Io { path: path.to_owned(), source })
}
