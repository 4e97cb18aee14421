//! The four forms of a prompt.

use serde::Deserialize;
use ulp_infer::{EncodeOptions, Tokenizer};

use crate::api::schema::{Schema, TEXT};

const ID: Schema = Schema::Integer { min: 0, max: u32::MAX as i64 };
const IDS: Schema = Schema::List { item: &ID, min: 1, max: usize::MAX };
const TEXTS: Schema = Schema::List { item: &TEXT, min: 1, max: 2048 };
const LISTS_OF_IDS: Schema = Schema::List { item: &IDS, min: 1, max: 2048 };

pub(crate) const PROMPT: Schema = Schema::Either(&[TEXT, TEXTS, IDS, LISTS_OF_IDS]);

/// One or more prompts, as texts or as ids.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Prompt {
    Text(String),
    Texts(Vec<String>),
    Ids(Vec<u32>),
    ListsOfIds(Vec<Vec<u32>>),
}

impl Prompt {
    /// How many prompts there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Prompt::Text(_) | Prompt::Ids(_) => 1,
            Prompt::Texts(list) => list.len(),
            Prompt::ListsOfIds(list) => list.len(),
        }
    }

    /// The prompts, with an empty list left behind.
    pub(crate) fn take(&mut self) -> Prompt {
        std::mem::replace(self, Prompt::Texts(Vec::new()))
    }
}

/// The tokens of each prompt. Ids are taken as they are; a text gets the beginning that the model
/// expects. Names of special tokens in a text are text.
pub(crate) fn ids(tokenizer: &Tokenizer, prompt: Prompt) -> Vec<Vec<u32>> {
    let encode = |text: &String| tokenizer.encode(text, EncodeOptions::PROMPT);
    match prompt {
        Prompt::Text(text) => vec![encode(&text)],
        Prompt::Texts(texts) => texts.iter().map(encode).collect(),
        Prompt::Ids(ids) => vec![ids],
        Prompt::ListsOfIds(lists) => lists,
    }
}
