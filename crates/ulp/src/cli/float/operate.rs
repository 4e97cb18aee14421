//! `ulp float add 0.1 0.2` and the other operations: the result, and how it came about.

use super::trace_json;
use super::words::{RoundingFlags, code_of, format_of, hex};
use crate::error::CliError;
use clap::Args;
use fpbits::{Context, Format, Integer, Operation, Trace};
use std::io::Write;

/// The flags of all operations.
#[derive(Args)]
struct Flags {
    #[command(flatten)]
    rounding: RoundingFlags,

    /// Print the result alone
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// One operand.
#[derive(Args)]
pub(super) struct Unary {
    /// A number, or a code (0x...)
    #[arg(allow_hyphen_values = true)]
    a: String,

    /// The format of operand and result
    #[arg(long, default_value = "binary64")]
    format: String,

    #[command(flatten)]
    flags: Flags,
}

/// Two operands.
#[derive(Args)]
pub(super) struct Binary {
    /// A number, or a code (0x...)
    #[arg(allow_hyphen_values = true)]
    a: String,

    /// Another
    #[arg(allow_hyphen_values = true)]
    b: String,

    /// The format of operands and result
    #[arg(long, default_value = "binary64")]
    format: String,

    #[command(flatten)]
    flags: Flags,
}

/// Three operands.
#[derive(Args)]
pub(super) struct Ternary {
    /// A factor, or its code (0x...)
    #[arg(allow_hyphen_values = true)]
    a: String,

    /// The other factor
    #[arg(allow_hyphen_values = true)]
    b: String,

    /// What is added to the product
    #[arg(allow_hyphen_values = true)]
    c: String,

    /// The format of operands and result
    #[arg(long, default_value = "binary64")]
    format: String,

    #[command(flatten)]
    flags: Flags,
}

/// A conversion.
#[derive(Args)]
pub(super) struct Convert {
    /// A number, or a code (0x...)
    #[arg(allow_hyphen_values = true)]
    a: String,

    /// The format of the number
    #[arg(long, default_value = "binary64")]
    from: String,

    /// The format to convert to
    #[arg(long, visible_alias = "format")]
    to: String,

    #[command(flatten)]
    flags: Flags,
}

/// A conversion to an integer.
#[derive(Args)]
pub(super) struct ToInteger {
    /// A number, or a code (0x...)
    #[arg(allow_hyphen_values = true)]
    a: String,

    /// The format of the number
    #[arg(long, default_value = "binary64")]
    format: String,

    /// The type of the integer: i or u and its width, up to 64 bits
    #[arg(long, default_value = "i32", value_name = "TYPE")]
    to: String,

    #[command(flatten)]
    flags: Flags,
}

/// A conversion of an integer.
#[derive(Args)]
pub(super) struct FromInteger {
    /// An integer
    #[arg(allow_hyphen_values = true)]
    integer: i128,

    /// The format of the result
    #[arg(long, default_value = "binary64")]
    format: String,

