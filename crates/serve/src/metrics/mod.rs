//! What the server counts, in Prometheus' text form.
//!
//! Names are those that the [model server protocol] of the Kubernetes inference gateway takes from
//! vLLM, so that a router which knows that server can spread load over this one.
//!
//! [model server protocol]: https://github.com/kubernetes-sigs/gateway-api-inference-extension/tree/main/docs/proposals/003-model-server-protocol

mod histogram;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ulp_infer::{Engine, EngineStats, FinishReason};

use crate::served_model::unix_seconds;
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
    /// The engine's own count, as of its last step.
    engine: Mutex<EngineStats>,
    step_seconds: Histogram,
    /// The least time that these steps could have taken, in nanoseconds, where that is known.
    least_nanoseconds: AtomicU64,
    ended: [AtomicU64; 4],
    first_token_seconds: Histogram,
    next_token_seconds: Histogram,
    request_seconds: Histogram,
    refused: AtomicU64,
}

impl Metrics {
    /// After a step that took `time` and could not have taken less than `least`.
    pub(crate) fn step(&self, engine: &Engine, time: Duration, least: Option<Duration>) {
        self.step_seconds.observe(time);
        let least = least.unwrap_or_default().as_nanos() as u64;
        self.least_nanoseconds.fetch_add(least, Ordering::Relaxed);
        self.observe(engine);
    }

    /// Takes the engine's present state.
    pub(crate) fn observe(&self, engine: &Engine) {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = engine.stats();
    }

    /// The engine as of its last step.
    pub(crate) fn engine(&self) -> EngineStats {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds that the steps took, and that they could not have taken less than.
    pub(crate) fn step_seconds(&self) -> (f64, f64) {
        let (_, _, taken) = self.step_seconds.cumulative();
        (taken, self.least_nanoseconds.load(Ordering::Relaxed) as f64 * 1e-9)
    }

    pub(crate) fn first_token(&self, since_arrival: Duration) {
        self.first_token_seconds.observe(since_arrival);
    }

    pub(crate) fn next_token(&self, since_the_last: Duration) {
        self.next_token_seconds.observe(since_the_last);
    }

    pub(crate) fn finished(&self, reason: FinishReason, time: Duration) {
        self.request_seconds.observe(time);
        self.ended(match reason {
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

    /// The page that Prometheus reads. `adapters` are the names of those that are loaded, `stored` the
    /// number and the bytes of the responses that are kept.
    pub(crate) fn page(&self, model: &str, adapters: &[&str], stored: (usize, usize)) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let engine = self.engine();
        let totals = &engine.totals;
        let mut page = Page::new(model);
        let share = |blocks: usize| blocks as f64 / engine.blocks.max(1) as f64;
        for (name, help, value) in [
            ("vllm:num_requests_running", "Sequences that run", engine.running as f64),
            ("vllm:num_requests_waiting", "Sequences that wait", engine.waiting as f64),
            (
                "vllm:kv_cache_usage_perc",
                "Share of the KV cache that running sequences hold, from 0 to 1",
                share(engine.blocks_running),
            ),
            (
                "ulp:kv_cache_kept_perc",
                "Share that is only kept for prefixes, free for whoever needs it",
                share(engine.blocks_kept),
            ),
            ("ulp:responses_stored", "Responses that are kept to go on from", stored.0 as f64),
            ("ulp:responses_stored_bytes", "Bytes of them", stored.1 as f64),
        ] {
            page.gauge(name, help, value);
        }
        page.info(
            "vllm:cache_config_info",
            "Form of the KV cache",
            &[
                ("block_size", engine.block_positions.to_string()),
                ("block_bytes", engine.block_bytes.to_string()),
                ("num_gpu_blocks", engine.blocks.to_string()),
            ],
            1.0,
        );
        if !adapters.is_empty() {
            // All of them are in memory for as long as the server runs, and none has to wait for it.
            page.info(
                "vllm:lora_requests_info",
                "Adapters that are loaded, as of the time that is the value",
                &[
                    ("max_lora", adapters.len().to_string()),
                    ("running_lora_adapters", adapters.join(",")),
                    ("waiting_lora_adapters", String::new()),
                ],
                unix_seconds() as f64,
            );
        }
        for (name, help, n) in [
            ("vllm:prompt_tokens_total", "Tokens of prompts", totals.prompt_tokens),
            ("vllm:generation_tokens_total", "Tokens generated", totals.generated_tokens),
            (
                "vllm:prefix_cache_queries_total",
                "Tokens of prompts, looked up in the cache",
                totals.prompt_tokens,
            ),
            ("vllm:prefix_cache_hits_total", "Tokens found in the cache", totals.reused_tokens),
            ("vllm:spec_decode_num_draft_tokens_total", "Tokens guessed", totals.drafted_tokens),
            (
                "vllm:spec_decode_num_accepted_tokens_total",
                "Guesses that were right",
                totals.accepted_tokens,
            ),
            ("vllm:num_preemptions_total", "Sequences computed again", totals.preemptions),
            ("ulp:computed_tokens_total", "Tokens through the model", totals.computed_tokens),
            ("ulp:prefix_evictions_total", "Kept blocks dropped", totals.evictions),
            ("ulp:engine_steps_total", "Steps of the engine", totals.steps),
            (
                "ulp:requests_refused_total",
                "Requests sent away, the queue full",
                self.refused.load(Ordering::Relaxed),
            ),
        ] {
            page.counter(name, help, n as f64);
        }
        page.counter(
            "ulp:engine_least_seconds_total",
            "What the steps would take at the machine's limits; 0 where those were not measured",
            self.step_seconds().1,
        );
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
