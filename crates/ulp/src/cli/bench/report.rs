//! What was measured, as a table and as JSON.

use super::passes::Passes;
use crate::cli::plan::{bound_name, gib};
use serde_json::{Value as Json, json};
use std::io::{self, Write};
use ulp_infer::{KernelRates, MachineLimits, ModelPlan, StepCost};

/// Passes of one kind.
pub(super) struct Measured {
    passes: Passes,
    /// Of all passes of a repetition, sorted.
    seconds: Vec<f64>,
    /// Of the pass in the middle.
    cost: StepCost,
}

impl Measured {
    pub(super) fn new(passes: Passes, seconds: Vec<f64>, plan: &ModelPlan) -> Measured {
        let Passes { sequences, depth, tokens, steps } = passes;
        let cost = plan.step(sequences, tokens, depth + tokens * (steps / 2));
        Measured { passes, seconds, cost }
    }

    fn median(&self) -> f64 {
        self.seconds[self.seconds.len() / 2]
    }
}

/// Bytes that were measured, where the system says so.
pub(super) struct Memory {
    pub(super) weights: Option<usize>,
    /// Cache and work space of the largest kind of pass.
    pub(super) running: Option<usize>,
}

pub(super) struct Report {
    pub(super) model: String,
    pub(super) load_seconds: f64,
    pub(super) plan: ModelPlan,
    pub(super) before: MachineLimits,
    pub(super) after: MachineLimits,
    pub(super) rates: Vec<KernelRates>,
    pub(super) measured: Vec<Measured>,
    pub(super) memory: Memory,
}

/// One line of the table.
struct Line {
    name: String,
    depth: usize,
    tokens_per_second: f64,
    limit: f64,
    bound: &'static str,
    predicted: f64,
}

impl Report {
    /// The larger of what was measured before and after: the machine can do that.
    fn limits(&self) -> MachineLimits {
        MachineLimits {
            threads: self.before.threads,
            read_bytes: self.before.read_bytes.max(self.after.read_bytes),
            int8_operations: self.before.int8_operations.max(self.after.int8_operations),
            f32_operations: self.before.f32_operations.max(self.after.f32_operations),
            bf16_operations: self.before.bf16_operations.max(self.after.bf16_operations),
        }
    }

    /// What cache and work space should take for the largest kind of pass.
    fn running_bytes(&self) -> usize {
        self.measured.iter().map(|m| m.passes.bytes(&self.plan)).max().unwrap_or(0)
    }

    fn line(&self, measured: &Measured) -> Line {
        let (passes, limits) = (measured.passes, self.limits());
        let (tokens, steps) = (passes.all_tokens() as f64, passes.steps as f64);
        let limit = measured.cost.limit(&limits);
        Line {
            name: passes.name(),
            depth: passes.depth,
            tokens_per_second: tokens / measured.median(),
            limit: tokens / (steps * limit.seconds),
            bound: bound_name(limit.bound),
            predicted: tokens / (steps * measured.cost.predict(&self.rates, &limits)),
        }
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let show = |limits: &MachineLimits| {
            format!(
                "{:.1} GB/s, {:.0} GOP/s of int8, {:.0} GFLOP/s of f32, {:.0} of bf16",
                limits.read_bytes / 1e9,
                limits.int8_operations / 1e9,
                limits.f32_operations / 1e9,
                limits.bf16_operations / 1e9
            )
        };
        let (threads, kv) = (self.before.threads, self.plan.cache_type());
        writeln!(out, "{}, {threads} threads, keys and values in {kv}", self.model)?;
        writeln!(out, "before  {}", show(&self.before))?;
        writeln!(out, "after   {}", show(&self.after))?;
        writeln!(
            out,
            "\n{:<12} {:>6} {:>10} {:>10} {:>6}  {:<10} {:>10}",
            "passes", "depth", "tokens/s", "limit", "share", "bound by", "predicted"
        )?;
        for measured in &self.measured {
            let line = self.line(measured);
            writeln!(
                out,
                "{:<12} {:>6} {:>10.2} {:>10.2} {:>5.0}%  {:<10} {:>10.2}",
                line.name,
                line.depth,
                line.tokens_per_second,
                line.limit,
                100.0 * line.tokens_per_second / line.limit,
                line.bound,
                line.predicted
            )?;
        }
        let found = |bytes: Option<usize>| {
            bytes.map_or(String::new(), |bytes| format!(" (measured {})", gib(bytes)))
        };
        writeln!(
            out,
            "\nloaded in {:.2} s; weights {}{}, cache and work space {}{}",
            self.load_seconds,
            gib(self.plan.weight_bytes()),
            found(self.memory.weights),
            gib(self.running_bytes()),
            found(self.memory.running),
        )
    }

    pub(super) fn to_json(&self) -> Json {
        let limits = |limits: &MachineLimits| {
            json!({
                "read_bytes_per_second": limits.read_bytes,
                "int8_operations_per_second": limits.int8_operations,
                "f32_operations_per_second": limits.f32_operations,
                "bf16_operations_per_second": limits.bf16_operations,
            })
        };
        let results: Vec<Json> = self
            .measured
            .iter()
            .map(|measured| {
                let (line, passes) = (self.line(measured), measured.passes);
                json!({
                    "name": line.name, "depth": passes.depth, "sequences": passes.sequences,
                    "tokens": passes.tokens, "steps": passes.steps,
                    "seconds": measured.seconds,
                    "tokens_per_second": line.tokens_per_second,
                    "limit_tokens_per_second": line.limit,
                    "share": line.tokens_per_second / line.limit,
                    "bound": line.bound,
                    "predicted_tokens_per_second": line.predicted,
                })
            })
            .collect();
        json!({
            "model": self.model, "threads": self.before.threads,
            "cache_type": self.plan.cache_type().name(),
            "limits_before": limits(&self.before), "limits_after": limits(&self.after),
            "results": results,
            "load_seconds": self.load_seconds,
            "weight_bytes": self.plan.weight_bytes(),
            "running_bytes": self.running_bytes(),
            "measured_bytes": {
                "weights": self.memory.weights, "running": self.memory.running,
            },
        })
    }
}
