//! `ulp bench`: how fast a model runs, beside what the machine allows.

mod passes;
mod report;

use super::flags::{Loaded, ModelArgument};
use super::memory::refuse_more_than_all;
use super::plan::own_memory;
use super::progress;
use crate::error::CliError;
use clap::Args;
use passes::Passes;
use report::{Measured, Memory, Report};
use std::io::Write;
use ulp_infer::{KernelRates, LimitBuffer, ModelPlan};

const EXAMPLES: &str = "\
Examples:
  ulp bench -m model.gguf
  ulp bench -m model.gguf -p 512 -n 64 -d 0,1024 -t 2 --json
  ulp bench -m model.gguf -p 0 -n 32 --parallel 1,4,8,16

Each line is a kind of pass: a prompt of P tokens (pp), or N single tokens (tg), after D tokens that
are in the cache already, for some sequences at once. Beside the median of the repetitions stand the
limit, computed from the bandwidth and the peaks measured before and after, the share of it that was
reached, what bounds it, and what `ulp plan` predicts. The last line is memory, predicted and measured:
what the weights take, and the cache and work space of the largest kind of pass.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    /// Lengths of prompts; 0 for none
    #[arg(short, long = "prompt-tokens", value_name = "N,...", value_delimiter = ',')]
    #[arg(default_value = "512")]
    prompt: Vec<usize>,

    /// Numbers of single tokens; 0 for none
    #[arg(short = 'n', long = "tokens", value_name = "N,...", value_delimiter = ',')]
    #[arg(default_value = "64")]
    generate: Vec<usize>,

    /// Tokens that are in the cache before
    #[arg(short, long, value_name = "N,...", value_delimiter = ',', default_value = "0")]
    depth: Vec<usize>,

    /// Sequences that single tokens are made for at once
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1")]
    parallel: Vec<usize>,

    /// Repetitions, after one that does not count
    #[arg(short, long, value_name = "N", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    model: ModelArgument,
}

/// What it means.
pub(super) struct Bench {
    loaded: Loaded,
    /// Bytes that loading it took.
    weights: Option<usize>,
    plan: ModelPlan,
    passes: Vec<Passes>,
    repetitions: u32,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Bench, CliError> {
        if self.parallel.contains(&0) {
            return Err(CliError::usage("--parallel", "there is at least one sequence"));
        }
        let before = own_memory();
        let loaded = self.model.load()?;
        let weights = grown(before, own_memory());
        let plan = loaded.source.plan()?.with_cache_type(loaded.precision.cache);
        let mut passes = Vec::new();
        for &depth in &self.depth {
            for &tokens in self.prompt.iter().filter(|&&n| n > 0) {
                passes.push(Passes { sequences: 1, depth, tokens, steps: 1 });
            }
            for &steps in self.generate.iter().filter(|&&n| n > 0) {
                for &sequences in &self.parallel {
                    passes.push(Passes { sequences, depth, tokens: 1, steps });
                }
            }
        }
        let longest = passes.iter().map(Passes::positions).max().unwrap_or(0);
        if longest > plan.context() {
            let problem =
                format!("{longest} positions, but the model was made for {}", plan.context());
            return Err(CliError::usage("-d", problem));
        }
        for passes in &passes {
            let what = format!("the cache of {}", passes.name());
            refuse_more_than_all(passes.flag(), &what, passes.bytes(&plan) as u128)?;
        }
        Ok(Bench { loaded, weights, plan, passes, repetitions: self.repetitions, json: self.json })
    }
}

impl Bench {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let Bench { loaded, weights, plan, passes, repetitions, json } = self;
        let bar = progress::bar((passes.len() + 2) as u64, "measuring");
        let buffer = LimitBuffer::new();
        let before = buffer.measure();
        bar.inc(1);
        let (mut measured, own, mut most) = (Vec::new(), own_memory(), None);
        for passes in passes {
            let (seconds, memory) = passes.measure(&loaded.model, loaded.precision, repetitions)?;
            most = most.max(memory);
            measured.push(Measured::new(passes, seconds, &plan));
            bar.inc(1);
        }
        let running = grown(own, most);
        // Measured at last, so that their buffers do not count.
        let types = plan.types().into_iter();
        let rates = types.filter_map(|ty| KernelRates::measure(ty, &buffer).ok());
        let rates: Vec<KernelRates> = rates.collect();
        let after = buffer.measure();
        bar.finish_and_clear();
        let report = Report {
            model: loaded.name,
            load_seconds: loaded.time.as_secs_f64(),
            plan,
            before,
            after,
            rates,
            measured,
            memory: Memory { weights, running },
        };
        match json {
            true => writeln!(out, "{}", report.to_json())?,
            false => report.print(out)?,
        }
        Ok(())
    }
}

/// By how much memory grew, where both are known.
fn grown(before: Option<usize>, after: Option<usize>) -> Option<usize> {
    Some(after?.saturating_sub(before?))
}
