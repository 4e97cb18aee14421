//! Training: saved and continued, any number of threads: the same bits. Checkpoints that lie.

use std::path::PathBuf;

use ulp_autograd::LinearPrecision;
use ulp_nn::{LlamaConfig, Module, NnError, TokenDataset, Trainer, TrainingConfig, Windows};

/// A directory of one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ulp-nn-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn model() -> LlamaConfig {
    let text = br#"{"model_type": "llama", "vocab_size": 24, "hidden_size": 16,
        "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 32, "tie_word_embeddings": true}"#;
    LlamaConfig::parse(text, "config.json").expect("a config")
}

fn training() -> TrainingConfig {
    TrainingConfig {
        batch_size: 3,
        sequence_length: 12,
        learning_rate: 0.1 / 3.0,
        warmup_steps: 2,
        total_steps: 9,
        windows: Windows::DocumentStart,
        ..TrainingConfig::default()
    }
}

fn data() -> TokenDataset {
    let document = |n: u32| (0..7 + n % 5).map(move |i| if i == 0 { 1 } else { (n + i * i) % 24 });
    TokenDataset::from_documents((0..40).map(|n| document(n).collect::<Vec<_>>()))
}

fn bits(trainer: &Trainer) -> Vec<u32> {
    let named = trainer.model().named_parameters();
    named.iter().flat_map(|(_, p)| p.iter().map(|x| x.to_bits())).collect()
}

fn advance(trainer: &mut Trainer, steps: usize) -> Vec<u64> {
    let data = data();
    (0..steps).map(|_| trainer.step(&data).expect("a step").loss.to_bits()).collect()
}

#[test]
fn saved_and_continued_is_never_stopped() {
    let scratch = Scratch::new("continued");
    let directory = scratch.0.join("run");
    let mut never_stopped = Trainer::new(model(), training()).expect("legal");
    let first = advance(&mut never_stopped, 4);
    never_stopped.save(&directory).expect("saved");
    std::fs::write(directory.join("tokenizer.json"), "{}").expect("written");
    never_stopped.save(&directory).expect("saved again, over the first");
    let rest = advance(&mut never_stopped, 5);

    let mut resumed = Trainer::load(&directory).expect("loaded");
    assert_eq!(resumed.step_count(), 4);
    assert_eq!(resumed.config(), never_stopped.config());
    assert_eq!(advance(&mut resumed, 5), rest);
    assert_eq!(bits(&resumed), bits(&never_stopped));
    assert!(resumed.is_done());
    assert!(directory.join("tokenizer.json").exists(), "other files stay");
    assert_eq!(std::fs::read_dir(&scratch.0).expect("readable").count(), 1, "nothing is left");
    assert_ne!(first, rest);
}

#[test]
fn a_save_that_died_leaves_the_one_before() {
    let scratch = Scratch::new("died");
    let directory = scratch.0.join("run");
    let mut trainer = Trainer::new(model(), training()).expect("legal");
    advance(&mut trainer, 2);
    trainer.save(&directory).expect("saved");
    // Between the two renames of the next save.
    std::fs::rename(&directory, scratch.0.join("run.old")).expect("renamed");
    let loaded = Trainer::load(&directory).expect("the old one");
    assert_eq!((loaded.step_count(), bits(&loaded)), (2, bits(&trainer)));
}

#[test]
fn threads_do_not_reach_the_result() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let mut trainer = Trainer::new(model(), training()).expect("legal");
            let losses = advance(&mut trainer, 5);
            let loss = trainer.evaluate(&data(), 2).expect("evaluated");
            (losses, loss.to_bits(), bits(&trainer))
        })
    };
    let one = run(1);
    assert!([2, 5].into_iter().all(|threads| run(threads) == one));
}

/// Two batches of two are a batch of four, but for the order of their sums.
#[test]
fn a_batch_in_parts_is_the_batch() {
    let whole = TrainingConfig { batch_size: 4, ..training() };
    let parts = TrainingConfig { batch_size: 2, accumulation: 2, ..training() };
    let [mut whole, mut parts] = [whole, parts].map(|t| Trainer::new(model(), t).expect("legal"));
    let data = data();
    for _ in 0..3 {
        let (a, b) = (whole.step(&data).expect("a step"), parts.step(&data).expect("a step"));
        assert_eq!((a.tokens, a.step, a.learning_rate), (b.tokens, b.step, b.learning_rate));
        assert!((a.loss - b.loss).abs() < 1e-5, "{} {}", a.loss, b.loss);
        assert!((a.grad_norm / b.grad_norm - 1.0).abs() < 1e-3, "{} {}", a.grad_norm, b.grad_norm);
    }
    let scratch = Scratch::new("parts");
    parts.save(&scratch.0.join("run")).expect("saved");
    let mut again = Trainer::load(&scratch.0.join("run")).expect("loaded");
    assert_eq!(again.config(), parts.config());
    assert_eq!(advance(&mut again, 2), advance(&mut parts, 2));
}

