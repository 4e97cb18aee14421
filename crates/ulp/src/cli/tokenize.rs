//! `ulp tokenize`: text to token ids, and back.

use super::flags::{ModelSource, TextFlags, check_ids, parse_ids, read_text};
use crate::embedded;
use crate::error::CliError;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use ulp_infer::{EncodeOptions, Tokenizer};

const EXAMPLES: &str = "\
Examples:
  ulp tokenize -m model.gguf -p \"Hello, world\"
  ulp tokenize -m tokenizer.json -f text.txt --ids > ids.txt
  ulp tokenize -m tokenizer.model --decode -f ids.txt

Each line is a token: its id and its text as the vocabulary writes it. Without -p and -f the input
is standard input. Ids may stand between spaces, commas or brackets.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    /// A GGUF file, a Hugging Face directory, a tokenizer.json or a SentencePiece tokenizer.model
    /// [default: the model inside this program]
    #[arg(short, long, value_name = "PATH")]
    model: Option<PathBuf>,

    #[command(flatten)]
    text: TextFlags,

    /// The input is token ids, the output text
    #[arg(long, conflicts_with_all = ["no_special", "parse_special", "ids"])]
    decode: bool,

    /// Do not begin with the special tokens that the model expects (BOS)
    #[arg(long, visible_alias = "no-bos")]
    no_special: bool,

    /// Read special tokens in the text (<|im_start|>) as these tokens
    #[arg(long)]
    parse_special: bool,

    /// Print the ids only, on one line
    #[arg(long, conflicts_with = "json")]
    ids: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What it means.
pub(super) struct Tokenize {
    tokenizer: Tokenizer,
    input: String,
    task: Task,
    json: bool,
}

enum Task {
    Encode { options: EncodeOptions, ids_only: bool },
    Decode,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Tokenize, CliError> {
        let tokenizer = load_tokenizer(self.model.as_deref())?;
        let input = self.text.or_standard_input()?;
        let options =
            EncodeOptions { add_special: !self.no_special, parse_special: self.parse_special };
        let task = match self.decode {
            true => Task::Decode,
            false => Task::Encode { options, ids_only: self.ids },
        };
        Ok(Tokenize { tokenizer, input, task, json: self.json })
    }
}

/// A tokenizer from any file that holds one.
pub(super) fn load_tokenizer(path: Option<&Path>) -> Result<Tokenizer, CliError> {
    let Some(path) = path else {
        return Ok(Tokenizer::from_gguf(&embedded::gguf()?)?);
    };
    let extension = path.extension().and_then(|e| e.to_str());
    match extension {
        Some("json") => {
            let bytes = read_text(path)?.into_bytes();
            Ok(Tokenizer::from_tokenizer_json(&bytes, &path.display().to_string())?)
        }
        Some("model") => {
            let bytes = std::fs::read(path).map_err(|source| CliError::io(path, source))?;
            Ok(Tokenizer::from_sentencepiece(&bytes, &path.display().to_string())?)
        }
        _ => Ok(ModelSource::open(path)?.tokenizer()?),
    }
}

impl Tokenize {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        match self.task {
            Task::Encode { options, ids_only } => {
                let ids = self.tokenizer.encode(&self.input, options);
                match (ids_only, self.json) {
                    (true, _) => print_ids(&ids, out),
                    (_, true) => self.print_json(&ids, &self.input, out),
                    _ => self.print_pieces(&ids, out),
                }
            }
            Task::Decode => {
                let ids = parse_ids(&self.input, "the ids")?;
                check_ids(&ids, self.tokenizer.vocab_size())?;
                let text = self.tokenizer.decode_with_special(&ids);
                match self.json {
                    true => self.print_json(&ids, &text, out),
                    false => Ok(writeln!(out, "{text}")?),
                }
            }
        }
    }

    fn piece(&self, id: u32) -> &str {
        self.tokenizer.token_text(id).unwrap_or("")
    }

    fn print_pieces(&self, ids: &[u32], out: &mut impl Write) -> Result<(), CliError> {
        for &id in ids {
            writeln!(out, "{id:>7}  {}", self.piece(id).escape_debug())?;
        }
        Ok(())
    }

    fn print_json(&self, ids: &[u32], text: &str, out: &mut impl Write) -> Result<(), CliError> {
        let pieces: Vec<&str> = ids.iter().map(|&id| self.piece(id)).collect();
        writeln!(out, "{}", json!({ "text": text, "ids": ids, "pieces": pieces }))?;
        Ok(())
    }
}

fn print_ids(ids: &[u32], out: &mut impl Write) -> Result<(), CliError> {
    let words: Vec<String> = ids.iter().map(u32::to_string).collect();
    Ok(writeln!(out, "{}", words.join(" "))?)
}
