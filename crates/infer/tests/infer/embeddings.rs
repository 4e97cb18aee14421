//! Embeddings are the transformers library's last states, pooled.

use std::path::PathBuf;

use crate::test_models::tensor;
use ulp_infer::{Activations, InferError, Model, Pooling, embed};

#[test]
fn states_are_pooled() {
    for name in ["qwen3", "gemma3", "gpt2"] {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/models");
        let folder = PathBuf::from(root).join(name);
        let model = Model::load(&folder).unwrap();
        let file = folder.join("expected.safetensors");
        let states = tensor(&file, "states");
        let bytes = std::fs::read(&file).unwrap();
        let parsed = ulp_nn::SafeTensors::parse(&bytes, name).unwrap();
        let ids = parsed.required("ids").unwrap();
        let ids = ids.data().chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
        let ids: Vec<u32> = ids.collect();
        let rows: Vec<Vec<f32>> =
            states.outer_iter().map(|row| row.iter().copied().collect()).collect();
        let mean = (0..model.hidden_size())
            .map(|c| rows.iter().map(|row| row[c]).sum::<f32>() / rows.len() as f32);
        for (pooling, expected) in [
            (Pooling::Mean, mean.collect()),
            (Pooling::Last, rows[rows.len() - 1].clone()),
            (Pooling::Cls, rows[0].clone()),
        ] {
            let ours = embed(&model, &ids, pooling, Activations::Exact).unwrap();
            let worst = crate::test_models::largest_difference(&ours, &expected);
            assert!(worst < 2e-5, "{name} {pooling:?}: {worst}");
        }
        let embed = |ids: &[u32]| embed(&model, ids, Pooling::Mean, Activations::Exact);
        assert!(matches!(embed(&[]), Err(InferError::EmptyPrompt)));
        assert!(matches!(embed(&[1, 99]), Err(InferError::TokenOutOfRange { index: 1, .. })));
        assert!(matches!(embed(&[1; 4000]), Err(InferError::ContextFull { needed: 4000, .. })));
    }
}
