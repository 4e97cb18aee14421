//! A tokenizer from Hugging Face's `tokenizer.json`
//! ([the library that defines it](https://github.com/huggingface/tokenizers)).

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::super::added_tokens::{AddedToken, AddedTokens};
use super::super::decoders::{Decoder, Strip, TextDecoder};
use super::super::fault::TokenizerFault;
use super::super::models::{Alphabet, Bpe, Merges, Unknown};
use super::super::normalizers::{Normalizer, UnicodeForm, check_growth};
use super::super::post_processor::PostProcessor;
use super::super::pre_tokenizers::{
    Behavior, ByteLevel, Digits, Metaspace, Pattern, PatternText, PreTokenizer, PrependScheme,
    Split,
};
use super::super::special_ids::SpecialIds;
use super::super::vocabulary::{Token, TokenKind, Vocabulary, byte_of_text, single_char};
use super::super::{Parts, Tokenizer, normalize};
use super::json_field::JsonField;
use super::{byte_ids, error, whole_words};
use crate::error::InferError;

impl Tokenizer {
    /// The tokenizer in a `tokenizer.json` with a model of type BPE; `name` is the file's name in
    /// errors.
    ///
    /// `truncation` and `padding` are left to the caller: they are about batches, not about text.
    /// The file does not say which token ends a sequence, so [`Tokenizer::eos_id`] is only known
    /// to [`Tokenizer::from_dir`].
    ///
    /// Done: the normalizers NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace and Strip; the
    /// pre-tokenizers ByteLevel, Digits, Metaspace and Split; the post-processors ByteLevel and
    /// TemplateProcessing; the decoders ByteLevel, Metaspace, and Replace, ByteFallback, Fuse and
    /// Strip in this order; and sequences of each. What else a file asks for is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{EncodeOptions, Tokenizer};
    ///
    /// let json = r#"{
    ///     "model": {
    ///         "type": "BPE",
    ///         "vocab": {"h": 0, "u": 1, "g": 2, "ug": 3, "hug": 4},
    ///         "merges": [["u", "g"], ["h", "ug"]]
    ///     },
    ///     "decoder": {"type": "Fuse"}
    /// }"#;
    /// let tokenizer = Tokenizer::from_tokenizer_json(json.as_bytes(), "hug.json")?;
    /// assert_eq!(tokenizer.encode("hughu", EncodeOptions::TEXT), [4, 0, 1]);
    /// assert_eq!(tokenizer.decode(&[4, 0, 1]), "hughu");
    ///
    /// let wrong = json.replace("[\"h\", \"ug\"]", "[\"h\", \"x\"]");
    /// let error = Tokenizer::from_tokenizer_json(wrong.as_bytes(), "hug.json").unwrap_err();
    /// assert_eq!(error.to_string(), "hug.json: model.merges[1]: \"x\" is not in the vocabulary");
    /// # Ok::<(), ulp_infer::InferError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Names the field if the JSON is not that of a tokenizer, if it asks for a step that this
    /// crate does not do, if tokens or ids repeat, or if a merge or an id is not of the vocabulary.
    pub fn from_tokenizer_json(bytes: &[u8], name: &str) -> Result<Self, InferError> {
        Ok(Tokenizer::from_parts(load(bytes, name)?))
    }
}

/// Steps that cutting may have; files in use have up to five. Text goes through them in recursion.
const MAX_STAGES: usize = 64;
/// Ids that may be put around a text. A file can repeat a list of them as often as it is long.
const MAX_AROUND: usize = 256;
/// Ids that may be vacant beyond as many as there are tokens.
const MAX_VACANT: usize = 1024;

