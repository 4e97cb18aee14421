//! `ulp imatrix`, and `ulp quantize` with what it wrote.

use crate::support::tiny_model::TinyModel;
use crate::support::{Scratch, run};
use ulp_infer::{Gguf, Importance};

const TEXT: &str = "Once there was a fox who lived in a wood. One day he met a bear, and the bear \
                    said: come with me, for I know where there is honey. So they went together.";
const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/default.gguf");

#[test]
fn quantize_takes_what_it_writes() {
    let scratch = Scratch::new("imatrix");
    let text = scratch.write("text.txt", TEXT).display().to_string();
    let file = scratch.path("text.imatrix.gguf").display().to_string();
    let ran = run(["imatrix", "-m", DEFAULT, "--text", &text, "-o", &file, "-c", "16", "--json"]);
    assert_eq!(ran.err, "", "no progress where standard error is no terminal");
    let json = ran.json();
    assert_eq!((&json["matrices"], &json["ctx"]), (&36.into(), &16.into()));
    let windows = json["windows"].as_u64().unwrap();
    assert_eq!(json["tokens"], windows * 16);

    let importance = Importance::open(&file).unwrap();
    assert!(importance.of("blk.4.ffn_down.weight", 512).is_some());
    let gguf = Gguf::open(&file).unwrap();
    assert_eq!(gguf.strings("imatrix.datasets").unwrap(), [text.as_str()]);
    assert_eq!(u64::from(gguf.u32("imatrix.chunk_count").unwrap()), windows);

    let quantized = |words: &[&str], name: &str| {
        let out = scratch.path(name);
        let own = ["quantize", DEFAULT, out.to_str().unwrap(), "--type", "Q2_K"];
        run(own.iter().chain(words).copied()).good();
        std::fs::read(out).unwrap()
    };
    let plain = quantized(&[], "plain.gguf");
    let weighted = quantized(&["--imatrix", &file], "weighted.gguf");
    assert!(plain.len() == weighted.len() && plain != weighted);
    let weighted = scratch.path("weighted.gguf").display().to_string();
    run(["generate", "-m", &weighted, "-p", "Once", "-n", "4"]).good();
}

#[test]
fn wrong_usage_is_told_apart() {
    let scratch = Scratch::new("imatrix-wrong");
    let out = scratch.path("out.gguf").display().to_string();
    let model = TinyModel::get().name();
    let words = ["imatrix", "-m", &model, "-o", &out];
    let with = |more: &[&str]| run(words.iter().chain(more).copied());
    assert!(with(&["-p", "a"]).bad(2).contains("too few"));
    assert!(with(&["-p", TEXT, "-c", "100000"]).bad(2).contains("--ctx"));
    run(["imatrix", "-m", &model, "-p", TEXT]).bad(2);
    let copy = scratch.path("copy.gguf");
    std::fs::copy(DEFAULT, &copy).unwrap();
    let copy = copy.display().to_string();
    let own = run(["imatrix", &copy, "-p", TEXT, "-o", &copy]).bad(2);
    assert!(own.contains("--output"), "{own}");
    assert!(!std::path::Path::new(&out).exists());
    let missing = run(["quantize", DEFAULT, &out, "--type", "Q2_K", "--imatrix", "none"]).bad(1);
    assert!(missing.contains("none"), "{missing}");
}

/// A file of another model would change nothing, or a part of the matrices, without a word.
#[test]
fn an_importance_of_another_model_is_refused() {
    let scratch = Scratch::new("imatrix-other");
    let [file, out] =
        ["tiny.imatrix.gguf", "out.gguf"].map(|name| scratch.path(name).display().to_string());
    let tiny = TinyModel::get().name();
    run(["imatrix", "-m", &tiny, "-p", TEXT, "-o", &file]).good();
    let quantize = |imatrix| run(["quantize", DEFAULT, &out, "-y", "Q2_K", "--imatrix", imatrix]);
    let other = quantize(&file).bad(2);
    assert!(other.contains("--imatrix") && other.contains("32 inputs of"), "{other}");
    let none = quantize(DEFAULT).bad(2);
    assert!(none.contains("knows no matrix"), "{none}");
    assert!(!std::path::Path::new(&out).exists());
}
