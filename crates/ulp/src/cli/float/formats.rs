//! `ulp float formats`: the formats known by name.

use crate::error::CliError;
use clap::Args;
use fpbits::{Format, NanCodes};
use serde_json::{Value, json};
use std::io::Write;

/// What was typed.
#[derive(Args)]
pub(super) struct Typed {
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

fn named() -> impl Iterator<Item = (&'static str, Format)> {
    Format::NAMED.into_iter().chain(Format::P3109_8BIT)
}

fn nan_codes(format: &Format) -> &'static str {
    match format.layout().nan {
        NanCodes::TopExponent => "top exponent",
        NanCodes::AllOnes => "all ones",
        NanCodes::NegativeZero => "negative zero",
        NanCodes::None => "none",
    }
}

impl Typed {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        if self.json {
            let all: Vec<Value> = named().map(|(name, format)| object(name, &format)).collect();
            writeln!(out, "{:#}", Value::from(all))?;
            return Ok(());
        }
        writeln!(
            out,
            "{:<12} {:>4} {:>4} {:>4} {:>4} {:>5}  {:<23} {:<23} {:<4} NaN",
            "name", "bits", "sign", "exp", "frac", "bias", "largest", "smallest", "inf"
        )?;
        for (name, format) in named() {
            let layout = format.layout();
            writeln!(
                out,
                "{name:<12} {:>4} {:>4} {:>4} {:>4} {:>5}  {:<23} {:<23} {:<4} {}",
                format.width(),
                u32::from(layout.sign),
                layout.exponent_bits,
                layout.fraction_bits,
                layout.bias,
                format.to_shortest(format.max_finite()),
                format.to_shortest(format.min_positive()),
                if layout.infinities { "yes" } else { "no" },
                nan_codes(&format)
            )?;
        }
        Ok(())
    }
}

fn object(name: &str, format: &Format) -> Value {
    let layout = format.layout();
    json!({
        "name": name,
        "bits": format.width(),
        "sign": layout.sign,
        "exponent_bits": layout.exponent_bits,
        "fraction_bits": layout.fraction_bits,
        "bias": layout.bias,
        "largest": format.to_shortest(format.max_finite()),
        "smallest": format.to_shortest(format.min_positive()),
        "infinities": layout.infinities,
        "nan": nan_codes(format),
        "subnormals": layout.subnormals,
        "negative_zero": layout.negative_zero,
    })
}
