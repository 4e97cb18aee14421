//! Importance matrices: against a forward pass in f64 written out here, through files and back, and
//! what they are for.

use std::collections::BTreeMap;
use std::path::Path;

use crate::test_models::{Scratch, tensor, tiny_config};
use ulp_infer::{
    Activations, Bytes, CacheType, EncodeOptions, Gguf, Importance, ImportanceCollector,
    InferError, Mix, Model, Precision, TensorType, Tokenizer, requantize, train_byte_bpe,
};
use ulp_nn::{ArrayX, Llama};

const LAYERS: usize = 2;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_DIM: usize = 8;

/// Σ x² of each input, by GGUF's name of the matrix.
type Sums = BTreeMap<String, Vec<f64>>;

/// A Llama in f64, position after position, one number after another.
struct Oracle<'a> {
    folder: &'a Path,
    sums: Sums,
    keys: Vec<Vec<Vec<f64>>>,
    values: Vec<Vec<Vec<f64>>>,
}

impl Oracle<'_> {
    fn weight(&self, name: &str) -> Vec<f64> {
        let file = self.folder.join("model.safetensors");
        tensor(&file, &format!("{name}.weight")).iter().map(|&x| f64::from(x)).collect()
    }

    /// The product of a matrix `[out, in]`, whose input is counted under `counted`.
    fn product(&mut self, name: &str, counted: &str, x: &[f64]) -> Vec<f64> {
        let sums = self.sums.entry(counted.to_string()).or_insert_with(|| vec![0.0; x.len()]);
        sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += x * x);
        let rows = self.weight(name);
        rows.chunks(x.len()).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        let scale = 1.0 / (mean + 1e-5).sqrt();
        self.weight(name).iter().zip(x).map(|(w, x)| w * x * scale).collect()
    }

    fn position(&mut self, id: u32, position: usize) {
        let width = HEADS * HEAD_DIM;
        let embedding = self.weight("model.embed_tokens");
        let mut x = embedding[id as usize * width..][..width].to_vec();
        for layer in 0..LAYERS {
            let (hf, gguf) = (format!("model.layers.{layer}"), format!("blk.{layer}"));
            let n = self.norm(&format!("{hf}.input_layernorm"), &x);
            let [mut q, mut k, v] = ["q", "k", "v"].map(|part| {
                let counted = format!("{gguf}.attn_{part}.weight");
                self.product(&format!("{hf}.self_attn.{part}_proj"), &counted, &n)
            });
            rotate(&mut q, position);
            rotate(&mut k, position);
            self.keys[layer].push(k);
            self.values[layer].push(v);
            let attended = attention(&q, &self.keys[layer], &self.values[layer]);
            let counted = format!("{gguf}.attn_output.weight");
            add(&mut x, &self.product(&format!("{hf}.self_attn.o_proj"), &counted, &attended));
            let n = self.norm(&format!("{hf}.post_attention_layernorm"), &x);
            let [gate, up] = ["gate", "up"].map(|part| {
                let counted = format!("{gguf}.ffn_{part}.weight");
                self.product(&format!("{hf}.mlp.{part}_proj"), &counted, &n)
            });
            let inner: Vec<f64> =
                gate.iter().zip(&up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            let counted = format!("{gguf}.ffn_down.weight");
            add(&mut x, &self.product(&format!("{hf}.mlp.down_proj"), &counted, &inner));
        }
        let n = self.norm("model.norm", &x);
        self.product("model.embed_tokens", "token_embd.weight", &n);
    }
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// Element i of a head turns with element i + D/2.
fn rotate(heads: &mut [f64], position: usize) {
    let half = HEAD_DIM / 2;
    for head in heads.chunks_mut(HEAD_DIM) {
        for i in 0..half {
            let angle = position as f64 / 10000f64.powf(i as f64 / half as f64);
            let (a, b) = (head[i], head[i + half]);
            head[i] = a * angle.cos() - b * angle.sin();
            head[i + half] = b * angle.cos() + a * angle.sin();
        }
    }
}

fn attention(q: &[f64], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<f64> {
    let mut out = Vec::new();
    for (head, q) in q.chunks(HEAD_DIM).enumerate() {
        let part = head / (HEADS / KV_HEADS) * HEAD_DIM;
        let weight = |key: &Vec<f64>| {
            let dot: f64 = q.iter().zip(&key[part..]).map(|(q, k)| q * k).sum();
            (dot / (HEAD_DIM as f64).sqrt()).exp()
        };
        let weights: Vec<f64> = keys.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        for i in 0..HEAD_DIM {
            let sum: f64 = weights.iter().zip(values).map(|(w, v)| w * v[part + i]).sum();
            out.push(sum / total);
        }
    }
    out
}

fn oracle(folder: &Path, windows: &[Vec<u32>]) -> Sums {
    let mut sums = Sums::new();
    for window in windows {
        let (keys, values) = (vec![Vec::new(); LAYERS], vec![Vec::new(); LAYERS]);
        let mut oracle = Oracle { folder, sums, keys, values };
        for (position, &id) in window.iter().enumerate() {
            oracle.position(id, position);
        }
        sums = oracle.sums;
    }
    sums
}

fn tiny_folder(name: &str) -> Scratch {
    let folder = Scratch::new(name);
    Llama::<ArrayX<f32>>::new(tiny_config(64), 7).save_dir(&folder.0).unwrap();
    let tokenizer = train_byte_bpe([""], 257, &["<|end|>"]).unwrap();
    let json = tokenizer.to_tokenizer_json().unwrap();
    std::fs::write(folder.0.join("tokenizer.json"), json).unwrap();
    folder
}

fn windows() -> Vec<Vec<u32>> {
    (0..2).map(|w| (0..20).map(|i| 1 + (w * 31 + i * 79) % 256).collect()).collect()
}

fn collect(model: &Model, precision: impl Into<Precision>) -> Importance {
    let mut collector = ImportanceCollector::new(model, precision);
    for window in windows() {
        collector.add(&window).unwrap();
    }
    collector.finish()
}

#[test]
fn sums_are_those_of_a_forward_in_f64() {
    let folder = tiny_folder("oracle");
    let model = Model::load(&folder.0).unwrap();
    let importance = collect(&model, Activations::Exact);
    let expected = oracle(&folder.0, &windows());
    assert_eq!(importance.matrices().len(), LAYERS * 7 + 1);
    for (matrix, sums) in &expected {
        let means = importance.of(matrix, sums.len()).unwrap_or_else(|| panic!("no {matrix}"));
        for (mean, sum) in means.iter().zip(sums) {
            let expected = sum / 40.0;
            // Rounding to f32 on the way through two layers, averaged over 40 squares.
            assert!((f64::from(*mean) - expected).abs() < 2e-5 * expected, "{matrix} {mean} {sum}");
        }
    }
}

#[test]
fn bits_depend_on_no_thread_and_little_on_precision() {
    let folder = tiny_folder("precision");
    let model = Model::load(&folder.0).unwrap();
    let exact = collect(&model, Activations::Exact);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| collect(&model, Activations::Exact)), exact);
    }
    let rounded = Precision { activations: Activations::Exact, cache: CacheType::Q8_0 };
    let rounded = collect(&model, rounded);
    let first = |i: &Importance| i.of("blk.0.attn_q.weight", 32).unwrap().to_vec();
    let later = |i: &Importance| i.of("blk.1.attn_q.weight", 32).unwrap().to_vec();
    assert_eq!(first(&rounded), first(&exact), "nothing was cached before it");
    assert_ne!(later(&rounded), later(&exact));
}

