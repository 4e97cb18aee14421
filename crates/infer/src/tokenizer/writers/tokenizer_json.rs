//! A tokenizer as Hugging Face's files.

use std::cmp::Reverse;

use serde_json::{Map, Value, json};

use super::super::decoders::{Decoder, Strip, TextDecoder};
use super::super::fault::TokenizerFault;
use super::super::models::{Alphabet, bpe::SPACE_MARK};
use super::super::normalizers::{Normalizer, SentencePiece};
use super::super::pre_tokenizers::{Behavior, Pattern, PatternText, PreTokenizer, PrependScheme};
use super::super::vocabulary::{Token, TokenKind};
use super::super::{Parts, Tokenizer};
use crate::error::InferError;

impl Tokenizer {
    /// The text of a `tokenizer.json` that Hugging Face's library reads and that gives the same
    /// ids there.
    ///
    /// A SentencePiece vocabulary becomes a list of merges, as Hugging Face's own converter makes
    /// it. Where several merges make the same token, that list prefers one of them and
    /// SentencePiece the leftmost in the text; in trained vocabularies the ids have not been seen
    /// to differ. The decoder of a vocabulary that removes white space takes one space off the
    /// beginning of a text, where SentencePiece takes one off each token before the first that is
    /// more than that.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{EncodeOptions, Tokenizer, train_byte_bpe};
    ///
    /// let tokenizer = train_byte_bpe(["to be, or not to be"], 270, &["<|end|>"])?;
    /// let json = tokenizer.to_tokenizer_json()?;
    /// let again = Tokenizer::from_tokenizer_json(json.as_bytes(), "tokenizer.json")?;
    /// let ids = tokenizer.encode("not to be", EncodeOptions::TEXT);
    /// assert_eq!(again.encode("not to be", EncodeOptions::TEXT), ids);
    /// # Ok::<(), ulp_infer::InferError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If this tokenizer does something that the format has no place for: a SentencePiece table of
    /// replacements, unused tokens that others merge into, user-defined tokens of SentencePiece,
    /// or characters that only longer tokens contain.
    pub fn to_tokenizer_json(&self) -> Result<String, InferError> {
        let parts = &*self.parts;
        let normalizer = sequence("normalizers", normalizers_json(parts)?);
        let stages = parts.pre_tokenizers.iter().map(pre_tokenizer_json).collect();
        let document = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added_tokens_json(parts),
            "normalizer": normalizer,
            "pre_tokenizer": sequence("pretokenizers", stages),
            "post_processor": post_processor_json(parts),
            "decoder": decoder_json(&parts.decoder),
            "model": model_json(parts)?,
        });
        Ok(format!("{document:#}\n"))
    }

    /// The text of the `tokenizer_config.json` beside it: which tokens begin and end a sequence.
    pub fn to_tokenizer_config_json(&self) -> String {
        let text = |id: Option<u32>| id.and_then(|id| self.token_text(id));
        let document = json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_bos_token": self.adds_bos(),
            "bos_token": text(self.bos_id()),
            "eos_token": text(self.eos_id()),
            "unk_token": text(self.unknown_id()),
            "clean_up_tokenization_spaces": false,
        });
        format!("{document:#}\n")
    }
}

/// The error of a part that the format has no place for.
fn refuse(field: &str, value: &str) -> InferError {
    InferError::Tokenizer {
        file: "tokenizer.json".into(),
        field: field.into(),
        fault: TokenizerFault::Unsupported { value: value.into() },
    }
}

/// No step, the only step, or a sequence of steps.
fn sequence(name: &str, mut steps: Vec<Value>) -> Value {
    match steps.len() {
        0 => Value::Null,
        1 => steps.remove(0),
        _ => json!({ "type": "Sequence", name: steps }),
    }
}

fn added_tokens_json(parts: &Parts) -> Vec<Value> {
    let json = |token: &super::super::added_tokens::AddedToken| {
        json!({
            "id": token.id,
            "content": token.content,
            "single_word": token.single_word,
            "lstrip": token.lstrip,
            "rstrip": token.rstrip,
            "normalized": token.normalized,
            "special": token.special,
        })
    };
    parts.added.tokens().iter().map(json).collect()
}

