//! Any bytes as a GGUF file: its metadata and tensors, then a model and a tokenizer of it. What is
//! not such a file gives an error; nothing panics, and memory follows from the input's size.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ulp_infer::{Activations, Bytes, Gguf, Input, KvCache, LogitRows, Model, Tokenizer, Workspace};

fuzz_target!(|bytes: &[u8]| {
    let Ok(gguf) = Gguf::parse(Bytes::from(bytes.to_vec()), "fuzz") else { return };
    for (_, value) in gguf.metadata() {
        if let Some(array) = value.as_array() {
            array.to_u64s();
            array.to_f32s();
            array.to_bools();
            array.to_arrays();
            array.byte_strings().map(Iterator::count);
        }
    }
    for tensor in gguf.tensors() {
        assert_eq!(gguf.data(tensor).len(), tensor.bytes);
    }
    let _ = Tokenizer::from_gguf(&gguf);
    if let Ok(model) = Model::from_gguf(&gguf) {
        let mut cache = KvCache::new(model.cache_shape(), 2);
        let input = Input { sequence: cache.open(), tokens: &[0], logits: LogitRows::Last };
        let _ = model.forward(&[input], &mut cache, Activations::Quantized, &mut Workspace::new());
    }
});
