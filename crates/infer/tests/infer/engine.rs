//! The engine: a request's tokens, log-probabilities and text depend on the request alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::test_models::{long_rope_model, tiny_model};
use ulp_infer::{
    Activations, BlockUse, CacheType, Engine, EngineOptions, Event, FinishReason, Finished,
    InferError, Model, Policy, Request, RequestId, SamplerParams, TokenEvent, Tokenizer,
};
use ulp_tensor::Philox;

const CONTEXT: usize = 320;

/// The context of the short factors, in a model that has long ones.
const ORIGINAL: usize = 90;

/// Everything that the engine said about a request.
#[derive(Debug, Default)]
struct Answer {
    tokens: Vec<TokenEvent>,
    end: Option<Finished>,
}

impl Answer {
    fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }

    fn text(&self) -> String {
        let pieces = self.tokens.iter().map(|token| token.text.as_str());
        pieces.chain(self.end.iter().map(|end| end.text.as_str())).collect()
    }

    fn reason(&self) -> FinishReason {
        self.end.as_ref().expect("it has ended").reason
    }

    /// What must not depend on anything but the request.
    #[allow(clippy::type_complexity)] // It is compared, never taken apart.
    fn bits(&self) -> Vec<(u32, u32, String, Vec<(u32, u32)>)> {
        let top = |token: &TokenEvent| {
            token.top.iter().map(|t| (t.id, t.logprob.to_bits())).collect::<Vec<_>>()
        };
        let one = |t: &TokenEvent| (t.id, t.logprob.to_bits(), t.text.clone(), top(t));
        self.tokens.iter().map(one).collect()
    }
}

fn collect(events: Vec<Event>, answers: &mut BTreeMap<RequestId, Answer>) {
    for event in events {
        let answer = answers.entry(event.request()).or_default();
        assert!(answer.end.is_none(), "nothing comes after the end");
        match event {
            Event::Token(token) => answer.tokens.push(token),
            Event::Finished(end) => answer.end = Some(end),
            Event::Prompt(_) => {}
            Event::Failed { error, .. } => panic!("{error}"),
        }
    }
}

fn run(engine: &mut Engine) -> BTreeMap<RequestId, Answer> {
    let mut answers = BTreeMap::new();
    while !engine.is_idle() {
        collect(engine.step().unwrap(), &mut answers);
    }
    answers
}

fn alone(engine: &mut Engine, request: Request) -> Answer {
    let id = engine.submit(request).unwrap();
    run(engine).remove(&id).unwrap()
}

fn engine(options: EngineOptions) -> Engine {
    let (model, tokenizer) = tiny_model("engine", CONTEXT);
    Engine::new(model, tokenizer, options)
}

fn greedy(prompt: &[u32], max_tokens: usize) -> Request {
    Request { sampler: SamplerParams::greedy(), max_tokens, ..Request::new(prompt.to_vec()) }
}

/// Requests of many lengths, some with a beginning in common, greedy and drawn.
fn requests(count: u64) -> Vec<Request> {
    let random = Philox::new(11, 0);
    let below = |i: u64, n: usize| (random.uniform::<f64>(i) * n as f64) as usize;
    let shared: Vec<u32> = (0..150).map(|i| 1 + below(1000 + i, 256) as u32).collect();
    let request = |r: u64| {
        let start = if r.is_multiple_of(3) { below(10 * r, 150) } else { 0 };
        let own = 1 + below(10 * r + 1, if r.is_multiple_of(4) { 100 } else { 20 });
        let mut prompt = shared[..start].to_vec();
        prompt.extend((0..own as u64).map(|i| 1 + below(2000 + 300 * r + i, 256) as u32));
        Request {
            prompt,
            sampler: SamplerParams {
                temperature: if r.is_multiple_of(2) { 0.0 } else { 1.0 },
                seed: r,
                ..SamplerParams::default()
            },
            max_tokens: 1 + below(10 * r + 2, 60),
            priority: below(10 * r + 3, 3) as i32,
            top_logprobs: 2,
            ignore_eog: r.is_multiple_of(5),
            ..Request::new(Vec::new())
        }
    };
    (0..count).map(request).collect()
}

/// Submits half of the requests at once and the others one a step, while those run.
fn replay(engine: &mut Engine, requests: &[Request]) -> Vec<Answer> {
    let mut answers = BTreeMap::new();
    let mut ids = Vec::new();
    for (i, request) in requests.iter().enumerate() {
        ids.push(engine.submit(request.clone()).unwrap());
        if i > requests.len() / 2 {
            collect(engine.step().unwrap(), &mut answers);
        }
    }
    while !engine.is_idle() {
        collect(engine.step().unwrap(), &mut answers);
    }
    ids.into_iter().map(|id| answers.remove(&id).unwrap()).collect()
}

#[test]
fn a_request_gives_the_same_bits_in_any_company() {
    check_company(tiny_model("company", CONTEXT), CacheType::F32);
}

#[test]
fn and_with_a_cache_in_f16() {
    check_company(tiny_model("company", CONTEXT), CacheType::F16);
}

