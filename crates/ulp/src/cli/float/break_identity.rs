//! `ulp float break associativity --format e4m3fn`: where an identity of the reals fails.

use super::words::{RoundingFlags, code_of, format_of, hex};
use crate::error::CliError;
use clap::Args;
use fpbits::{Counterexample, Format, Identity, Report, Search};
use serde_json::{Value, json};
use std::io::Write;

/// What was typed.
#[derive(Args)]
pub(super) struct Typed {
    /// associativity, distributivity, division, ... [default: all of them]
    identity: Option<String>,

    /// The format
    #[arg(long, default_value = "e4m3fn")]
    format: String,

    /// Treat subnormal numbers as zero
    #[arg(long)]
    no_subnormals: bool,

    /// How many tuples to try where there are too many for all
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    samples: u64,

    /// Smallest magnitude of the operands
    #[arg(long, value_name = "NUMBER", requires = "to")]
    from: Option<String>,

    /// Largest magnitude of the operands
    #[arg(long, value_name = "NUMBER", requires = "from")]
    to: Option<String>,

    #[command(flatten)]
    rounding: RoundingFlags,

    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// What it means.
pub(super) struct Break {
    format: Format,
    searches: Vec<(Identity, Search)>,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Break, CliError> {
        let bad = |text: &str, source| CliError::Number { text: text.to_string(), source };
        let mut format = format_of(&self.format)?;
        if self.no_subnormals {
            format = format.without_subnormals().map_err(|e| bad(&self.format, e))?;
        }
        let identities = match &self.identity {
            Some(word) => vec![word.parse().map_err(|e| bad(word, e))?],
            None => Identity::ALL.to_vec(),
        };
        let context = self.rounding.resolve()?;
        let range = match (&self.from, &self.to) {
            (Some(from), Some(to)) => Some((code_of(from, &format)?, code_of(to, &format)?)),
            _ => None,
        };
        let search = |identity| {
            let search = Search::new(&format, identity).context(context);
            let search = search.samples(self.samples, self.rounding.seed());
            match range {
                Some((least, most)) => search.magnitudes(least, most),
                None => search,
            }
        };
        let searches = identities.into_iter().map(|i| (i, search(i))).collect();
        Ok(Break { format, searches, json: self.json })
    }
}

impl Break {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        if self.json {
            let all: Vec<Value> =
                self.searches.iter().map(|(i, search)| self.object(*i, &search.run())).collect();
            writeln!(out, "{:#}", Value::from(all))?;
            return Ok(());
        }
        for (i, (identity, search)) in self.searches.iter().enumerate() {
            if i > 0 {
                writeln!(out)?;
            }
            self.print(out, *identity, &search.run())?;
        }
        Ok(())
    }

    fn print(
        &self,
        out: &mut impl Write,
        identity: Identity,
        report: &Report,
    ) -> Result<(), CliError> {
        let Report { tried, failed, not_finite, .. } = *report;
        writeln!(out, "{}: {} in {}", identity, identity.statement(), self.format)?;
        let of = if report.exhaustive { "all tuples of finite numbers" } else { "samples" };
        writeln!(out, "  tried      {tried} ({of})")?;
        let share = 100.0 * failed as f64 / tried.max(1) as f64;
        writeln!(out, "  fails      {failed}, {share:.3}%")?;
        if failed == 0 {
            return Ok(());
        }
        writeln!(out, "  overflow   {not_finite} of these: a side is infinite or no number")?;
        for (name, found) in [("smallest", report.smallest), ("worst", report.worst)] {
            if let Some(found) = found {
                writeln!(out, "  {name:<10} {}", self.describe(identity, &found))?;
            }
        }
        Ok(())
    }

    fn describe(&self, identity: Identity, found: &Counterexample) -> String {
        let names = ["a", "b", "c"].into_iter().zip(found.operands).take(identity.operands());
        let operands: Vec<String> =
            names.map(|(name, code)| format!("{name} = {}", self.exact(code))).collect();
        let apart = match found.ulps {
            u64::MAX => "no distance".to_string(),
            ulps => format!("{ulps} ulp apart"),
        };
        let (left, right) = (self.exact(found.left), self.exact(found.right));
        format!("{}: {left} and {right}, {apart}", operands.join(", "))
    }

    /// The value in full where that is short.
    fn exact(&self, code: u64) -> String {
        match self.format.to_decimal(code) {
            Some(exact) if exact.digits().len() <= 9 && exact.scientific_exponent() > -7 => {
                exact.to_string()
            }
            _ => self.format.to_shortest(code),
        }
    }

    fn object(&self, identity: Identity, report: &Report) -> Value {
        let found = |found: Option<Counterexample>| {
            found.map(|found| {
                let text = |code| {
                    json!({
                        "bits": hex(code, &self.format),
                        "shortest": self.format.to_shortest(code),
                    })
                };
                let operands = &found.operands[..identity.operands()];
                json!({
                    "operands": operands.iter().map(|&code| text(code)).collect::<Vec<_>>(),
                    "left": text(found.left),
                    "right": text(found.right),
                    "ulps": (found.ulps != u64::MAX).then_some(found.ulps),
                })
            })
        };
        json!({
            "identity": identity.name(),
            "statement": identity.statement(),
            "format": self.format.to_string(),
            "exhaustive": report.exhaustive,
            "tried": report.tried,
            "failed": report.failed,
            "not_finite": report.not_finite,
            "smallest": found(report.smallest),
            "worst": found(report.worst),
        })
    }
}
