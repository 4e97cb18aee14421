//! The loop of a run: steps, what is shown of them, checkpoints.

use super::Train;
use crate::cli::interrupt::{INTERRUPTED, Interrupt};
use crate::cli::progress;
use crate::error::CliError;
use indicatif::ProgressBar;
use serde_json::json;
use std::io::Write;
use std::time::{Duration, Instant};
use ulp_nn::StepReport;

/// How often a line is written where no terminal shows a bar.
const TIME_BETWEEN_LINES: Duration = Duration::from_secs(10);

impl Train {
    pub(in crate::cli) fn run(mut self, out: &mut impl Write) -> Result<(), CliError> {
        let interrupt = Interrupt::install(INTERRUPTED);
        interrupt.watch();
        let bar = progress::bar(self.last_step, "loss -");
        bar.set_position(self.trainer.step_count());
        bar.reset_eta(); // what an earlier call did took no time of this one
        let mut pace = Pace::new();
        let mut saved = self.trainer.step_count();
        while self.trainer.step_count() < self.last_step && !interrupt.is_pressed() {
            let report = self.trainer.step(&self.tokens)?;
            pace.step(report.tokens);
            self.show(&report, &mut pace, &bar, out)?;
            if self.trainer.step_count().is_multiple_of(self.checkpoint_every) {
                self.trainer.save(&self.out)?;
                saved = self.trainer.step_count();
            }
        }
        bar.finish_and_clear();
        if saved != self.trainer.step_count() {
            self.trainer.save(&self.out)?;
        }
        self.say_how_to_go_on();
        Ok(())
    }

    fn show(
        &self,
        report: &StepReport,
        pace: &mut Pace,
        bar: &ProgressBar,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        let rate = pace.tokens_per_second();
        bar.set_message(format!("loss {:.4}  {rate:.0} tokens/s", report.loss));
        bar.inc(1);
        if self.json {
            let line = json!({
                "step": report.step,
                "loss": report.loss,
                "grad_norm": report.grad_norm,
                "learning_rate": report.learning_rate,
                "tokens_per_second": rate,
            });
            writeln!(out, "{line}")?;
            out.flush()?;
        } else if bar.is_hidden() && pace.is_time_for_a_line() {
            let total = self.trainer.config().total_steps;
            let (step, loss) = (report.step + 1, report.loss);
            eprintln!("step {step}/{total}  loss {loss:.4}  {rate:.0} tokens/s");
        }
        Ok(())
    }

    fn say_how_to_go_on(&self) {
        let (steps, total) = (self.trainer.step_count(), self.trainer.config().total_steps);
        let out = self.out.display();
        if self.trainer.is_done() {
            eprintln!("done, {total} steps: try `ulp generate -m {out}`");
        } else {
            eprintln!("stopped and saved at step {steps} of {total}");
            eprintln!("go on with `ulp train --out {out} --resume`");
        }
    }
}

/// Tokens per second, the latest steps counting most.
struct Pace {
    last: Instant,
    last_line: Instant,
    rate: Option<f64>,
}

impl Pace {
    fn new() -> Pace {
        let now = Instant::now();
        Pace { last: now, last_line: now, rate: None }
    }

    fn step(&mut self, tokens: usize) {
        let now = Instant::now();
        let rate = tokens as f64 / now.duration_since(self.last).as_secs_f64().max(1e-9);
        self.rate = Some(self.rate.map_or(rate, |before| 0.9 * before + 0.1 * rate));
        self.last = now;
    }

    fn tokens_per_second(&self) -> f64 {
        self.rate.unwrap_or(0.0)
    }

    fn is_time_for_a_line(&mut self) -> bool {
        let due = self.last_line.elapsed() >= TIME_BETWEEN_LINES;
        if due {
            self.last_line = Instant::now();
        }
        due
    }
}