#[test]
fn and_with_a_cache_in_q8_0() {
    check_company(tiny_model("company", CONTEXT), CacheType::Q8_0);
}

/// Some of the requests stay below the border of the factors, some cross it, some begin beyond.
#[test]
fn and_where_answers_outgrow_the_short_factors() {
    let lengths = requests(14).into_iter().map(|r| (r.prompt.len(), r.max_tokens));
    let (mut below, mut across, mut beyond) = (0, 0, 0);
    for (prompt, tokens) in lengths {
        match (prompt > ORIGINAL, prompt + tokens > ORIGINAL) {
            (true, _) => beyond += 1,
            (false, true) => across += 1,
            (false, false) => below += 1,
        }
    }
    assert!(below > 0 && across > 1 && beyond > 0, "{below} {across} {beyond}");
    check_company(long_rope_model("company", ORIGINAL, CONTEXT), CacheType::F32);
}

fn check_company((model, tokenizer): (Arc<Model>, Arc<Tokenizer>), cache_type: CacheType) {
    let requests = requests(14);
    let fresh = |options| Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), options);
    let usual = EngineOptions { cache_type, ..EngineOptions::default() };
    let roomy = EngineOptions { cache: 1 << 13, step_tokens: CONTEXT, ..usual.clone() };
    let expected: Vec<Answer> =
        requests.iter().map(|r| alone(&mut fresh(roomy.clone()), r.clone())).collect();
    let drawn = |i: usize| requests[i].sampler.temperature > 0.0;
    assert!((0..14).any(|i| drawn(i) && expected[i].ids().len() > 20));

    let schedules = [
        ("all at once", roomy.clone()),
        ("in small pieces", EngineOptions { step_tokens: 7, ..roomy.clone() }),
        ("token by token", EngineOptions { step_tokens: 1, ..roomy.clone() }),
        ("three at once", EngineOptions { max_running: 3, ..roomy.clone() }),
        ("with guesses", EngineOptions { max_draft: 8, ..roomy.clone() }),
        (
            "by priority",
            EngineOptions { policy: Policy::Priority, max_running: 2, ..roomy.clone() },
        ),
        ("by prefix", EngineOptions { policy: Policy::LongestPrefix, max_running: 2, ..roomy }),
        (
            "with guesses in a cache too small for all",
            EngineOptions { max_draft: 8, ..usual.clone() },
        ),
        ("in a cache too small for all", usual),
    ];
    for (name, options) in schedules {
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut engine = fresh(options.clone());
            let answers = pool.install(|| replay(&mut engine, &requests));
            for (i, (answer, expected)) in answers.iter().zip(&expected).enumerate() {
                assert_eq!(answer.bits(), expected.bits(), "request {i}, {name}, {threads}");
                assert_eq!(answer.text(), expected.text(), "request {i}, {name}, {threads}");
                assert_eq!(answer.reason(), expected.reason(), "request {i}, {name}, {threads}");
            }
            let usage = |f: fn(&ulp_infer::Usage) -> usize| -> usize {
                answers.iter().map(|a| f(&a.end.as_ref().unwrap().usage)).sum()
            };
            if name == "with guesses" {
                assert!(usage(|u| u.accepted) > 0 && usage(|u| u.drafted - u.accepted) > 0);
            }
            if name == "in a cache too small for all" {
                assert!(usage(|u| u.preemptions) > 0, "the schedule must bring about its case");
            }
            if name == "three at once" {
                assert!(usage(|u| u.reused) > 0, "some have a beginning in common");
            }
        }
    }
}

#[test]
fn a_second_turn_costs_its_new_tokens_only() {
    let mut engine = engine(EngineOptions::default());
    let prompt: Vec<u32> = (1..100).collect();
    let first = alone(&mut engine, greedy(&prompt, 20));
    assert_eq!(first.end.as_ref().unwrap().usage.reused, 0);
    let mut conversation = prompt.clone();
    conversation.extend(first.ids());
    conversation.extend(200..210);
    let second = alone(&mut engine, greedy(&conversation, 5));
    let usage = second.end.as_ref().unwrap().usage;
    // The last token of an answer is known and not computed.
    assert_eq!((usage.prompt, usage.reused), (129, 118));
    // The same prompt again: only its last token is computed, since its logits are needed.
    let again = alone(&mut engine, greedy(&conversation, 5));
    assert_eq!(again.bits(), second.bits());
    assert_eq!(again.end.as_ref().unwrap().usage.reused, 128);
    // Another continuation of the first turn.
    conversation.truncate(110);
    conversation.push(1);
    let other = alone(&mut engine, greedy(&conversation, 5));
    assert_eq!(other.end.as_ref().unwrap().usage.reused, 110);
}

#[test]
fn requests_that_run_share_their_beginning() {
    let mut engine = engine(EngineOptions { cache: 4096, ..EngineOptions::default() });
    let prompt: Vec<u32> = (1..200).collect();
    engine.submit(greedy(&prompt, 30)).unwrap();
    let mut answers = BTreeMap::new();
    collect(engine.step().unwrap(), &mut answers);
    let free = engine.free_positions();
    let second = engine.submit(greedy(&prompt, 30)).unwrap();
    collect(engine.step().unwrap(), &mut answers);
    assert_eq!(free - engine.free_positions(), 64, "one block is its own, three are shared");
    answers.append(&mut run(&mut engine));
    assert_eq!(answers[&second].end.as_ref().unwrap().usage.reused, 198);
}

