//! Models that transformers made: the same logits, the same files.

use std::path::{Path, PathBuf};

use ulp_nn::{ArrayX, Dtype, Llama, Module, NnError, SafeTensors, SafeTensorsWriter};
use ulp_tensor::ndarray::{Array2, ArrayD, s};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Reference data outside the repository, or `None` after saying so.
fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ULP_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

fn read_logits(path: &Path) -> ArrayD<f32> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::parse(&bytes, &path.display().to_string()).unwrap();
    file.required("logits").unwrap().to_f32().unwrap()
}

fn read_ids(path: &Path) -> Array2<u32> {
    let rows: Vec<Vec<u32>> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (b, t) = (rows.len(), rows[0].len());
    Array2::from_shape_vec((b, t), rows.concat()).unwrap()
}

fn largest_difference(ours: &ArrayD<f32>, theirs: &ArrayD<f32>) -> f32 {
    assert_eq!(ours.shape(), theirs.shape());
    ours.iter().zip(theirs).fold(0.0, |worst, (a, b)| worst.max((a - b).abs()))
}

/// Each is made by `golden/make_llama.py`, which says what it is for.
const DIRECTORIES: [&str; 4] =
    ["llama_biased_rope3", "llama_tied_sharded", "qwen2_linear", "mistral_bf16"];

/// f32 against f32, both rounding differently: logits here reach about 5, and some hundred
/// roundings of 2^-24 each lie on the way to one.
const BOUND: f32 = 2e-5;

#[test]
fn random_models_have_transformers_logits() {
    for name in DIRECTORIES {
        let directory = golden(name);
        let ids = read_ids(&directory.join("ids.json"));
        let theirs = read_logits(&directory.join("logits.safetensors"));
        let model = Llama::<ArrayX<f32>>::load_dir(&directory).unwrap();
        let worst = largest_difference(&model.logits(ids.view()), &theirs);
        assert!(worst < BOUND, "{name}: logits differ by {worst}");
        // A comparison that a constant would pass is none.
        let largest = theirs.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert!(largest > 1.0, "{name}: largest logit {largest}");

        let wide = Llama::<ArrayX<f64>>::load_dir(&directory).unwrap();
        let logits = wide.logits(ids.view()).mapv(|x| x as f32);
        let worst = largest_difference(&logits, &theirs);
        assert!(worst < BOUND, "{name} in f64: logits differ by {worst}");
    }
}

#[test]
fn parameters_have_transformers_names_shapes_and_order() {
    for name in DIRECTORIES {
        let directory = golden(name);
        let theirs = std::fs::read(directory.join("names.json")).unwrap();
        let theirs: Vec<(String, Vec<usize>)> = serde_json::from_slice(&theirs).unwrap();
        let model = Llama::<ArrayX<f32>>::load_dir(&directory).unwrap();
        let ours = model.named_parameters().into_iter().map(|(path, p)| (path, p.shape().to_vec()));
        assert_eq!(ours.collect::<Vec<_>>(), theirs, "{name}");
        let order: Vec<String> = theirs.into_iter().map(|(path, _)| path).collect();
        let bytes = model.to_safetensors();
        let written = SafeTensors::parse(&bytes, "memory").unwrap();
        let written: Vec<String> = written.tensors().map(|t| t.name().to_owned()).collect();
        assert_eq!(written, order, "{name}: the order of a file");
    }
}

