//! A cache in f16 and q8_0: what it changes, and what it does not.

use std::sync::Arc;

use crate::test_models::{other_tiny_model, tiny_model};
use ulp_infer::{
    Activations, CacheType, Engine, EngineOptions, Event, Input, KvCache, LogitRows, Model,
    Precision, Request, SamplerParams, Workspace, score,
};

const CONTEXT: usize = 320;

fn text() -> Vec<u32> {
    (0..200).map(|i| 1 + i * 7919 % 256).collect()
}

/// The logits of all positions, `pieces` tokens a call.
fn logits(model: &Model, ty: CacheType, pieces: usize) -> Vec<f32> {
    let ids = text();
    let mut cache = KvCache::of_type(model.cache_shape(), ty, ids.len());
    let (sequence, mut workspace) = (cache.open(), Workspace::new());
    let mut all = Vec::new();
    for tokens in ids.chunks(pieces) {
        let input = Input { sequence, tokens, logits: LogitRows::All };
        let made = model.forward(&[input], &mut cache, Activations::Exact, &mut workspace).unwrap();
        all.extend_from_slice(made);
    }
    all
}

#[test]
fn pieces_give_the_bits_of_the_whole() {
    let (model, _) = tiny_model("pieces", CONTEXT);
    for ty in CacheType::ALL {
        let whole = logits(&model, ty, 200);
        for pieces in [1, 7, 64, 100] {
            assert_eq!(logits(&model, ty, pieces), whole, "{ty}, {pieces} at a time");
        }
    }
}

#[test]
fn smaller_types_are_near_and_not_the_same() {
    let (model, _) = tiny_model("near", CONTEXT);
    let exact = logits(&model, CacheType::F32, 200);
    let root_mean_square = |x: &[f32]| {
        let sum: f64 = x.iter().map(|&x| f64::from(x).powi(2)).sum();
        (sum / x.len() as f64).sqrt()
    };
    let error = |ty| {
        let off: Vec<f32> =
            logits(&model, ty, 200).iter().zip(&exact).map(|(x, y)| x - y).collect();
        root_mean_square(&off) / root_mean_square(&exact)
    };
    // A key is off by 2^-12 of itself on average in f16, and by some 1/500 of the largest of 32 in
    // q8_0: about ten times as much. Scores of this random model are in the tens, which exp turns
    // into relative errors ten times as large as the keys'.
    let (half, bytes) = (error(CacheType::F16), error(CacheType::Q8_0));
    assert!(half > 0.0 && half < 10.0 / 4096.0, "{half}");
    assert!(bytes > half && bytes < 10.0 / 254.0, "{bytes}");
}

#[test]
fn scores_follow_the_type() {
    let (model, _) = tiny_model("scores", CONTEXT);
    let sum = |precision: Precision| -> f32 {
        let scores = score(&model, &text(), precision, 0).unwrap();
        scores.iter().filter_map(|score| score.next).map(|next| next.logprob).sum()
    };
    let of = |cache| sum(Precision { cache, ..Precision::default() });
    assert_eq!(of(CacheType::F32), sum(Activations::Quantized.into()));
    assert_ne!(of(CacheType::F32), of(CacheType::F16));
    assert_ne!(of(CacheType::F16), of(CacheType::Q8_0));
}

/// The draft's cache has the type, too; its guesses change no token.
#[test]
fn an_engine_says_what_its_cache_takes() {
    let (model, tokenizer) = tiny_model("bytes", CONTEXT);
    for cache_type in CacheType::ALL {
        let options = EngineOptions { cache_type, max_draft: 4, ..EngineOptions::default() };
        let fresh = || Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), options.clone());
        let stats = fresh().stats();
        let position = KvCache::bytes_per_position(model.cache_shape(), cache_type);
        assert_eq!(stats.block_bytes, stats.block_positions * position);

        let answer = |mut engine: Engine| {
            let sampler = SamplerParams::greedy();
            let request = Request { sampler, max_tokens: 40, ..Request::new(text()) };
            engine.submit(request).unwrap();
            let mut ids = Vec::new();
            while !engine.is_idle() {
                for event in engine.step().unwrap() {
                    if let Event::Token(token) = event {
                        ids.push((token.id, token.logprob.to_bits()));
                    }
                }
            }
            ids
        };
        let drafted = answer(fresh().with_draft(other_tiny_model(CONTEXT)));
        assert_eq!(answer(fresh()), drafted, "{cache_type}");
    }
}