#[test]
fn ends_are_told_apart() {
    let mut engine = engine(EngineOptions::default());
    let prompt = [10, 20, 30];
    let long = alone(&mut engine, greedy(&prompt, 12));
    assert_eq!((long.reason(), long.tokens.len()), (FinishReason::Length, 12));
    let none = alone(&mut engine, greedy(&prompt, 0));
    assert_eq!((none.reason(), none.tokens.len()), (FinishReason::Length, 0));
    // As long as the context allows.
    let full = alone(&mut engine, Request { ignore_eog: true, ..greedy(&prompt, usize::MAX) });
    assert_eq!((full.reason(), full.tokens.len()), (FinishReason::Length, CONTEXT - 3));
}

#[test]
fn generation_ends_with_the_text_and_goes_on_if_asked() {
    // Drawn at a high temperature, token 0 (the end) comes sooner or later.
    let mut engine = engine(EngineOptions::default());
    let sampler = SamplerParams { temperature: 5.0, seed: 4, ..SamplerParams::greedy() };
    let request = |ignore_eog| Request {
        sampler: sampler.clone(),
        max_tokens: 300,
        ignore_eog,
        ..Request::new(vec![65])
    };
    let ended = alone(&mut engine, request(false));
    assert_eq!(ended.reason(), FinishReason::EndOfGeneration);
    let (last, before) = ended.tokens.split_last().unwrap();
    assert!(last.id == 0 && last.text.is_empty() && before.iter().all(|t| t.id != 0));
    let on = alone(&mut engine, request(true));
    assert_eq!(on.reason(), FinishReason::Length);
    assert_eq!(on.ids()[..ended.tokens.len()], ended.ids(), "the same draws");
    assert!(!on.text().contains("<|end|>"));
}

#[test]
fn stop_strings_end_the_text_across_tokens() {
    let mut engine = engine(EngineOptions::default());
    let request = |stop: Vec<String>| Request {
        sampler: SamplerParams { temperature: 1.0, seed: 9, ..SamplerParams::default() },
        max_tokens: 60,
        ignore_eog: true,
        stop,
        ..Request::new(vec![65, 66])
    };
    let whole = alone(&mut engine, request(vec![]));
    let text: Vec<char> = whole.text().chars().collect();
    // Three characters from the middle of what is said: each is a token or more of its own.
    let stop: String = text[20..23].iter().collect();
    let before: String = text.iter().collect::<String>().split(&stop).next().unwrap().to_string();
    let stopped = alone(&mut engine, request(vec!["never".to_string(), stop]));
    assert_eq!(stopped.reason(), FinishReason::Stop);
    assert_eq!(stopped.text(), before);
    assert!(stopped.tokens.len() < whole.tokens.len());
}

#[test]
fn characters_come_whole() {
    let mut engine = engine(EngineOptions::default());
    let sampler = SamplerParams { temperature: 3.0, top_k: 0, seed: 2, ..SamplerParams::default() };
    let answer = alone(
        &mut engine,
        Request { sampler, max_tokens: 200, ignore_eog: true, ..Request::new(vec![66]) },
    );
    // Random bytes: pieces are text (a String is), and together they are what all bytes give.
    let ids: Vec<u32> = [66].into_iter().chain(answer.ids()).collect();
    let tokenizer = engine.tokenizer();
    let prompt = tokenizer.decode(&[66]);
    assert_eq!(prompt + &answer.text(), tokenizer.decode(&ids));
    assert!(answer.text().contains('\u{FFFD}'));
}

#[test]
fn cancelling_frees_everything_at_once() {
    let mut engine = engine(EngineOptions { max_running: 1, ..EngineOptions::default() });
    let runs = engine.submit(greedy(&[1; 100], 50)).unwrap();
    let waits = engine.submit(greedy(&[2; 100], 50)).unwrap();
    let mut answers = BTreeMap::new();
    collect(engine.step().unwrap(), &mut answers);
    assert_eq!((engine.running(), engine.waiting()), (1, 1));
    assert_eq!(engine.stats().blocks_running, 2);
    assert!(engine.cancel(runs) && engine.cancel(waits));
    assert_eq!((engine.running(), engine.waiting()), (0, 0));
    let stats = engine.stats();
    assert_eq!((stats.blocks, stats.blocks_running, stats.blocks_kept), (5, 0, 2));
    assert!(!engine.is_idle(), "the ends are to be reported");
    // The very next step has room for a request that needs all blocks.
    let all = engine.submit(greedy(&[3; 319], 1)).unwrap();
    collect(engine.step().unwrap(), &mut answers);
    assert_eq!((answers[&all].reason(), answers[&all].tokens.len()), (FinishReason::Length, 1));
    assert_eq!(engine.stats().totals.evictions, 2);
    for id in [runs, waits] {
        assert_eq!(answers[&id].reason(), FinishReason::Cancelled);
    }
    assert!(!engine.cancel(runs), "it is gone");
}