#[test]
fn babyllama_speaks_its_golden_ids() {
    let Some(directory) = data("babyllama") else { return };
    let golden: serde_json::Value =
        serde_json::from_slice(&std::fs::read(directory.join("golden.json")).unwrap()).unwrap();
    let start = golden["start"].as_u64().unwrap() as u32;
    let greedy: Vec<u32> = serde_json::from_value(golden["greedy_ids"].clone()).unwrap();
    let theirs = read_logits(&directory.join("golden_logits.safetensors"));
    let model = Llama::<ArrayX<f32>>::load_dir(&directory.join("hf")).unwrap();

    // Row t of the golden logits follows `start` and the first t greedy ids.
    let mut ids = vec![start];
    ids.extend(&greedy[..greedy.len() - 1]);
    let ids = Array2::from_shape_vec((1, ids.len()), ids).unwrap();
    let logits = model.logits(ids.view());
    let ours = logits.slice(s![0, .., ..]).to_owned().into_dyn();
    let worst = largest_difference(&ours, &theirs);
    // transformers' own logits lie within 3.1e-5 of these (SOURCES.txt): sums of other orders.
    assert!(worst < 1e-4, "logits differ by {worst}");
    // Causality makes one pass over the golden text the same as feeding each id back.
    let argmax = |row: ulp_tensor::ndarray::ArrayViewD<'_, f32>| {
        let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map(|(id, _)| id as u32).unwrap()
    };
    let chosen: Vec<u32> = ours.outer_iter().map(argmax).collect();
    assert_eq!(chosen, greedy);
}

