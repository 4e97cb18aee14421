//! Small tokenizers of every kind against the libraries that made them
//! (`golden/make_tokenizers.py`): every id equal, and the text that comes back.

use std::path::{Path, PathBuf};

use serde_json::Value;
use ulp_infer::{Array, Bytes, EncodeOptions, Gguf, GgufWriter, Tokenizer};

/// As the library does by default.
const MARKED: EncodeOptions = EncodeOptions { add_special: true, parse_special: true };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tokenizers")
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap()
}

fn load(name: &str) -> Tokenizer {
    let json = folder().join(format!("{name}.json"));
    if json.exists() {
        return Tokenizer::from_tokenizer_json(&std::fs::read(json).unwrap(), name).unwrap();
    }
    let model = folder().join(format!("{name}.model"));
    Tokenizer::from_sentencepiece(&std::fs::read(model).unwrap(), name).unwrap()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap())
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Each case with its tokenizer.
fn cases(expected: &Value) -> Vec<(&str, Tokenizer, &Value)> {
    let cases = expected["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 19);
    cases.iter().map(|(name, case)| (name.as_str(), load(name), case)).collect()
}

#[test]
fn ids_are_the_libraries() {
    let expected = expected();
    for (name, tokenizer, case) in cases(&expected) {
        for (place, text) in texts(&expected["texts"]).enumerate() {
            let plain = ids(&case["plain"][place]);
            assert_eq!(tokenizer.encode(text, EncodeOptions::TEXT), plain, "{name}: {text:?}");
            if !case["marked"].is_null() {
                let marked = ids(&case["marked"][place]);
                assert_eq!(tokenizer.encode(text, MARKED), marked, "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn text_comes_back_as_the_libraries_give_it() {
    let expected = expected();
    for (name, tokenizer, case) in cases(&expected) {
        let ids_of = if case["marked"].is_null() { &case["plain"] } else { &case["marked"] };
        for (place, text) in texts(&case["text"]).enumerate() {
            let ids = ids(&ids_of[place]);
            assert_eq!(tokenizer.decode(&ids), text, "{name}: {ids:?}");
        }
    }
}

/// Files of GGUF name how text is cut; the vocabulary is always the same one here.
#[test]
fn families_cut_as_their_own_tokenizers_do() {
    let expected = expected();
    let vocabulary = load("gpt2").to_gguf().unwrap();
    let last: Vec<&str> = texts(&expected["texts"]).collect();
    for (name, all) in expected["families"].as_object().unwrap() {
        let mut writer = GgufWriter::new();
        let mut set = |key: &str, value: Array| writer.set(&format!("tokenizer.ggml.{key}"), value);
        set("tokens", vocabulary.tokens.iter().map(String::as_str).collect());
        set("token_type", vocabulary.token_type.iter().copied().collect());
        set("merges", vocabulary.merges.iter().flatten().map(String::as_str).collect());
        writer.set("tokenizer.ggml.model", "gpt2");
        writer.set("tokenizer.ggml.pre", name.as_str());
        let mut bytes = Vec::new();
        writer.write_to(&mut bytes).unwrap();
        let gguf = Gguf::parse(Bytes::from(bytes), name).unwrap();
        let tokenizer = Tokenizer::from_gguf(&gguf).unwrap();
        assert_eq!(tokenizer.to_gguf().unwrap().pre, name);
        let all = all.as_array().unwrap();
        for (text, ids_of) in last[last.len() - all.len()..].iter().zip(all) {
            let ids_of = ids(ids_of);
            assert_eq!(tokenizer.encode(text, EncodeOptions::TEXT), ids_of, "{name}: {text:?}");
        }
    }
}

/// Phi-3's marks take the line end along; its files of GGUF do not say so.
#[test]
fn marks_of_phi_3_end_lines() {
    let tokens = ["<unk>", "<s>", "</s>", "<|user|>", "<|end|>", "<0x0A>", "▁", "a", "▁a"];
    let load = |architecture: &str| {
        let mut writer = GgufWriter::new();
        writer.set("general.architecture", architecture);
        writer.set("tokenizer.ggml.model", "llama");
        writer.set("tokenizer.ggml.tokens", tokens.into_iter().collect::<Array>());
        let scores = tokens.map(|_| 0.0f32);
        writer.set("tokenizer.ggml.scores", scores.into_iter().collect::<Array>());
        let kinds = [2i32, 3, 3, 3, 3, 1, 1, 1, 1];
        writer.set("tokenizer.ggml.token_type", kinds.into_iter().collect::<Array>());
        writer.set("tokenizer.ggml.add_space_prefix", false);
        let mut bytes = Vec::new();
        writer.write_to(&mut bytes).unwrap();
        Tokenizer::from_gguf(&Gguf::parse(Bytes::from(bytes), "phi").unwrap()).unwrap()
    };
    let text = "<s><|user|>\na<|end|>\n<s> a";
    let encode = |tokenizer: Tokenizer| tokenizer.encode(text, EncodeOptions::TEMPLATE);
    assert_eq!(encode(load("phi3")), [1, 3, 7, 4, 1, 8]);
    assert_eq!(encode(load("llama")), [1, 3, 0, 7, 4, 0, 1, 8]);
}

/// Vocabularies that cover all text and pipelines that rewrite none of it.
#[test]
fn complete_vocabularies_give_every_text_back() {
    let expected = expected();
    for name in ["gpt2", "smollm", "llama3", "thousands", "llama2", "spm_llama", "spm_no_prefix"] {
        let tokenizer = load(name);
        let is_byte_level = tokenizer.token_id("Ġ").is_some();
        for text in texts(&expected["texts"]) {
            // SentencePiece's mark for a space is one, wherever it stands.
            if is_byte_level || !text.contains('▁') {
                let ids = tokenizer.encode(text, EncodeOptions::TEXT);
                assert_eq!(tokenizer.decode(&ids), text, "{name}");
            }
        }
    }
}

/// What is written is read as the same tokenizer.
#[test]
fn written_and_read_again() {
    let expected = expected();
    for (name, tokenizer, _) in cases(&expected) {
        // These have parts that the format has no place for, and say so.
        if ["spm_rules", "spm_user_defined"].contains(&name) {
            assert!(tokenizer.to_tokenizer_json().is_err(), "{name}");
            continue;
        }
        let json = tokenizer.to_tokenizer_json().unwrap();
        let again = Tokenizer::from_tokenizer_json(json.as_bytes(), name).unwrap();
        for text in texts(&expected["texts"]) {
            for options in [EncodeOptions::TEXT, MARKED] {
                let ids = tokenizer.encode(text, options);
                assert_eq!(again.encode(text, options), ids, "{name}: {text:?}");
                // Where unknown tokens begin the text, SentencePiece's decoder takes off spaces
                // that no step of the format does.
                let unknown = tokenizer.unknown_id().filter(|_| name == "spm_tidy");
                if !unknown.is_some_and(|unknown| ids.contains(&unknown)) {
                    assert_eq!(again.decode(&ids), tokenizer.decode(&ids), "{name}: {text:?}");
                }
            }
        }
    }
}
