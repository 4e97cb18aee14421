//! What can go wrong with what came from outside: files, metadata, tensors.

use std::fmt;
use std::path::PathBuf;

use ulp_nn::NnError;

use crate::tokenizer::TokenizerFault;

/// An error caused by outside input: a file that cannot be read, is cut short, contradicts itself
/// or asks for something this crate does not do.
///
/// Every variant carries the facts a reader needs to find the fault: the file, the field (a
/// metadata key or a tensor's name) and, where there is one, the byte offset. Mistakes in calling
/// code (a slice of the wrong length) are panics, not errors.
#[derive(Debug)]
#[non_exhaustive]
pub enum InferError {
    /// The operating system refused to read or write a file.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file ends before the field it announces.
    Truncated {
        /// The file.
        file: String,
        /// The field being read.
        field: String,
        /// Where the field starts, in bytes from the start of the file.
        offset: u64,
        /// Bytes the field needs.
        needed: u64,
        /// Bytes the file still has at `offset`.
        available: u64,
    },
    /// A field holds a value that the format does not allow.
    Invalid {
        /// The file.
        file: String,
        /// The field: a metadata key, a tensor's name or a header field.
        field: String,
        /// Where the field starts, in bytes from the start of the file.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A metadata key that the model needs is absent.
    MissingKey {
        /// The file.
        file: String,
        /// The key.
        key: String,
    },
    /// A metadata key holds a value of another type.
    WrongType {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// The type that was asked for.
        expected: &'static str,
        /// The type that is there.
        found: &'static str,
    },
    /// A tensor that the model needs is absent.
    MissingTensor {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
    },
    /// A tensor is stored in a format that this crate cannot compute with.
    UnsupportedTensorType {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The format's name, or its number where it has no name.
        ty: String,
    },
    /// A tensor's shape is not the one that the model's configuration implies.
    ShapeMismatch {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The shape that the configuration implies, outermost dimension first.
        expected: Vec<usize>,
        /// The shape in the file, outermost dimension first.
        found: Vec<usize>,
    },
    /// The model is of an architecture that this crate does not run.
    UnsupportedArchitecture {
        /// The file.
        file: String,
        /// The architecture, as the file names it.
        architecture: String,
    },
    /// The model's configuration asks for something that this crate does not do.
    UnsupportedFeature {
        /// The file.
        file: String,
        /// The metadata key or configuration field.
        key: String,
        /// Its value.
        value: String,
    },
    /// A number in the model's configuration is out of its range or contradicts another.
    InvalidConfig {
        /// The file.
        file: String,
        /// The metadata key or configuration field.
        key: String,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The file holds a tensor that the model does not use: to ignore it would be to compute
    /// something else than the model.
    UnexpectedTensor {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
    },
    /// A token id that the model's vocabulary does not have.
    TokenOutOfRange {
        /// The id.
        token: u32,
        /// Its place in the input.
        index: usize,
        /// The size of the vocabulary.
        vocabulary: usize,
    },
    /// More tokens than the context has room for.
    ContextFull {
        /// Positions that are needed.
        needed: usize,
        /// Positions that the context has.
        context: usize,
    },
    /// A sequence of a model with LongRoPE grows past the context of the short factors, with which
    /// its keys are turned: it has to be computed again from its beginning, in a sequence with the
    /// long ones.
    ShortFactorsEnd {
        /// Positions that are needed.
        needed: usize,
        /// The longest sequence of the short factors.
        context: usize,
    },
    /// A request without a single token to start from.
    EmptyPrompt,
    /// The model gave a logit that is not a number, or infinite.
    NonFiniteLogit {
        /// The token whose logit it is.
        token: u32,
    },
    /// The model gave a state that is not a number, or infinite.
    NonFiniteState {
        /// The element of the state.
        element: usize,
    },
    /// A weight that is not a number, or infinite, where the format to write cannot hold it.
    NonFiniteWeight {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The first such element, counted over the whole tensor.
        element: usize,
        /// What it is.
        value: f32,
    },
    /// A grammar that is none, or in which no text can go on.
    InvalidGrammar {
        /// What llguidance or the reader of JSON said, in a line.
        reason: String,
    },
    /// A grammar that is larger, or would become larger, than grammars may be.
    GrammarTooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The operating system gave no thread to compile a grammar on.
    NoThread {
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A grammar, and this program was built without the feature `grammar`.
    NoGrammars,
    /// An adapter that was made for a model of another shape.
    OtherModelsAdapter,
    /// A sampling parameter is out of its range.
    InvalidSampling {
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// A chat template is not a template, or failed.
    Template {
        /// The line of the template, from 1, where it is known.
        line: Option<usize>,
        /// What the template engine said.
        source: Box<minijinja::Error>,
    },
    /// A chat template refused the conversation by `raise_exception`.
    TemplateRefused {
        /// The template's own words.
        message: String,
    },
    /// A Hugging Face directory's configuration or safetensors file is wrong.
    Files(Box<NnError>),
    /// A tokenizer's file is wrong or asks for something this crate does not do.
    Tokenizer {
        /// The file.
        file: String,
        /// The field, with the index of the element for a list.
        field: String,
        /// What is wrong with it.
        fault: TokenizerFault,
    },
}

impl InferError {
    /// The same with places counted from the beginning of all ids, not of those from `first` on.
    pub(crate) fn shifted(self, first: usize) -> Self {
        match self {
            InferError::TokenOutOfRange { token, index, vocabulary } => {
                InferError::TokenOutOfRange { token, index: first + index, vocabulary }
            }
            other => other,
        }
    }

    /// Wraps an operating-system error with the path it belongs to.
    pub(crate) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        InferError::Io { path: path.into(), source }
    }
}

impl fmt::Display for InferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InferError::Files(source) => source.fmt(f),
            InferError::Tokenizer { file, field, fault } => write!(f, "{file}: {field}: {fault}"),
            InferError::Io { path, source } => write!(f, "{}: {source}", path.display()),
            InferError::Truncated { file, field, offset, needed, available } => write!(
                f,
                "{file}: {field} at byte {offset} needs {needed} bytes, the file has {available}"
            ),
            InferError::Invalid { file, field, offset, what } => {
                write!(f, "{file}: {field} at byte {offset}: {what}")
            }
            InferError::MissingKey { file, key } => write!(f, "{file}: no metadata key {key}"),
            InferError::WrongType { file, key, expected, found } => {
                write!(f, "{file}: {key} is {found}, expected {expected}")
            }
            InferError::MissingTensor { file, tensor } => write!(f, "{file}: no tensor {tensor}"),
            InferError::UnsupportedTensorType { file, tensor, ty } => {
                write!(f, "{file}: tensor {tensor} has the unsupported type {ty}")
            }
            InferError::ShapeMismatch { file, tensor, expected, found } => write!(
                f,
                "{file}: tensor {tensor} has shape {found:?}, the configuration implies {expected:?}"
            ),
            InferError::UnsupportedArchitecture { file, architecture } => {
                write!(f, "{file}: the architecture {architecture:?} is not supported")
            }
            InferError::UnsupportedFeature { file, key, value } => {
                write!(f, "{file}: {key} = {value} is not supported")
            }
            InferError::InvalidConfig { file, key, value, expected } => {
                write!(f, "{file}: {key} = {value}, expected {expected}")
            }
            InferError::UnexpectedTensor { file, tensor } => {
                write!(f, "{file}: the model has no use for tensor {tensor}")
            }
            InferError::TokenOutOfRange { token, index, vocabulary } => write!(
                f,
                "token id {token} at index {index} is not in the vocabulary of {vocabulary}"
            ),
            InferError::ContextFull { needed, context } => {
                write!(f, "{needed} positions are needed, the context has {context}")
            }
            InferError::ShortFactorsEnd { needed, context } => {
                write!(
                    f,
                    "{needed} positions are needed, the short rotary factors end at {context}"
                )
            }
            InferError::EmptyPrompt => f.write_str("the prompt holds no token"),
            InferError::NonFiniteLogit { token } => {
                write!(f, "the model's logit of token {token} is not finite")
            }
            InferError::NonFiniteState { element } => {
                write!(f, "element {element} of the model's state is not finite")
            }
            InferError::NonFiniteWeight { file, tensor, element, value } => {
                write!(f, "{file}: tensor {tensor}: element {element} is {value}, not finite")
            }
            InferError::InvalidGrammar { reason } => write!(f, "the grammar: {reason}"),
            InferError::GrammarTooLarge { what, found, limit } => {
                write!(f, "the grammar has {found} {what}, the limit is {limit}")
            }
            InferError::NoThread { source } => {
                write!(f, "no thread to compile the grammar on: {source}")
            }
            InferError::NoGrammars => {
                f.write_str("a grammar, and the program was built without the feature `grammar`")
            }
            InferError::OtherModelsAdapter => {
                f.write_str("the adapter was loaded for a model of another shape")
            }
            InferError::InvalidSampling { parameter, value, expected } => {
                write!(f, "{parameter} = {value}, expected {expected}")
            }
            InferError::Template { line: Some(line), source } => {
                write!(f, "chat template, line {line}: {source}")
            }
            InferError::Template { line: None, source } => write!(f, "chat template: {source}"),
            InferError::TemplateRefused { message } => {
                write!(f, "the chat template refuses the conversation: {message}")
            }
        }
    }
}

impl std::error::Error for InferError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            InferError::Io { source, .. } => Some(source),
            InferError::Files(source) => source.source(),
            InferError::Tokenizer { fault, .. } => Some(fault),
            InferError::Template { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<NnError> for InferError {
    fn from(source: NnError) -> Self {
        InferError::Files(Box::new(source))
    }
}