/// Reads a file.
pub(super) fn load(bytes: &[u8], file: &str) -> Result<Parts, InferError> {
    check_model_type(bytes, file)?;
    let document: Document = parse(bytes, file)?;
    let model = &document.model;
    model.check(file)?;
    let vocabulary = vocabulary(&document, file)?;

    let mut normalizers = Vec::new();
    if !document.normalizer.is_null() {
        let field = JsonField::new(file, "normalizer", &document.normalizer);
        push_normalizers(&field, &mut normalizers)?;
        check_growth(&normalizers).map_err(|fault| field.error(fault))?;
    }
    let mut pre_tokenizers = Vec::new();
    if !document.pre_tokenizer.is_null() {
        let field = JsonField::new(file, "pre_tokenizer", &document.pre_tokenizer);
        push_pre_tokenizers(&field, &mut pre_tokenizers)?;
        if pre_tokenizers.len() > MAX_STAGES {
            let value = format!("{} steps", pre_tokenizers.len());
            return Err(field.error(TokenizerFault::Unsupported { value }));
        }
    }
    let byte_level = is_byte_level(&pre_tokenizers, file)?;
    if byte_level && model.byte_fallback {
        let fault = TokenizerFault::Unsupported { value: "true with byte-level words".into() };
        return Err(error(file, "model.byte_fallback", fault));
    }
    let mut post_processor = PostProcessor::default();
    if !document.post_processor.is_null() {
        let field = JsonField::new(file, "post_processor", &document.post_processor);
        read_post_processor(&field, &vocabulary, &mut post_processor)?;
    }
    let field = JsonField::new(file, "decoder", &document.decoder);
    let decoder = read_decoder(&field)?;
    decoder.check_growth().map_err(|fault| field.error(fault))?;

    let added = document.added_tokens.into_iter().map(Into::into).collect();
    let added = AddedTokens::new(added, |text| normalize(&normalizers, text).into_owned())
        .map_err(|fault| error(file, "added_tokens", fault))?;

    let unknown = match &model.unk_token {
        Some(text) => Some(vocabulary.id(text).ok_or_else(|| {
            error(file, "model.unk_token", TokenizerFault::UnknownToken { text: text.clone() })
        })?),
        None => None,
    };
    let mut special = SpecialIds {
        bos: post_processor.prefix.first().copied(),
        unknown,
        ..SpecialIds::default()
    };
    special.collect_eog(&vocabulary, &[]);
    let model = bpe(&document.model, &vocabulary, byte_level, unknown, file)?;
    Ok(Parts {
        vocabulary,
        added,
        normalizers,
        pre_tokenizers,
        model,
        post_processor,
        decoder,
        special,
    })
}

/// The parts of a document. What is not here does not change ids.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    added_tokens: Vec<AddedTokenJson>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: Model,
}

#[derive(Deserialize)]
struct AddedTokenJson {
    id: u32,
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    normalized: Option<bool>,
    #[serde(default)]
    special: bool,
}

impl From<AddedTokenJson> for AddedToken {
    fn from(json: AddedTokenJson) -> Self {
        AddedToken {
            id: json.id,
            content: json.content,
            single_word: json.single_word,
            lstrip: json.lstrip,
            rstrip: json.rstrip,
            normalized: json.normalized.unwrap_or(!json.special),
            special: json.special,
        }
    }
}

#[derive(Deserialize)]
struct Model {
    dropout: Option<f64>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    vocab: Entries,
    merges: Vec<MergeJson>,
}

