//! Tokenizers against published vectors: every id equal, whichever file the tokenizer came from.

use std::path::{Path, PathBuf};

use ulp_infer::{EncodeOptions, Gguf, Tokenizer};

/// The folder of reference data; `None`, with a line that says so, where it is absent.
fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var("ULP_TEST_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into());
    let path = Path::new(&root).join(folder);
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

fn from_gguf(path: &Path) -> Tokenizer {
    Tokenizer::from_gguf(&Gguf::open(path).unwrap()).unwrap()
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
    let Some(folder) = data("tokenizers") else { return };
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
    assert_eq!((from.model, from.tokens), (to.model, to.tokens));
    assert_eq!(from.add_space_prefix, to.add_space_prefix);
}

#[test]
fn gpt2_from_gguf() {
    let Some(folder) = data("tokenizers") else { return };
    let tokenizer = from_gguf(&folder.join("ggml-vocab-gpt-2.gguf"));
    check_and_rewrite(&tokenizer, &vectors(&folder, "gpt-2"));
    assert_eq!(tokenizer.to_gguf().unwrap().pre, "gpt-2");
    assert_eq!(tokenizer.eog_ids(), [50256]);
}

#[test]
fn llama3_from_tokenizer_json() {
    let Some(folder) = data("tokenizers") else { return };
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
    let Some(folder) = data("tokenizers") else { return };
    let tokenizer = from_json(&folder.join("qwen2_5.tokenizer.json"));
    check_and_rewrite(&tokenizer, &vectors(&folder, "qwen2"));
    assert_eq!(tokenizer.to_gguf().unwrap().pre, "qwen2");
    // NFC comes first: the accent joins its letter.
    assert_eq!(tokenizer.decode(&tokenizer.encode("e\u{301}", EncodeOptions::TEXT)), "é");
}

#[test]
fn babyllama() {
    let Some(folder) = data("babyllama") else { return };
    let gguf = from_gguf(&folder.join("babyllama-tok105-f32.gguf"));
    let model = from_model(&folder.join("tok105.model"));
    assert_eq!((gguf.vocab_size(), model.vocab_size()), (105, 105));
    let golden = std::fs::read(folder.join("golden.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_slice(&golden).unwrap();
    let ids = |value: &serde_json::Value| -> Vec<u32> {
        value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
    };
    for tokenizer in [gguf, model] {
        for text in ["Once upon a time, Zoë said: \"7 🦙!\"\n", "", " two  spaces "] {
            assert_eq!(tokenizer.decode(&tokenizer.encode(text, EncodeOptions::PROMPT)), text);
        }
        let (text, greedy) = (golden["text"].as_str().unwrap(), ids(&golden["greedy_ids"]));
        assert_eq!(tokenizer.decode(&greedy), text);
        assert_eq!(tokenizer.encode(text, EncodeOptions::TEXT), greedy);
        assert_eq!(tokenizer.encode(text, EncodeOptions::PROMPT)[0], 1);
    }
}

/// The model itself is too large to be reference data: `cargo xtask fetch smollm2`.
#[test]
fn smollm2_prompts() {
    let Some(folder) = data("smollm2") else { return };
    let models = std::env::var("ULP_MODELS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../models").into());
    let path = Path::new(&models).join("SmolLM2-135M-Instruct.Q4_1.gguf");
    if !path.exists() {
        eprintln!("skipped: no {} (cargo xtask fetch smollm2)", path.display());
        return;
    }
    let tokenizer = from_gguf(&path);
    let reference = std::fs::read(folder.join("reference.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_slice(&reference).unwrap();
    for prompt in reference.as_array().unwrap() {
        let ids = |key: &str| -> Vec<u32> {
            let list = prompt[key].as_array().unwrap();
            list.iter().map(|id| id.as_u64().unwrap() as u32).collect()
        };
        let text = prompt["prompt_text"].as_str().unwrap();
        assert_eq!(tokenizer.encode(text, EncodeOptions::TEMPLATE), ids("prompt_ids"));
        assert_eq!(tokenizer.decode_with_special(&ids("prompt_ids")), text);
        assert_eq!(tokenizer.decode(&ids("greedy_ids")), prompt["greedy_text"].as_str().unwrap());
    }
    assert_eq!(tokenizer.to_gguf().unwrap().pre, "smollm");
}
