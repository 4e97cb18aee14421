use std::fmt;
use std::path::PathBuf;

use ulp_optim::OptimError;

/// What can be wrong with a file, a configuration or a run that this crate is given.
///
/// Each variant carries the facts (file, field, offset, sizes), so that a caller can act on them
/// and a person can find the byte in question. Shape mistakes in calling code are not here: they
/// panic and name both shapes.
#[derive(Debug)]
#[non_exhaustive]
pub enum NnError {
    /// The operating system could not read or write a path.
    Io {
        /// The path as it was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file ends before something that its header promises.
    Truncated {
        /// The file's name.
        file: String,
        /// What was to be read.
        field: String,
        /// Where in the file it starts, in bytes.
        offset: u64,
        /// How many bytes it takes.
        needed: u64,
        /// How many bytes the file has from `offset` on.
        available: u64,
    },
    /// A file, or a part of it, is not JSON.
    Json {
        /// The file's name.
        file: String,
        /// Where the JSON text starts in the file, in bytes.
        offset: u64,
        /// What the parser said, with line and column counted from `offset`.
        source: serde_json::Error,
    },
    /// A field that has no safe default is absent.
    MissingField {
        /// The file's name.
        file: String,
        /// The field's path.
        field: String,
    },
    /// A field holds a value of another type.
    WrongType {
        /// The file's name.
        file: String,
        /// The field's path.
        field: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A field's value breaks a rule of the format or of arithmetic.
    InvalidValue {
        /// The file's name.
        file: String,
        /// The field's path.
        field: String,
        /// The value as text.
        value: String,
        /// The rule.
        rule: &'static str,
    },
    /// A field's value is legal, but asks for something that is not built here.
    Unsupported {
        /// The file's name.
        file: String,
        /// The field's path.
        field: String,
        /// The value as text.
        value: String,
    },
    /// A tensor that the model needs is not in the file.
    MissingTensor {
        /// The file's name.
        file: String,
        /// The tensor's name.
        name: String,
    },
    /// The file holds a tensor that the model has no place for.
    UnexpectedTensor {
        /// The file's name.
        file: String,
        /// The tensor's name.
        name: String,
    },
    /// A tensor has another shape than the model needs.
    TensorShape {
        /// The file's name.
        file: String,
        /// The tensor's name.
        name: String,
        /// The shape that the model needs.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The optimizer refused a step or hyperparameters.
    Optim(OptimError),
    /// The optimizer refused a state, or hyperparameters, that a file holds.
    SavedState {
        /// The file's name.
        file: String,
        /// What the optimizer found.
        source: OptimError,
    },
    /// The loss of a training step is infinite or not a number.
    LossNotFinite {
        /// The step, counted from zero.
        step: u64,
        /// The loss.
        loss: f64,
    },
    /// The training data holds fewer tokens than one sequence and its target need.
    DatasetTooShort {
        /// Tokens needed.
        needed: usize,
        /// Tokens there are.
        available: usize,
    },
    /// The training data holds a token id that the model has no embedding for.
    TokenOutOfRange {
        /// Where in the data.
        position: usize,
        /// The id.
        id: u32,
        /// The model's vocabulary size.
        vocab_size: usize,
    },
}

impl fmt::Display for NnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Truncated { file, field, offset, needed, available } => write!(
                f,
                "{file}: {field} at byte {offset} takes {needed} bytes, but {available} are there"
            ),
            Self::Json { file, offset, source } => {
                write!(f, "{file}: the text from byte {offset} on is not valid: {source}")
            }
            Self::MissingField { file, field } => write!(f, "{file}: {field} is missing"),
            Self::WrongType { file, field, expected } => {
                write!(f, "{file}: {field} should be {expected}")
            }
            Self::InvalidValue { file, field, value, rule } => {
                write!(f, "{file}: {field} is {value}, but {rule}")
            }
            Self::Unsupported { file, field, value } => {
                write!(f, "{file}: {field} = {value} is not supported")
            }
            Self::MissingTensor { file, name } => write!(f, "{file}: tensor {name} is missing"),
            Self::UnexpectedTensor { file, name } => {
                write!(f, "{file}: the model has no place for tensor {name}")
            }
            Self::TensorShape { file, name, expected, found } => {
                write!(f, "{file}: tensor {name} has shape {found:?}, the model needs {expected:?}")
            }
            Self::Optim(error) => error.fmt(f),
            Self::SavedState { file, source } => write!(f, "{file}: {source}"),
            Self::LossNotFinite { step, loss } => write!(f, "the loss at step {step} is {loss}"),
            Self::DatasetTooShort { needed, available } => {
                write!(f, "the data holds {available} tokens, at least {needed} are needed")
            }
            Self::TokenOutOfRange { position, id, vocab_size } => write!(
                f,
                "token {position} of the data has id {id}, the model knows ids below {vocab_size}"
            ),
        }
    }
}

impl std::error::Error for NnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Json { source, .. } => Some(source),
            Self::Optim(error) | Self::SavedState { source: error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<OptimError> for NnError {
    fn from(error: OptimError) -> Self {
        Self::Optim(error)
    }
}