#[test]
fn files_give_back_what_was_written() {
    let folder = tiny_folder("files");
    let model = Model::load(&folder.0).unwrap();
    let importance = collect(&model, Activations::Quantized);
    let file = folder.0.join("text.imatrix.gguf");
    importance.to_gguf("text.txt", 2, 20).write_to_file(&file).unwrap();
    assert_eq!(Importance::open(&file).unwrap(), importance);
    let gguf = Gguf::open(&file).unwrap();
    assert_eq!(gguf.str("general.type").unwrap(), "imatrix");
    assert_eq!(gguf.usize("imatrix.chunk_count").unwrap(), 2);
}

/// A file of the older form.
fn dat(matrices: &[(&[u8], i32, &[f32])]) -> Vec<u8> {
    let mut bytes = (matrices.len() as i32).to_le_bytes().to_vec();
    for (name, calls, means) in matrices {
        bytes.extend((name.len() as i32).to_le_bytes());
        bytes.extend(*name);
        bytes.extend(calls.to_le_bytes());
        bytes.extend((means.len() as i32).to_le_bytes());
        bytes.extend(means.iter().flat_map(|x| (x * *calls as f32).to_le_bytes()));
    }
    bytes
}

#[test]
fn the_older_form_is_read_and_not_trusted() {
    let folder = Scratch::new("dat");
    let file = folder.0.join("imatrix.dat");
    let open = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        Importance::open(&file)
    };
    let mut bytes = dat(&[(b"a", 4, &[0.5, 2.0]), (b"b", 0, &[1.0])]);
    let whole = bytes.len();
    // How many windows and which text.
    bytes.extend([7, 0, 0, 0, 1, 0, 0, 0, b't']);
    let importance = open(&bytes).unwrap();
    assert_eq!(importance.of("a", 2).unwrap(), [0.5, 2.0]);
    assert!(importance.of("a", 3).is_none() && importance.of("b", 1).is_none());

    for cut in 0..whole {
        let error = open(&bytes[..cut]).unwrap_err();
        assert!(matches!(error, InferError::Truncated { .. }), "{cut}: {error}");
    }
    for wrong in [
        &dat(&[(b"a", 1, &[1.0]), (b"a", 1, &[1.0, 2.0])])[..],
        &dat(&[(b"\xff", 1, &[1.0])]),
        &dat(&[(b"a", -1, &[1.0])]),
        &(-1i32).to_le_bytes(),
    ] {
        assert!(matches!(open(wrong), Err(InferError::Invalid { .. })));
    }
    // A name and numbers that would take gigabytes.
    let claims = [[1, 0, 0, 0], [255, 255, 255, 127]].concat();
    assert!(matches!(open(&claims), Err(InferError::Truncated { .. })));
}

