//! `ulp plan`: what running a model will take, before it is loaded.

use super::flags::{KvFlag, ModelSource, Threads};
use super::proc_file::proc_bytes;
use super::progress;
use crate::error::CliError;
use clap::Args;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::PathBuf;
use ulp_infer::{Bound, KernelRates, LimitBuffer, MachineLimits, ModelPlan, StepCost};

const EXAMPLES: &str = "\
Examples:
  ulp plan model.gguf
  ulp plan model.gguf -c 4096 --parallel 8
  ulp plan TinyLlama-1.1B -c 2048 --json

Only the shapes are read. Memory is weights, cache and work space; speeds are computed from the
bandwidth and the peaks of this machine and from what the kernels of the model's types reach on it,
all measured now for a second or two. `ulp bench` prints predictions beside what it measures.";

/// Prompts are cut into passes of this many tokens.
const PASS: usize = 512;

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    /// A GGUF file or a Hugging Face directory
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Tokens of each sequence [default: what the model was made for]
    #[arg(short, long, alias = "ctx-size", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    ctx: Option<u32>,

    #[command(flatten)]
    kv: KvFlag,

    /// Sequences at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    parallel: u32,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    threads: Threads,
}

/// What it means.
pub(super) struct Plan {
    name: String,
    plan: ModelPlan,
    context: usize,
    sequences: usize,
    memory: Memory,
    json: bool,
}

/// Bytes.
struct Memory {
    parts: [(&'static str, usize); 3],
    all: usize,
}

impl Memory {
    /// `None` if they cannot be counted.
    fn of(plan: &ModelPlan, context: usize, sequences: usize) -> Option<Memory> {
        let rows = context.min(PASS).max(sequences);
        let parts = [
            ("weights", plan.weight_bytes()),
            ("cache", plan.cache_bytes(sequences, context)),
            ("work space", plan.workspace_bytes(rows, sequences)),
        ];
        // The plan has the largest number for what is larger, too.
        let sum = |all: usize, (_, bytes): &(_, usize)| all.checked_add(*bytes);
        let all = parts.iter().try_fold(0, sum).filter(|all| *all < usize::MAX)?;
        Some(Memory { parts, all })
    }
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Plan, CliError> {
        self.threads.apply()?;
        let plan = ModelSource::open(&self.model)?.plan()?.with_cache_type(self.kv.ty);
        let context = self.ctx.map_or(plan.context(), |n| n as usize);
        let longest = plan.context();
        if context > longest {
            return Err(CliError::usage("-c", format!("the model was made for {longest} tokens")));
        }
        let name = self.model.display().to_string();
        let (sequences, json) = (self.parallel as usize, self.json);
        let memory = Memory::of(&plan, context, sequences).ok_or_else(|| {
            let problem =
                format!("{sequences} sequences of {context} tokens take 2^64 bytes and more");
            CliError::usage("--parallel", problem)
        })?;
        Ok(Plan { name, plan, context, sequences, memory, json })
    }
}

/// A kind of pass with its speeds in tokens a second.
struct Speed {
    what: &'static str,
    depth: usize,
    predicted: f64,
    limit: f64,
    bound: &'static str,
}

impl Plan {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let spinner = progress::spinner("measuring the machine");
        let buffer = LimitBuffer::new();
        let limits = buffer.measure();
        let types = self.plan.types().into_iter();
        let rates: Vec<KernelRates> =
            types.filter_map(|ty| KernelRates::measure(ty, &buffer).ok()).collect();
        drop(buffer);
        spinner.finish_and_clear();
        let speeds = self.speeds(&limits, &rates);
        match self.json {
            true => writeln!(out, "{}", self.to_json(&limits, &speeds))?,
            false => self.print(&limits, &speeds, out)?,
        }
        Ok(())
    }

    fn speeds(&self, limits: &MachineLimits, rates: &[KernelRates]) -> Vec<Speed> {
        let speed = |what, tokens: usize, depth, cost: StepCost| {
            let limit = cost.limit(limits);
            Speed {
                what,
                depth,
                predicted: tokens as f64 / cost.predict(rates, limits),
                limit: tokens as f64 / limit.seconds,
                bound: bound_name(limit.bound),
            }
        };
        let prompt = self.context.min(PASS);
        let last = self.context.saturating_sub(1);
        let decode = |depth| self.plan.step(self.sequences, 1, depth);
        vec![
            speed("prefill", prompt, 0, self.plan.step(1, prompt, 0)),
            speed("decode", self.sequences, 0, decode(0)),
            speed("decode", self.sequences, last, decode(last)),
        ]
    }

    fn print(
        &self,
        limits: &MachineLimits,
        speeds: &[Speed],
        out: &mut impl Write,
    ) -> std::io::Result<()> {
        let sequences = match self.sequences {
            1 => "one sequence".to_string(),
            n => format!("{n} sequences"),
        };
        writeln!(
            out,
            "{}: {sequences} of {} tokens, keys and values in {}",
            self.name,
            self.context,
            self.plan.cache_type()
        )?;
        for (what, bytes) in self.memory.parts {
            writeln!(out, "{what:<12} {:>10}", gib(bytes))?;
        }
        writeln!(out, "{:<12} {:>10}", "memory", gib(self.memory.all))?;
        writeln!(
            out,
            "\n{} threads read {:.1} GB/s, do {:.0} GOP/s of int8, {:.0} GFLOP/s of f32, {:.0} of bf16",
            limits.threads,
            limits.read_bytes / 1e9,
            limits.int8_operations / 1e9,
            limits.f32_operations / 1e9,
            limits.bf16_operations / 1e9
        )?;
        for speed in speeds {
            writeln!(
                out,
                "{:<8} at {:>6}  {:>9.1} tokens/s; the limit is {:>9.1}, bound by {}",
                speed.what, speed.depth, speed.predicted, speed.limit, speed.bound
            )?;
        }
        Ok(())
    }

    fn to_json(&self, limits: &MachineLimits, speeds: &[Speed]) -> Json {
        let [weights, cache, workspace] = self.memory.parts.map(|(_, bytes)| bytes);
        let speeds: Vec<Json> = speeds
            .iter()
            .map(|speed| {
                json!({
                    "pass": speed.what, "depth": speed.depth,
                    "predicted_tokens_per_second": speed.predicted,
                    "limit_tokens_per_second": speed.limit,
                    "bound": speed.bound,
                })
            })
            .collect();
        json!({
            "model": self.name, "context": self.context, "sequences": self.sequences,
            "cache_type": self.plan.cache_type().name(),
            "memory_bytes": {
                "weights": weights, "cache": cache, "work_space": workspace,
                "all": self.memory.all,
            },
            "limits": {
                "threads": limits.threads,
                "read_bytes_per_second": limits.read_bytes,
                "int8_operations_per_second": limits.int8_operations,
                "f32_operations_per_second": limits.f32_operations,
                "bf16_operations_per_second": limits.bf16_operations,
            },
            "speeds": speeds,
        })
    }
}

/// What a limit is called.
pub(super) fn bound_name(bound: Bound) -> &'static str {
    match bound {
        Bound::Bandwidth => "bandwidth",
        Bound::Integers => "int8",
        Bound::Floats => "floats",
    }
}

/// Bytes as a person reads them.
pub(super) fn gib(bytes: usize) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.1} MiB") } else { format!("{:.2} GiB", mib / 1024.0) }
}

/// Bytes that this process has of its own now: without files that are mapped. Where the system says
/// so.
pub(super) fn own_memory() -> Option<usize> {
    proc_bytes("/proc/self/status", "RssAnon")
}
