//! What a plan says of memory, against what is asked for.
//!
//! One test in a binary of its own, since it counts all memory that the process asks for.

mod test_models;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use test_models::{Scratch, tiny_config};
use ulp_infer::{
    Activations, CacheType, Gguf, Input, KvCache, LogitRows, Model, ModelPlan, SequenceId,
    TensorType, Workspace, export_gguf, train_byte_bpe,
};
use ulp_nn::{ArrayX, Llama};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A small model with all matrices of one type.
fn model(folder: &Scratch, ty: TensorType) -> Gguf {
    Llama::<ArrayX<f32>>::new(tiny_config(1024), 7).save_dir(&folder.0).unwrap();
    let tokenizer = train_byte_bpe([""], 257, &["<|end|>"]).unwrap();
    let json = tokenizer.to_tokenizer_json().unwrap();
    std::fs::write(folder.0.join("tokenizer.json"), json).unwrap();
    let file = folder.0.join("model.gguf");
    export_gguf(&folder.0, &file, ty).unwrap();
    Gguf::open(file).unwrap()
}

/// Bytes that a pass of `rows` tokens for each of some sequences leaves allocated.
fn allocated(model: &Model, ty: CacheType, sequences: usize, rows: usize) -> usize {
    let ids: Vec<u32> = (0..rows as u32).map(|i| 1 + i % 256).collect();
    let region = Region::new(ALLOCATOR);
    let mut cache = KvCache::of_type(model.cache_shape(), ty, sequences * rows);
    let open: Vec<SequenceId> = (0..sequences).map(|_| cache.open()).collect();
    let input = |&sequence| Input { sequence, tokens: &ids, logits: LogitRows::Last };
    let batch: Vec<Input<'_>> = open.iter().map(input).collect();
    let mut workspace = Workspace::new();
    model.forward(&batch, &mut cache, Activations::Quantized, &mut workspace).unwrap();
    let change = region.change();
    (change.bytes_allocated as isize - change.bytes_deallocated as isize + change.bytes_reallocated)
        as usize
}

#[test]
fn cache_and_work_space_are_as_planned() {
    // Of several threads one may have nothing to do at first, and then count what it keeps later.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    for weights in [TensorType::Q8_0, TensorType::F32] {
        let folder = Scratch::new("plan");
        let gguf = model(&folder, weights);
        let (model, plan) =
            (Model::from_gguf(&gguf).unwrap(), ModelPlan::from_gguf(&gguf).unwrap());
        // Threads and what they keep.
        allocated(&model, CacheType::F32, 1, 1024);
        for ty in CacheType::ALL {
            for (sequences, rows) in [(1, 512), (2, 448), (1, 64)] {
                let plan = plan.clone().with_cache_type(ty);
                let planned = plan.cache_bytes(sequences, rows)
                    + plan.workspace_bytes(sequences * rows, sequences);
                let found = allocated(&model, ty, sequences, rows);
                let off = found as f64 / planned as f64 - 1.0;
                assert!(off.abs() < 0.05, "{weights} {ty} {sequences} {rows}: {planned} {found}");
            }
        }
    }
}
