//! Tokens, as ids or as text to be tokenized.

use super::read_text;
use crate::error::CliError;
use clap::Args;
use std::path::Path;
use ulp_infer::{EncodeOptions, InferError, Tokenizer};

/// As typed.
#[derive(Args)]
pub(in crate::cli) struct IdFlags {
    /// Token ids instead of text: 1,2,3 or a file of them; `-` is standard input
    #[arg(long, value_name = "LIST|FILE", conflicts_with_all = ["prompt", "file"])]
    pub(in crate::cli) ids: Option<String>,

    /// Do not begin with the special tokens that the model expects (BOS)
    #[arg(long, visible_alias = "no-bos", conflicts_with = "ids")]
    no_special: bool,

    /// Read special tokens in the text (<|im_start|>) as plain text
    #[arg(long, conflicts_with = "ids")]
    no_parse_special: bool,
}

impl IdFlags {
    /// The ids that were given as such.
    pub(in crate::cli) fn given(&self) -> Result<Option<Vec<u32>>, CliError> {
        let Some(typed) = &self.ids else { return Ok(None) };
        match is_list(typed) {
            true => parse_ids(typed, "--ids").map(Some),
            false => parse_ids(&read_text(Path::new(typed))?, typed).map(Some),
        }
    }

    /// The file that is read, if it is one.
    pub(in crate::cli) fn path(&self) -> Option<&Path> {
        self.ids.as_deref().filter(|typed| *typed != "-" && !is_list(typed)).map(Path::new)
    }

    /// The ids of a text.
    pub(in crate::cli) fn encode(&self, text: &str, tokenizer: &Tokenizer) -> Vec<u32> {
        let options =
            EncodeOptions { add_special: !self.no_special, parse_special: !self.no_parse_special };
        let ids = tokenizer.encode(text, options);
        match (ids.as_slice(), tokenizer.bos_id()) {
            // The text begins with the mark itself: once is enough.
            ([first, second, ..], Some(bos))
                if tokenizer.adds_bos() && !self.no_special && *first == bos && *second == bos =>
            {
                ids[1..].to_vec()
            }
            _ => ids,
        }
    }
}

/// No file has an empty name: like an empty text, it is a list of none.
fn is_list(typed: &str) -> bool {
    typed.chars().all(|c| c.is_ascii_digit() || separates(c))
}

fn separates(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | '[' | ']')
}

/// Token ids in text, separated by commas, white space, or JSON's brackets.
pub(in crate::cli) fn parse_ids(text: &str, file: &str) -> Result<Vec<u32>, CliError> {
    let mut ids = Vec::new();
    let mut offset = 0;
    for word in text.split(separates) {
        if !word.is_empty() {
            let id = word.parse().map_err(|_| CliError::Input {
                file: file.to_string(),
                offset,
                expected: "a token id",
            })?;
            ids.push(id);
        }
        let rest = &text[offset + word.len()..];
        offset += word.len() + rest.chars().next().map_or(0, char::len_utf8);
    }
    Ok(ids)
}

/// Refuses ids that a vocabulary does not have.
pub(in crate::cli) fn check_ids(ids: &[u32], vocabulary: usize) -> Result<(), InferError> {
    match ids.iter().position(|&id| id as usize >= vocabulary) {
        None => Ok(()),
        Some(index) => Err(InferError::TokenOutOfRange { token: ids[index], index, vocabulary }),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_ids;
    use crate::error::CliError;

    #[test]
    fn ids_in_any_punctuation() {
        assert_eq!(parse_ids("[1, 2,3]\n4", "x").unwrap(), [1, 2, 3, 4]);
        assert!(parse_ids("  ", "x").unwrap().is_empty());
        for (text, at) in [("1, x", 3), ("1 -2", 2), ("5000000000", 0), ("é", 0), ("1\u{a0}y", 3)]
        {
            match parse_ids(text, "x") {
                Err(CliError::Input { offset, .. }) => assert_eq!(offset, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