/// The embedded default model was trained; its feed-forward's ends have rows of 512.
#[test]
fn errors_that_matter_get_smaller() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../ulp/assets/default.gguf");
    let gguf = Gguf::open(file).unwrap();
    let model = Model::from_gguf(&gguf).unwrap();
    let tokenizer = Tokenizer::from_gguf(&gguf).unwrap();
    let text = "Once there was a fox who lived in a wood. One day he met a bear, and the bear said: \
                come with me, for I know where there is honey. So they went together.";
    let mut collector = ImportanceCollector::new(&model, Activations::Quantized);
    collector.add(&tokenizer.encode(text, EncodeOptions::PROMPT)).unwrap();
    let importance = collector.finish();
    for mix in ["Q2_K", "Q4_K_S"] {
        let plain = weighted_errors(&gguf, mix, None, &importance);
        let weighted = weighted_errors(&gguf, mix, Some(&importance), &importance);
        let down = |name: &&String| name.ends_with("ffn_down.weight");
        assert_eq!(plain.keys().filter(down).count(), 5);
        for name in plain.keys().filter(down) {
            assert!(weighted[name] < 0.97 * plain[name], "{mix} {name}");
        }
    }
}

/// Σ importance · error² of each matrix that is quantized.
fn weighted_errors(
    gguf: &Gguf,
    mix: &str,
    used: Option<&Importance>,
    importance: &Importance,
) -> BTreeMap<String, f64> {
    let mix: Mix = mix.parse().unwrap();
    let written = requantize(gguf, mix, used, |_| ()).unwrap();
    let mut bytes = Vec::new();
    written.write_to(&mut bytes).unwrap();
    let stored = Gguf::parse(Bytes::from(bytes), "quantized").unwrap();
    let numbers = |gguf: &Gguf, name: &str| -> (TensorType, Vec<f32>) {
        let tensor = gguf.tensor(name).unwrap();
        (tensor.ty, gguf.numbers(tensor).unwrap())
    };
    let mut errors = BTreeMap::new();
    for tensor in gguf.tensors() {
        let (ty, found) = numbers(&stored, &tensor.name);
        let Some(weights) = importance.of(&tensor.name, *tensor.shape.last().unwrap()) else {
            continue;
        };
        let (was, meant) = numbers(gguf, &tensor.name);
        if ty != was {
            let terms = meant.iter().zip(&found).zip(weights.iter().cycle());
            let error = terms.map(|((x, y), w)| f64::from(*w) * f64::from(x - y).powi(2)).sum();
            errors.insert(tensor.name.clone(), error);
        }
    }
    errors
}