    #[command(flatten)]
    flags: Flags,
}

/// An operation on codes.
pub(super) struct Operate {
    operation: Operation,
    from: Format,
    to: Format,
    codes: Vec<u64>,
    /// The operand, if it is an integer.
    integer: i128,
    context: Context,
    quiet: bool,
    json: bool,
}

impl Flags {
    fn operate(
        &self,
        operation: Operation,
        [from, to]: [&str; 2],
        operands: &[&str],
    ) -> Result<Operate, CliError> {
        let (from, to) = (format_of(from)?, format_of(to)?);
        let codes = operands.iter().map(|word| code_of(word, &from)).collect::<Result<_, _>>()?;
        let context = self.rounding.resolve()?;
        let (quiet, json) = (self.quiet, self.json);
        Ok(Operate { operation, from, to, codes, integer: 0, context, quiet, json })
    }
}

impl Unary {
    pub(super) fn resolve(self, operation: Operation) -> Result<Operate, CliError> {
        self.flags.operate(operation, [&self.format; 2], &[&self.a])
    }
}

impl Binary {
    pub(super) fn resolve(self, operation: Operation) -> Result<Operate, CliError> {
        self.flags.operate(operation, [&self.format; 2], &[&self.a, &self.b])
    }
}

impl Ternary {
    pub(super) fn resolve(self) -> Result<Operate, CliError> {
        self.flags.operate(Operation::Fma, [&self.format; 2], &[&self.a, &self.b, &self.c])
    }
}

impl Convert {
    pub(super) fn resolve(self) -> Result<Operate, CliError> {
        self.flags.operate(Operation::Convert, [&self.from, &self.to], &[&self.a])
    }
}

impl ToInteger {
    pub(super) fn resolve(self) -> Result<Operate, CliError> {
        let problem = || CliError::usage("--to", "i or u and a width from 1 to 64, such as i32");
        let width = self.to.strip_prefix(['i', 'u']).and_then(|width| width.parse().ok());
        let bits = width.filter(|bits| (1..=64).contains(bits)).ok_or_else(problem)?;
        let integer = Integer { bits, signed: self.to.starts_with('i') };
        self.flags.operate(Operation::ToInteger(integer), [&self.format; 2], &[&self.a])
    }
}

impl FromInteger {
    pub(super) fn resolve(self) -> Result<Operate, CliError> {
        let operate = self.flags.operate(Operation::FromInteger, [&self.format; 2], &[])?;
        Ok(Operate { integer: self.integer, ..operate })
    }
}

impl Operate {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        let trace = self.trace();
        if self.json {
            writeln!(out, "{:#}", trace_json::object(&trace))?;
        } else if self.quiet {
            let (format, code) = (&trace.format, trace.result.code);
            match self.operation {
                Operation::Compare | Operation::ToInteger(_) => {
                    writeln!(out, "{}", trace.result_text())?;
                }
                _ => writeln!(out, "{} {}", format.to_shortest(code), hex(code, format))?,
            }
        } else {
            write!(out, "{trace}")?;
        }
        Ok(())
    }

    fn trace(&self) -> Trace {
        let (f, codes, context) = (&self.from, &self.codes, self.context);
        match self.operation {
            Operation::Add => f.add_traced(codes[0], codes[1], context),
            Operation::Subtract => f.subtract_traced(codes[0], codes[1], context),
            Operation::Multiply => f.multiply_traced(codes[0], codes[1], context),
            Operation::Divide => f.divide_traced(codes[0], codes[1], context),
            Operation::Remainder => f.remainder_traced(codes[0], codes[1], context),
            Operation::SquareRoot => f.square_root_traced(codes[0], context),
            Operation::RoundToIntegral => f.round_to_integral_traced(codes[0], context),
            Operation::Fma => f.fma_traced(codes[0], codes[1], codes[2], context),
            Operation::Convert => f.convert_traced(codes[0], &self.to, context),
            Operation::ToInteger(integer) => f.to_integer_traced(codes[0], integer, context),
            Operation::FromInteger => f.from_integer_traced(self.integer, context),
            Operation::Compare => f.compare_traced(codes[0], codes[1]),
            Operation::Minimum => f.minimum_traced(codes[0], codes[1]),
            Operation::Maximum => f.maximum_traced(codes[0], codes[1]),
            Operation::MinimumNumber => f.minimum_number_traced(codes[0], codes[1]),
            Operation::MaximumNumber => f.maximum_number_traced(codes[0], codes[1]),
            Operation::MinimumMagnitude => f.minimum_magnitude_traced(codes[0], codes[1]),
            Operation::MaximumMagnitude => f.maximum_magnitude_traced(codes[0], codes[1]),
            Operation::MinimumMagnitudeNumber => {
                f.minimum_magnitude_number_traced(codes[0], codes[1])
            }
            Operation::MaximumMagnitudeNumber => {
                f.maximum_magnitude_number_traced(codes[0], codes[1])
            }
        }
    }
}
