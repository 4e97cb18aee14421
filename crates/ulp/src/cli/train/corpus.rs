//! The text as tokens, and its fingerprint: a resumed run must see the text it began with, or it
//! would not end where the uninterrupted one does.

use super::read_if_there;
use crate::cli::flags::read_text;
use crate::error::CliError;
use serde_json::{Value as Json, json};
use std::path::Path;
use ulp_infer::{ByteBpeTrainer, EncodeOptions, Tokenizer};
use ulp_nn::{TokenDataset, replace_file};

const FILE: &str = "data.json";

/// The mark of a learned vocabulary that stands before each document.
const END_OF_TEXT: &str = "<|endoftext|>";

pub(super) struct Corpus {
    tokens: TokenDataset,
    /// The name of the text, for messages.
    text: String,
}

impl Corpus {
    pub(super) fn read(
        path: &Path,
        separator: &str,
        tokenizer: &Tokenizer,
    ) -> Result<Corpus, CliError> {
        let text = read_text(path)?;
        let documents = documents(&text, separator).map(|text| document(text, tokenizer));
        let tokens = TokenDataset::from_documents(documents);
        Ok(Corpus { tokens, text: path.display().to_string() })
    }

    pub(super) fn tokens(&self) -> &TokenDataset {
        &self.tokens
    }

    /// Writes down what the run is trained on.
    pub(super) fn save_fingerprint(&self, directory: &Path) -> Result<(), CliError> {
        let text = format!("{:#}\n", self.fingerprint());
        replace_file(&directory.join(FILE), |out| out.write_all(text.as_bytes()))?;
        Ok(())
    }

    /// Refuses another text than the run began with.
    pub(super) fn check_same(&self, directory: &Path) -> Result<(), CliError> {
        let path = directory.join(FILE);
        let Some(bytes) = read_if_there(&path)? else {
            return Ok(()); // a run begun by a program of one's own
        };
        match serde_json::from_slice::<Json>(&bytes) {
            Ok(before) if before == self.fingerprint() => Ok(()),
            _ => {
                let problem = format!("{} is not the text of {}", self.text, path.display());
                Err(CliError::usage("--text", problem))
            }
        }
    }

    fn fingerprint(&self) -> Json {
        json!({
            "tokens": self.tokens.tokens().len(),
            "documents": self.tokens.document_count(),
            "fnv1a64": format!("{:016x}", fnv1a(self.tokens.tokens())),
        })
    }
}

/// The documents of a text, without the line ends around separators.
fn documents<'t>(text: &'t str, separator: &str) -> impl Iterator<Item = &'t str> {
    let pieces: Vec<&str> = match separator {
        "" => vec![text],
        mark if text.contains(mark) => text.split(mark).map(str::trim).collect(),
        _ => vec![text],
    };
    pieces.into_iter().filter(|document| !document.is_empty())
}

/// A document's tokens, with what begins a sequence before them and what ends it behind. Where
/// one token does both, it stands once: the next document's ends this one.
fn document(text: &str, tokenizer: &Tokenizer) -> Vec<u32> {
    let mut ids: Vec<u32> = tokenizer.bos_id().into_iter().collect();
    ids.extend(tokenizer.encode(text, EncodeOptions::TEXT));
    ids.extend(tokenizer.eos_id().filter(|_| tokenizer.eos_id() != tokenizer.bos_id()));
    ids
}

/// A byte-level vocabulary learned from the text's documents.
pub(super) fn learn_tokenizer(
    path: &Path,
    separator: &str,
    vocab_size: usize,
) -> Result<Tokenizer, CliError> {
    let text = read_text(path)?;
    let trainer = ByteBpeTrainer::new(vocab_size).specials(&[END_OF_TEXT]);
    let tokenizer = trainer.train(documents(&text, separator))?;
    let mark = tokenizer.token_id(END_OF_TEXT);
    Ok(tokenizer.with_bos_eos(mark, mark, true))
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
    use super::{documents, fnv1a};

    #[test]
    fn documents_between_separators() {
        let split = |text| documents(text, "<|x|>").collect::<Vec<_>>();
        assert_eq!(split("a\n<|x|>\n b <|x|>\n"), ["a", "b"]);
        assert_eq!(split("no separator\n"), ["no separator\n"]);
        assert!(split("").is_empty());
    }

    /// The published test vector of the empty input, and of the bytes "a\0\0\0" by hand.
    #[test]
    fn fingerprints() {
        assert_eq!(fnv1a(&[]), 0xcbf29ce484222325);
        assert_ne!(fnv1a(&[1, 2]), fnv1a(&[2, 1]));
    }
}
