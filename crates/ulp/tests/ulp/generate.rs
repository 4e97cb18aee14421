//! `ulp generate`, run as a user runs it.

use crate::support::tiny_model::TinyModel;
use crate::support::{Ran, Scratch, model, reference_data, run, run_with_input, ulp};
use serde_json::Value as Json;
use std::io::Read;
use std::process::Stdio;
use ulp_infer::{TensorType, export_gguf};

/// `ulp generate` on the tiny model.
fn generate(words: &[&str]) -> Ran {
    let model = TinyModel::get().name();
    run(["generate", "-m", &model].into_iter().chain(words.iter().copied()))
}

fn ids(json: &Json) -> Vec<u64> {
    json.as_array().expect("a list").iter().map(|id| id.as_u64().expect("an id")).collect()
}

#[test]
fn text_and_json_tell_the_same() {
    let flags = ["-p", "the cat", "--temp", "0", "-n", "12"];
    let text = generate(&flags).good();
    let json = generate(&[&flags[..], &["--json", "--top", "3"]].concat()).json();
    assert_eq!(format!("{}\n", json["text"].as_str().unwrap()), text);
    assert_eq!(json["finish_reason"], "length");
    assert_eq!(json["prompt_text"], "<|endoftext|>the cat");
    let (ids, tokens) = (ids(&json["ids"]), json["tokens"].as_array().unwrap());
    assert_eq!((ids.len(), tokens.len()), (12, 12));
    for ((token, id), logprob) in tokens.iter().zip(ids).zip(json["logprobs"].as_array().unwrap()) {
        assert_eq!((&token["id"], &token["logprob"]), (&Json::from(id), logprob));
        assert!(logprob.as_f64().unwrap() <= 0.0);
        // The greedy token is the first of the three best.
        let top = token["top"].as_array().unwrap();
        assert_eq!((top.len(), &top[0]["id"]), (3, &token["id"]));
        assert_eq!(top[0]["piece"], token["piece"]);
    }
    let timings = &json["timings"];
    assert_eq!(timings["predicted_tokens"], 12);
    for key in ["load_seconds", "prompt_seconds", "predict_seconds", "predict_tokens_per_second"] {
        assert!(timings[key].as_f64().is_some_and(|x| x >= 0.0), "{key}");
    }
}

#[test]
fn a_seed_gives_one_text_on_any_number_of_threads() {
    let flags = ["-p", "the", "--temp", "1.5", "--top-k", "0", "--top-p", "1", "-n", "30"];
    let with = |more: &[&str]| generate(&[&flags[..], more].concat()).good();
    let one = with(&["--seed", "5", "-t", "1"]);
    assert_eq!(with(&["--seed", "5", "-t", "3"]), one);
    assert_ne!(with(&["--seed", "6"]), one);
    // Without a seed there is one still, which is told and gives the text again.
    let json = generate(&[&flags[..], &["--json"]].concat()).json();
    let again = with(&["--seed", &json["seed"].to_string()]);
    assert_eq!(again.trim_end(), json["text"].as_str().unwrap().trim_end());
}

#[test]
fn a_directory_and_its_gguf_file_say_the_same() {
    let scratch = Scratch::new("gguf");
    let file = scratch.path("tiny.gguf");
    export_gguf(&TinyModel::get().directory(), &file, TensorType::F32).expect("written");
    let flags = ["-p", "the dog", "--temp", "0", "-n", "20"];
    let words = ["generate", "-m", file.to_str().unwrap()];
    let ran = run(words.into_iter().chain(flags));
    assert_eq!(ran.good(), generate(&flags).good());
}

