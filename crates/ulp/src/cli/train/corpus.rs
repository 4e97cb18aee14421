//! The text as tokens, and what a run's directory says of it: a resumed run must see the text it
//! began with, or it would not end where the uninterrupted one does.

use crate::cli::flags::read_text;
use crate::error::CliError;
use serde_json::{Value as Json, json};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use ulp_infer::{ByteBpeTrainer, EncodeOptions, InferError, Tokenizer, TokenizerFault};
use ulp_nn::{NnError, TokenDataset, replace_file};

/// The file of a run's directory that says what the run is trained on.
const FILE: &str = "data.json";

/// The mark of a learned vocabulary that stands before each document.
const END_OF_TEXT: &str = "<|endoftext|>";

/// A text and how it falls into documents.
pub(super) struct Text {
    path: PathBuf,
    separator: String,
    text: String,
}

impl Text {
    pub(super) fn read(path: &Path, separator: &str) -> Result<Text, CliError> {
        let text = read_text(path)?;
        Ok(Text { path: path.to_path_buf(), separator: separator.to_string(), text })
    }

    /// The documents, without the line ends around separators.
    fn documents(&self) -> Vec<&str> {
        let pieces: Vec<&str> = match self.separator.as_str() {
            "" => vec![&self.text],
            mark if self.text.contains(mark) => self.text.split(mark).map(str::trim).collect(),
            _ => vec![&self.text],
        };
        pieces.into_iter().filter(|document| !document.is_empty()).collect()
    }

    /// A byte-level vocabulary learned from the documents.
    pub(super) fn learn_tokenizer(&self, vocab_size: usize) -> Result<Tokenizer, CliError> {
        let trainer = ByteBpeTrainer::new(vocab_size).specials(&[END_OF_TEXT]);
        let tokenizer = trainer.train(self.documents()).map_err(|error| match error {
            InferError::Tokenizer {
                fault: fault @ TokenizerFault::VocabularyTooSmall { .. },
                ..
            } => CliError::usage("--vocab-size", fault.to_string()),
            error => error.into(),
        })?;
        let mark = tokenizer.token_id(END_OF_TEXT);
        Ok(tokenizer.with_bos_eos(mark, mark, true))
    }

    pub(super) fn tokens(&self, tokenizer: &Tokenizer) -> TokenDataset {
        let documents = self.documents().into_iter().map(|text| document(text, tokenizer));
        TokenDataset::from_documents(documents)
    }

    /// Writes into a run's directory what it is trained on.
    pub(super) fn save(&self, tokens: &TokenDataset, directory: &Path) -> Result<(), CliError> {
        let json = json!({
            "text": self.path.display().to_string(),
            "separator": self.separator,
            "fingerprint": fingerprint(tokens),
        });
        let text = format!("{json:#}\n");
        replace_file(&directory.join(FILE), |out| out.write_all(text.as_bytes()))?;
        Ok(())
    }
}

/// What a run's directory says of the text.
pub(super) struct Saved {
    file: PathBuf,
    json: Json,
}

impl Saved {
    pub(super) fn read(directory: &Path) -> Result<Saved, CliError> {
        let file = directory.join(FILE);
        let json = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| NnError::Json {
                file: file.display().to_string(),
                offset: 0,
                source,
            })?,
            // A run begun by a program of one's own: only the user knows the text.
            Err(error) if error.kind() == ErrorKind::NotFound => Json::Null,
            Err(source) => return Err(CliError::io(file, source)),
        };
        Ok(Saved { file, json })
    }

    /// The text again, from `elsewhere` if it has moved.
    pub(super) fn text(&self, elsewhere: Option<&Path>) -> Result<Text, CliError> {
        let recorded = self.json.get("text").and_then(Json::as_str).filter(|text| *text != "-");
        let recorded = recorded.map(Path::new);
        let Some(path) = elsewhere.or(recorded) else {
            let problem = format!("needed, {} does not name it", self.file.display());
            return Err(CliError::usage("--text", problem));
        };
        let separator = self.json.get("separator").and_then(Json::as_str).unwrap_or(END_OF_TEXT);
        Text::read(path, separator).map_err(|error| match (elsewhere, error) {
            (None, CliError::Io { path, source }) if source.kind() == ErrorKind::NotFound => {
                let path = path.display();
                CliError::usage("--text", format!("needed, {path} is no longer there"))
            }
            (_, error) => error,
        })
    }

    /// Refuses another text than the run began with.
    pub(super) fn check(&self, text: &Text, tokens: &TokenDataset) -> Result<(), CliError> {
        match self.json.get("fingerprint") {
            Some(before) if *before != fingerprint(tokens) => {
                let (text, file) = (text.path.display(), self.file.display());
                let problem = format!("{text} is not the text that the run began with ({file})");
                Err(CliError::usage("--text", problem))
            }
            _ => Ok(()),
        }
    }
}

/// A document's tokens, with what begins a sequence before them and what ends it behind. Where
/// one token does both, it stands once: the next document's ends this one.
fn document(text: &str, tokenizer: &Tokenizer) -> Vec<u32> {
    let mut ids: Vec<u32> = tokenizer.bos_id().into_iter().collect();
    ids.extend(tokenizer.encode(text, EncodeOptions::TEXT));
    ids.extend(tokenizer.eos_id().filter(|_| tokenizer.eos_id() != tokenizer.bos_id()));
    ids
}

fn fingerprint(tokens: &TokenDataset) -> Json {
    json!({
        "tokens": tokens.tokens().len(),
        "documents": tokens.document_count(),
        "fnv1a64": format!("{:016x}", fnv1a(tokens.tokens())),
    })
}

/// Fowler, Noll and Vo's hash, variant 1a with 64 bits, over the ids as little-endian bytes
/// (<http://www.isthe.com/chongo/tech/comp/fnv/>): it finds another text, not an attacker.
fn fnv1a(ids: &[u32]) -> u64 {
    ids.iter().flat_map(|id| id.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::{Text, fnv1a};

    #[test]
    fn documents_between_separators() {
        let split = |text: &str| {
            let text = Text { path: "".into(), separator: "<|x|>".into(), text: text.into() };
            text.documents().into_iter().map(str::to_string).collect::<Vec<_>>()
        };
        assert_eq!(split("a\n<|x|>\n b <|x|>\n"), ["a", "b"]);
        assert_eq!(split("no separator\n"), ["no separator\n"]);
        assert!(split("").is_empty());
    }

    /// The hash of no bytes is the published offset basis.
    #[test]
    fn fingerprints() {
        assert_eq!(fnv1a(&[]), 0xcbf29ce484222325);
        assert_ne!(fnv1a(&[1, 2]), fnv1a(&[2, 1]));
    }
}
