//! What ends the command with a message.

use fpbits::FpbitsError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use ulp_infer::InferError;
use ulp_nn::NnError;
use ulp_serve::ServeError;

/// Why a subcommand could not finish.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The flags are well-formed one by one, but what they ask for together makes no sense.
    Usage {
        /// The flag or argument.
        argument: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A number or a format on the command line is not one.
    Number {
        /// The text as typed.
        text: String,
        /// What fpbits says about it.
        source: FpbitsError,
    },
    /// The operating system refused to read or write a path.
    Io {
        /// The path.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Standard input holds something else than asked for.
    Input {
        /// Where it was read from.
        file: String,
        /// The byte at which it goes wrong.
        offset: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// A line of a file of test vectors is none.
    Line {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: u64,
        /// The byte of the line at which it goes wrong, counted from 1.
        column: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// Test vectors that are answered otherwise.
    Vectors {
        /// How many were checked.
        checked: u64,
        /// How many of them differ.
        differ: u64,
    },
    /// A tokenizer with tokens that the model has no embedding of.
    Vocabulary {
        /// Where the tokenizer was read.
        tokenizer: String,
        /// How many tokens it has.
        tokens: usize,
        /// The model.
        model: String,
        /// How many tokens it has embeddings of.
        rows: usize,
    },
    /// What a model computed is of no use.
    Model {
        /// The model.
        name: String,
        /// What it computed.
        error: Box<InferError>,
    },
    /// A model, a tokenizer or a request to it.
    Infer(InferError),
    /// Any of these, and what can be done about it.
    Advised {
        /// What went wrong.
        error: Box<CliError>,
        /// What to do.
        advice: String,
    },
    /// A training run or its files.
    Nn(NnError),
    /// A server that cannot start or go on.
    Serve(ServeError),
    /// Standard output is gone or full.
    Output(io::Error),
}

impl CliError {
    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> CliError {
        CliError::Io { path: path.into(), source }
    }

    pub(crate) fn usage(argument: &'static str, problem: impl Into<String>) -> CliError {
        CliError::Usage { argument, problem: problem.into() }
    }

    /// The same with the model's name, where the error is what the model computed.
    pub(crate) fn in_model(self, name: &str) -> CliError {
        match self {
            CliError::Infer(
                error @ (InferError::NonFiniteLogit { .. } | InferError::NonFiniteState { .. }),
            ) => CliError::Model { name: name.to_string(), error: Box::new(error) },
            error => error,
        }
    }

    pub(crate) fn advised(self, advice: impl Into<String>) -> CliError {
        CliError::Advised { error: Box::new(self), advice: advice.into() }
    }

    /// 2 for wrong usage (as clap's own), 1 for everything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            CliError::Usage { .. }
            | CliError::Number { .. }
            | CliError::Serve(ServeError::Option { .. }) => ExitCode::from(2),
            CliError::Advised { error, .. } => error.exit_code(),
            _ => ExitCode::FAILURE,
        }
    }

    /// Whether this only says that nobody reads the output any more (`ulp ... | head`).
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, CliError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::Usage { argument, problem } => write!(f, "{argument}: {problem}"),
            CliError::Number { text, source } => write!(f, "{text}: {source}"),
            CliError::Io { path, source } => write!(f, "{}: {source}", path.display()),
            CliError::Input { file, offset, expected } => {
                write!(f, "{file}: expected {expected} at byte {offset}")
            }
            CliError::Line { file, line, column, expected } => {
                write!(f, "{file}:{line}:{column}: expected {expected}")
            }
            CliError::Vectors { checked, differ } => {
                write!(f, "{differ} of {checked} vectors differ")
            }
            CliError::Vocabulary { tokenizer, tokens, model, rows } => {
                write!(f, "{tokenizer}: the tokenizer has {tokens} tokens, ")?;
                write!(f, "the embedding of {model} has {rows}")
            }
            CliError::Model { name, error } => write!(f, "{name}: {error}"),
            CliError::Infer(error) => error.fmt(f),
            CliError::Advised { error, advice } => write!(f, "{error}; {advice}"),
            CliError::Nn(error) => error.fmt(f),
            CliError::Serve(error) => error.fmt(f),
            CliError::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

impl std::error::Error for CliError {}

/// Everything written goes to standard output, so that its errors need no context.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> CliError {
        CliError::Output(error)
    }
}

impl From<InferError> for CliError {
    fn from(error: InferError) -> CliError {
        CliError::Infer(error)
    }
}

impl From<NnError> for CliError {
    fn from(error: NnError) -> CliError {
        CliError::Nn(error)
    }
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> CliError {
        CliError::Serve(error)
    }
}