impl Model {
    /// Refuses the parts of BPE that models of this kind do not use.
    fn check(&self, file: &str) -> Result<(), InferError> {
        let refuse =
            |field, value: String| Err(error(file, field, TokenizerFault::Unsupported { value }));
        match self {
            Model { dropout: Some(dropout), .. } if *dropout != 0.0 => {
                refuse("model.dropout", dropout.to_string())
            }
            Model { continuing_subword_prefix: Some(text), .. } if !text.is_empty() => {
                refuse("model.continuing_subword_prefix", format!("{text:?}"))
            }
            Model { end_of_word_suffix: Some(text), .. } if !text.is_empty() => {
                refuse("model.end_of_word_suffix", format!("{text:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// The members of the vocabulary in the file's order. A map would lose those that repeat.
struct Entries(Vec<(String, u32)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens and ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// A merge: `"a b"` in older files, `["a", "b"]` in newer ones.
struct MergeJson {
    text: String,
    /// Where the left token ends and the right one begins; `None` if the text is not two tokens.
    cut: Option<(usize, usize)>,
}

impl MergeJson {
    fn pair(&self) -> Option<(&str, &str)> {
        let (left, right) = self.cut?;
        Some((&self.text[..left], &self.text[right..]))
    }
}

impl<'de> Deserialize<'de> for MergeJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MergeVisitor;
        impl<'de> Visitor<'de> for MergeVisitor {
            type Value = MergeJson;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge: two tokens with a space between, or a list of two tokens")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<MergeJson, E> {
                let mut spaces = text.match_indices(' ').map(|(at, _)| at);
                let cut = match (spaces.next(), spaces.next()) {
                    (Some(at), None) => Some((at, at + 1)),
                    _ => None,
                };
                Ok(MergeJson { text: text.into(), cut })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<MergeJson, A::Error> {
                let left: Option<String> = list.next_element()?;
                let right: Option<String> = list.next_element()?;
                let more: Option<IgnoredAny> = list.next_element()?;
                let (Some(left), Some(right), None) = (left, right, more) else {
                    return Err(serde::de::Error::custom("a merge is a list of two tokens"));
                };
                let cut = Some((left.len(), left.len()));
                Ok(MergeJson { text: left + &right, cut })
            }
        }
        deserializer.deserialize_any(MergeVisitor)
    }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], file: &str) -> Result<T, InferError> {
    serde_json::from_slice(bytes)
        .map_err(|fault| error(file, "document", TokenizerFault::Json(fault)))
}

/// Refuses models that are not BPE before anything else of them is read.
fn check_model_type(bytes: &[u8], file: &str) -> Result<(), InferError> {
    #[derive(Deserialize)]
    struct Probe {
        model: ModelProbe,
    }
    #[derive(Deserialize)]
    struct ModelProbe {
        r#type: Option<String>,
    }
    let probe: Probe = parse(bytes, file)?;
    match probe.model.r#type.as_deref() {
        // The oldest files have no type, and BPE is the model with merges.
        None | Some("BPE") => Ok(()),
        Some(other) => {
            let fault = TokenizerFault::Unsupported { value: format!("{other:?}") };
            Err(error(file, "model.type", fault))
        }
    }
}

fn vocabulary(document: &Document, file: &str) -> Result<Vocabulary, InferError> {
    let model = &document.model;
    let count = model.vocab.0.len() + document.added_tokens.len();
    // Files may leave ids vacant, but not more than they use; the list is as long as the largest.
    let limit = u32::try_from(2 * count + MAX_VACANT).unwrap_or(u32::MAX);
    let mut vocabulary = Vocabulary::default();
    for (text, id) in &model.vocab.0 {
        let is_byte = model.byte_fallback && byte_of_text(text).is_some();
        let kind = if is_byte { TokenKind::Byte } else { TokenKind::Normal };
        let token = Token { text: text.as_str().into(), kind, score: 0.0 };
        vocabulary
            .insert(*id, token, limit)
            .map_err(|fault| error(file, format!("model.vocab.{text:?}"), fault))?;
    }
    for (index, added) in document.added_tokens.iter().enumerate() {
        let kind = match added.special {
            true if model.unk_token.as_ref() == Some(&added.content) => TokenKind::Unknown,
            true => TokenKind::Control,
            false => TokenKind::UserDefined,
        };
        match vocabulary.get_mut(added.id) {
            Some(token) if *token.text == *added.content => token.kind = kind,
            _ => {
                let token = Token { text: added.content.as_str().into(), kind, score: 0.0 };
                vocabulary
                    .insert(added.id, token, limit)
                    .map_err(|fault| error(file, format!("added_tokens[{index}]"), fault))?;
            }
        }
    }
    Ok(vocabulary)
}

fn bpe(
    model: &Model,
    vocabulary: &Vocabulary,
    byte_level: bool,
    unknown: Option<u32>,
    file: &str,
) -> Result<Bpe, InferError> {
    let element = |index| format!("model.merges[{index}]");
    let mut pairs = Vec::with_capacity(model.merges.len());
    for (index, merge) in model.merges.iter().enumerate() {
        pairs.push(merge.pair().ok_or_else(|| {
            let fault = TokenizerFault::WrongType { expected: "two tokens with a space between" };
            error(file, element(index), fault)
        })?);
    }
    let merges = Merges::from_list(pairs.into_iter(), vocabulary)
        .map_err(|(index, fault)| error(file, element(index), fault))?;
    let mut unknown = Unknown { bytes: None, id: unknown, fuse: model.fuse_unk };
    // Tokens that only the list of added tokens has are looked for, not made. A letter of the
    // alphabet stays one even if it is a mark as well; longer marks are never made of text.
    let tokens = || model.vocab.0.iter().filter_map(|(_, id)| Some((*id, vocabulary.get(*id)?)));
    let texts = || tokens().filter(|(_, token)| token.is_text());
    let alphabet = if byte_level {
        Alphabet::Bytes(byte_ids(tokens()))
    } else {
        if model.byte_fallback {
            unknown.bytes = Some(Box::new(std::array::from_fn(|byte| {
                vocabulary.id(&format!("<0x{byte:02X}>"))
            })));
        }
        let characters = tokens().filter_map(|(id, token)| Some((single_char(&token.text)?, id)));
        Alphabet::Characters(characters.collect())
    };
    let bpe = Bpe::new(vocabulary, alphabet, merges, unknown);
    Ok(match (model.ignore_merges, byte_level) {
        (false, _) => bpe,
        (true, true) => bpe.with_whole_words(whole_words(texts())),
        (true, false) => {
            let words = texts().map(|(id, token)| (token.text.as_bytes().into(), id));
            bpe.with_whole_words(words.collect())
        }
    })
}

/// Reads `{"type": ...}`; a sequence is its steps.
fn push_normalizers(
    field: &JsonField<'_>,
    normalizers: &mut Vec<Normalizer>,
) -> Result<(), InferError> {
    let ty = field.member("type")?;
    normalizers.push(match ty.str()? {
        "Sequence" => {
            for element in field.member("normalizers")?.elements()? {
                push_normalizers(&element, normalizers)?;
            }
            return Ok(());
        }
        "NFC" => Normalizer::Form(UnicodeForm::Nfc),
        "NFD" => Normalizer::Form(UnicodeForm::Nfd),
        "NFKC" => Normalizer::Form(UnicodeForm::Nfkc),
        "NFKD" => Normalizer::Form(UnicodeForm::Nfkd),
        "Lowercase" => Normalizer::Lowercase,
        "Prepend" => Normalizer::Prepend(field.member("prepend")?.str()?.into()),
        "Replace" => Normalizer::Replace {
            pattern: read_pattern(&field.member("pattern")?)?,
            content: field.member("content")?.str()?.into(),
        },
        "Strip" => Normalizer::Strip {
            left: field.flag("strip_left", true)?,
            right: field.flag("strip_right", true)?,
        },
        _ => return Err(ty.unsupported()),
    });
    Ok(())
}

fn push_pre_tokenizers(
    field: &JsonField<'_>,
    stages: &mut Vec<PreTokenizer>,
) -> Result<(), InferError> {
    let ty = field.member("type")?;
    stages.push(match ty.str()? {
        "Sequence" => {
            for element in field.member("pretokenizers")?.elements()? {
                push_pre_tokenizers(&element, stages)?;
            }
            return Ok(());
        }
        "ByteLevel" => PreTokenizer::ByteLevel(ByteLevel::new(
            field.flag("add_prefix_space", true)?,
            field.flag("use_regex", true)?,
        )),
        "Digits" => {
            PreTokenizer::Digits(Digits { individual: field.flag("individual_digits", false)? })
        }
        "Metaspace" => PreTokenizer::Metaspace(read_metaspace(field)?),
        "Split" => PreTokenizer::Split(Split {
            pattern: read_pattern(&field.member("pattern")?)?,
            behavior: read_behavior(&field.member("behavior")?)?,
            invert: field.flag("invert", false)?,
        }),
        _ => return Err(ty.unsupported()),
    });
    Ok(())
}

/// True if the model reads bytes. Steps after the one that writes words as bytes would see the
/// byte alphabet, which this crate never writes.
fn is_byte_level(stages: &[PreTokenizer], file: &str) -> Result<bool, InferError> {
    match stages.iter().position(|stage| matches!(stage, PreTokenizer::ByteLevel(_))) {
        None => Ok(false),
        Some(place) if place + 1 == stages.len() => Ok(true),
        Some(_) => {
            let value = "a step after ByteLevel".into();
            Err(error(file, "pre_tokenizer", TokenizerFault::Unsupported { value }))
        }
    }
}

fn read_metaspace(field: &JsonField<'_>) -> Result<Metaspace, InferError> {
    let prepend_scheme = match field.get("prepend_scheme") {
        Some(scheme) => match scheme.str()? {
            "first" => PrependScheme::First,
            "always" => PrependScheme::Always,
            "never" => PrependScheme::Never,
            _ => return Err(scheme.unsupported()),
        },
        // Files from before there were schemes.
        None if field.flag("add_prefix_space", true)? => PrependScheme::Always,
        None => PrependScheme::Never,
    };
    Ok(Metaspace {
        replacement: field.member("replacement")?.char()?,
        prepend_scheme,
        split: field.flag("split", true)?,
    })
}

fn read_pattern(field: &JsonField<'_>) -> Result<Pattern, InferError> {
    let text = match (field.get("String"), field.get("Regex")) {
        // No text stands everywhere.
        (Some(literal), None) if literal.str()?.is_empty() => return Err(literal.unsupported()),
        (Some(literal), None) => PatternText::Literal(literal.str()?.into()),
        (None, Some(regex)) => PatternText::Regex(regex.str()?.into()),
        _ => return Err(field.unsupported()),
    };
    Pattern::new(text).map_err(|fault| field.error(fault))
}

fn read_behavior(field: &JsonField<'_>) -> Result<Behavior, InferError> {
    Ok(match field.str()? {
        "Isolated" => Behavior::Isolated,
        "Removed" => Behavior::Removed,
        "MergedWithPrevious" => Behavior::MergedWithPrevious,
        "MergedWithNext" => Behavior::MergedWithNext,
        "Contiguous" => Behavior::Contiguous,
        _ => return Err(field.unsupported()),
    })
}

/// Reads what is put around a single text.
fn read_post_processor(
    field: &JsonField<'_>,
    vocabulary: &Vocabulary,
    post_processor: &mut PostProcessor,
) -> Result<(), InferError> {
    let ty = field.member("type")?;
    match ty.str()? {
        "Sequence" => {
            for element in field.member("processors")?.elements()? {
                read_post_processor(&element, vocabulary, post_processor)?;
            }
        }
        "ByteLevel" => {} // about offsets only
        "TemplateProcessing" => {
            let mut after_text = false;
            for piece in field.member("single")?.elements()? {
                if piece.get("Sequence").is_some() {
                    after_text = true;
                    continue;
                }
                let name = piece.member("SpecialToken")?.member("id")?;
                let token = field.member("special_tokens")?.member(name.str()?)?;
                for id in token.member("ids")?.elements()? {
                    let id = read_id(&id, vocabulary)?;
                    match after_text {
                        false => post_processor.prefix.push(id),
                        true => post_processor.suffix.push(id),
                    }
                    if post_processor.prefix.len() + post_processor.suffix.len() > MAX_AROUND {
                        let value = format!("more than {MAX_AROUND} ids around a text");
                        return Err(field.error(TokenizerFault::Unsupported { value }));
                    }
                }
            }
        }
        _ => return Err(ty.unsupported()),
    }
    Ok(())
}

fn read_id(field: &JsonField<'_>, vocabulary: &Vocabulary) -> Result<u32, InferError> {
    let number = field.u64()?;
    u32::try_from(number).ok().filter(|&id| vocabulary.get(id).is_some()).ok_or_else(|| {
        let id = i64::try_from(number).unwrap_or(i64::MAX);
        field.error(TokenizerFault::IdOutOfRange { id, limit: vocabulary.len() as u64 })
    })
}

fn read_decoder(field: &JsonField<'_>) -> Result<Decoder, InferError> {
    if field.value().is_null() {
        return Err(field.error(TokenizerFault::Missing));
    }
    let ty = field.member("type")?;
    match ty.str()? {
        "ByteLevel" => return Ok(Decoder::ByteLevel),
        "Metaspace" => {
            let Metaspace { replacement: mark, prepend_scheme, .. } = read_metaspace(field)?;
            return Ok(Decoder::Metaspace { mark, strip: prepend_scheme != PrependScheme::Never });
        }
        _ => {}
    }
    let mut steps = Vec::new();
    push_steps(field, &mut steps)?;
    if let [single] = &steps[..]
        && single.ty != field.member("type")?.str()?
        && matches!(single.ty, "ByteLevel" | "Metaspace")
    {
        return read_decoder(&single.field);
    }
    read_text_decoder(&steps)
}

/// A step of a decoder.
struct Step<'a> {
    ty: &'a str,
    field: JsonField<'a>,
}

fn push_steps<'a>(field: &JsonField<'a>, steps: &mut Vec<Step<'a>>) -> Result<(), InferError> {
    let ty = field.member("type")?.str()?;
    if ty == "Sequence" {
        for element in field.member("decoders")?.elements()? {
            push_steps(&element, steps)?;
        }
    } else {
        steps.push(Step { ty, field: field.clone() });
    }
    Ok(())
}

/// Steps that can be done token by token: replacements, then bytes, then all tokens joined, then
/// the beginning taken off.
fn read_text_decoder(steps: &[Step<'_>]) -> Result<Decoder, InferError> {
    let mut decoder = TextDecoder::default();
    let mut fused = false;
    for Step { ty, field } in steps {
        let in_order = decoder.strip == Strip::Nothing
            && match *ty {
                "Replace" => !decoder.byte_fallback && !fused,
                "ByteFallback" => !decoder.byte_fallback && !fused,
                "Fuse" => true,
                "Strip" => fused,
                _ => false,
            };
        if !in_order {
            return Err(field.member("type")?.unsupported());
        }
        match *ty {
            "Replace" => {
                let pattern = field.member("pattern")?;
                let PatternText::Literal(from) = read_pattern(&pattern)?.text().clone() else {
                    return Err(pattern.unsupported());
                };
                decoder.replace.push((from, field.member("content")?.str()?.into()));
            }
            "ByteFallback" => decoder.byte_fallback = true,
            "Fuse" => fused = true,
            _ => decoder.strip = read_strip(field)?,
        }
    }
    Ok(Decoder::Text(decoder))
}

fn read_strip(field: &JsonField<'_>) -> Result<Strip, InferError> {
    let content = field.member("content")?;
    let character =
        u8::try_from(content.char()?).ok().filter(u8::is_ascii).ok_or(content.unsupported())?;
    let stop = field.member("stop")?;
    if stop.u64()? != 0 {
        // The end of the text is not known while tokens stream.
        return Err(stop.unsupported());
    }
    let start = field.member("start")?;
    let count = usize::try_from(start.u64()?).map_err(|_| start.unsupported())?;
    Ok(Strip::Characters { character, count })
}
