//! `cargo xtask train-default`: makes the model that the command `ulp` carries in itself.
//!
//! The whole path runs here: a corpus from a fixed seed, a tokenizer learned from it, training with
//! `nn` and `optim`, a Hugging Face directory, and a GGUF file with weights in Q8_0. Every step is
//! the same to the bit at any thread count, so the committed file can be made again. A run that is
//! stopped goes on from its last checkpoint.
//!
//! A test takes only the first steps, with one thread and with two, and holds their losses against the
//! committed record: `cargo xtask ci default-model`.

#[cfg(test)]
mod check;
mod record;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ulp_infer::{EncodeOptions, TensorType, Tokenizer, export_gguf, train_byte_bpe};
use ulp_nn::{ArrayX, Llama, LlamaConfig, TokenDataset, Trainer, TrainingConfig, Windows};

use crate::corpus;
use record::Record;

/// Between documents, and the first token of all.
const SEPARATOR: &str = "<|endoftext|>";
/// Documents from which the tokenizer learns.
const TOKENIZER_DOCUMENTS: u64 = 20_000;
/// Documents to train on: more than the steps below can read, so that hardly one is read twice.
const DOCUMENTS: u64 = 100_000;
/// Documents never trained on, which begin behind all others.
const HELD_OUT: u64 = 200;
const VOCABULARY: usize = 1280;
const CHECKPOINT_EVERY: u64 = 200;
/// Standard deviation of a token's first vector. The matrices start at 0.06, about the square root
/// of 1/C; with vectors as small as that, a token's own direction is lost among what all tokens have
/// in common, and to look a name up in the text is learned ten times later.
const EMBEDDING_DEVIATION: f32 = 1.0;
const MATRIX_DEVIATION: f32 = 0.06;
/// The turns of a talk as `corpus::talk` writes them.
const CHAT_TEMPLATE: &str = "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + \
     message['content'] + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}\
     {{ '<|assistant|>\\n' }}{% endif %}";

/// `cargo xtask train-default [OUT]`: checkpoints and the Hugging Face form go to
/// `target/default-model`, the GGUF file and its record to `OUT` (`crates/ulp/assets`).
pub(crate) fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let assets = PathBuf::from("crates/ulp/assets");
    match words.first().map(String::as_str) {
        Some(flag) if flag.starts_with('-') => Err(format!("{flag:?} is no folder").into()),
        Some(out) => make(Path::new(out)),
        None => make(&assets),
    }
}

fn make(out: &Path) -> Result<(), Box<dyn Error>> {
    let work = PathBuf::from("target/default-model");
    fs::create_dir_all(out)?;
    fs::create_dir_all(&work)?;
    let tokenizer = learn_tokenizer()?;
    println!("tokenizer: {} tokens", tokenizer.vocab_size());
    let data = documents(&tokenizer, 0..DOCUMENTS);
    let held_out = documents(&tokenizer, DOCUMENTS..DOCUMENTS + HELD_OUT);
    println!("corpus: {} documents, {} tokens", DOCUMENTS, data.tokens().len());
    let mut record = Record::open(&work.join("record.json"));
    let trainer = train(&work.join("checkpoint"), &data, &mut record)?;
    record.held_out_loss = Some(trainer.evaluate(&held_out, 16)?);
    write(&trainer, &tokenizer, &work, out)?;
    record.write(&out.join("default.json"), &trainer.model().config, trainer.config())?;
    println!("held-out loss {:.4} nats a token", record.held_out_loss.unwrap_or(f64::NAN));
    Ok(())
}

fn learn_tokenizer() -> Result<Tokenizer, Box<dyn Error>> {
    let texts = (0..TOKENIZER_DOCUMENTS).map(|index| corpus::document(corpus::SEED, index));
    let specials = [SEPARATOR, corpus::USER, corpus::ASSISTANT, corpus::END];
    let learned = train_byte_bpe(texts, VOCABULARY, &specials)?;
    let separator = learned.token_id(SEPARATOR);
    Ok(learned.with_bos_eos(separator, separator, true))
}