/// What a cancelled request has computed is of use to the next that begins alike: of its prompt as far
/// as it came, and of its answer.
#[test]
fn what_a_cancelled_request_has_computed_is_kept() {
    let prompt: Vec<u32> = (0..200).map(|i| 1 + i * 7 % 251).collect();
    let request = Request { ignore_eog: true, ..greedy(&prompt, 40) };
    let expected = alone(&mut engine(EngineOptions::default()), request.clone());
    let conversation = [&prompt[..], &expected.ids()].concat();
    // A step computes 150 tokens of the prompt, the next its other 50; then they come one by one.
    for (steps, computed) in [(0, 0_usize), (1, 150), (2, 200), (12, 210)] {
        let mut engine = engine(EngineOptions { step_tokens: 150, ..EngineOptions::default() });
        let id = engine.submit(request.clone()).unwrap();
        let mut answers = BTreeMap::new();
        (0..steps).for_each(|_| collect(engine.step().unwrap(), &mut answers));
        assert!(engine.cancel(id));
        let stats = engine.stats();
        assert_eq!((stats.blocks_running, stats.blocks_kept), (0, computed.div_ceil(64)));
        let next = alone(&mut engine, greedy(&conversation, 1));
        assert_eq!(next.end.unwrap().usage.reused, computed, "{steps}");
        assert_eq!(alone(&mut engine, request.clone()).bits(), expected.bits(), "{steps}");
    }
}

/// Blocks of a cancelled request go as those of one that came to its end: the least recently used
/// first, and its end before its beginning.
#[test]
fn blocks_of_a_cancelled_request_go_in_their_turn() {
    let mut engine = engine(EngineOptions::default());
    let request = |own, n| greedy(&vec![own; n], 1);
    let ended = |engine: &mut Engine, own, n| alone(engine, request(own, n)).end.unwrap().usage;
    ended(&mut engine, 1, 60);
    let id = engine.submit(Request { max_tokens: 50, ..request(2, 120) }).unwrap();
    engine.step().unwrap();
    assert!(engine.cancel(id));
    ended(&mut engine, 3, 60);
    assert_eq!((engine.stats().blocks_kept, engine.stats().totals.evictions), (4, 0));
    // Three blocks: the free one, the first request's, and the end of the cancelled one.
    ended(&mut engine, 4, 190);
    assert_eq!(engine.stats().totals.evictions, 2);
    assert_eq!(engine.stats().blocks_kept, 5);
    assert_eq!(ended(&mut engine, 2, 64).reused, 63, "the beginning of the cancelled one is there");
    assert_eq!(ended(&mut engine, 1, 60).reused, 0);
}

#[test]
fn what_cannot_run_is_refused() {
    let mut engine = engine(EngineOptions::default());
    let mut refused = |request| engine.submit(request).unwrap_err();
    assert!(matches!(refused(greedy(&[], 1)), InferError::EmptyPrompt));
    assert!(matches!(
        refused(greedy(&[1, 257], 1)),
        InferError::TokenOutOfRange { token: 257, index: 1, vocabulary: 257 }
    ));
    assert!(matches!(
        refused(greedy(&[1; CONTEXT], 1)),
        InferError::ContextFull { needed, context: CONTEXT } if needed == CONTEXT + 1
    ));
    let sampler = SamplerParams { top_p: 0.0, ..SamplerParams::default() };
    let request = Request { sampler, ..greedy(&[1], 1) };
    assert!(matches!(refused(request), InferError::InvalidSampling { parameter: "top_p", .. }));
    assert!(engine.is_idle());
}

/// The order in which requests end, all submitted at once to an engine that runs one at a time.
fn order(policy: Policy, requests: &[Request]) -> Vec<usize> {
    let mut engine =
        engine(EngineOptions { policy, max_running: 1, cache: 4096, ..EngineOptions::default() });
    let ids: Vec<RequestId> = requests.iter().map(|r| engine.submit(r.clone()).unwrap()).collect();
    let mut order = Vec::new();
    while !engine.is_idle() {
        for event in engine.step().unwrap() {
            if let Event::Finished(end) = event {
                order.push(ids.iter().position(|&id| id == end.request).unwrap());
            }
        }
    }
    order
}

#[test]
fn policies_choose_whose_turn_it_is() {
    let long: Vec<u32> = (1..150).collect();
    let with_priority = |prompt: &[u32], priority| Request { priority, ..greedy(prompt, 2) };
    let requests = [
        with_priority(&long, 0),
        with_priority(&[5; 3], 1),
        with_priority(&[6; 3], 2),
        with_priority(&long[..140], 1),
    ];
    assert_eq!(order(Policy::FirstCome, &requests), [0, 1, 2, 3]);
    assert_eq!(order(Policy::Priority, &requests), [2, 1, 3, 0]);
    assert_eq!(order(Policy::LongestPrefix, &requests), [0, 3, 1, 2]);
}

