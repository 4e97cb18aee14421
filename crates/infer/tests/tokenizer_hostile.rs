//! Tokenizer files that are cut short, flipped or lie: a typed error that names file and field, or
//! a tokenizer that works. Never a panic, and never memory that only a claim asks for.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use ulp_infer::{
    Array, Bytes, EncodeOptions, Gguf, GgufVocabulary, GgufWriter, InferError, Tokenizer,
};

const FILE: &str = "hostile";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tokenizers")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(golden().join(name)).unwrap()
}

/// The three kinds of files, by their loaders.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Json,
    SentencePiece,
    Gguf,
}

fn load(kind: Kind, bytes: &[u8]) -> Result<Tokenizer, InferError> {
    match kind {
        Kind::Json => Tokenizer::from_tokenizer_json(bytes, FILE),
        Kind::SentencePiece => Tokenizer::from_sentencepiece(bytes, FILE),
        Kind::Gguf => Tokenizer::from_gguf(&Gguf::parse(Bytes::from(bytes.to_vec()), FILE)?),
    }
}

/// Metadata only: a small tokenizer as GGUF.
fn gguf(vocabulary: &GgufVocabulary) -> Vec<u8> {
    let mut writer = GgufWriter::new();
    let mut array = |key: &str, value: Array| writer.set(&format!("tokenizer.ggml.{key}"), value);
    array("tokens", vocabulary.tokens.iter().map(String::as_str).collect());
    array("token_type", vocabulary.token_type.iter().copied().collect());
    if let Some(scores) = &vocabulary.scores {
        array("scores", scores.iter().copied().collect());
    }
    if let Some(merges) = &vocabulary.merges {
        array("merges", merges.iter().map(String::as_str).collect());
    }
    writer.set("tokenizer.ggml.model", vocabulary.model);
    writer.set("tokenizer.ggml.pre", vocabulary.pre);
    writer.set("tokenizer.ggml.bos_token_id", vocabulary.bos_token_id.unwrap_or(1));
    writer.set("tokenizer.ggml.add_bos_token", vocabulary.add_bos_token);
    let mut bytes = Vec::new();
    writer.write_to(&mut bytes).unwrap();
    bytes
}

/// Whole files to damage.
fn files() -> Vec<(Kind, Vec<u8>)> {
    let mut files = Vec::new();
    for name in ["gpt2", "llama2", "gemma", "thousands", "added", "metaspace"] {
        files.push((Kind::Json, read(&format!("{name}.json"))));
    }
    for name in ["spm_llama", "spm_rules", "spm_user_defined"] {
        files.push((Kind::SentencePiece, read(&format!("{name}.model"))));
    }
    for (kind, name) in [(Kind::Json, "smollm.json"), (Kind::SentencePiece, "spm_llama.model")] {
        files.push((Kind::Gguf, gguf(&load(kind, &read(name)).unwrap().to_gguf().unwrap())));
    }
    files
}

/// A tokenizer that loads must work, whatever its file says.
fn exercise(tokenizer: &Tokenizer) {
    let text = "Hello  World, it's 1234567 <|im_end|>\n\t ▁é世界🦙 <0x0A></s>";
    for options in [EncodeOptions::TEXT, EncodeOptions::PROMPT, EncodeOptions::TEMPLATE] {
        let ids = tokenizer.encode(text, options);
        let mut stream = tokenizer.stream();
        let mut streamed: String = ids.iter().map(|&id| stream.push(id)).collect();
        streamed += &stream.finish();
        assert_eq!(streamed, tokenizer.decode(&ids));
        assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
    }
    let all: Vec<u32> = (0..tokenizer.vocab_size() as u32 + 2).collect();
    tokenizer.decode_with_special(&all);
    // Written again, it is either refused or read again.
    if let Ok(json) = tokenizer.to_tokenizer_json() {
        let _ = Tokenizer::from_tokenizer_json(json.as_bytes(), "again");
    }
    let _ = tokenizer.to_gguf();
}

