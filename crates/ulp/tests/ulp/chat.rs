//! `ulp chat`, run as a user runs it.

use crate::support::tiny_model::TinyModel;
use crate::support::{Ran, Scratch, model, run, run_with_input};
use serde_json::Value as Json;

const TEMPLATE: &str = "{% for m in messages %}{{ m.content }}. {% endfor %}";

/// `ulp chat` on the tiny model, with a template in a file.
fn chat(words: &[&str], input: &str) -> Ran {
    let scratch = Scratch::new(&format!("chat-{:?}", std::thread::current().id()));
    let template = scratch.write("template.jinja", TEMPLATE);
    let model = TinyModel::get().name();
    let own = ["chat", "-m", &model, "--chat-template", template.to_str().unwrap()];
    let own = own.into_iter().chain(["--temp", "0", "-n", "4"]);
    run_with_input(own.chain(words.iter().copied()), input)
}

fn answers(ran: Ran) -> Vec<Json> {
    ran.good().lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

#[test]
fn each_line_is_a_turn_and_what_was_said_stays() {
    let input = "the cat\n\nthe \\\ndog\n/clear\nthe cat\n";
    let turns = answers(chat(&["--json", "--system", "the"], input));
    let prompt = |turn: &Json| turn["prompt_text"].as_str().unwrap().to_string();
    let answer = turns[0]["text"].as_str().unwrap();
    assert_eq!(prompt(&turns[0]), "<|endoftext|>the. the cat. ");
    assert_eq!(prompt(&turns[1]), format!("<|endoftext|>the. the cat. {answer}. the \ndog. "));
    assert_eq!(prompt(&turns[2]), prompt(&turns[0]));
    assert_eq!((turns.len(), &turns[2]["text"]), (3, &turns[0]["text"]));
    // The second turn computes only what the first did not.
    assert!(turns[1]["timings"]["prompt_tokens_reused"].as_u64().unwrap() >= 8, "{}", turns[1]);
    assert_eq!(turns[0]["finish_reason"], "length");

    let ran = chat(&["-sys", "the"], input);
    assert!(ran.err.contains("cut at 4 tokens"), "{}", ran.err);
    let texts = turns.iter().map(|turn| format!("{}\n", turn["text"].as_str().unwrap()));
    assert_eq!(ran.good(), texts.collect::<String>());
}

#[test]
fn one_question() {
    let one = answers(chat(&["-p", "the cat", "--json"], "not read\n"));
    let same = answers(chat(&["--json"], "the cat\n/exit\nnot read\n"));
    assert_eq!((one.len(), same.len()), (1, 1));
    assert_eq!(one[0]["ids"], same[0]["ids"]);
    // A file is one question, whatever lines it has.
    let whole = answers(chat(&["-f", "-", "--json"], "the cat\nthe dog"));
    assert_eq!(whole[0]["prompt_text"], "<|endoftext|>the cat\nthe dog. ");
    assert_eq!(chat(&[], "").good(), "");
}

#[test]
fn a_long_conversation_forgets_its_beginning() {
    let ran = chat(&["-c", "40", "--json"], &"the cat sat. the dog ran\n".repeat(6));
    assert!(ran.err.contains("the oldest turns are forgotten"), "{}", ran.err);
    assert_eq!(answers(ran).len(), 6);
    let error = chat(&["-c", "8"], &"the cat ".repeat(30)).bad(1);
    assert!(error.contains("say it in fewer words"), "{error}");
}

#[test]
fn where_the_template_is() {
    let scratch = Scratch::new("templates");
    let directory = scratch.path("model");
    std::fs::create_dir(&directory).expect("made");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(TinyModel::get().file(name), directory.join(name)).expect("copied");
    }
    let words = ["chat", "-m", directory.to_str().unwrap(), "-p", "x", "-n", "0", "--json"];
    let error = run(words).bad(2);
    assert!(error.contains("--chat-template") && error.contains("ulp generate"), "{error}");

    let prompt = || run(words).json()["prompt_text"].clone();
    let config = r#"{"chat_template": "1{{ messages[0].content }}"}"#;
    std::fs::write(directory.join("tokenizer_config.json"), config).expect("written");
    assert_eq!(prompt(), "<|endoftext|>1x");
    std::fs::write(directory.join("chat_template.jinja"), "2{{ messages[0].content }}").unwrap();
    assert_eq!(prompt(), "<|endoftext|>2x");
    std::fs::write(directory.join("chat_template.jinja"), "{{").unwrap();
    assert!(run(words).bad(1).contains("chat template"));
    std::fs::write(directory.join("chat_template.jinja"), "{{ raise_exception('no') }}").unwrap();
    assert!(run(words).bad(1).contains("refuses the conversation: no"));
}

#[test]
fn what_is_refused() {
    let model = TinyModel::get().name();
    let words = ["chat", "-m", &model, "--chat-template", "no such file"];
    assert!(run(words).bad(1).contains("no such file"));
    let scratch = Scratch::new("utf8");
    let template = scratch.write("template.jinja", TEMPLATE);
    let words = ["chat", "-m", &model, "--chat-template", template.to_str().unwrap(), "-n", "0"];
    let ran = run_with_input(words, b"good\nb\xffd\n");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "\n"));
    assert!(ran.err.contains("standard input: expected UTF-8 at byte 6"), "{}", ran.err);
}

#[test]
fn smollm2_remembers_what_was_said() {
    let Some(file) = model("SmolLM2-135M-Instruct.Q4_1.gguf") else { return };
    let words = [
        "chat",
        "-m",
        file.to_str().unwrap(),
        "--temp",
        "0",
        "-n",
        "2",
        "-t",
        "1",
        "--json",
        "-sys",
        "Hi",
    ];
    let turns = answers(run_with_input(words, "I am Ada.\nWho am I?\n"));
    let prompt = turns[1]["prompt_text"].as_str().unwrap();
    assert!(prompt.starts_with("<|im_start|>system\nHi<|im_end|>\n"), "{prompt}");
    let first = turns[0]["text"].as_str().unwrap();
    assert!(prompt.ends_with("<|im_start|>assistant\n"), "{prompt}");
    assert!(prompt.contains("<|im_start|>user\nI am Ada.<|im_end|>"), "{prompt}");
    assert!(prompt.contains(&format!("<|im_start|>assistant\n{first}<|im_end|>")), "{prompt}");
    let reused = turns[1]["timings"]["prompt_tokens_reused"].as_u64().unwrap();
    assert!(reused >= 15, "{reused}");
}
