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

/// A name for each number, as short as may be.
fn name(mut i: usize) -> String {
    let mut letters = String::from("r");
    loop {
        letters.push(char::from(b'a' + (i % 26) as u8));
        i /= 26;
        if i == 0 {
            return letters;
        }
    }
}

/// Rules each of which is what `link` makes of the next one.
fn chain(n: usize, link: impl Fn(&str) -> String) -> Grammar {
    let rules: String = (0..n).map(|i| format!("{}: {}\n", name(i), link(&name(i + 1)))).collect();
    Grammar::Lark(format!("start: {}\n{rules}{}: \"a\"", name(0), name(n)))
}

fn upper(grammar: Grammar) -> Grammar {
    match grammar {
        Grammar::Lark(text) => {
            let (start, rest) = text.split_once(':').unwrap();
            Grammar::Lark(format!("{start}:{}", rest.to_uppercase()))
        }
        other => other,
    }
}

/// Definitions each of which is what `link` makes of a reference to the next one.
fn references(n: usize, link: impl Fn(Value) -> Value) -> Grammar {
    let reference = |i: usize| serde_json::json!({"$ref": format!("#/$defs/{}", name(i))});
    let mut definitions: serde_json::Map<String, Value> =
        (0..n).map(|i| (name(i), link(reference(i + 1)))).collect();
    definitions.insert(name(n), serde_json::json!({"type": "object"}));
    Grammar::JsonSchema(
        serde_json::json!({"allOf": [reference(0)], "$defs": definitions}).to_string(),
    )
}

fn marks(grammar: &Grammar) -> usize {
    let (Grammar::Lark(text) | Grammar::Regex(text) | Grammar::JsonSchema(text)) = grammar;
    text.bytes().filter(|byte| b":,|([{".contains(byte)).count()
}

#[test]
fn the_deepest_grammars_stay_on_their_stack() {
    let engine = engine("deepest");
    let compiler = engine.compiler();
    // As many links as the limit leaves room for.
    let most = Grammar::MAX_MARKS - 2;
    let groups = |next: &str| format!("{}{next}{}", "~(".repeat(25), ")".repeat(25));
    let property = |next: Value| serde_json::json!({"properties": {"a": next}});
    for grammar in [
        chain(most, str::to_string),
        upper(chain(most, str::to_string)),
        upper(chain(most / 2, |next| format!("(\"x\" {next})?"))),
        upper(chain(most / 26, groups)),
        references(most / 8 - 4, property),
    ] {
        let marks = marks(&grammar);
        assert!(marks <= Grammar::MAX_MARKS && marks > Grammar::MAX_MARKS * 9 / 10, "{marks}");
        // That it comes back is what matters.
        if let Err(error) = compiler.compile(&grammar) {
            assert!(matches!(error, InferError::InvalidGrammar { .. }), "{error}");
        }
    }
}

