//! Answers that follow a grammar: they always parse, also when the budget ends them.
#![cfg(feature = "grammar")]

use std::sync::Arc;

use crate::test_models::tiny_model;
use serde_json::Value;
use ulp_infer::{
    Engine, EngineOptions, Event, FinishReason, Grammar, InferError, Request, SamplerParams,
};

const PERSON: &str = r##"{
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["red", "green"]}, "minItems": 1},
        "address": {"$ref": "#/$defs/address"}
    },
    "required": ["name", "age", "tags", "address"],
    "additionalProperties": false,
    "$defs": {
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}},
            "required": ["street", "zip"],
            "additionalProperties": false
        }
    }
}"##;

struct Answer {
    text: String,
    ids: Vec<u32>,
    reason: FinishReason,
}

fn engine(name: &str) -> Engine {
    let (model, tokenizer) = tiny_model(name, 600);
    Engine::new(model, tokenizer, EngineOptions { max_draft: 4, ..EngineOptions::default() })
}

fn run(engine: &mut Engine, requests: Vec<Request>) -> Vec<Answer> {
    let ids: Vec<_> = requests.into_iter().map(|r| engine.submit(r).unwrap()).collect();
    let mut answers: Vec<Answer> = ids
        .iter()
        .map(|_| Answer { text: String::new(), ids: Vec::new(), reason: FinishReason::Cancelled })
        .collect();
    while !engine.is_idle() {
        for event in engine.step().unwrap() {
            let at = ids.iter().position(|&id| id == event.request()).unwrap();
            match event {
                Event::Token(token) => {
                    answers[at].text.push_str(&token.text);
                    answers[at].ids.push(token.id);
                }
                Event::Finished(end) => {
                    answers[at].text.push_str(&end.text);
                    answers[at].reason = end.reason;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    answers
}

fn request(grammar: Grammar, seed: u64, max_tokens: usize) -> Request {
    let sampler = SamplerParams {
        temperature: 1.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        seed,
        ..SamplerParams::default()
    };
    Request { grammar: Some(grammar), sampler, max_tokens, ..Request::new(vec![10, 20]) }
}

fn schema() -> Grammar {
    Grammar::JsonSchema(PERSON.to_string())
}

fn check_person(text: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert!(value["name"].is_string() && value["age"].as_u64().unwrap() <= 150, "{text}");
    let tags = value["tags"].as_array().unwrap();
    assert!(!tags.is_empty() && tags.iter().all(|tag| tag == "red" || tag == "green"), "{text}");
    let zip = value["address"]["zip"].as_str().unwrap();
    assert!(zip.len() == 5 && zip.bytes().all(|b| b.is_ascii_digit()), "{text}");
    assert!(value["address"]["street"].is_string(), "{text}");
}

#[test]
fn json_follows_its_schema_whatever_the_budget() {
    let mut engine = engine("schema");
    // A random model's texts hardly ever end by themselves.
    let budgets = [90, 120, 300];
    let requests = (0..6).map(|i| request(schema(), i, budgets[i as usize % 3])).collect();
    let answers = run(&mut engine, requests);
    for (i, answer) in answers.iter().enumerate() {
        check_person(&answer.text);
        assert!(answer.ids.len() <= budgets[i % 3]);
    }
    assert!(answers.iter().any(|a| a.reason == FinishReason::Length), "the budget ended some");
    // The same as alone, whatever else runs.
    let again = run(&mut engine, vec![request(schema(), 1, budgets[1])]);
    assert_eq!(again[0].ids, answers[1].ids);
}

#[test]
fn any_object_is_closed_in_time() {
    let mut engine = engine("object");
    let requests =
        (0..8).map(|i| request(Grammar::json_object(), i, 2 + 10 * i as usize)).collect();
    for answer in run(&mut engine, requests) {
        let value: Value =
            serde_json::from_str(&answer.text).unwrap_or_else(|e| panic!("{e}: {}", answer.text));
        assert!(value.is_object());
    }
}

#[test]
fn regular_expressions_and_grammars_are_followed() {
    let mut engine = engine("regex");
    let regex = Grammar::Regex("[a-z]{3,8}-[0-9]{2}(x|yy)".to_string());
    let lark = Grammar::Lark("start: \"(\" item (\",\" item)* \")\"\nitem: /[ab]+/\n".to_string());
    let mut requests: Vec<Request> = (0..6).map(|i| request(regex.clone(), i, 60)).collect();
    requests.extend((0..6).map(|i| request(lark.clone(), i, 12 + i as usize)));
    let answers = run(&mut engine, requests);
    for answer in &answers[..6] {
        let (word, rest) = answer.text.split_once('-').unwrap();
        assert!((3..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(rest[..2].bytes().all(|b| b.is_ascii_digit()) && ["x", "yy"].contains(&&rest[2..]));
        // Nothing can follow: the text is over without an end of the model's.
        assert_eq!(answer.reason, FinishReason::EndOfGeneration);
    }
    for answer in &answers[6..] {
        let inner = answer.text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
        let inner = inner.unwrap_or_else(|| panic!("{}", answer.text));
        assert!(inner.split(',').all(|i| !i.is_empty() && i.bytes().all(|b| b"ab".contains(&b))));
    }
}

#[test]
fn a_greedy_answer_takes_the_best_possible_token() {
    let mut engine = engine("greedy");
    let grammar = Some(Grammar::Regex("[ab]{5}".to_string()));
    let request = Request { grammar, sampler: SamplerParams::greedy(), ..Request::new(vec![5, 6]) };
    let answer = run(&mut engine, vec![request]).remove(0);
    let model = Arc::clone(engine.model());
    let mut text = vec![5, 6];
    for &id in &answer.ids {
        let logits =
            crate::test_models::all_logits(&model, &text, ulp_infer::Activations::Quantized);
        let last = &logits[logits.len() - model.vocab_size()..];
        let ab = ["a", "b"].map(|t| engine.tokenizer().token_id(t).unwrap());
        let best = if last[ab[0] as usize] >= last[ab[1] as usize] { ab[0] } else { ab[1] };
        assert_eq!(id, best);
        text.push(id);
    }
    assert_eq!(answer.text.len(), 5);
}

#[test]
fn what_is_no_grammar_is_refused() {
    let mut engine = engine("refused");
    for grammar in [
        Grammar::JsonSchema("{".to_string()),
        Grammar::JsonSchema(r#"{"type": "nonsense"}"#.to_string()),
        Grammar::Regex("(".to_string()),
        Grammar::Lark("start: nothing_here".to_string()),
    ] {
        let error = engine.submit(request(grammar.clone(), 0, 10)).unwrap_err();
        assert!(matches!(error, InferError::InvalidGrammar { .. }), "{grammar:?}: {error}");
    }
    assert!(engine.is_idle());
}