#[test]
fn nobody_waits_for_ever() {
    // A request of low priority, and in every step another one of high priority.
    let options =
        EngineOptions { policy: Policy::Priority, max_running: 1, ..EngineOptions::default() };
    let mut engine = engine(options);
    let low = engine.submit(Request { priority: -1, ..greedy(&[1, 2], 3) }).unwrap();
    let mut others_first = 0;
    'steps: for step in 0.. {
        assert!(step < 500, "it has waited for ever");
        engine.submit(Request { priority: 1, ..greedy(&[3, 4], 2) }).unwrap();
        for event in engine.step().unwrap() {
            if let Event::Finished(end) = event {
                if end.request == low {
                    break 'steps;
                }
                others_first += 1;
            }
        }
    }
    assert_eq!(others_first, 32);
}

#[test]
fn several_answers_to_one_prompt_share_its_blocks() {
    let prompt: Vec<u32> = (0..200).map(|i| 1 + i % 250).collect();
    let mut engine =
        engine(EngineOptions { cache: 4096, step_tokens: 64, ..EngineOptions::default() });
    let free = engine.free_positions();
    let sampler = SamplerParams { temperature: 1.5, seed: 3, ..SamplerParams::default() };
    for stream in 0..4 {
        let sampler = sampler.clone();
        let request = Request {
            sampler,
            stream,
            ignore_eog: true,
            max_tokens: 20,
            ..Request::new(prompt.clone())
        };
        engine.submit(request).unwrap();
    }
    let mut answers = BTreeMap::new();
    while engine.waiting() > 0 {
        collect(engine.step().unwrap(), &mut answers);
    }
    // Three blocks of the prompt once, and for each answer the block in which it goes on.
    assert_eq!(free - engine.free_positions(), (3 + 4) * 64);
    answers.append(&mut run(&mut engine));
    let texts: std::collections::BTreeSet<Vec<u32>> = answers.values().map(Answer::ids).collect();
    assert_eq!(texts.len(), 4, "independent draws");
    let reused: Vec<usize> =
        answers.values().map(|a| a.end.as_ref().unwrap().usage.reused).collect();
    assert_eq!(reused, [0, 192, 192, 192]);
}

#[test]
fn guesses_of_another_model_change_no_token() {
    let (model, tokenizer) = tiny_model("draft", CONTEXT);
    let options = EngineOptions { cache: 4096, max_draft: 4, ..EngineOptions::default() };
    let requests = requests(8);
    let plain = EngineOptions { max_draft: 0, ..options.clone() };
    let mut plain = Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), plain);
    let expected = replay(&mut plain, &requests);
    // The model itself guesses all greedy tokens right; a model for other weights none, or few.
    for (draft, good) in
        [(Arc::clone(&model), true), (crate::test_models::other_tiny_model(CONTEXT), false)]
    {
        let engine = Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), options.clone());
        let mut engine = engine.with_draft(draft);
        let answers = replay(&mut engine, &requests);
        for (answer, expected) in answers.iter().zip(&expected) {
            assert_eq!(answer.bits(), expected.bits());
        }
        let sum = |f: fn(&ulp_infer::Usage) -> usize| -> usize {
            answers.iter().map(|a| f(&a.end.as_ref().unwrap().usage)).sum()
        };
        let (drafted, accepted) = (sum(|u| u.drafted), sum(|u| u.accepted));
        assert!(drafted > 50 && (accepted * 2 > drafted) == good, "{accepted} of {drafted}");
    }
}

#[test]
fn a_prompt_is_scored_as_score_does() {
    check_prompt_scores(tiny_model("echo", CONTEXT));
}

#[test]
fn and_one_that_is_longer_than_the_short_factors_reach() {
    check_prompt_scores(long_rope_model("echo", ORIGINAL, CONTEXT));
}

fn check_prompt_scores((model, tokenizer): (Arc<Model>, Arc<Tokenizer>)) {
    let prompt: Vec<u32> = (1..150).collect();
    let expected = ulp_infer::score(&model, &prompt, Activations::Quantized, 3).unwrap();
    // In one piece, in pieces, with the prompt in the cache, and in a cache too small for two.
    for (step_tokens, cache) in [(512, 4096), (7, 4096), (40, CONTEXT)] {
        let options = EngineOptions { step_tokens, cache, ..EngineOptions::default() };
        let mut engine = Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), options);
        let plain = alone(&mut engine, greedy(&prompt, 3));
        let scored = |max_tokens| Request {
            prompt_logprobs: true,
            top_logprobs: 3,
            ..greedy(&prompt, max_tokens)
        };
        let ids = [scored(3), greedy(&[7; 200], 60), scored(0)].map(|r| engine.submit(r).unwrap());
        let (mut prompts, mut events) = (BTreeMap::new(), Vec::new());
        while !engine.is_idle() {
            for event in engine.step().unwrap() {
                match event {
                    Event::Prompt(event) => {
                        assert!(prompts.insert(event.request, event.tokens).is_none());
                    }
                    other => {
                        let asked = [ids[0], ids[2]].contains(&other.request());
                        assert!(!asked || prompts.contains_key(&other.request()));
                        events.push(other);
                    }
                }
            }
        }
        let mut answers = BTreeMap::new();
        collect(events, &mut answers);
        for id in [ids[0], ids[2]] {
            let scores = &prompts[&id];
            assert_eq!(scores.iter().map(|t| t.id).collect::<Vec<_>>(), prompt);
            assert_eq!((scores[0].logprob, scores[0].top.len()), (None, 0));
            for (token, before) in scores[1..].iter().zip(&expected) {
                assert_eq!(token.logprob, Some(before.next.unwrap().logprob));
                assert_eq!(token.top, before.top);
            }
        }
        assert_eq!(answers[&ids[0]].ids(), plain.ids());
        assert_eq!(
            (answers[&ids[2]].tokens.len(), answers[&ids[2]].reason()),
            (0, FinishReason::Length)
        );
    }
}

