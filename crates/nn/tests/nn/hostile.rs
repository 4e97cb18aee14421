//! Files cut short, with flipped bits, and with claims that nothing backs: an error that names the
//! file, or a model that can be used. Never a panic, never memory for what is merely claimed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use ulp_nn::{ArrayX, Llama, LlamaConfig, NnError, TokenDataset, Trainer, TrainingConfig};
use ulp_tensor::ndarray::Array2;

/// A directory's files and their bytes.
type Files = Vec<(String, Vec<u8>)>;

const CHECKPOINT: [&str; 4] =
    ["config.json", "model.safetensors", "optimizer.safetensors", "trainer.json"];
const SHARDED: [&str; 4] = [
    "config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
];

/// A directory of one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("ulp-nn-hostile-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read_files(directory: &Path, names: &[&str]) -> Files {
    let read = |name: &&str| (name.to_string(), fs::read(directory.join(name)).expect(name));
    names.iter().map(read).collect()
}

fn write_files(directory: &Path, files: &Files) {
    for (name, bytes) in files {
        fs::write(directory.join(name), bytes).expect("a temporary file");
    }
}

fn data() -> TokenDataset {
    TokenDataset::from_tokens((0..200).map(|i| i * i % 12).collect())
}

/// A run after two steps.
fn checkpoint() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let text = br#"{"model_type": "llama", "vocab_size": 12, "hidden_size": 8,
            "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
            "num_key_value_heads": 1, "max_position_embeddings": 16}"#;
        let config = LlamaConfig::parse(text, "config.json").expect("a config");
        let training = TrainingConfig {
            batch_size: 2,
            sequence_length: 5,
            warmup_steps: 2,
            total_steps: 9,
            ..TrainingConfig::default()
        };
        let mut trainer = Trainer::new(config, training).expect("legal");
        for _ in 0..2 {
            trainer.step(&data()).expect("a step");
        }
        let scratch = Scratch::new("made");
        let directory = scratch.0.join("run");
        trainer.save(&directory).expect("saved");
        read_files(&directory, &CHECKPOINT)
    })
}

fn sharded() -> Files {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/llama_tied_sharded");
    read_files(&golden, &SHARDED)
}

#[derive(Debug, Clone)]
enum Damage {
    Cut(Index),
    Flip(Index, u32),
    /// A bit of the first bytes: header and text lie there.
    Early(usize, u32),
    Byte(Index, u8),
    /// Bytes that were never there.
    Append(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), 0..8_u32).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (0..500_usize, 0..8_u32).prop_map(|(at, bit)| Damage::Early(at, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        prop::collection::vec(any::<u8>(), 1..9).prop_map(Damage::Append),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Flip(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Self::Early(at, bit) => {
                let at = at % bytes.len();
                bytes[at] ^= 1 << bit;
            }
            Self::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Append(more) => bytes.extend(more),
        }
    }
}

/// Damage in one file may show in another: a configuration of another width makes the weights the
/// ones that do not fit. The message names the one where it showed.
fn names_a_file(error: &NnError, names: &[&str]) -> bool {
    let text = error.to_string();
    names.iter().any(|name| text.contains(name))
}