#[test]
fn prompts_from_everywhere() {
    let scratch = Scratch::new("prompts");
    let file = scratch.write("prompt.txt", "the cat\n");
    let file = file.to_str().unwrap();
    let flags = ["--temp", "0", "-n", "5", "--json"];
    let whole = |mut json: Json| {
        json["timings"].take();
        json["seed"].take();
        json
    };
    let typed = whole(generate(&[&flags[..], &["-p", "the cat"]].concat()).json());
    assert_eq!(whole(generate(&[&flags[..], &["-f", file]].concat()).json()), typed);
    let model = TinyModel::get().name();
    let words = ["generate", "-m", &model].into_iter().chain(flags);
    assert_eq!(whole(run_with_input(words.clone(), "the cat\r\n").json()), typed);
    let list = typed["prompt_ids"].to_string();
    assert_eq!(whole(generate(&[&flags[..], &["--ids", &list]].concat()).json()), typed);
    let list = scratch.write("ids.txt", list);
    let list = ["--ids", list.to_str().unwrap()];
    assert_eq!(whole(generate(&[&flags[..], &list].concat()).json()), typed);

    // The mark that a text begins with counts once, and only where it is not to be text.
    let begun = "<|endoftext|>the cat";
    assert_eq!(whole(generate(&[&flags[..], &["-p", begun]].concat()).json()), typed);
    let plain = generate(&[&flags[..], &["-p", begun, "--no-parse-special"]].concat()).json();
    assert!(ids(&plain["prompt_ids"]).len() > 10, "{plain}");
    let bare = generate(&[&flags[..], &["-p", "the cat", "--no-special"]].concat()).json();
    assert_eq!(ids(&bare["prompt_ids"]), ids(&typed["prompt_ids"])[1..]);
    // Nothing at all is the beginning of a text.
    let empty = generate(&[&flags[..], &["-p", ""]].concat()).json();
    assert_eq!(ids(&empty["prompt_ids"]).len(), 1);
    assert_eq!(generate(&["-p", "the", "--echo", "-n", "0"]).good(), "the\n");
}

#[test]
fn where_it_ends() {
    assert_eq!(generate(&["-p", "the cat", "-n", "0"]).good(), "\n");
    let flags = ["-p", "the cat", "--temp", "0", "-n", "-1", "--ignore-eos"];
    let ran = generate(&flags);
    assert!(ran.err.contains("the context of 64 tokens is full"), "{}", ran.err);
    let whole = ran.good();
    let (before, _) = whole.split_once('.').expect("a sentence");
    let json = generate(&[&flags[..], &["--stop", "ZZ", "--stop", ".", "--json"]].concat());
    let json = json.json();
    assert_eq!((&json["text"], &json["finish_reason"]), (&before.into(), &"stop".into()));
    let ran = generate(&[&flags[..], &["-c", "8"]].concat());
    assert!(ran.err.contains("the context of 8 tokens is full"), "{}", ran.err);
    assert!(whole.starts_with(ran.good().trim_end()));
    let ran = generate(&["-p", "the", "-n", "1", "-c", "1000"]);
    assert!(ran.err.contains("made for 64 tokens"), "{}", ran.err);
    let ran = generate(&["-p", "the", "-n", "1", "--timings"]);
    assert!(ran.err.contains("prompt 2 tokens"), "{}", ran.err);
}

#[test]
fn what_is_refused() {
    let usage = |words: &[&str]| generate(words).bad(2);
    assert!(usage(&["--temp", "-1"]).contains("temperature = -1"));
    assert!(usage(&["--top-p", "0"]).contains("top_p = 0"));
    assert!(usage(&["-n", "-2"]).contains("-1 for no limit"));
    assert!(usage(&["-p", "a", "-f", "b"]).contains("cannot be used with"));
    assert!(usage(&["-p", "a", "--ids", "1"]).contains("cannot be used with"));
    assert!(usage(&["--top", "2"]).contains("--json"));
    assert!(usage(&["-t", "0"]).contains("0 is not in"));

    let failed = |words: &[&str]| generate(words).bad(1);
    assert!(failed(&["-p", &"the cat ".repeat(100)]).contains("shorten the prompt"));
    assert!(failed(&["-p", "the cat", "-c", "2"]).contains("made for 64"));
    assert!(failed(&["-p", "", "--no-special"]).contains("give it one with -p"));
    assert!(failed(&["--ids", ""]).contains("give it one with -p"));
    assert!(failed(&["--ids", "1,99999"]).contains("99999 at index 1 is not in the vocabulary"));
    assert!(failed(&["--ids", "no such file"]).contains("no such file"));
    assert!(failed(&["-f", "no such file"]).contains("no such file"));

    let name = TinyModel::get().name();
    let error = run_with_input(["generate", "-m", &name], b"ab\xffc").bad(1);
    assert!(error.contains("standard input: expected UTF-8 at byte 2"), "{error}");
    let error = run(["generate", "-m", "no such model", "-p", "a"]).bad(1);
    assert!(error.contains("no such model"), "{error}");
    let text = TinyModel::get().file("config.json");
    let error = run(["generate", "-m", text.to_str().unwrap(), "-p", "a"]).bad(1);
    assert!(error.contains("config.json"), "{error}");
}