#[test]
fn generation_ends_at_the_tokens_of_a_request() {
    let mut engine = engine(EngineOptions::default());
    let whole = alone(&mut engine, greedy(&[10, 20, 30], 40));
    let stop = whole.ids()[5];
    let first = whole.ids().iter().position(|&id| id == stop).unwrap();
    let request = Request { stop_ids: vec![256, stop], ..greedy(&[10, 20, 30], 40) };
    let answer = alone(&mut engine, request);
    assert_eq!(answer.reason(), FinishReason::EndOfGeneration);
    assert_eq!(answer.ids(), whole.ids()[..=first]);
    assert_eq!(answer.tokens.last().unwrap().text, "");
}

#[test]
fn numbers_say_what_the_engine_does() {
    let options = EngineOptions { cache: 64 * 8, max_draft: 4, ..EngineOptions::default() };
    let mut engine = engine(options);
    let stats = engine.stats();
    assert_eq!((stats.blocks, stats.block_positions, stats.blocks_running), (8, 64, 0));
    let prompt: Vec<u32> = (1..=130).collect();
    engine.submit(greedy(&prompt, 9)).unwrap();
    engine.submit(greedy(&[9; 20], 9)).unwrap();
    engine.step().unwrap();
    let stats = engine.stats();
    assert_eq!((stats.running, stats.waiting, stats.blocks_running), (2, 0, 3 + 1));
    assert_eq!(
        engine.block_map()[..5],
        [BlockUse::Running(1); 4].into_iter().chain([BlockUse::Free]).collect::<Vec<_>>()
    );
    run(&mut engine);
    let stats = engine.stats();
    assert_eq!((stats.running, stats.blocks_running, stats.blocks_kept), (0, 0, 4));
    let again = alone(&mut engine, greedy(&prompt, 9));
    let totals = engine.stats().totals;
    assert_eq!((totals.requests, totals.prompt_tokens, totals.reused_tokens), (3, 280, 129));
    assert_eq!(totals.generated_tokens, 27);
    assert_eq!(totals.preemptions, 0);
    assert!(totals.drafted_tokens >= totals.accepted_tokens);
    assert!(totals.accepted_tokens >= again.end.unwrap().usage.accepted as u64);
    // The last token of each request is not computed; a wrong guess is for nothing.
    let wrong = totals.drafted_tokens - totals.accepted_tokens;
    assert_eq!(totals.computed_tokens, 130 + 20 + 1 + (27 - 3) + wrong);
}

/// Requests come at random, some are cancelled half way and come again, under random limits: whatever
/// the company, each that ends has the bits that it has alone, and each that was cancelled a beginning
/// of them.
#[test]
fn random_schedules_change_no_bit() {
    check_schedules(tiny_model("schedules", CONTEXT));
}

#[test]
fn nor_where_answers_outgrow_the_short_factors() {
    check_schedules(long_rope_model("schedules", ORIGINAL, CONTEXT));
}

