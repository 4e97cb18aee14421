//! Random models in directories that the transformers library wrote: its logits. The directories
//! and the script that makes them are `nn`'s.

use std::path::PathBuf;

use crate::test_models::{all_logits, ids, json, largest_difference, tensor};
use ulp_infer::{Activations, Model};

/// `None`, with a line that says so, in a package that stands alone.
fn golden(name: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../nn/tests/golden");
    let folder = PathBuf::from(root).join(name);
    if !folder.exists() {
        eprintln!("skipped: no {}", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn logits_are_those_of_transformers() {
    for name in ["llama_biased_rope3", "llama_tied_sharded"] {
        let Some(folder) = golden(name) else { return };
        let model = Model::load(&folder).unwrap();
        let theirs = tensor(&folder.join("logits.safetensors"), "logits");
        let rows = json(&folder.join("ids.json"));
        let (mut worst, mut largest) = (0.0f32, 0.0f32);
        for (row, theirs) in rows.as_array().unwrap().iter().zip(theirs.outer_iter()) {
            let theirs: Vec<f32> = theirs.iter().copied().collect();
            let ours = all_logits(&model, &ids(row), Activations::Exact);
            worst = worst.max(largest_difference(&ours, &theirs));
            largest = theirs.iter().fold(largest, |m, x| m.max(x.abs()));
        }
        eprintln!("{name}: logits up to {largest} differ by {worst:e} at most");
        // Two f32 computations, some hundred roundings of 2^-24 on the way to a logit of size 5.
        assert!(worst < 2e-5, "{name}: {worst}");
        assert!(largest > 1.0, "{name}: a comparison that zeros would pass is none");
    }
}