#[test]
fn guesses_change_no_token() {
    let flags = ["-p", "the cat the cat the", "--temp", "1", "--seed", "3", "-n", "20"];
    let plain = generate(&flags).good();
    let model = TinyModel::get().name();
    for more in [&["--draft", "4"][..], &["--draft-model", &model]] {
        assert_eq!(generate(&[&flags[..], more].concat()).good(), plain);
    }
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/../infer/tests/golden/models/qwen2");
    if std::path::Path::new(other).exists() {
        let error = generate(&["-p", "a", "--draft-model", other]).bad(2);
        assert!(error.contains("a vocabulary of 40 tokens"), "{error}");
    }
}

#[test]
fn answers_have_the_form_that_is_asked_for() {
    let drawn = ["-p", "the cat", "--temp", "1", "--seed", "4"];
    let with = |more: &[&str]| generate(&[&drawn[..], more].concat());
    let digits = with(&["--regex", "[0-9]{3}", "-n", "9"]).good();
    assert!(digits.trim_end().len() == 3 && digits.trim_end().parse::<u32>().is_ok(), "{digits}");
    let schema =
        r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;
    let scratch = Scratch::new("schema");
    let file = scratch.write("schema.json", schema);
    for schema in [schema, file.to_str().unwrap()] {
        let answer = with(&["-j", schema, "-n", "30"]).good();
        let json: Json = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
        assert!(json["n"].is_i64() || json["n"].is_u64() || json["n"].is_number(), "{answer}");
    }
    assert!(with(&["-j", "{"]).bad(1).contains("grammar"));
    assert!(with(&["-j", "{}", "--regex", "a"]).bad(2).contains("cannot be used with"));
    assert!(with(&["--lora", "no such adapter"]).bad(1).contains("no such adapter"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let model = TinyModel::get().name();
    let mut child = ulp()
        .args(["generate", "-m", &model, "-p", "the", "-n", "60", "--ignore-eos"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut out = child.stdout.take().expect("piped");
    out.read_exact(&mut [0; 1]).expect("some text");
    drop(out);
    let ran = Ran::new(child.wait_with_output().expect("it ends"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

/// A trained model with a SentencePiece vocabulary, as a GGUF file and as a directory without a
/// tokenizer: the greedy text of the reference.
#[test]
fn babyllama_tells_its_story() {
    let Some(folder) = reference_data("babyllama") else { return };
    let golden = std::fs::read_to_string(folder.join("golden.json")).expect("readable");
    let golden: Json = serde_json::from_str(&golden).expect("JSON");
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_string();
    let (gguf, hf, tokenizer) =
        (path("babyllama-tok105-f32.gguf"), path("hf"), path("tok105.model"));
    for source in [&["-m", &gguf][..], &["-m", &hf, "--tokenizer", &tokenizer]] {
        let words = ["generate", "--temp", "0", "-n", "200", "--json", "-t", "1"];
        let json = run(words.into_iter().chain(source.iter().copied())).json();
        assert_eq!(json["ids"], golden["greedy_ids"]);
        assert_eq!(json["text"].as_str().unwrap().trim(), golden["text"].as_str().unwrap().trim());
    }
    let error = run(["generate", "-m", &hf, "-p", "a"]).bad(2);
    assert!(error.contains("--tokenizer") && error.contains("tokenizer.model"), "{error}");
}

/// A prompt with the marks of the chat format, and ids that transformers gave in f32.
#[test]
fn smollm2_answers_as_the_reference_does() {
    let Some(file) = model("SmolLM2-135M-Instruct.Q4_1.gguf") else { return };
    let Some(folder) = reference_data("smollm2") else { return };
    let reference = std::fs::read_to_string(folder.join("reference.json")).expect("readable");
    let reference: Json = serde_json::from_str(&reference).expect("JSON");
    let capital = reference.as_array().unwrap().iter().find(|r| r["name"] == "capital").unwrap();
    let prompt = capital["prompt_text"].as_str().unwrap();
    let words = ["generate", "-m", file.to_str().unwrap(), "-p", prompt];
    let flags = ["--temp", "0", "--exact", "--json", "-t", "1"];
    let json = run(words.into_iter().chain(flags)).json();
    assert_eq!(json["prompt_ids"], capital["prompt_ids"]);
    assert_eq!(json["ids"], capital["greedy_ids"]);
    assert_eq!(
        (&json["finish_reason"], &json["text"]),
        (&"eos".into(), &"The capital of France is Paris.".into())
    );
}