fn check_schedules((model, tokenizer): (Arc<Model>, Arc<Tokenizer>)) {
    let requests = requests(12);
    let fresh = |options| Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), options);
    let expected: Vec<Answer> = requests
        .iter()
        .map(|request| alone(&mut fresh(EngineOptions::default()), request.clone()))
        .collect();
    let mut seen = ulp_infer::Totals::default();
    for schedule in 0..12u64 {
        let random = Philox::new(23, schedule);
        let below = |i: u64, n: usize| (random.uniform::<f64>(i) * n as f64) as usize;
        let policies = [Policy::FirstCome, Policy::Priority, Policy::LongestPrefix];
        let options = EngineOptions {
            cache: CONTEXT + 64 * below(0, 12),
            max_running: 1 + below(1, 6),
            step_tokens: 1 + below(2, 90),
            policy: policies[below(3, 3)],
            max_draft: below(4, 7),
            ..EngineOptions::default()
        };
        let mut engine = fresh(options.clone());
        let (mut answers, mut cancelled) = (BTreeMap::new(), Vec::new());
        // Requests by their place in the list, with those that came again.
        let mut ids: Vec<(usize, RequestId)> = Vec::new();
        let mut next = 0..requests.len();
        let mut step = 0;
        while !next.is_empty() || !engine.is_idle() {
            step += 1;
            for _ in 0..below(100 * step, 3) {
                let new = next.next();
                ids.extend(new.map(|i| (i, engine.submit(requests[i].clone()).unwrap())));
            }
            if below(100 * step + 1, 20) == 0 && !ids.is_empty() {
                let (i, id) = ids[below(100 * step + 2, ids.len())];
                let before = engine.stats();
                if engine.cancel(id) {
                    cancelled.push(id);
                    let after = engine.stats();
                    assert!(after.running + after.waiting < before.running + before.waiting);
                    let free = engine.free_positions() / 64;
                    assert_eq!(free + after.blocks_kept + after.blocks_running, after.blocks);
                    ids.push((i, engine.submit(requests[i].clone()).unwrap()));
                }
            }
            collect(engine.step().unwrap(), &mut answers);
            let stats = engine.stats();
            assert!(stats.blocks_running + stats.blocks_kept <= stats.blocks);
        }
        for &(i, id) in &ids {
            let (answer, expected) = (&answers[&id], &expected[i]);
            let bits = answer.bits();
            if cancelled.contains(&id) {
                assert_eq!(answer.reason(), FinishReason::Cancelled);
                assert_eq!(
                    bits[..],
                    expected.bits()[..bits.len()],
                    "{i} of {schedule}, {options:?}"
                );
            } else {
                assert_eq!(bits, expected.bits(), "request {i} of {schedule}, {options:?}");
                assert_eq!(answer.text(), expected.text(), "request {i} of {schedule}");
            }
        }
        let (stats, totals) = (engine.stats(), engine.stats().totals);
        assert_eq!((stats.running, stats.waiting, stats.blocks_running), (0, 0, 0));
        assert_eq!(engine.free_positions(), 64 * (stats.blocks - stats.blocks_kept));
        seen.preemptions += totals.preemptions;
        seen.reused_tokens += totals.reused_tokens;
        seen.accepted_tokens += totals.accepted_tokens;
        seen.evictions += totals.evictions;
    }
    let cases = [seen.preemptions, seen.reused_tokens, seen.accepted_tokens, seen.evictions];
    assert!(cases.iter().all(|&n| n > 0), "the schedules must bring about their cases: {seen:?}");
}

/// A long beginning that many requests have in common is computed once, and of each further request
/// no more than the block in which it leaves it.
#[test]
fn a_shared_beginning_costs_its_last_block_at_most() {
    let (model, tokenizer) = tiny_model("stem", 2048);
    let options = EngineOptions { cache: 4096, ..EngineOptions::default() };
    let mut engine = Engine::new(model, tokenizer, options);
    let stem: Vec<u32> = (0..1000).map(|i| 1 + i * 7 % 251).collect();
    let prompt = |own: u32| [&stem[..], &[own; 30]].concat();
    let mut computed = 0;
    for (own, new) in [(252, 1030), (253, 30), (254, 30), (252, 1)] {
        let answer = alone(&mut engine, Request { ignore_eog: true, ..greedy(&prompt(own), 5) });
        let before = std::mem::replace(&mut computed, engine.stats().totals.computed_tokens);
        // The last token is not computed.
        assert_eq!(computed - before, new + 5 - 1, "{own}");
        assert_eq!(answer.end.unwrap().usage.reused as u64, 1030 - new);
    }
    // The blocks of the stem are there once, and for each of the three one in which it goes on and
    // one more.
    assert_eq!(engine.stats().blocks_kept, 15 + 3 * 2);
}

#[test]
fn a_cache_full_of_ones_own_beginning_is_room_enough() {
    let mut engine = engine(EngineOptions::default());
    let prompt: Vec<u32> = (0..310).map(|i| 1 + i * 5 % 251).collect();
    let request = Request { ignore_eog: true, ..greedy(&prompt, 10) };
    let first = alone(&mut engine, request.clone());
    assert_eq!((engine.stats().blocks_kept, engine.free_positions()), (5, 0));
    // The last block is not copied, since there is none to copy it into, but taken over.
    let again = alone(&mut engine, request);
    assert_eq!(again.bits(), first.bits());
    assert_eq!(again.end.unwrap().usage.reused, 309);
    assert_eq!(engine.stats().totals.evictions, 0);
}

/// What a request has computed that had to give way stays until another needs its room.
#[test]
fn a_preempted_request_finds_what_is_left_of_it() {
    let mut engine = engine(EngineOptions { cache: 5 * 64, ..EngineOptions::default() });
    let request = |own, n| Request { ignore_eog: true, ..greedy(&[own; 120], n) };
    let first = engine.submit(request(1, 75)).unwrap();
    let second = engine.submit(request(2, 60)).unwrap();
    let answers = run(&mut engine);
    let usage = |id| answers[id].end.as_ref().unwrap().usage;
    assert_eq!((usage(&first).preemptions, usage(&second).preemptions), (0, 1));
    // The second gives way with 128 positions computed. Its second block goes for the first's
    // fourth, its first is there when it comes back. It needs two more, and takes those that the
    // first has left behind.
    let totals = engine.stats().totals;
    assert_eq!((totals.preemptions, totals.evictions), (1, 3));
    assert_eq!(totals.computed_tokens, (120 + 74) + 128 + (120 + 59 - 64));
}

