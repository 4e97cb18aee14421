//! `ulp quantize`, `ulp plan` and `ulp bench`, run as a user runs them.

use crate::support::tiny_model::TinyModel;
use crate::support::{Scratch, run};
use ulp_infer::{Gguf, TensorType};

/// A file that `ulp quantize` wrote from the tiny model.
fn quantized(scratch: &Scratch, mix: &str) -> (String, serde_json::Value) {
    let out = scratch.path(&format!("{mix}.gguf")).display().to_string();
    let json = run(["quantize", &TinyModel::get().name(), &out, "--type", mix, "--json"]).json();
    (out, json)
}

#[test]
fn files_of_every_type_are_models() {
    let scratch = Scratch::new("quantize");
    let mut last = f64::INFINITY;
    for mix in ["F32", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0"] {
        let (file, json) = quantized(&scratch, mix);
        assert_eq!(json["bytes"].as_u64(), Some(std::fs::metadata(&file).unwrap().len()));
        let bits = json["bits_per_weight"].as_f64().unwrap();
        assert!(bits <= last, "{mix}: {bits} {last}");
        last = bits;
        run(["generate", "-m", &file, "-p", "the", "-n", "4", "--temp", "0"]).good();
    }
}

/// A directory passes through a file beside the output, of which nobody gets to know.
#[test]
fn a_directory_leaves_other_files_alone() {
    let scratch = Scratch::new("quantize-beside");
    let name = |name: &str| scratch.path(name).display().to_string();
    let mine = name("out.unquantized-0.gguf");
    std::fs::write(&mine, "mine").unwrap();
    run(["quantize", &TinyModel::get().name(), &name("out.gguf"), "--type", "Q8_0"]).good();
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    let folder = std::path::Path::new(&mine).parent().unwrap();
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);

    let out = name("missing/out.gguf");
    let error = run(["quantize", &TinyModel::get().name(), &out, "--type", "Q8_0"]).bad(1);
    assert!(error.contains(&out), "{error}");
}

/// Rows of this model do not fill blocks of 256: the nearest types with blocks of 32 take over.
#[test]
fn a_mix_falls_back_where_rows_do_not_fill_blocks() {
    let scratch = Scratch::new("quantize-mix");
    let (file, json) = quantized(&scratch, "q4_k_m");
    let gguf = Gguf::open(&file).unwrap();
    for tensor in json["tensors"].as_array().unwrap() {
        let stored = gguf.tensor(tensor["name"].as_str().unwrap()).unwrap();
        assert_eq!(tensor["to"].as_str().unwrap(), stored.ty.name());
        assert!(tensor["relative_error"].as_f64().unwrap() < 0.1);
        assert!(stored.ty != TensorType::Q4_K || stored.shape[1].is_multiple_of(256));
    }
}

#[test]
fn wrong_usage_is_told_apart() {
    let model = TinyModel::get().name();
    let scratch = Scratch::new("quantize-wrong");
    let out = scratch.path("out.gguf").display().to_string();
    let unknown = run(["quantize", &model, &out, "--type", "Q9_9"]).bad(2);
    assert!(unknown.contains("Q9_9") && unknown.contains("Q4_K_M"), "{unknown}");
    assert!(!std::path::Path::new(&out).exists());
    let (file, _) = quantized(&scratch, "Q8_0");
    run(["quantize", &file, &file, "--type", "Q4_0"]).bad(2);
    let missing = run(["quantize", "no-such.gguf", &out, "--type", "Q4_0"]).bad(1);
    assert!(missing.contains("no-such.gguf"), "{missing}");
}

#[test]
fn plans_and_measurements_have_limits() {
    let scratch = Scratch::new("plan");
    let (file, _) = quantized(&scratch, "Q8_0");
    let plan = run(["plan", &file, "-c", "16", "--parallel", "2", "--json"]).json();
    let memory = &plan["memory_bytes"];
    let part = |name: &str| memory[name].as_u64().unwrap();
    assert_eq!(part("all"), part("weights") + part("cache") + part("work_space"));
    assert_eq!(plan["speeds"].as_array().unwrap().len(), 3);

    let words = ["bench", "-m", &file, "-p", "8", "-n", "2", "-d", "0,4", "-r", "1", "--json"];
    let bench = run(words).json();
    let results = bench["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        for key in ["tokens_per_second", "limit_tokens_per_second", "predicted_tokens_per_second"] {
            assert!(result[key].as_f64().unwrap() > 0.0, "{key}");
        }
    }
    assert_eq!(bench["weight_bytes"], memory["weights"]);
    let too_long = run(["bench", "-m", &file, "-d", "100000"]).bad(2);
    assert!(too_long.contains("-d"), "{too_long}");
}