proptest! {
    #[test]
    fn a_damaged_checkpoint_is_refused_or_goes_on(
        victim in select(&CHECKPOINT[..]),
        damage in damage(),
    ) {
        let scratch = Scratch::new("checkpoint");
        let mut files = checkpoint().clone();
        let file = files.iter_mut().find(|(name, _)| name == victim).expect("one of them");
        damage.apply(&mut file.1);
        write_files(&scratch.0, &files);
        match Trainer::load(&scratch.0) {
            Err(error) => prop_assert!(names_a_file(&error, &CHECKPOINT), "{}", error),
            // A weight may have become infinite: an error too, but no panic.
            Ok(mut trainer) => {
                let _ = trainer.step(&data());
            }
        }
    }

    #[test]
    fn a_damaged_directory_is_refused_or_computes(
        victim in select(&SHARDED[..]),
        damage in damage(),
    ) {
        let scratch = Scratch::new("sharded");
        let mut files = sharded();
        let file = files.iter_mut().find(|(name, _)| name == victim).expect("one of them");
        damage.apply(&mut file.1);
        write_files(&scratch.0, &files);
        match Llama::<ArrayX<f32>>::load_dir(&scratch.0) {
            // A flipped index may name a file that is not there.
            Err(NnError::Io { path, .. }) => prop_assert!(path.starts_with(&scratch.0)),
            Err(error) => prop_assert!(names_a_file(&error, &SHARDED), "{}", error),
            Ok(model) => {
                model.logits(Array2::zeros((1, 3)).view());
            }
        }
    }

    #[test]
    fn a_cut_weight_file_is_never_loaded(
        victim in select(vec![1_usize, 2]),
        keep in any::<Index>(),
    ) {
        let mut files = checkpoint().clone();
        let bytes = &mut files[victim].1;
        bytes.truncate(keep.index(bytes.len()));
        let scratch = Scratch::new("cut");
        write_files(&scratch.0, &files);
        let error = Trainer::load(&scratch.0).expect_err("the file is cut");
        prop_assert!(error.to_string().contains(CHECKPOINT[victim]), "{}", error);
    }
}

/// State that was lost must not quietly start from nothing.
#[test]
fn a_run_that_lost_state_is_refused() {
    let scratch = Scratch::new("lost");
    let mut files = checkpoint().clone();
    let trainer = &mut files[3].1;
    let text =
        String::from_utf8(trainer.clone()).expect("JSON").replace("\"step\": 2", "\"step\": 3");
    assert_ne!(text.as_bytes(), &trainer[..]);
    *trainer = text.into_bytes();
    write_files(&scratch.0, &files);
    let error = Trainer::load(&scratch.0).expect_err("the optimizer took two steps");
    assert!(
        matches!(&error, NnError::InvalidValue { file, field, .. }
            if file.ends_with("optimizer.safetensors") && field.starts_with("scalar/step/")),
        "{error}"
    );
}

/// The largest number that a configuration may hold for a dimension.
const HUGE: u64 = (1 << 31) - 1;

/// What a file claims in place of what it has; each is refused, or harmless.
const CLAIMS: [(&str, &str, &str); 9] = [
    ("config.json", "\"vocab_size\": 12", "\"vocab_size\": HUGE"),
    ("config.json", "\"hidden_size\": 8", "\"hidden_size\": HUGE"),
    ("config.json", "\"intermediate_size\": 12", "\"intermediate_size\": HUGE"),
    ("config.json", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": HUGE"),
    ("config.json", "\"head_dim\": 4", "\"head_dim\": 1073741822"),
    ("config.json", "\"max_position_embeddings\": 16", "\"max_position_embeddings\": HUGE"),
    ("trainer.json", "\"batch_size\": 2", "\"batch_size\": HUGE"),
    ("trainer.json", "\"sequence_length\": 5", "\"sequence_length\": 9007199254740992"),
    ("trainer.json", "\"total_steps\": 9", "\"total_steps\": 9007199254740992"),
];

/// Run by the test below it, with little memory.
#[test]
#[ignore = "a child process of claims_cost_no_memory runs it"]
fn claims() {
    let scratch = Scratch::new("claims");
    for (victim, truth, claim) in CLAIMS {
        let mut files = checkpoint().clone();
        let file = files.iter_mut().find(|(name, _)| name == victim).expect("one of them");
        let text = String::from_utf8(file.1.clone()).expect("JSON");
        let lie = text.replace(truth, &claim.replace("HUGE", &HUGE.to_string()));
        assert_ne!(lie, text, "{truth} is in {victim}");
        file.1 = lie.into_bytes();
        write_files(&scratch.0, &files);
        match Trainer::load(&scratch.0) {
            Err(error) => assert!(names_a_file(&error, &CHECKPOINT), "{claim}: {error}"),
            Ok(mut trainer) => {
                trainer.step(&data()).expect("a harmless claim");
            }
        }
    }
}

/// A claim of 2^31 numbers that was believed would take 8 GiB; the child gets one.
#[cfg(target_os = "linux")]
#[test]
fn claims_cost_no_memory() {
    let limited = "ulimit -v 1048576 && exec \"$0\" \"$@\"";
    let child = std::process::Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "hostile::claims", "--ignored", "--test-threads=1"])
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
