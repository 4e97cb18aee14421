//! Samplers that look back, through the engine: what they choose depends on the request alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::test_models::tiny_model;
use ulp_infer::{
    Dry, Engine, EngineOptions, Event, Mirostat, Penalties, Request, RequestId, SamplerParams, Xtc,
};

const CONTEXT: usize = 320;
const GENERATED: usize = 60;

fn requests() -> Vec<Request> {
    let greedy = SamplerParams::greedy();
    let drawn = SamplerParams { temperature: 1.0, seed: 3, ..SamplerParams::default() };
    let penalties = Penalties { repeat: 1.3, frequency: 0.2, presence: 0.1, window: 40 };
    let samplers = [
        greedy.clone(),
        SamplerParams { penalties: penalties.clone(), ..greedy.clone() },
        SamplerParams { penalties, ..drawn.clone() },
        SamplerParams { dry: Some(Dry::default()), ..greedy.clone() },
        SamplerParams {
            mirostat: Some(Mirostat { surprise: 3.0, rate: 0.1 }),
            temperature: 1.0,
            ..greedy.clone()
        },
        SamplerParams {
            xtc: Some(Xtc { probability: 0.5, threshold: 0.05 }),
            typical_p: 0.9,
            ..drawn.clone()
        },
        SamplerParams { logit_bias: vec![(7, f32::NEG_INFINITY), (9, 3.0)], ..drawn },
    ];
    let request = |(i, sampler)| Request {
        sampler,
        max_tokens: GENERATED,
        ignore_eog: true,
        // A prompt that repeats itself, so that the engine guesses what follows.
        ..Request::new((0..40 + i as u32).map(|place| 1 + place % 11).collect())
    };
    samplers.into_iter().enumerate().map(request).collect()
}

fn run(engine: &mut Engine, requests: &[Request]) -> Vec<Vec<u32>> {
    let ids: Vec<RequestId> =
        requests.iter().map(|request| engine.submit(request.clone()).unwrap()).collect();
    let mut tokens: BTreeMap<RequestId, Vec<u32>> = BTreeMap::new();
    while !engine.is_idle() {
        for event in engine.step().unwrap() {
            match event {
                Event::Token(token) => tokens.entry(token.request).or_default().push(token.id),
                Event::Prompt(_) => {}
                Event::Failed { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }
    ids.iter().map(|id| tokens[id].clone()).collect()
}

#[test]
fn company_guesses_and_preemption_change_nothing() {
    let (model, tokenizer) = tiny_model("sampling", CONTEXT);
    let engine = |options| Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), options);
    let requests = requests();
    let plain = EngineOptions { max_draft: 0, ..EngineOptions::default() };
    let alone: Vec<Vec<u32>> = requests
        .iter()
        .flat_map(|request| run(&mut engine(plain.clone()), std::slice::from_ref(request)))
        .collect();
    assert!(alone.iter().all(|tokens| tokens.len() == GENERATED));
    // Room for three of the seven at a time.
    for (cache, max_draft) in [(4096, 0), (4096, 4), (CONTEXT, 4)] {
        let options = EngineOptions { cache, max_draft, ..EngineOptions::default() };
        assert_eq!(run(&mut engine(options), &requests), alone, "{cache} {max_draft}");
    }
}

#[test]
fn samplers_do_what_they_say() {
    let (model, tokenizer) = tiny_model("sampling-effect", CONTEXT);
    let mut engine = Engine::new(model, tokenizer, EngineOptions::default());
    let answers = run(&mut engine, &requests());
    let [greedy, penalized, _, dry, .., biased] = &answers[..] else { panic!() };
    let distinct = |tokens: &[u32]| tokens.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert!(distinct(penalized) > distinct(greedy), "{penalized:?} {greedy:?}");
    // The longest run that came before.
    let longest = |tokens: &[u32]| {
        let repeats = |n: &usize| {
            let runs: Vec<&[u32]> = tokens.windows(*n).collect();
            (1..runs.len()).any(|i| runs[..i].contains(&runs[i]))
        };
        (1..tokens.len()).take_while(repeats).last().unwrap_or(0)
    };
    assert!(longest(dry) < longest(greedy), "{dry:?} {greedy:?}");
    assert!(!biased.contains(&7));
}