fn check(kind: Kind, bytes: &[u8]) {
    match load(kind, bytes) {
        Ok(tokenizer) => exercise(&tokenizer),
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with(FILE) && message.len() > FILE.len() + 4, "{message}");
        }
    }
}

#[test]
fn whole_files_load() {
    for (kind, bytes) in files() {
        exercise(&load(kind, &bytes).unwrap());
    }
}

#[test]
fn every_truncation_is_an_error_or_a_tokenizer() {
    for (kind, bytes) in files() {
        // Each length of the beginning, where the structure is, and some of the rest.
        let lengths = (0..bytes.len()).filter(|&n| n < 300 || n % 97 == 0 || n + 40 > bytes.len());
        for length in lengths {
            check(kind, &bytes[..length]);
        }
    }
}

/// What happens to a file.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Write(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..9),
        // Lengths and ids at their limits, and JSON that is something else.
        select(vec![
            "0",
            "-1",
            "1e9",
            "4294967295",
            "99999999999999999999",
            "null",
            "[]",
            "{}",
            "\""
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        select(vec![0u64, 1, 255, 1 << 31, u32::MAX as u64, 1 << 40, u64::MAX])
            .prop_map(|number| number.to_le_bytes().to_vec()),
    ];
    prop_oneof![
        (any::<Index>(), 0u8..8).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        (any::<Index>(), bytes).prop_map(|(at, bytes)| Damage::Write(at, bytes)),
        (any::<Index>(), 1usize..40).prop_map(|(at, n)| Damage::Remove(at, n)),
        (any::<Index>(), 1usize..40).prop_map(|(at, n)| Damage::Repeat(at, n)),
    ]
}

