//! What the command writes, and what it must not write over.

use crate::support::tiny_model::TinyModel;
use crate::support::{Scratch, run};
use std::path::{Path, PathBuf};

const TEXT: &str = "the cat sat. the dog ran. the cat ran. the dog sat. the cat sat. the dog ran.";

/// The tiny model as a GGUF file.
fn gguf(scratch: &Scratch, name: &str) -> PathBuf {
    let out = scratch.path(name);
    let model = TinyModel::get().name();
    run(["quantize", &model, out.to_str().unwrap(), "--type", "F32"]).good();
    out
}

/// A copy of the tiny model's directory.
fn directory(scratch: &Scratch) -> PathBuf {
    let copy = scratch.path("directory");
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(TinyModel::get().directory()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    copy
}

/// Runs what must be refused and must leave the file as it is.
#[track_caller]
fn refused(words: &[&str], file: &Path) {
    let before = std::fs::read(file).unwrap();
    let error = run(words).bad(2);
    assert!(error.contains("which is read"), "{words:?}: {error}");
    assert!(std::fs::read(file).unwrap() == before, "{words:?}");
}

#[test]
fn nothing_is_written_over_what_is_read() {
    let scratch = Scratch::new("inputs");
    let model = gguf(&scratch, "model.gguf");
    let text = scratch.write("text.txt", TEXT.repeat(10));
    let (m, t) = (model.to_str().unwrap(), text.to_str().unwrap());
    refused(&["quantize", m, m, "--type", "Q8_0"], &model);
    refused(&["perplexity", "-m", m, "-f", t, "-c", "16", "--save-logits", m], &model);
    refused(&["perplexity", "-m", m, "-f", t, "-c", "16", "--save-logits", t], &text);
    refused(&["imatrix", "-m", m, "-f", t, "-c", "16", "-o", t], &text);
    refused(&["imatrix", m, "-f", t, "-c", "16", "-o", m], &model);
    refused(&["audit", m, "--against", m, "--text", t, "--svg", t], &text);

    let copy = directory(&scratch);
    let d = copy.to_str().unwrap();
    for name in ["model.safetensors", "tokenizer.json", "config.json"] {
        let file = copy.join(name);
        let f = file.to_str().unwrap();
        refused(&["quantize", d, f, "--type", "Q8_0"], &file);
        refused(&["imatrix", "-m", d, "-f", t, "-c", "16", "-o", f], &file);
    }
    std::fs::remove_file(copy.join("trainer.json")).unwrap();
    let config = copy.join("config.json");
    let c = config.to_str().unwrap();
    refused(&["train", "--text", t, "--config", c, "--out", d], &config);
    refused(&["train", "--text", c, "--out", d], &config);
}

#[cfg(unix)]
#[test]
fn other_names_of_an_input_are_seen_through() {
    let scratch = Scratch::new("other-names");
    let model = gguf(&scratch, "model.gguf");
    std::os::unix::fs::symlink("model.gguf", scratch.path("link")).unwrap();
    std::fs::hard_link(&model, scratch.path("hard")).unwrap();
    for name in ["link", "hard"] {
        let out = scratch.path(name);
        let words = ["quantize", model.to_str().unwrap(), out.to_str().unwrap(), "--type", "Q8_0"];
        refused(&words, &model);
    }
}

/// An input may have the very name that a careless writer would take for its file beside.
#[test]
fn an_input_beside_the_output_stays() {
    let scratch = Scratch::new("beside");
    let input = gguf(&scratch, "a.gguf.partial");
    let before = std::fs::read(&input).unwrap();
    let out = scratch.path("a.gguf");
    run(["quantize", input.to_str().unwrap(), out.to_str().unwrap(), "--type", "Q8_0"]).good();
    assert!(std::fs::read(&input).unwrap() == before);
    run(["inspect", out.to_str().unwrap()]).good();
}

#[cfg(unix)]
#[test]
fn links_stay_and_pipes_are_written_to() {
    let scratch = Scratch::new("links");
    let input = gguf(&scratch, "in.gguf");
    let input = input.to_str().unwrap();
    let (target, link) = (scratch.write("target.gguf", "old"), scratch.path("link.gguf"));
    std::os::unix::fs::symlink("target.gguf", &link).unwrap();
    run(["quantize", input, link.to_str().unwrap(), "--type", "Q8_0"]).good();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());

    let pipe = scratch.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).unwrap()
    });
    run(["quantize", input, pipe.to_str().unwrap(), "--type", "Q8_0"]).good();
    assert!(reader.join().unwrap() == std::fs::read(&target).unwrap());
    let left: Vec<_> = std::fs::read_dir(target.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 4, "{left:?}");
    // To read a model from it would be to wait for ever.
    let error = run(["inspect", pipe.to_str().unwrap()]).bad(1);
    assert!(error.contains("not a regular file"), "{error}");
}

/// A run that could not be begun is not there.
#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_filled_is_removed() {
    let scratch = Scratch::new("full");
    let text = scratch.write("text.txt", TEXT.repeat(10));
    // No file may be longer than 64 KiB; whoever ignores the signal gets an error.
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let out = scratch.path("model");
    let words = ["train", "--vocab-size", "270", "--layers", "2", "--width", "128", "--steps", "2"];
    let ran = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_ulp")])
        .args(words)
        .args(["--context", "16", "--text"])
        .args([&text, Path::new("--out"), &out])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let left: Vec<_> = std::fs::read_dir(text.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
