//! What the words of `ulp float` mean: formats, numbers, roundings.

use crate::error::CliError;
use clap::{Args, ValueEnum};
use fpbits::{Context, Format, FpbitsError, Rounding, StochasticRounding, Tininess};

/// The flags of everything that rounds.
#[derive(Args)]
pub(super) struct RoundingFlags {
    /// nearest-even, nearest-away, toward-zero, up, down, to-odd or stochastic
    #[arg(short, long, default_value = "nearest-even", value_name = "DIRECTION")]
    rounding: String,

    /// When a result is tiny, which is half of underflow
    #[arg(long, value_enum, default_value_t = When::After)]
    tininess: When,

    /// Seed of stochastic rounding, and of samples
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,

    /// Random bits of stochastic rounding, up to 32
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u32).range(..=32))]
    random_bits: u32,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum When {
    /// After rounding, as x86 does
    After,
    /// Before rounding, as Arm does
    Before,
}

impl From<When> for Tininess {
    fn from(when: When) -> Tininess {
        match when {
            When::After => Tininess::AfterRounding,
            When::Before => Tininess::BeforeRounding,
        }
    }
}

impl RoundingFlags {
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn resolve(&self) -> Result<Context, CliError> {
        let rounding = match self.rounding.as_str() {
            "stochastic" => StochasticRounding::new(self.seed, 0, self.random_bits).at(0),
            word => rounding_of(word)?,
        };
        Ok(Context { rounding, tininess: self.tininess.into() })
    }
}

pub(super) fn rounding_of(word: &str) -> Result<Rounding, CliError> {
    word.parse().map_err(|source| CliError::Number { text: word.to_string(), source })
}

pub(super) fn format_of(word: &str) -> Result<Format, CliError> {
    word.parse().map_err(|source| CliError::Number { text: word.to_string(), source })
}

/// The code of a number as typed: decimal, hexadecimal with an exponent, `inf`, `nan`, or a code as
/// it stands in memory.
pub(super) fn code_of(word: &str, format: &Format) -> Result<u64, CliError> {
    let bad = |source| CliError::Number { text: word.to_string(), source };
    match code_as_typed(word) {
        Some(code) => fits(code.map_err(bad)?, format),
        None => format.parse(word).map_err(bad),
    }
}

/// The code that `0x...` without an exponent, or `0b...`, spells out; `None` for other texts.
fn code_as_typed(text: &str) -> Option<Result<u64, FpbitsError>> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix, expected) = if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2, "a binary digit (64 at most)")
    } else if let Some(digits) = lower.strip_prefix("0x")
        && !digits.contains(['p', '.'])
    {
        (digits, 16, "a hexadecimal digit (16 at most)")
    } else {
        return None;
    };
    let mut code = 0u64;
    let mut any = false;
    for (at, c) in digits.char_indices().filter(|&(_, c)| c != '_') {
        match c.to_digit(radix) {
            Some(digit) if code.leading_zeros() >= radix.ilog2() => {
                code = code << radix.ilog2() | u64::from(digit);
                any = true;
            }
            _ => return Some(Err(FpbitsError::NotANumber { offset: at + 2, expected })),
        }
    }
    let nothing = FpbitsError::NotANumber { offset: 2, expected };
    Some(if any { Ok(code) } else { Err(nothing) })
}

fn fits(code: u64, format: &Format) -> Result<u64, CliError> {
    match code.checked_shr(format.width()).unwrap_or(0) {
        0 => Ok(code),
        _ => Err(CliError::usage(
            "NUMBER",
            format!("the code {code:#x} does not fit into the {} bits of {format}", format.width()),
        )),
    }
}

/// A code with all its hexadecimal digits.
pub(super) fn hex(code: u64, format: &Format) -> String {
    format!("0x{code:0width$x}", width = format.width().div_ceil(4) as usize)
}
