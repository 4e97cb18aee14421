//! `ulp train`, run as a user runs it.

use crate::support::{Ran, Scratch, run, run_with_input, ulp};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const STEPS: u64 = 1000;

/// A text with something to learn in it.
fn text() -> String {
    let animals = ["cat", "dog", "hen", "fox"];
    let line = |i: usize| {
        let (a, b) = (animals[i % 4], animals[(i / 4 + i) % 4]);
        format!("The {a} met the {b}. The {a} said: \"Good day, {b}.\"\n")
    };
    (0..200).map(line).collect::<Vec<_>>().join("<|endoftext|>\n")
}

fn words<'a>(text: &'a Path, out: &'a Path) -> Vec<&'a str> {
    let (text, out) = (text.to_str().unwrap(), out.to_str().unwrap());
    let mut words = vec!["train", "--text", text, "--out", out, "--seed", "7"];
    words.extend("--vocab-size 280 --layers 1 --width 16 --heads 2".split(' '));
    words.extend("--steps 1000 --batch 2 --context 16 --checkpoint-every 400".split(' '));
    words
}

fn weights(directory: &Path) -> Vec<u8> {
    fs::read(directory.join("model.safetensors")).expect("the weights are there")
}

/// Presses Ctrl-C on a process.
#[cfg(unix)]
fn interrupt(id: u32) {
    let status = Command::new("kill").args(["-INT", &id.to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// Ctrl-C after some steps, then a run that is cut by --stop-after, then the rest: the files have
/// the bytes of a run that never stopped.
#[cfg(unix)]
#[test]
fn a_run_that_was_stopped_ends_where_one_that_was_not_does() {
    let scratch = Scratch::new("stopped");
    let text = scratch.write("text.txt", text());
    let (whole, parts) = (scratch.path("whole"), scratch.path("parts"));
    let ran = run(words(&text, &whole));
    assert!(ran.err.contains("done, 1000 steps"), "{}", ran.err);
    assert_eq!(ran.good(), "");

    let mut child = ulp()
        .args(words(&text, &parts))
        .args(["--json", "--threads", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let third = lines.nth(2).expect("three steps").expect("UTF-8");
    let third: serde_json::Value = serde_json::from_str(&third).expect("an object");
    assert_eq!(third["step"], 2);
    assert!(third["loss"].as_f64().is_some_and(|loss| loss > 0.0));
    interrupt(child.id());
    let steps = 3 + lines.count() as u64;
    let ran = Ran::new(child.wait_with_output().expect("the command ends"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(steps < STEPS, "it was to be stopped before its end");
    assert!(ran.err.contains(&format!("saved at step {steps} of 1000")), "{}", ran.err);
    assert!(ran.err.contains("--resume"), "{}", ran.err);

    let resume = ["train", "--resume", "--out", parts.to_str().unwrap()];
    let ran = run(resume.into_iter().chain(["--stop-after", "5", "--threads", "3"]));
    assert!(ran.err.contains(&format!("step {} of", steps + 5)), "{}", ran.err);
    run(resume).good();
    assert_eq!(weights(&parts), weights(&whole));
    for file in ["config.json", "tokenizer.json", "optimizer.safetensors", "trainer.json"] {
        let (a, b) = (fs::read(parts.join(file)), fs::read(whole.join(file)));
        assert_eq!(a.expect(file), b.expect(file), "{file}");
    }
}

#[test]
fn a_model_learns_with_a_tokenizer_that_there_is() {
    let scratch = Scratch::new("learns");
    let text = scratch.write("text.txt", text());
    let (first, second) = (scratch.path("first"), scratch.path("second"));
    let mut flags = words(&text, &first);
    flags.extend(["--stop-after", "1", "--json"]);
    run(flags).good();

    let config = first.join("config.json");
    let (text, second) = (text.to_str().unwrap(), second.to_str().unwrap());
    let mut words = vec!["train", "--text", text, "--out", second, "--json", "--lr", "0.01"];
    words.extend(["--tokenizer", first.to_str().unwrap(), "--config", config.to_str().unwrap()]);
    words.extend("--steps 60 --batch 4 --context 16 --at-documents".split(' '));
    let out = run(words).good();
    let losses: Vec<f64> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an object"))
        .map(|step| step["loss"].as_f64().expect("a number"))
        .collect();
    assert_eq!(losses.len(), 60);
    assert!(losses[59] < 0.7 * losses[0], "{losses:?}");
    let tokenizers = [&first, Path::new(second)].map(|d| fs::read(d.join("tokenizer.json")));
    let [a, b] = tokenizers.map(|bytes| bytes.expect("a tokenizer"));
    assert_eq!(a, b);
}

#[test]
fn what_is_refused() {
    let scratch = Scratch::new("refused");
    let text = scratch.write("text.txt", text());
    let out = scratch.path("run");
    let mut flags = words(&text, &out);
    flags.extend(["--stop-after", "1"]);
    run(&flags).good();
    let (text, out) = (text.to_str().unwrap(), out.to_str().unwrap());

    assert!(run(&flags).bad(2).contains("holds a run: add --resume"));
    let none = scratch.path("none");
    let none = none.to_str().unwrap();
    assert!(run(["train", "--resume", "--out", none]).bad(2).contains("no run to resume"));
    let other = scratch.write("other.txt", "another text");
    let words = ["train", "--resume", "--out", out, "--text", other.to_str().unwrap()];
    assert!(run(words).bad(2).contains("not the text that the run began with"));
    let words = ["train", "--resume", "--out", out, "--lr", "1"];
    assert!(run(words).bad(2).contains("cannot be used with"));
    assert!(run(["train", "--out", none]).bad(2).contains("--text"));
    let words = ["train", "--out", none, "--text", text, "--heads", "3"];
    assert!(run(words).bad(2).contains("3 does not divide the width 128"));
    for shape in [["--kv-heads", "3"], ["--layers", "0"]] {
        let words = ["train", "--text", "-", "--out", none].into_iter().chain(shape);
        let error = run_with_input(words, "the cat sat on the mat. ".repeat(200)).bad(2);
        assert!(error.contains("the model's flags"), "{error}");
    }
    let words = ["train", "--out", none, "--text", text, "--vocab-size", "256"];
    assert!(run(words).bad(2).contains("at least 257"));
    let words = ["train", "--out", none, "--text", text, "--lr", "nan"];
    assert!(run(words).bad(2).contains("NaN"));
    let words = ["train", "--out", none, "--text", text, "--batch", "0"];
    assert!(run(words).bad(2).contains("batch_size is 0, but it must be positive"));

    let words = ["train", "--out", none, "--text", "-", "--vocab-size", "260"];
    let error = run_with_input(words, "too short").bad(1);
    assert!(error.contains("at least 129 are needed"), "{error}");
    let error = run_with_input(words, [b'a', 0xff]).bad(1);
    assert!(error.contains("standard input: expected UTF-8 at byte 1"), "{error}");
    assert!(!Path::new(none).exists(), "a run that does not begin leaves nothing");

    fs::remove_file(text).expect("removed");
    let error = run(["train", "--resume", "--out", out]).bad(2);
    assert!(error.contains("is no longer there"), "{error}");
    fs::write(Path::new(out).join("data.json"), "{").expect("written");
    let error = run(["train", "--resume", "--out", out]).bad(1);
    assert!(error.contains("data.json"), "{error}");
}
