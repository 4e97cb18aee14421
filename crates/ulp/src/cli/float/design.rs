//! `ulp float design 16 5`: a number system from a number of bits.

use crate::error::CliError;
use clap::Args;
use fpbits::{Design, Format};
use serde_json::json;
use std::io::Write;

/// What was typed.
#[derive(Args)]
pub(super) struct Typed {
    /// The width of the register in bits
    total: u32,

    /// How many of them the exponent gets
    exponent: u32,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What it means.
pub(super) struct Designed {
    design: Design,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Designed, CliError> {
        let text = format!("design {} {}", self.total, self.exponent);
        let design = Format::design(self.total, self.exponent)
            .map_err(|source| CliError::Number { text, source })?;
        Ok(Designed { design, json: self.json })
    }
}

impl Designed {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        let (format, steps) = (self.design.format(), self.design.derivations());
        if self.json {
            let steps: Vec<_> = steps
                .iter()
                .map(|s| json!({ "name": s.name, "value": s.value, "reason": s.reason }))
                .collect();
            let object = json!({ "format": format.to_string(), "derivations": steps });
            writeln!(out, "{object:#}")?;
            return Ok(());
        }
        let layout = format.layout();
        writeln!(
            out,
            "{format}: {} bits = 1 sign + {} exponent + {} fraction\n",
            format.width(),
            layout.exponent_bits,
            layout.fraction_bits
        )?;
        for step in steps {
            writeln!(out, "{:<22} {}", step.name, step.value)?;
            writeln!(out, "{:<22} {}\n", "", step.reason)?;
        }
        Ok(())
    }
}
