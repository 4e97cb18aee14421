//! A stream of tokens gives the text that decoding at once gives, whole characters at a time.

use std::path::Path;

use proptest::prelude::*;
use ulp_infer::{EncodeOptions, Tokenizer};

fn load(name: &str) -> Tokenizer {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tokenizers").join(name);
    let bytes = std::fs::read(path).unwrap();
    match name.ends_with(".json") {
        true => Tokenizer::from_tokenizer_json(&bytes, name).unwrap(),
        false => Tokenizer::from_sentencepiece(&bytes, name).unwrap(),
    }
}

/// One tokenizer for each way back to text.
const NAMES: [&str; 7] = [
    "smollm.json",
    "added.json",
    "llama2.json",
    "gemma.json",
    "words.json",
    "spm_llama.model",
    "spm_tidy.model",
];

fn tokenizers() -> Vec<Tokenizer> {
    NAMES.iter().map(|name| load(name)).collect()
}

thread_local!(static TOKENIZERS: Vec<Tokenizer> = tokenizers());

/// Checks a stream against decoding at once, after each id and at the end.
fn check(tokenizer: &Tokenizer, ids: &[u32], with_special: bool) {
    let (mut stream, decode): (_, fn(&Tokenizer, &[u32]) -> String) = match with_special {
        true => (tokenizer.stream_with_special(), Tokenizer::decode_with_special),
        false => (tokenizer.stream(), Tokenizer::decode),
    };
    let mut text = String::new();
    for (n, &id) in ids.iter().enumerate() {
        text += &stream.push(id);
        // What is not there yet is one character that is not whole.
        let whole = decode(tokenizer, &ids[..=n]);
        let rest = whole.strip_prefix(&text).expect("a beginning of the text");
        assert!(["", "\u{FFFD}"].contains(&rest), "{rest:?} is held back");
    }
    text += &stream.finish();
    assert_eq!(text, decode(tokenizer, ids));
    // A finished stream begins anew.
    let again: String = ids.iter().map(|&id| stream.push(id)).collect();
    assert_eq!(again + &stream.finish(), text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Ids that no text becomes: marks, half characters, ids outside the vocabulary.
    #[test]
    fn random_ids(seeds in prop::collection::vec(any::<u32>(), 0..60), with_special: bool) {
        TOKENIZERS.with(|tokenizers| for tokenizer in tokenizers {
            // One id in fifty or so is outside; bytes are frequent, since they stand first.
            let limit = tokenizer.vocab_size() as u32;
            let ids: Vec<u32> = seeds.iter().map(|seed| match seed % 5 {
                0 => (seed >> 3) % 260,
                1 => (seed >> 3) % (limit + limit / 10),
                _ => (seed >> 3) % limit,
            }).collect();
            check(tokenizer, &ids, with_special);
        });
    }

    /// Any text, whose characters are mostly several tokens.
    #[test]
    fn random_text(text in "(\\PC|[a-z ]|\u{200d}|\u{1f1e6}|\n){0,30}") {
        TOKENIZERS.with(|tokenizers| for tokenizer in tokenizers {
            check(tokenizer, &tokenizer.encode(&text, EncodeOptions::TEMPLATE), false);
        });
    }

    /// No byte is lost: what is not text is marked, byte for byte as decoding marks it.
    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        TOKENIZERS.with(|tokenizers| for tokenizer in tokenizers {
            let of_byte = |byte: u8| tokenizer.token_id(&format!("<0x{byte:02X}>"));
            let ids: Option<Vec<u32>> = bytes.iter().map(|&byte| of_byte(byte)).collect();
            let Some(ids) = ids.filter(|ids| !ids.is_empty()) else { continue };
            let decoded = tokenizer.decode_bytes(&ids);
            // The beginning of the text may be a space, which stands for nothing.
            let stripped = bytes.strip_prefix(b" ").unwrap_or(&bytes);
            assert!(decoded == bytes || decoded == stripped);
            assert_eq!(tokenizer.decode(&ids), String::from_utf8_lossy(&decoded));
            check(tokenizer, &ids, false);
        });
    }
}