#[test]
fn a_directory_comes_back_bit_for_bit() {
    for name in DIRECTORIES {
        let model = Llama::<ArrayX<f32>>::load_dir(&golden(name)).unwrap();
        let directory = scratch(name);
        model.save_dir(&directory).unwrap();
        let again = Llama::<ArrayX<f32>>::load_dir(&directory).unwrap();
        assert_eq!(again.config, model.config);
        assert_eq!(again.to_safetensors(), model.to_safetensors());

        let theirs = read_shards(&golden(name));
        let ours = again.named_parameters();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (path, p) in ours {
            let their = theirs.iter().find(|(n, _)| *n == path).expect("the same name");
            let bits = |a: &mut dyn Iterator<Item = f32>| a.map(f32::to_bits).collect::<Vec<_>>();
            let (a, b) = (bits(&mut p.iter().copied()), bits(&mut their.1.iter().copied()));
            assert_eq!(a, b, "{name}: {path}");
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

#[test]
fn every_bit_pattern_survives_a_round_trip() {
    let mut model = Llama::<ArrayX<f32>>::load_dir(&golden("llama_tied_sharded")).unwrap();
    // A signalling NaN, a quiet one with a payload, minus zero, the smallest subnormal.
    let odd = [0x7f80_0001, 0xffc1_2345, 0x8000_0000, 0x0000_0001].map(f32::from_bits);
    for (slot, value) in model.model.norm.weight.iter_mut().zip(odd) {
        *slot = value;
    }
    let bytes = model.to_safetensors();
    let file = SafeTensors::parse(&bytes, "memory").unwrap();
    let again = Llama::<ArrayX<f32>>::from_safetensors(model.config.clone(), &file).unwrap();
    let read = again.model.norm.weight.iter().take(4).map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(read, odd.map(f32::to_bits));
    assert_eq!(again.to_safetensors(), bytes);
}

#[test]
fn f64_weights_come_back_bit_for_bit() {
    let config = Llama::<ArrayX<f64>>::load_dir(&golden("llama_biased_rope3")).unwrap().config;
    let model = Llama::<ArrayX<f64>>::new(config.clone(), 12);
    let bytes = model.to_safetensors();
    let file = SafeTensors::parse(&bytes, "memory").unwrap();
    let again = Llama::<ArrayX<f64>>::from_safetensors(config, &file).unwrap();
    assert_eq!(again.to_safetensors(), bytes);
}

/// What is done to a parameter before it is written: another name or shape, or left out.
type Change<'a> = &'a dyn Fn(&str, ArrayD<f32>) -> Option<(String, ArrayD<f32>)>;

#[test]
fn what_is_wrong_with_the_weights_is_named() {
    let model = Llama::<ArrayX<f32>>::load_dir(&golden("llama_tied_sharded")).unwrap();
    let load = |change: Change<'_>, extra: Option<(&str, ArrayD<f32>)>| {
        let mut tensors: Vec<(String, ArrayD<f32>)> = Vec::new();
        model.visit(|path, p| tensors.extend(change(path, p.to_owned())));
        tensors.extend(extra.map(|(name, values)| (name.to_owned(), values)));
        let mut writer = SafeTensorsWriter::new();
        for (name, values) in &tensors {
            writer.array(name, Dtype::F32, values.view());
        }
        let mut bytes = Vec::new();
        writer.write_to(&mut bytes).unwrap();
        let file = SafeTensors::parse(&bytes, "test.safetensors").unwrap();
        Llama::<ArrayX<f32>>::from_safetensors(model.config.clone(), &file)
    };
    let keep = |path: &str, p: ArrayD<f32>| Some((path.to_owned(), p));
    let victim = "model.layers.1.mlp.up_proj.weight";
    let small = || ArrayD::zeros(vec![3]);

    let error = load(&|path, p| keep(path, p).filter(|_| path != victim), None).unwrap_err();
    assert!(
        matches!(&error, NnError::MissingTensor { file, name } if file == "test.safetensors" && name == victim),
        "{error}"
    );
    let error = load(&|path, p| keep(path, if path == victim { small() } else { p }), None);
    let error = error.unwrap_err();
    assert!(
        matches!(&error, NnError::TensorShape { name, expected, found, .. }
            if name == victim && expected == &[40, 24] && found == &[3]),
        "{error}"
    );
    let extra = "model.layers.0.self_attn.q_proj.bias";
    let error = load(&keep, Some((extra, small()))).unwrap_err();
    assert!(matches!(&error, NnError::UnexpectedTensor { name, .. } if name == extra), "{error}");

    let buffer = "model.layers.0.self_attn.rotary_emb.inv_freq";
    assert!(load(&keep, Some((buffer, small()))).is_ok());

    // A head that repeats the embedding it is tied to is allowed; another one is not.
    let embedding = model.model.embed_tokens.weight.to_owned();
    assert!(load(&keep, Some(("lm_head.weight", embedding.clone()))).is_ok());
    let error = load(&keep, Some(("lm_head.weight", embedding + 1.0))).unwrap_err();
    assert!(
        matches!(&error, NnError::InvalidValue { field, .. } if field == "lm_head.weight"),
        "{error}"
    );
}

#[test]
fn a_lying_layer_count_is_refused_before_it_is_allocated() {
    let model = Llama::<ArrayX<f32>>::load_dir(&golden("llama_tied_sharded")).unwrap();
    let bytes = model.to_safetensors();
    let file = SafeTensors::parse(&bytes, "test.safetensors").unwrap();
    let mut config = model.config.clone();
    config.num_hidden_layers = (1 << 31) - 1;
    let error = Llama::<ArrayX<f32>>::from_safetensors(config, &file).unwrap_err();
    assert!(matches!(error, NnError::MissingTensor { .. }), "{error}");
}

#[test]
fn an_empty_directory_names_the_file_it_lacks() {
    let directory = scratch("empty");
    let error = Llama::<ArrayX<f32>>::load_dir(&directory).unwrap_err();
    assert!(matches!(&error, NnError::Io { path, .. } if path.ends_with("config.json")), "{error}");
    let config = golden("llama_tied_sharded").join("config.json");
    std::fs::copy(config, directory.join("config.json")).unwrap();
    let error = Llama::<ArrayX<f32>>::load_dir(&directory).unwrap_err();
    assert!(
        matches!(&error, NnError::Io { path, .. } if path.ends_with("model.safetensors")),
        "{error}"
    );
    std::fs::remove_dir_all(&directory).unwrap();
}

/// All tensors of a directory, read without the model's help.
fn read_shards(directory: &Path) -> Vec<(String, ArrayD<f32>)> {
    let mut tensors = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("model") && name.ends_with(".safetensors") {
            let bytes = std::fs::read(&path).unwrap();
            let file = SafeTensors::parse(&bytes, &name).unwrap();
            tensors.extend(file.tensors().map(|t| (t.name().to_owned(), t.to_f32().unwrap())));
        }
    }
    tensors
}

/// A fresh directory of this test's own.
fn scratch(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("ulp-nn-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