impl Damage {
    fn apply(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        match self {
            Damage::Flip(at, bits) => {
                let at = at.index(file.len());
                file[at] ^= bits;
            }
            Damage::Write(at, bytes) => {
                let at = at.index(file.len());
                let end = (at + bytes.len()).min(file.len());
                file.splice(at..end, bytes.iter().copied());
            }
            Damage::Remove(at, n) => {
                let at = at.index(file.len());
                file.drain(at..(at + n).min(file.len()));
            }
            Damage::Repeat(at, n) => {
                let at = at.index(file.len());
                let piece = file[at..(at + n).min(file.len())].to_vec();
                file.splice(at..at, piece);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn a_damaged_file_is_an_error_or_a_tokenizer(
        which in any::<Index>(),
        damages in prop::collection::vec(damage(), 1..5),
    ) {
        thread_local!(static FILES: Vec<(Kind, Vec<u8>)> = files());
        FILES.with(|files| {
            let (kind, mut bytes) = files[which.index(files.len())].clone();
            for damage in &damages {
                damage.apply(&mut bytes);
            }
            check(kind, &bytes);
        });
    }
}

/// Puts another value at a random place of a document.
fn replace_one(document: &mut Value, path: &[Index], value: &Value) {
    let mut pointer = String::new();
    for step in path {
        let key = match document.pointer(&pointer) {
            Some(Value::Array(list)) if !list.is_empty() => step.index(list.len()).to_string(),
            Some(Value::Object(map)) if !map.is_empty() => {
                let key = map.keys().nth(step.index(map.len())).expect("a member");
                key.replace('~', "~0").replace('/', "~1")
            }
            _ => break,
        };
        pointer = format!("{pointer}/{key}");
    }
    *document.pointer_mut(&pointer).expect("a place that is there") = value.clone();
}

/// Values of every type and at every limit, and texts that mean something to a tokenizer.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![json!(null), json!(true), json!(false), json!([]), json!({}), json!("")]),
        select(vec![json!(0), json!(1), json!(3), json!(-1), json!(1.5), json!(300), json!(70000)]),
        select(vec![json!(u32::MAX), json!(u64::MAX), json!(i64::MIN), json!(1e300)]),
        select(vec!["<s>", "<unk>", "▁", " ", "a", "Ġ", "<0x41>", "\0", "(", "x*", "a b", "first"])
            .prop_map(Value::from),
        select(vec!["Lowercase", "NFC", "Strip", "Digits", "Metaspace", "ByteLevel", "Whitespace"])
            .prop_map(|ty| json!({"type": ty})),
        select(vec!["Fuse", "ByteFallback", "Split", "Replace", "Prepend", "TemplateProcessing"])
            .prop_map(|ty| json!({"type": ty, "pattern": {"Regex": "(?=a)|b*"}, "content": "bb",
                "behavior": "Contiguous", "prepend": "▁", "single": [], "replacement": "a"})),
        select(vec![json!(["a", "b"]), json!(["", "a"]), json!([0, 1, 2]), json!({"a": 0, "": 1})]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    /// Documents that are JSON still, but say something else.
    #[test]
    fn a_document_with_other_values_is_an_error_or_a_tokenizer(
        which in any::<Index>(),
        changes in prop::collection::vec((prop::collection::vec(any::<Index>(), 1..6), value()), 1..4),
    ) {
        thread_local!(static FILES: Vec<Value> = files()
            .into_iter()
            .filter(|(kind, _)| matches!(kind, Kind::Json))
            .map(|(_, bytes)| serde_json::from_slice(&bytes).unwrap())
            .collect());
        let mut document = FILES.with(|files| files[which.index(files.len())].clone());
        for (path, value) in &changes {
            replace_one(&mut document, path, value);
        }
        check(Kind::Json, document.to_string().as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    /// Vocabularies of GGUF whose lists say something else.
    #[test]
    fn a_vocabulary_with_other_entries_is_an_error_or_a_tokenizer(
        is_llama: bool,
        changes in prop::collection::vec((0..6, any::<Index>(), any::<u32>()), 1..6),
        text in select(vec!["", " ", "a", "▁a", "<0x41>", "\0", "ab", "a b", "  ", "\u{10FFFF}"]),
    ) {
        thread_local!(static VOCABULARIES: [GgufVocabulary; 2] =
            [(Kind::Json, "smollm.json"), (Kind::SentencePiece, "spm_llama.model")]
                .map(|(kind, name)| load(kind, &read(name)).unwrap().to_gguf().unwrap()));
        let mut vocabulary = VOCABULARIES.with(|both| both[usize::from(is_llama)].clone());
        for (what, place, bits) in changes {
            let at = place.index(vocabulary.tokens.len());
            match what {
                0 => vocabulary.tokens[at] = text.into(),
                1 => vocabulary.token_type[at] = (bits % 8) as i32,
                2 => vocabulary.token_type.iter_mut().for_each(|ty| *ty = (bits % 8) as i32),
                3 => vocabulary.bos_token_id = Some(bits % 1000),
                4 => {
                    if let Some(scores) = &mut vocabulary.scores {
                        scores[at] = f32::from_bits(bits);
                    }
                }
                _ => {
                    if let Some(merges) = &mut vocabulary.merges {
                        let at = place.index(merges.len());
                        merges[at] = text.into();
                    }
                }
            }
        }
        check(Kind::Gguf, &gguf(&vocabulary));
    }
}

/// The peak of this process's memory in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(1024 * line.split_whitespace().nth(1)?.parse::<u64>().ok()?)
}

fn with_parts(parts: &str) -> String {
    format!(
        r#"{{"model": {{"type": "BPE", "vocab": {{"a": 0, "b": 1}}, "merges": []}},
            "decoder": {{"type": "Fuse"}}, {parts}}}"#
    )
}

/// Small files that would make large things: refused, and without the memory.
#[test]
fn no_small_file_asks_for_much_memory() {
    let steps = |step: &str, times| vec![step; times].join(",");
    let replace = r#"{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaa"}"#;
    let digits = r#"{"type":"Digits","individual_digits":true}"#;
    let files = [
        // An id far beyond the number of tokens.
        with_parts(r#""added_tokens": [{"id": 4294967294, "content": "x"}]"#),
        // Replacements of replacements: 10^40 letters of one.
        with_parts(&format!(
            r#""normalizer": {{"type":"Sequence","normalizers":[{}]}}"#,
            steps(replace, 40)
        )),
        with_parts(r#""normalizer": {"type": "Prepend", "prepend": "#)
            .replace("\"prepend\": ", &format!("\"prepend\": \"{}\"}}", "x".repeat(10_000))),
        // Deeper than the stack.
        with_parts(&format!(
            r#""pre_tokenizer": {{"type":"Sequence","pretokenizers":[{}]}}"#,
            steps(digits, 100_000)
        )),
        with_parts(&format!(r#""normalizer": {}"#, "[".repeat(100_000))),
        // Patterns that compile to gigabytes or never end.
        with_parts(
            r#""pre_tokenizer": {"type":"Split","behavior":"Isolated",
                "pattern":{"Regex":"(?=\\p{L}{500}{500})(\\w{900}){900}"}}"#,
        ),
        with_parts(&format!(
            r#""pre_tokenizer": {{"type":"Split","behavior":"Isolated","pattern":{{"Regex":"{}"}}}}"#,
            "(?:a?".repeat(3000)
        )),
        // A list of ids many times.
        with_parts(&format!(
            r#""post_processor": {{"type": "TemplateProcessing", "single": [{}],
                "special_tokens": {{"a": {{"ids": [{}]}}}}}}"#,
            steps(r#"{"SpecialToken":{"id":"a"}}"#, 10_000),
            steps("0", 10_000),
        )),
    ];
    let before = peak_memory();
    for file in &files {
        let error = load(Kind::Json, file.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(FILE), "{error}");
    }
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        let bytes: usize = files.iter().map(String::len).sum();
        let most = 64 * bytes as u64 + (32 << 20);
        assert!(after - before < most, "{} bytes for files of {bytes}", after - before);
    }
}

/// Tokens as long as a file do not take time with the square of it.
#[test]
fn long_tokens_load_in_linear_time() {
    let mut model = read("spm_llama.model");
    for letter in ["x", "ab"] {
        let text = letter.repeat(300_000 / letter.len());
        let mut piece = vec![0x0A];
        push_varint(&mut piece, text.len());
        piece.extend(text.bytes());
        model.push(0x0A);
        push_varint(&mut model, piece.len());
        model.extend(piece);
    }
    exercise(&load(Kind::SentencePiece, &model).unwrap());
}

fn push_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[test]
fn errors_name_the_field() {
    let message = |json: &str| load(Kind::Json, json.as_bytes()).unwrap_err().to_string();
    let bpe = |model: &str| {
        format!(r#"{{"model": {{"type": "BPE", {model}}}, "decoder": {{"type": "Fuse"}}}}"#)
    };
    for (file, field) in [
        (r#"{"model": {"type": "Unigram"}}"#.into(), "model.type"),
        (bpe(r#""vocab": {"a": 0, "b": 0}, "merges": []"#), "model.vocab.\"b\""),
        (bpe(r#""vocab": {"a": 0, "a": 1}, "merges": []"#), "model.vocab.\"a\""),
        (bpe(r#""vocab": {"a": 0}, "merges": ["a b"]"#), "model.merges[0]"),
        (bpe(r#""vocab": {"a": 0}, "merges": ["aa"]"#), "model.merges[0]"),
        (bpe(r#""vocab": {"a": 0}, "merges": [], "unk_token": "?""#), "model.unk_token"),
        (with_parts(r#""normalizer": {"type": "Magic"}"#), "normalizer.type"),
        (
            with_parts(
                r#""pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split"}]}"#,
            ),
            "pre_tokenizer.pretokenizers[0].pattern",
        ),
        (with_parts(r#""added_tokens": [{"id": 0, "content": "x"}]"#), "added_tokens[0]"),
    ] {
        let message = message(&file);
        assert!(message.starts_with(&format!("{FILE}: {field}")), "{message}");
    }
}
