//! `ulp float`: a number taken apart, arithmetic in steps, formats and where they break. One file a
//! subcommand.

mod break_identity;
mod describe;
mod design;
mod formats;
mod number_line;
mod operate;
mod picture;
mod trace_json;
mod verify;
mod words;

use crate::error::CliError;
use clap::{Args, Subcommand};
use describe::Float;
use std::io::Write;

/// What was typed.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Typed {
    #[command(subcommand)]
    command: Option<Command>,

    /// A decimal number (0.1, -2.5e-3), a hexadecimal one (0x1.8p-3), inf, nan, or a code as it
    /// stands in memory (0x3dcccccd, 0b0_0111)
    #[arg(allow_hyphen_values = true, required = true)]
    number: Option<String>,

    /// binary64, binary32, binary16, bfloat16, tf32, e5m2, e4m3fn, e2m1, binary8p3se, ... (`ulp
    /// float formats` lists them) or the widths of a format of your own as EXPONENTxFRACTION
    #[arg(long, default_value = "binary64")]
    format: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// a + b, step by step
    Add(operate::Binary),
    /// a - b, step by step
    Sub(operate::Binary),
    /// a x b, step by step
    Mul(operate::Binary),
    /// a / b, step by step
    Div(operate::Binary),
    /// The IEEE 754 remainder of a by b, step by step
    Rem(operate::Binary),
    /// The square root of a, step by step
    Sqrt(operate::Unary),
    /// a x b + c with one rounding, step by step
    Fma(operate::Ternary),
    /// a rounded to an integer, step by step
    Round(operate::Unary),
    /// a converted from one format into another, step by step
    Convert(operate::Convert),
    /// a converted to an integer, step by step
    ToInt(operate::ToInteger),
    /// An integer converted, step by step
    FromInt(operate::FromInteger),
    /// How a stands to b
    Compare(operate::Binary),
    /// The smaller of a and b; not a number if either is not
    Min(operate::Binary),
    /// The greater of a and b; not a number if either is not
    Max(operate::Binary),
    /// The smaller of a and b; a number if either is
    MinNumber(operate::Binary),
    /// The greater of a and b; a number if either is
    MaxNumber(operate::Binary),
    /// The one of a and b that is nearer to zero
    MinMagnitude(operate::Binary),
    /// The one of a and b that is farther from zero
    MaxMagnitude(operate::Binary),
    /// Design a format from its width and its exponent's width, and say what follows
    Design(design::Typed),
    /// List the formats known by name
    Formats(formats::Typed),
    /// Search for numbers at which an identity of the reals fails
    Break(break_identity::Typed),
    /// Draw a format's number line as SVG
    Line(number_line::Typed),
    /// Check files of Berkeley TestFloat vectors
    Verify(verify::Typed),
}

/// What it means.
pub(super) struct Task(Meaning);

enum Meaning {
    Describe(Float),
    Operate(operate::Operate),
    Design(design::Designed),
    Formats(formats::Typed),
    Verify(verify::Verify),
    Break(break_identity::Break),
    Line(number_line::Line),
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Task, CliError> {
        let Some(command) = self.command else {
            let number = self.number.expect("required unless a subcommand stands there");
            let float = Float::resolve(number, &self.format, self.json)?;
            return Ok(Task(Meaning::Describe(float)));
        };
        use fpbits::Operation;
        let operate = |resolved: Result<_, _>| resolved.map(Meaning::Operate);
        Ok(Task(match command {
            Command::Add(typed) => operate(typed.resolve(Operation::Add))?,
            Command::Sub(typed) => operate(typed.resolve(Operation::Subtract))?,
            Command::Mul(typed) => operate(typed.resolve(Operation::Multiply))?,
            Command::Div(typed) => operate(typed.resolve(Operation::Divide))?,
            Command::Rem(typed) => operate(typed.resolve(Operation::Remainder))?,
            Command::Sqrt(typed) => operate(typed.resolve(Operation::SquareRoot))?,
            Command::Round(typed) => operate(typed.resolve(Operation::RoundToIntegral))?,
            Command::Fma(typed) => operate(typed.resolve())?,
            Command::Convert(typed) => operate(typed.resolve())?,
            Command::ToInt(typed) => operate(typed.resolve())?,
            Command::FromInt(typed) => operate(typed.resolve())?,
            Command::Compare(typed) => operate(typed.resolve(Operation::Compare))?,
            Command::Min(typed) => operate(typed.resolve(Operation::Minimum))?,
            Command::Max(typed) => operate(typed.resolve(Operation::Maximum))?,
            Command::MinNumber(typed) => operate(typed.resolve(Operation::MinimumNumber))?,
            Command::MaxNumber(typed) => operate(typed.resolve(Operation::MaximumNumber))?,
            Command::MinMagnitude(typed) => operate(typed.resolve(Operation::MinimumMagnitude))?,
            Command::MaxMagnitude(typed) => operate(typed.resolve(Operation::MaximumMagnitude))?,
            Command::Design(typed) => Meaning::Design(typed.resolve()?),
            Command::Formats(typed) => Meaning::Formats(typed),
            Command::Break(typed) => Meaning::Break(typed.resolve()?),
            Command::Line(typed) => Meaning::Line(typed.resolve()?),
            Command::Verify(typed) => Meaning::Verify(typed.resolve()?),
        }))
    }
}

impl Task {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        match &self.0 {
            Meaning::Describe(task) => task.run(out),
            Meaning::Operate(task) => task.run(out),
            Meaning::Design(task) => task.run(out),
            Meaning::Formats(task) => task.run(out),
            Meaning::Verify(task) => task.run(out),
            Meaning::Break(task) => task.run(out),
            Meaning::Line(task) => task.run(out),
        }
    }
}
