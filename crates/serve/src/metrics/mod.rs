//! What the server counts, in Prometheus' text form.
//!
//! Names are those that the [model server protocol] of the Kubernetes inference gateway takes from
//! vLLM, so that a router which knows that server can spread load over this one.
//!
//! [model server protocol]: https://github.com/kubernetes-sigs/gateway-api-inference-extension/tree/main/docs/proposals/003-model-server-protocol

mod histogram;
mod text;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use ulp_infer::{Engine, FinishReason, Finished};

use histogram::Histogram;
use text::Page;

/// Why a sequence ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The model's own end, or a stop string.
    Stop,
    /// A limit of tokens.
    Length,
    /// Its client went away, or its time was over.
    Abandoned,
    /// An error of its own.
    Failed,
}

impl End {
    const ALL: [(End, &'static str); 4] = [
        (End::Stop, "stop"),
        (End::Length, "length"),
        (End::Abandoned, "abort"),
        (End::Failed, "error"),
    ];
}

/// Counters, gauges and histograms; any thread may read and write them.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    running: AtomicUsize,
    waiting: AtomicUsize,
    cache_capacity: AtomicUsize,
    cache_free: AtomicUsize,
    steps: AtomicU64,
    step_seconds: Histogram,
    prompt_tokens: AtomicU64,
    reused_tokens: AtomicU64,
    generated_tokens: AtomicU64,
    drafted_tokens: AtomicU64,
    accepted_tokens: AtomicU64,
    preemptions: AtomicU64,
    ended: [AtomicU64; 4],
    first_token_seconds: Histogram,
    next_token_seconds: Histogram,
    request_seconds: Histogram,
    refused: AtomicU64,
}

impl Metrics {
    /// After a step.
    pub(crate) fn step(&self, engine: &Engine, _events: usize, time: Duration) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.step_seconds.observe(time);
        self.observe(engine);
    }

    /// Takes the engine's present state.
    pub(crate) fn observe(&self, engine: &Engine) {
        self.running.store(engine.running(), Ordering::Relaxed);
        self.waiting.store(engine.waiting(), Ordering::Relaxed);
        self.cache_capacity.store(engine.options().cache, Ordering::Relaxed);
        self.cache_free.store(engine.free_positions(), Ordering::Relaxed);
    }

    pub(crate) fn first_token(&self, since_arrival: Duration) {
        self.generated_tokens.fetch_add(1, Ordering::Relaxed);
        self.first_token_seconds.observe(since_arrival);
    }

    pub(crate) fn next_token(&self, since_the_last: Duration) {
        self.generated_tokens.fetch_add(1, Ordering::Relaxed);
        self.next_token_seconds.observe(since_the_last);
    }

    pub(crate) fn finished(&self, finished: &Finished, time: Duration) {
        let usage = &finished.usage;
        for (counter, n) in [
            (&self.prompt_tokens, usage.prompt),
            (&self.reused_tokens, usage.reused),
            (&self.drafted_tokens, usage.drafted),
            (&self.accepted_tokens, usage.accepted),
            (&self.preemptions, usage.preemptions),
        ] {
            counter.fetch_add(n as u64, Ordering::Relaxed);
        }
        self.request_seconds.observe(time);
        self.ended(match finished.reason {
            FinishReason::EndOfGeneration | FinishReason::Stop => End::Stop,
            FinishReason::Length => End::Length,
            FinishReason::Cancelled => End::Abandoned,
        });
    }

    pub(crate) fn ended(&self, end: End) {
        self.ended[end as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A request was sent away because the queue is full.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The page that Prometheus reads.
    pub(crate) fn page(&self, model: &str) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let size = |gauge: &AtomicUsize| gauge.load(Ordering::Relaxed) as f64;
        let mut page = Page::new(model);
        page.gauge("vllm:num_requests_running", "Sequences that run", size(&self.running));
        page.gauge("vllm:num_requests_waiting", "Sequences that wait", size(&self.waiting));
        let capacity = size(&self.cache_capacity);
        let used =
            if capacity > 0.0 { (1.0 - size(&self.cache_free) / capacity).max(0.0) } else { 0.0 };
        page.gauge("vllm:kv_cache_usage_perc", "Share of the KV cache in use, from 0 to 1", used);
        for (name, help, counter) in [
            ("vllm:prompt_tokens_total", "Tokens of prompts", &self.prompt_tokens),
            ("vllm:generation_tokens_total", "Tokens generated", &self.generated_tokens),
            (
                "vllm:prefix_cache_queries_total",
                "Tokens looked up in the cache",
                &self.prompt_tokens,
            ),
            ("vllm:prefix_cache_hits_total", "Tokens found in the cache", &self.reused_tokens),
            ("vllm:spec_decode_num_draft_tokens_total", "Tokens guessed", &self.drafted_tokens),
            (
                "vllm:spec_decode_num_accepted_tokens_total",
                "Guesses that were right",
                &self.accepted_tokens,
            ),
            ("vllm:num_preemptions_total", "Sequences computed again", &self.preemptions),
            ("ulp:engine_steps_total", "Steps of the engine", &self.steps),
            ("ulp:requests_refused_total", "Requests sent away, the queue full", &self.refused),
        ] {
            page.counter(name, help, count(counter));
        }
        let ends = End::ALL.map(|(end, word)| (word, count(&self.ended[end as usize])));
        page.counters(
            "vllm:request_success_total",
            "Sequences that ended",
            "finished_reason",
            &ends,
        );
        for (name, help, histogram) in [
            (
                "vllm:time_to_first_token_seconds",
                "From arrival to the first token",
                &self.first_token_seconds,
            ),
            (
                "vllm:inter_token_latency_seconds",
                "From a token to the next",
                &self.next_token_seconds,
            ),
            ("vllm:e2e_request_latency_seconds", "From arrival to the end", &self.request_seconds),
            ("ulp:engine_step_seconds", "One step of the engine", &self.step_seconds),
        ] {
            page.histogram(name, help, histogram);
        }
        page.text()
    }
}
