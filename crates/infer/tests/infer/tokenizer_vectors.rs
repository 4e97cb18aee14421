//! Tokenizers against published vectors: every id equal, whichever file the tokenizer came from.

use std::path::Path;

use ulp_infer::{Array, Bytes, EncodeOptions, Gguf, GgufVocabulary, GgufWriter, Tokenizer};

use crate::test_models::{SMOLLM2, fetched_model, json, reference_data};

fn from_gguf(path: &Path) -> Tokenizer {
    Tokenizer::from_gguf(&Gguf::open(path).unwrap()).unwrap()
}

/// The tokenizer of a file that says what `vocabulary` does.
fn from_vocabulary(vocabulary: &GgufVocabulary) -> Tokenizer {
    let mut writer = GgufWriter::new();
    let mut set = |key: &str, value: Array| writer.set(&format!("tokenizer.ggml.{key}"), value);
    set("tokens", vocabulary.tokens.iter().map(String::as_str).collect());
    set("scores", vocabulary.scores.iter().flatten().copied().collect());
    set("token_type", vocabulary.token_type.iter().copied().collect());
    writer.set("tokenizer.ggml.model", vocabulary.model);
    let mut bytes = Vec::new();
    writer.write_to(&mut bytes).unwrap();
    Tokenizer::from_gguf(&Gguf::parse(Bytes::from(bytes), "written").unwrap()).unwrap()
}

fn from_json(path: &Path) -> Tokenizer {
    let bytes = std::fs::read(path).unwrap();
    Tokenizer::from_tokenizer_json(&bytes, &path.display().to_string()).unwrap()
}

fn from_model(path: &Path) -> Tokenizer {
    let bytes = std::fs::read(path).unwrap();
    Tokenizer::from_sentencepiece(&bytes, &path.display().to_string()).unwrap()
}

/// The texts of a vector file and the ids of each.
fn vectors(folder: &Path, name: &str) -> Vec<(String, Vec<u32>)> {
    let path = |end| folder.join(format!("ggml-vocab-{name}.gguf.{end}"));
    let texts = std::fs::read_to_string(path("inp")).unwrap();
    let ids = std::fs::read_to_string(path("out")).unwrap();
    let texts: Vec<_> = texts.split("\n__ggml_vocab_test__\n").map(str::to_owned).collect();
    let ids: Vec<Vec<u32>> = ids
        .split('\n')
        .map(|line| line.split_whitespace().map(|id| id.parse().unwrap()).collect())
        .collect();
    assert_eq!((texts.len(), ids.len()), (47, 47), "{name}");
    texts.into_iter().zip(ids).collect()
}

/// Every id equal, the text back, and the same text from a stream.
fn check(tokenizer: &Tokenizer, vectors: &[(String, Vec<u32>)]) {
    for (text, ids) in vectors {
        assert_eq!(tokenizer.encode(text, EncodeOptions::TEXT), *ids, "{text:?}");
        assert_eq!(tokenizer.decode(ids), *text);
        let mut stream = tokenizer.stream();
        let mut streamed: String = ids.iter().map(|&id| stream.push(id)).collect();
        streamed += &stream.finish();
        assert_eq!(streamed, *text);
    }
}

/// The same, and again after a way through each format that it can be written in.
fn check_and_rewrite(tokenizer: &Tokenizer, vectors: &[(String, Vec<u32>)]) {
    check(tokenizer, vectors);
    let json = tokenizer.to_tokenizer_json().unwrap();
    check(&Tokenizer::from_tokenizer_json(json.as_bytes(), "rewritten").unwrap(), vectors);
}

#[test]
fn llama_from_gguf_and_from_sentencepiece() {
    let Some(folder) = reference_data("tokenizers") else { return };
    let vectors = vectors(&folder, "llama-spm");
    let gguf = from_gguf(&folder.join("ggml-vocab-llama-spm.gguf"));
    let model = from_model(&folder.join("llama-spm.tokenizer.model"));
    for tokenizer in [&gguf, &model] {
        check_and_rewrite(tokenizer, &vectors);
        assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(1), Some(2)));
        assert_eq!(tokenizer.unknown_id(), Some(0));
        assert_eq!(tokenizer.vocab_size(), 32000);
        assert!(tokenizer.adds_bos() && tokenizer.is_eog(2) && tokenizer.is_special(1));
    }
    // Written as a list of merges and back, the scores are others, but order the merges alike.
    let json = gguf.to_tokenizer_json().unwrap();
    let json = Tokenizer::from_tokenizer_json(json.as_bytes(), "rewritten").unwrap();
    let (from, to) = (gguf.to_gguf().unwrap(), json.to_gguf().unwrap());
    assert_eq!((&from.model, &from.tokens), (&to.model, &to.tokens));
    assert_eq!(from.add_space_prefix, to.add_space_prefix);
    // Rows of spaces have equal scores, which a list of merges has to imitate.
    let again = from_vocabulary(&to);
    for spaces in 0..70 {
        let text = format!("{0}a{0}b{0}", " ".repeat(spaces));
        let ids = model.encode(&text, EncodeOptions::TEXT);
        for other in [&gguf, &json, &again] {
            assert_eq!(other.encode(&text, EncodeOptions::TEXT), ids, "{spaces} spaces");
        }
    }
}