fn normalizers_json(parts: &Parts) -> Result<Vec<Value>, InferError> {
    let mut steps = Vec::new();
    for normalizer in &parts.normalizers {
        match normalizer {
            Normalizer::Form(form) => steps.push(json!({ "type": form.name() })),
            Normalizer::Lowercase => steps.push(json!({ "type": "Lowercase" })),
            Normalizer::Prepend(text) => steps.push(json!({ "type": "Prepend", "prepend": text })),
            Normalizer::Replace { pattern, content } => {
                steps.push(replace_json(pattern_json(pattern), content));
            }
            Normalizer::Strip { left, right } => {
                steps.push(json!({ "type": "Strip", "strip_left": left, "strip_right": right }));
            }
            Normalizer::SentencePiece(normalizer) => {
                if parts.added.tokens().iter().any(|token| token.normalized) {
                    // The library would put a space before these tokens.
                    return Err(refuse("added_tokens", "a user-defined token"));
                }
                push_sentencepiece_json(normalizer, &mut steps)?;
            }
        }
    }
    Ok(steps)
}

/// SentencePiece's normalizer as several steps.
fn push_sentencepiece_json(
    normalizer: &SentencePiece,
    steps: &mut Vec<Value>,
) -> Result<(), InferError> {
    if normalizer.charsmap.is_some() {
        return Err(refuse("normalizer", "a table of replacements"));
    }
    if normalizer.remove_extra_whitespaces {
        for (rows, content) in [(r"\A +", ""), (" {2,}", " ")] {
            steps.push(replace_json(json!({ "Regex": rows }), content));
        }
    }
    let space = if normalizer.escape_whitespaces { SPACE_MARK } else { ' ' };
    if normalizer.add_dummy_prefix {
        steps.push(json!({ "type": "Prepend", "prepend": space }));
    }
    if normalizer.escape_whitespaces {
        steps.push(replace_json(json!({ "String": " " }), "\u{2581}"));
    }
    if normalizer.remove_extra_whitespaces {
        steps.push(replace_json(json!({ "Regex": format!("{space}+\\z") }), ""));
    }
    Ok(())
}

fn replace_json(pattern: Value, content: &str) -> Value {
    json!({ "type": "Replace", "pattern": pattern, "content": content })
}

fn pattern_json(pattern: &Pattern) -> Value {
    match pattern.text() {
        PatternText::Literal(text) => json!({ "String": text }),
        PatternText::Regex(regex) => json!({ "Regex": regex }),
    }
}

/// A stage of cutting as it stands in the file.
pub(super) fn pre_tokenizer_json(stage: &PreTokenizer) -> Value {
    match stage {
        PreTokenizer::ByteLevel(stage) => json!({
            "type": "ByteLevel",
            "add_prefix_space": stage.add_prefix_space,
            "trim_offsets": true,
            "use_regex": stage.use_regex(),
        }),
        PreTokenizer::Digits(stage) => {
            json!({ "type": "Digits", "individual_digits": stage.individual })
        }
        PreTokenizer::Metaspace(stage) => {
            metaspace_json(stage.replacement, stage.prepend_scheme, stage.split)
        }
        PreTokenizer::Split(stage) => json!({
            "type": "Split",
            "pattern": pattern_json(&stage.pattern),
            "behavior": match stage.behavior {
                Behavior::Isolated => "Isolated",
                Behavior::Removed => "Removed",
                Behavior::MergedWithPrevious => "MergedWithPrevious",
                Behavior::MergedWithNext => "MergedWithNext",
                Behavior::Contiguous => "Contiguous",
            },
            "invert": stage.invert,
        }),
    }
}

fn metaspace_json(replacement: char, scheme: PrependScheme, split: bool) -> Value {
    let scheme = match scheme {
        PrependScheme::First => "first",
        PrependScheme::Always => "always",
        PrependScheme::Never => "never",
    };
    json!({
        "type": "Metaspace",
        "replacement": replacement,
        "prepend_scheme": scheme,
        "split": split,
    })
}