#[test]
fn the_batch_is_a_function_of_seed_and_step() {
    let data = data();
    let batch = |seed, step| data.batch(seed, step, 4, 13, Windows::AnyToken).expect("a batch");
    assert_eq!(batch(1, 7), batch(1, 7));
    assert_ne!(batch(1, 7), batch(1, 8));
    assert_ne!(batch(1, 7), batch(2, 7));
    let starts = data.batch(1, 0, 50, 13, Windows::DocumentStart).expect("a batch");
    assert!(starts.column(0).iter().all(|id| *id == 1));
    // Each token but the first is predicted once.
    let windows: Vec<_> = data.consecutive(13).expect("long enough").collect();
    assert!(windows.windows(2).all(|pair| pair[0][12] == pair[1][0]));
}

#[test]
fn what_makes_no_training_is_refused() {
    let mut trainer = Trainer::new(model(), training()).expect("legal");
    let short = TokenDataset::from_tokens(vec![1; 12]);
    let refused = trainer.step(&short);
    assert!(matches!(refused, Err(NnError::DatasetTooShort { needed: 13, available: 12 })));
    let foreign = TokenDataset::from_tokens(vec![24; 100]);
    let refused = trainer.step(&foreign);
    assert!(matches!(refused, Err(NnError::TokenOutOfRange { id: 24, vocab_size: 24, .. })));
    assert_eq!(trainer.step_count(), 0);
    let empty = TrainingConfig { batch_size: 0, ..training() };
    assert!(matches!(Trainer::new(model(), empty), Err(NnError::InvalidValue { .. })));
    let none = TrainingConfig { accumulation: 0, ..training() };
    assert!(matches!(Trainer::new(model(), none), Err(NnError::InvalidValue { .. })));
    let rates = TrainingConfig { min_learning_rate: 1.0, ..training() };
    assert!(matches!(Trainer::new(model(), rates), Err(NnError::Optim(_))));
}

#[test]
fn broken_checkpoints_are_refused() {
    let scratch = Scratch::new("broken");
    let directory = scratch.0.join("run");
    assert!(matches!(Trainer::load(&directory), Err(NnError::Io { .. })));
    let mut trainer = Trainer::new(model(), training()).expect("legal");
    advance(&mut trainer, 1);
    for (file, cut) in [
        ("trainer.json", 20),
        ("config.json", 20),
        ("model.safetensors", 2000),
        ("optimizer.safetensors", 2000),
    ] {
        trainer.save(&directory).expect("saved");
        let bytes = std::fs::read(directory.join(file)).expect("saved above");
        std::fs::write(directory.join(file), &bytes[..cut]).expect("written");
        let error = Trainer::load(&directory).expect_err(file);
        assert!(error.to_string().contains(file), "{error}");
    }
}

/// In bf16: the loss of each step is near that of f32, but not it; the run is saved with its precision and
/// goes on with the same bits.
#[test]
fn training_in_bf16_is_saved_and_continued() {
    let scratch = Scratch::new("bf16");
    let directory = scratch.0.join("run");
    let config = TrainingConfig { precision: LinearPrecision::Bf16, ..training() };
    let mut full = Trainer::new(model(), training()).expect("legal");
    let mut half = Trainer::new(model(), config).expect("legal");
    let data = data();
    for _ in 0..4 {
        let (full, half) = (full.step(&data).expect("a step"), half.step(&data).expect("a step"));
        assert_ne!(full.loss, half.loss);
        // Eight bits of each operand: relative errors of some 2^-9 (2^-8 at most), met in some ten products.
        assert!((full.loss - half.loss).abs() < 10.0 * 2.0_f64.powi(-9) * full.loss);
    }
    half.save(&directory).expect("saved");
    let mut resumed = Trainer::load(&directory).expect("loaded");
    assert_eq!(resumed.config().precision, LinearPrecision::Bf16);
    assert_eq!(advance(&mut resumed, 5), advance(&mut half, 5));
    assert_eq!(bits(&resumed), bits(&half));
}