#[test]
fn gpt2_from_gguf() {
    let Some(folder) = reference_data("tokenizers") else { return };
    let tokenizer = from_gguf(&folder.join("ggml-vocab-gpt-2.gguf"));
    check_and_rewrite(&tokenizer, &vectors(&folder, "gpt-2"));
    assert_eq!(tokenizer.to_gguf().unwrap().pre, "gpt-2");
    assert_eq!(tokenizer.eog_ids(), [50256]);
}

#[test]
fn llama3_from_tokenizer_json() {
    let Some(folder) = reference_data("tokenizers") else { return };
    let tokenizer = from_json(&folder.join("llama3.tokenizer.json"));
    check_and_rewrite(&tokenizer, &vectors(&folder, "llama-bpe"));
    assert_eq!(tokenizer.to_gguf().unwrap().pre, "llama-bpe");
    let text = "<|begin_of_text|>Hi<|eot_id|>";
    let ids = tokenizer.encode(text, EncodeOptions::TEMPLATE);
    assert_eq!(ids, [128000, 13347, 128009]);
    assert_eq!(tokenizer.decode(&ids), "Hi");
    assert_eq!(tokenizer.decode_with_special(&ids), text);
    // Without being asked to, no text becomes a mark.
    let ids = tokenizer.encode(text, EncodeOptions::TEXT);
    assert!(ids.iter().all(|&id| !tokenizer.is_special(id)));
    assert_eq!(tokenizer.decode(&ids), text);
}

#[test]
fn qwen2_from_tokenizer_json() {
    let Some(folder) = reference_data("tokenizers") else { return };
    let tokenizer = from_json(&folder.join("qwen2_5.tokenizer.json"));
    check_and_rewrite(&tokenizer, &vectors(&folder, "qwen2"));
    assert_eq!(tokenizer.to_gguf().unwrap().pre, "qwen2");
    // NFC comes first: the accent joins its letter.
    assert_eq!(tokenizer.decode(&tokenizer.encode("e\u{301}", EncodeOptions::TEXT)), "é");
}

#[test]
fn babyllama() {
    let Some(folder) = reference_data("babyllama") else { return };
    let gguf = from_gguf(&folder.join("babyllama-tok105-f32.gguf"));
    let model = from_model(&folder.join("tok105.model"));
    assert_eq!((gguf.vocab_size(), model.vocab_size()), (105, 105));
    let golden = std::fs::read(folder.join("golden.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_slice(&golden).unwrap();
    let ids = |value: &serde_json::Value| -> Vec<u32> {
        value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
    };
    // The ids that the sentencepiece library gives. The vocabulary has no tokens of bytes, so what
    // it does not cover (`ë`, an emoji, the line feed) is the unknown token, once for a row of
    // it, and cannot come back.
    let covered = "Once upon a time, Lily said: \"7 (é) is $5!\"";
    let uncovered = "Zoë 🦙🦙!\n";
    for tokenizer in [&gguf, &model] {
        let (text, greedy) = (golden["text"].as_str().unwrap(), ids(&golden["greedy_ids"]));
        assert_eq!(tokenizer.decode(&greedy), text);
        assert_eq!(tokenizer.encode(text, EncodeOptions::TEXT), greedy);
        let ids = tokenizer.encode(covered, EncodeOptions::PROMPT);
        assert_eq!(ids[..10], [1, 3, 34, 9, 22, 4, 3, 18, 20, 7]);
        assert_eq!(ids[29..], [60, 3, 29, 84, 3, 82, 78, 81, 3, 10, 12, 3, 87, 73, 36, 29]);
        assert_eq!(tokenizer.decode(&ids), covered);
        let ids = tokenizer.encode(uncovered, EncodeOptions::TEXT);
        assert_eq!(ids, [3, 62, 7, 0, 3, 0, 36, 0]);
        assert_eq!(tokenizer.decode(&ids), "Zo !");
        assert!(tokenizer.encode("", EncodeOptions::TEXT).is_empty());
    }
    // The model's own file asks for rows of spaces to be one; GGUF does not say so.
    let spaces = " two  spaces ";
    let ids = model.encode(spaces, EncodeOptions::TEXT);
    assert_eq!(ids, [3, 6, 17, 7, 3, 12, 20, 5, 22, 4, 12]);
    assert_eq!(model.decode(&ids), "two spaces");
    assert_eq!(gguf.decode(&gguf.encode(spaces, EncodeOptions::TEXT)), spaces);
}

/// The model itself is too large to be reference data: `cargo xtask fetch smollm2`.
#[test]
fn smollm2_prompts() {
    let Some(folder) = reference_data("smollm2") else { return };
    let Some(path) = fetched_model(SMOLLM2) else { return };
    let tokenizer = from_gguf(&path);
    let reference = json(&folder.join("reference.json"));
    for prompt in reference.as_array().unwrap() {
        let ids = |key: &str| -> Vec<u32> {
            let list = prompt[key].as_array().unwrap();
            list.iter().map(|id| id.as_u64().unwrap() as u32).collect()
        };
        let text = prompt["prompt_text"].as_str().unwrap();
        assert_eq!(tokenizer.encode(text, EncodeOptions::TEMPLATE), ids("prompt_ids"));
        assert_eq!(tokenizer.decode_with_special(&ids("prompt_ids")), text);
        let (greedy, text) = (ids("greedy_ids"), prompt["greedy_text"].as_str().unwrap());
        assert_eq!(tokenizer.decode_with_special(&greedy), text);
        assert_eq!(tokenizer.decode(&greedy), text.trim_end_matches("<|im_end|>"));
    }
    assert_eq!(tokenizer.to_gguf().unwrap().pre, "smollm");
}