fn post_processor_json(parts: &Parts) -> Value {
    let post_processor = &parts.post_processor;
    let text = |id: u32| parts.vocabulary.get(id).map_or("", |token| &token.text);
    if post_processor.prefix.is_empty() && post_processor.suffix.is_empty() {
        return Value::Null;
    }
    let mut special_tokens = Map::new();
    for &id in post_processor.prefix.iter().chain(&post_processor.suffix) {
        let token = json!({ "id": text(id), "ids": [id], "tokens": [text(id)] });
        special_tokens.insert(text(id).into(), token);
    }
    let around = |name: &str, ty: u8| {
        let special = |&id: &u32| json!({ "SpecialToken": { "id": text(id), "type_id": ty } });
        let mut list: Vec<Value> = post_processor.prefix.iter().map(special).collect();
        list.push(json!({ "Sequence": { "id": name, "type_id": ty } }));
        list.extend(post_processor.suffix.iter().map(special));
        list
    };
    let pair = [around("A", 0), around("B", 1)].concat();
    json!({
        "type": "TemplateProcessing",
        "single": around("A", 0),
        "pair": pair,
        "special_tokens": special_tokens,
    })
}

fn decoder_json(decoder: &Decoder) -> Value {
    match decoder {
        Decoder::ByteLevel => json!({
            "type": "ByteLevel",
            "add_prefix_space": true,
            "trim_offsets": true,
            "use_regex": true,
        }),
        Decoder::Metaspace { mark, strip } => {
            let scheme = if *strip { PrependScheme::Always } else { PrependScheme::Never };
            metaspace_json(*mark, scheme, true)
        }
        Decoder::Text(TextDecoder { replace, byte_fallback, strip }) => {
            let mut steps: Vec<Value> = replace
                .iter()
                .map(|(from, to)| replace_json(json!({ "String": from }), to))
                .collect();
            if *byte_fallback {
                steps.push(json!({ "type": "ByteFallback" }));
            }
            steps.push(json!({ "type": "Fuse" }));
            let (content, start) = match strip {
                Strip::Nothing => (' ', 0),
                Strip::Characters { character, count } => (char::from(*character), *count),
                Strip::SpaceOfEachToken => (' ', 1),
            };
            if *strip != Strip::Nothing {
                let stop = 0;
                steps.push(
                    json!({ "type": "Strip", "content": content, "start": start, "stop": stop }),
                );
            }
            json!({ "type": "Sequence", "decoders": steps })
        }
    }
}

fn model_json(parts: &Parts) -> Result<Value, InferError> {
    let text = |id: u32| parts.vocabulary.get(id).map(|token| &*token.text);
    let mut merges = Vec::new();
    for ((left, right), merge) in parts.model.merges.sorted() {
        let (Some(left), Some(right)) = (text(left), text(right)) else {
            return Err(refuse("model.merges", "a character that is no token"));
        };
        merges.push((merge.rank, left, right));
    }
    // Of equal ranks the longest left token first, as Hugging Face's converter has it: a row of
    // spaces then grows to its end before another begins, as it does where ranks are equal.
    merges.sort_by_key(|&(rank, left, right)| (rank, Reverse((left.len(), right.len()))));
    let merges: Vec<Value> = merges.iter().map(|(_, left, right)| json!([left, right])).collect();
    let is_unused =
        |(id, token): (u32, &Token)| token.kind == TokenKind::Unused && parts.model.takes_apart(id);
    if parts.vocabulary.iter().any(is_unused) {
        return Err(refuse("model.vocab", "an unused token that others merge into"));
    }
    let tail = added_tail(parts);
    let vocabulary: Map<String, Value> = parts
        .vocabulary
        .iter()
        .filter(|(id, _)| *id < tail)
        .map(|(id, token)| (token.text.to_string(), id.into()))
        .collect();
    let unknown = &parts.model.unknown;
    Ok(json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": unknown.id.and_then(text),
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": unknown.fuse,
        "byte_fallback": unknown.bytes.is_some() && !matches!(parts.model.alphabet, Alphabet::Bytes(_)),
        "ignore_merges": parts.model.has_whole_words(),
        "vocab": vocabulary,
        "merges": merges,
    }))
}

/// The id from which on there are only added tokens, without a gap: the library numbers them so by
/// itself. Earlier ones must stand in the vocabulary to keep their ids.
fn added_tail(parts: &Parts) -> u32 {
    let mut tail = parts.vocabulary.len() as u32;
    for token in parts.added.tokens().iter().rev() {
        if token.id + 1 != tail {
            break;
        }
        tail = token.id;
    }
    // The unknown token has to be in the vocabulary.
    parts.model.unknown.id.map_or(tail, |unknown| tail.max(unknown + 1))
}