fn documents(tokenizer: &Tokenizer, range: std::ops::Range<u64>) -> TokenDataset {
    let options = EncodeOptions { add_special: true, parse_special: true };
    TokenDataset::from_documents(
        range.map(|index| tokenizer.encode(&corpus::document(corpus::SEED, index), options)),
    )
}

fn model_config() -> Result<LlamaConfig, Box<dyn Error>> {
    let json = format!(
        r#"{{"model_type": "llama", "vocab_size": {VOCABULARY}, "hidden_size": 192,
            "intermediate_size": 512, "num_hidden_layers": 5, "num_attention_heads": 6,
            "num_key_value_heads": 2, "max_position_embeddings": 1024, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": false, "bos_token_id": 0,
            "eos_token_id": [0, 3], "initializer_range": {MATRIX_DEVIATION}}}"#
    );
    Ok(LlamaConfig::parse(json.as_bytes(), "the default model's configuration")?)
}

fn training_config() -> TrainingConfig {
    TrainingConfig {
        seed: corpus::SEED,
        batch_size: 4,
        sequence_length: 256,
        windows: Windows::DocumentStart,
        learning_rate: 3e-3,
        min_learning_rate: 1e-4,
        warmup_steps: 100,
        total_steps: 10_000,
        ..TrainingConfig::default()
    }
}

/// The trainer before its first step.
fn beginning() -> Result<Trainer, Box<dyn Error>> {
    let mut model = Llama::<ArrayX<f32>>::new(model_config()?, corpus::SEED);
    let scale = EMBEDDING_DEVIATION / MATRIX_DEVIATION;
    model.model.embed_tokens.weight.mapv_inplace(|x| x * scale);
    Ok(Trainer::from_model(model, training_config())?)
}

fn train(
    checkpoint: &Path,
    data: &TokenDataset,
    record: &mut Record,
) -> Result<Trainer, Box<dyn Error>> {
    let mut trainer = if checkpoint.exists() { Trainer::load(checkpoint)? } else { beginning()? };
    record.forget_from(trainer.step_count());
    let (first, start) = (trainer.step_count(), Instant::now());
    while !trainer.is_done() {
        let clock = Instant::now();
        let report = trainer.step(data)?;
        record.note(report.step, report.loss, clock.elapsed().as_secs_f64());
        if report.step % 100 == 0 {
            let tokens = (report.step + 1 - first) as f64 * report.tokens as f64;
            let rate = tokens / start.elapsed().as_secs_f64();
            println!("step {:5}  loss {:.4}  {rate:.0} tokens/s", report.step, report.loss);
        }
        if trainer.step_count() % CHECKPOINT_EVERY == 0 {
            trainer.save(checkpoint)?;
            record.save()?;
        }
    }
    trainer.save(checkpoint)?;
    record.save()?;
    Ok(trainer)
}

fn write(
    trainer: &Trainer,
    tokenizer: &Tokenizer,
    work: &Path,
    out: &Path,
) -> Result<(), Box<dyn Error>> {
    let huggingface = work.join("huggingface");
    fs::create_dir_all(&huggingface)?;
    trainer.model().save_dir(&huggingface)?;
    fs::write(huggingface.join("tokenizer.json"), tokenizer.to_tokenizer_json()?)?;
    let config = serde_json::json!({"chat_template": CHAT_TEMPLATE, "bos_token": SEPARATOR,
        "eos_token": SEPARATOR, "tokenizer_class": "PreTrainedTokenizerFast"});
    fs::write(huggingface.join("tokenizer_config.json"), format!("{config:#}\n"))?;
    let gguf = out.join("default.gguf");
    export_gguf(&huggingface, &gguf, TensorType::Q8_0)?;
    println!("{}: {} bytes", gguf.display(), fs::metadata(&gguf)?.len());
    Ok(())
}
