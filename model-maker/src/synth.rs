//! `cargo xtask synth SHAPE [DIRECTORY [TYPE ...]]`: a model with random weights, to measure on where
//! the real one cannot be had. It is written as a Hugging Face directory in bfloat16 and, for each
//! type or mix named (BF16 where none is), as `DIRECTORY/SHAPE-TYPE.gguf`. Other engines read both.
//! The same shape always gives the same bytes. The directory is `target/synth/SHAPE` where none is
//! named.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ulp_infer::{
    Array, Bytes, Gguf, GgufWriter, Mix, TensorType, Tokenizer, export_gguf, requantize,
};
use ulp_nn::{Dtype, Llama, LlamaConfig, Module, SafeTensorsWriter};
use ulp_tensor::ndarray::{Array1, ArrayD};
use ulp_tensor::random;

const SEED: u64 = 1;

struct Shape {
    name: &'static str,
    config: &'static str,
}

const SHAPES: &[Shape] = &[
    Shape {
        name: "tinyllama",
        config: r#"{"model_type": "llama", "vocab_size": 32000, "hidden_size": 2048,
            "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32,
            "num_key_value_heads": 4, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": false, "bos_token_id": 1,
            "eos_token_id": 2}"#,
    },
    Shape {
        name: "small",
        config: r#"{"model_type": "llama", "vocab_size": 4096, "hidden_size": 256,
            "intermediate_size": 768, "num_hidden_layers": 4, "num_attention_heads": 8,
            "num_key_value_heads": 4, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": false, "bos_token_id": 1,
            "eos_token_id": 2}"#,
    },
];

pub(crate) fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let Some((name, words)) = words.split_first() else {
        let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        let usage = "synth takes a shape, a directory and types of GGUF files";
        return Err(format!("{usage}; the shapes are {}", names.join(", ")).into());
    };
    let shape = SHAPES
        .iter()
        .find(|shape| shape.name == name)
        .ok_or_else(|| format!("no shape {name:?}"))?;
    let (directory, mixes) = match words.split_first() {
        Some((directory, mixes)) => (PathBuf::from(directory), mixes),
        None => (Path::new("target/synth").join(shape.name), &[][..]),
    };
    let mixes = mixes.iter().map(|mix| mix.parse()).collect::<Result<Vec<Mix>, _>>()?;
    fs::create_dir_all(&directory)?;
    let config = LlamaConfig::parse(shape.config.as_bytes(), shape.name)?;
    fs::write(directory.join("config.json"), config.to_json())?;
    let tokenizer = vocabulary(config.vocab_size)?;
    fs::write(directory.join("tokenizer.json"), tokenizer.to_tokenizer_json()?)?;
    fs::write(
        directory.join("tokenizer_config.json"),
        r#"{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": true,
            "tokenizer_class": "PreTrainedTokenizerFast"}"#,
    )?;
    write_weights(config, &directory.join("model.safetensors"))?;
    let stored = directory.join(format!("{name}-BF16.gguf"));
    export_gguf(&directory, &stored, TensorType::BF16)?;
    println!("{}: {} bytes", stored.display(), fs::metadata(&stored)?.len());
    let gguf = Gguf::open(&stored)?;
    for mix in mixes.into_iter().filter(|mix| mix.base() != TensorType::BF16) {
        let file = directory.join(format!("{name}-{}.gguf", mix.name()));
        requantize(&gguf, mix, None, |_| ())?.write_to_file(&file)?;
        println!("{}: {} bytes", file.display(), fs::metadata(&file)?.len());
    }
    Ok(())
}

/// Gains are 1, matrices normal with a standard deviation that keeps the stream's magnitude.
fn write_weights(config: LlamaConfig, path: &Path) -> Result<(), Box<dyn Error>> {
    let plan = Llama::spec(config);
    let mut writer = SafeTensorsWriter::new();
    writer.metadata("format", "pt");
    for (stream, (name, spec)) in plan.named_parameters().into_iter().enumerate() {
        let values: ArrayD<f32> = match spec.shape.as_slice() {
            [_] => Array1::ones(spec.shape[0]).into_dyn(),
            [_, inputs] => {
                let deviation = 1.0 / (*inputs as f32).sqrt();
                random::normal::<f32>(&spec.shape, SEED, stream as u64) * deviation
            }
            other => return Err(format!("{name}: no rule for shape {other:?}").into()),
        };
        let bytes: Vec<u8> =
            values.iter().flat_map(|&x| fpbits::bf16_from_f32(x).to_le_bytes()).collect();
        writer.bytes(&name, Dtype::Bf16, &spec.shape, bytes);
    }
    Ok(writer.write_file(path)?)
}

/// A vocabulary of the SentencePiece kind: special tokens, bytes, letters, and words of two letters
/// and more, each of which is another word and a letter.
fn vocabulary(size: usize) -> Result<Tokenizer, Box<dyn Error>> {
    const NORMAL: i32 = 1;
    let special = [("<unk>".to_string(), 2), ("<s>".to_string(), 3), ("</s>".to_string(), 3)];
    let bytes = (0..=255_u8).map(|byte| (format!("<0x{byte:02X}>"), 6));
    let mut tokens: Vec<(String, i32)> = special.into_iter().chain(bytes).collect();
    let letters: Vec<String> = ('a'..='z').map(String::from).collect();
    let mut words = vec!["\u{2581}".to_string()];
    words.extend(letters.iter().cloned());
    let mut next = 0;
    while tokens.len() + words.len() < size {
        let word = words[next / letters.len()].clone() + &letters[next % letters.len()];
        words.push(word);
        next += 1;
    }
    let first_word = tokens.len();
    tokens.extend(words.into_iter().map(|word| (word, NORMAL)));
    tokens.truncate(size);
    let score = |id: usize| if id < first_word { 0.0 } else { -((id - first_word) as f32) };

    let mut writer = GgufWriter::new();
    writer.set("general.architecture", "llama");
    writer.set("tokenizer.ggml.model", "llama");
    writer.set("tokenizer.ggml.tokens", tokens.iter().map(|t| t.0.as_str()).collect::<Array>());
    writer.set("tokenizer.ggml.scores", (0..size).map(score).collect::<Array>());
    writer.set("tokenizer.ggml.token_type", tokens.iter().map(|t| t.1).collect::<Array>());
    writer.set("tokenizer.ggml.bos_token_id", 1_u32);
    writer.set("tokenizer.ggml.eos_token_id", 2_u32);
    writer.set("tokenizer.ggml.unknown_token_id", 0_u32);
    let mut file = Vec::new();
    writer.write_to(&mut file)?;
    Ok(Tokenizer::from_gguf(&Gguf::parse(Bytes::from(file), "vocabulary")?)?)
}
