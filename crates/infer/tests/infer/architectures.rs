//! Every architecture and every scaling of positions, from GGUF and from Hugging Face directories:
//! the logits of the transformers library. `golden/make_models.py` makes the models.

use std::path::PathBuf;

use crate::test_models::{all_logits, largest_difference, tensor};
use ulp_infer::{Activations, Input, KvCache, LogitRows, Model, Workspace};

const CASES: [(&str, &str); 13] = [
    ("llama_linear", "llama"),
    ("llama_rope3", "llama"),
    ("llama_dynamic", "llama"),
    ("llama_yarn", "llama"),
    ("mistral_window", "llama"),
    ("qwen2", "qwen2"),
    ("qwen3", "qwen3"),
    ("gemma2", "gemma2"),
    ("gemma3", "gemma3"),
    ("phi3", "phi3"),
    ("phi3_long", "phi3"),
    ("phi3_border", "phi3"),
    ("gpt2", "gpt2"),
];

fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/models")).join(name)
}

/// The ids of a case, and transformers' logits.
fn expected(name: &str) -> (Vec<u32>, Vec<f32>) {
    let file = folder(name).join("expected.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let parsed = ulp_nn::SafeTensors::parse(&bytes, name).unwrap();
    let ids = parsed.required("ids").unwrap();
    let ids = ids.data().chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
    (ids.collect(), tensor(&file, "logits").into_raw_vec_and_offset().0)
}

#[test]
fn logits_are_those_of_transformers() {
    for (name, architecture) in CASES {
        let (ids, theirs) = expected(name);
        let largest = theirs.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert!(largest > 1.0, "{name}: a comparison that zeros would pass is none");
        let mut paths = vec![folder(name), folder(name).join("model.gguf")];
        if name == "llama_dynamic" {
            // GGUF has no place for a scaling that grows with the sequence.
            paths.pop();
        }
        for path in paths {
            let model = Model::load(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert_eq!(model.architecture(), architecture, "{name}");
            let ours = all_logits(&model, &ids, Activations::Exact);
            let worst = largest_difference(&ours, &theirs);
            eprintln!("{}: logits up to {largest} differ by {worst:e}", path.display());
            // Two f32 computations, some hundred roundings of 2^-24 on the way to a logit of size 5.
            assert!(worst < 2e-5, "{}: {worst}", path.display());
        }
    }
}

/// Windows, caps, norms of heads and learned positions do not depend on the cut either.
#[test]
fn the_bits_do_not_depend_on_the_cut() {
    for (name, _) in CASES {
        let (ids, _) = expected(name);
        let model = Model::load(folder(name)).unwrap();
        let whole = all_logits(&model, &ids, Activations::Quantized);
        let mut cache = KvCache::new(model.cache_shape(), 128);
        let sequence = cache.open_with(model.rope_factors(ids.len()));
        let mut pieces = Vec::new();
        for tokens in [&ids[..7], &ids[7..8], &ids[8..30], &ids[30..]] {
            let input = Input { sequence, tokens, logits: LogitRows::All };
            let (kind, mut workspace) = (Activations::Quantized, Workspace::new());
            let logits = model.forward(&[input], &mut cache, kind, &mut workspace).unwrap();
            pieces.extend_from_slice(logits);
        }
        assert_eq!(pieces, whole, "{name}");
    }
}