/// What there is too much of.
#[track_caller]
fn excess(engine: &Engine, grammar: &Grammar) -> &'static str {
    match engine.compiler().compile(grammar) {
        Err(InferError::GrammarTooLarge { what, found, limit }) => {
            assert!(found > limit);
            what
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_would_take_too_long_or_too_much_is_refused() {
    let engine = engine("excess");
    let what = |grammar: &Grammar| excess(&engine, grammar);
    let marks = "colons, commas, bars and brackets";
    assert_eq!(what(&chain(Grammar::MAX_MARKS, str::to_string)), marks);
    let numbers: Vec<String> = (0..17_000).map(|i| format!("\"{i}\"")).collect();
    assert_eq!(what(&Grammar::Lark(format!("start: {}", numbers.join("|")))), marks);
    let long = format!("start: \"{}\"", "x".repeat(Grammar::MAX_BYTES));
    assert_eq!(what(&Grammar::Lark(long)), "bytes");

    let all: Vec<String> = (0..40).map(|i| format!("/.*{i}/")).collect();
    let all = Grammar::Lark(format!("start: A\nA: {}", all.join(" & ")));
    assert_eq!(what(&all), "intersections (&)");
    let few = Grammar::Lark("start: A\nA: /a+&/ & /.{2,9}/ & /[a&]+/ // & & & & & & &".to_string());
    engine.compiler().compile(&few).unwrap();
}

#[test]
fn schemas_that_merging_makes_huge_are_refused() {
    use serde_json::json;
    let engine = engine("merging");
    let doubled = |next: Value| {
        let part = json!({"allOf": [next, {"type": "object"}]});
        json!({"type": "object", "properties": {"a": part, "b": part}})
    };
    let merged = "parts of merged schemas";
    // Of 30 definitions the first would have 2^30 parts.
    let bomb = references(30, doubled);
    assert_eq!(excess(&engine, &bomb), merged);
    let Grammar::JsonSchema(schema) = &bomb else { panic!("{bomb:?}") };
    let lark = Grammar::Lark(format!("start: %json {schema}"));
    assert_eq!(excess(&engine, &lark), merged);
    engine.compiler().compile(&references(5, doubled)).unwrap();

    let patterns: Vec<Value> =
        (0..40).map(|i| json!({"type": "string", "pattern": format!(".*{i}.*")})).collect();
    let patterns = Grammar::JsonSchema(json!({"allOf": patterns}).to_string());
    assert_eq!(excess(&engine, &patterns), "patterns of merged schemas");

    // The same by names, which are not followed.
    let named = json!({"allOf": [{"$ref": "#d0"}, {"type": "object"}],
        "$defs": {"x": {"$anchor": "d0", "type": "object"}}});
    let error = engine.compiler().compile(&Grammar::JsonSchema(named.to_string())).unwrap_err();
    assert!(error.to_string().contains("\"#d0\", not #/PLACE"), "{error}");

    // A tree that refers to itself, and forms that share their beginning.
    let tree = json!({"$ref": "#/$defs/node", "$defs": {
        "base": {"type": "object", "properties": {"id": {"type": "string", "pattern": "^[a-f0-9]+$"}}},
        "node": {"allOf": [{"$ref": "#/$defs/base"}, {"type": "object", "properties": {
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}]}}});
    engine.compiler().compile(&Grammar::JsonSchema(tree.to_string())).unwrap();
    // Patterns in different places do not meet.
    let properties: serde_json::Map<String, Value> =
        (0..30).map(|i| (name(i), json!({"type": "string", "pattern": "^[a-z]+$"}))).collect();
    let form = json!({"type": "object", "properties": properties,
        "anyOf": [{"required": ["ra"]}, {"required": ["rb"]}]});
    engine.compiler().compile(&Grammar::JsonSchema(form.to_string())).unwrap();
}

#[test]
fn what_is_said_of_a_grammar_is_short() {
    let mut engine = engine("short");
    for grammar in [
        Grammar::Lark("start: start".to_string()),
        Grammar::Lark("start: nothing_here".to_string()),
        Grammar::Regex("(".repeat(5000)),
    ] {
        let error = engine.submit(request(grammar.clone(), 0, 10)).unwrap_err();
        let InferError::InvalidGrammar { reason } = &error else { panic!("{error:?}") };
        let is_short = !reason.is_empty() && reason.len() < 400;
        assert!(is_short && !reason.contains(['\n', '<']), "{reason}");
    }
    assert!(engine.is_idle());
}

#[test]
fn a_compiled_grammar_serves_many() {
    let mut engine = engine("compiled");
    let grammar = Grammar::Regex("[a-z]{3,8}".to_string());
    let compiled = engine.compiler().compile(&grammar).unwrap();
    let answers = run(&mut engine, (0..3).map(|i| request(grammar.clone(), i, 40)).collect());
    let free = |i| Request { grammar: None, ..request(grammar.clone(), i, 40) };
    let ids: Vec<_> = (0..3).map(|i| engine.submit_compiled(free(i), &compiled).unwrap()).collect();
    let mut tokens = vec![Vec::new(); 3];
    while !engine.is_idle() {
        for event in engine.step().unwrap() {
            if let Event::Token(token) = event {
                tokens[ids.iter().position(|&id| id == token.request).unwrap()].push(token.id);
            }
        }
    }
    for (tokens, answer) in tokens.iter().zip(&answers) {
        assert_eq!(tokens, &answer.ids);
    }
}