/// An answer that crosses the border of the factors is what passes over all of its beginnings give,
/// and its prompt is computed once with each.
#[test]
fn an_answer_begins_again_at_the_border_of_the_factors() {
    let (model, tokenizer) = long_rope_model("border", ORIGINAL, CONTEXT);
    let engine = |options| Engine::new(Arc::clone(&model), Arc::clone(&tokenizer), options);
    let prompt: Vec<u32> = (1..=80).collect();
    let request = Request { ignore_eog: true, ..greedy(&prompt, 20) };
    let mut alone_engine = engine(EngineOptions::default());
    let answer = alone(&mut alone_engine, request.clone());
    for (n, token) in answer.tokens.iter().enumerate() {
        let text = [&prompt[..], &answer.ids()[..n]].concat();
        let scores = ulp_infer::score(&model, &text, Activations::Quantized, 1).unwrap();
        let top = scores.last().unwrap().top[0];
        assert_eq!((token.id, token.logprob), (top.id, top.logprob), "token {n}");
    }
    // The last token that the short factors choose is the first that they do not reach.
    let totals = alone_engine.stats().totals;
    assert_eq!(totals.computed_tokens, ORIGINAL as u64 + (80 + 20 - 1));
    // What was computed with either is kept, each for those of its length.
    let again = alone(&mut alone_engine, request.clone());
    assert_eq!(again.bits(), answer.bits());
    assert_eq!(again.end.unwrap().usage.reused, 79);
    let computed = alone_engine.stats().totals.computed_tokens - totals.computed_tokens;
    assert!(computed < 30, "{computed}");
    let text = [&prompt[..], &answer.ids()].concat();
    let on = alone(&mut alone_engine, greedy(&text, 2));
    assert_eq!(on.end.unwrap().usage.reused, 99);

    // Answers to one prompt cross the border together, and share its new keys.
    let mut together = engine(EngineOptions { cache: 2048, ..EngineOptions::default() });
    let sampler = SamplerParams { temperature: 1.0, seed: 1, ..SamplerParams::default() };
    for stream in 0..4 {
        let sampler = sampler.clone();
        together.submit(Request { sampler, stream, ..request.clone() }).unwrap();
    }
    run(&mut together);
    let computed = together.stats().totals.computed_tokens;
    assert!(computed < 2 * 100 + 3 * 2 * (20 + 64), "{computed}: the prompt was computed anew");
}

/// Tokens drawn with guesses are distributed as the model says. (They are the very tokens drawn
/// without, too, which the other tests hold them to.)
#[test]
fn guesses_leave_the_distribution_as_it_is() {
    let (model, tokenizer) = tiny_model("distribution", CONTEXT);
    let prompt = [7, 8, 9, 7, 8, 9, 7, 8];
    let draws = 1500;
    let sampler = SamplerParams { temperature: 1.0, ..SamplerParams::greedy() };
    let options =
        EngineOptions { max_draft: 4, max_running: 32, cache: 4096, ..EngineOptions::default() };
    let engine = Engine::new(Arc::clone(&model), tokenizer, options);
    let mut engine = engine.with_draft(Arc::clone(&model));
    for stream in 0..draws {
        let request = Request { sampler: sampler.clone(), stream, ..Request::new(prompt.to_vec()) };
        engine.submit(Request { max_tokens: 3, ignore_eog: true, ..request }).unwrap();
    }
    let answers = run(&mut engine);
    let totals = engine.stats().totals;
    assert!(totals.drafted_tokens > 0 && totals.accepted_tokens > 0, "{totals:?}");
    // The second token is the first that may have been guessed. Its distribution is the mean of
    // those after each first token.
    let mut expected = vec![0.0f64; 257];
    let mut counts = vec![0.0f64; 257];
    let mut after: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for answer in answers.values() {
        let ids = answer.ids();
        counts[ids[1] as usize] += 1.0;
        let row = after.entry(ids[0]).or_insert_with(|| {
            let tokens = [&prompt[..], &[ids[0]]].concat();
            let score = ulp_infer::score(&model, &tokens, Activations::Quantized, 257).unwrap();
            let mut row = vec![0.0; 257];
            score
                .last()
                .unwrap()
                .top
                .iter()
                .for_each(|t| row[t.id as usize] = f64::from(t.logprob).exp());
            row
        });
        expected.iter_mut().zip(row).for_each(|(sum, p)| *sum += *p);
    }
    // Pearson's χ² over tokens expected five times or more, the others together.
    let (mut chi2, mut cells, mut rest) = (0.0, 0.0, (0.0, 0.0));
    for (&e, &n) in expected.iter().zip(&counts) {
        if e >= 5.0 {
            chi2 += (n - e) * (n - e) / e;
            cells += 1.0;
        } else {
            rest = (rest.0 + e, rest.1 + n);
        }
    }
    chi2 += (rest.1 - rest.0) * (rest.1 - rest.0) / f64::max(rest.0, 1.0);
    // Mean `cells`, standard deviation √(2 cells); four of them is one in some ten thousand.
    let limit = cells + 4.0 * f64::sqrt(2.0 * cells);
    assert!(cells > 10.0 && chi2 < limit, "chi² = {chi2} of {cells} cells, at most {limit}");
}
