//! `ulp float line --format e4m3fn`: a format's number line as SVG.
//!
//! Two axes, one under the other: the values where they lie, which crowd at zero, and the values
//! where their logarithms lie, which spread evenly from binade to binade until the subnormal
//! numbers thin out.

use super::words::{code_of, format_of};
use crate::error::CliError;
use clap::Args;
use fpbits::{Class, Format};
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use ulp_nn::replace_file;

/// What was typed.
#[derive(Args)]
pub(super) struct Typed {
    /// The format
    #[arg(long, default_value = "e4m3fn")]
    format: String,

    /// Left end [default: the smallest value there is]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    from: Option<String>,

    /// Right end [default: the largest finite value]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    to: Option<String>,

    /// Width of the picture in pixels
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(200..=20_000))]
    width: u32,

    /// Write to this file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What it means.
pub(super) struct Line {
    picture: Picture,
    output: Option<PathBuf>,
}

struct Picture {
    format: Format,
    /// The codes to draw, ascending.
    codes: Vec<u64>,
    width: f64,
}

/// More ticks than this are a grey bar.
const MOST_VALUES: i128 = 4096;

impl Typed {
    pub(super) fn resolve(self) -> Result<Line, CliError> {
        let format = format_of(&self.format)?;
        let ordinal = |word: &Option<String>, default: u64| -> Result<i128, CliError> {
            let code = match word {
                Some(word) => code_of(word, &format)?,
                None => default,
            };
            format.ordinal(code).ok_or_else(|| CliError::usage("--from, --to", "not a number"))
        };
        let largest = format.max_finite();
        let least = if format.layout().sign { format.negate(largest) } else { 0 };
        let last = ordinal(&None, largest)?;
        let (from, to) = (ordinal(&self.from, least)?, ordinal(&self.to, largest)?.min(last));
        let from = from.max(ordinal(&None, least)?);
        let count = to - from + 1;
        if !(2..=MOST_VALUES).contains(&count) {
            let problem = format!(
                "{count} values of {format} lie there; between 2 and {MOST_VALUES} can be drawn"
            );
            return Err(CliError::usage("--from, --to", problem));
        }
        let codes = (from..=to).filter_map(|ordinal| format.from_ordinal(ordinal)).collect();
        let picture = Picture { format, codes, width: self.width.into() };
        Ok(Line { picture, output: self.output })
    }
}

impl Line {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        let svg = self.picture.svg();
        match &self.output {
            Some(path) => replace_file(path, |out| out.write_all(svg.as_bytes()))?,
            None => out.write_all(svg.as_bytes())?,
        }
        Ok(())
    }
}

const HEIGHT: f64 = 250.0;
const MARGIN: f64 = 24.0;
const STYLE: &str = "\
    text { font: 11px sans-serif; fill: #333 } .title { font-size: 14px; fill: #000 }\n\
    line { stroke-width: 1 } .axis { stroke: #999 } .normal { stroke: #1f5fa8 }\n\
    .subnormal { stroke: #c8511b } .zero { stroke: #000 }";

impl Picture {
    fn svg(&self) -> String {
        let mut svg = String::new();
        let w = self.width;
        let mut push = |text: std::fmt::Arguments<'_>| {
            svg.write_fmt(text).expect("writing to a string does not fail");
            svg.push('\n');
        };
        push(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {HEIGHT}\" width=\"{w}\" \
             height=\"{HEIGHT}\">"
        ));
        push(format_args!("<style>{STYLE}</style>"));
        push(format_args!("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"));
        push(format_args!(
            "<text class=\"title\" x=\"{MARGIN}\" y=\"22\">{}: {} values, blue normal, orange \
             subnormal</text>",
            self.format,
            self.codes.len()
        ));
        let values: Vec<f64> = self.codes.iter().map(|&code| self.value(code)).collect();
        let logarithms: Vec<f64> = self.codes.iter().map(|&code| self.logarithm(code)).collect();
        for (y, title, positions) in [
            (95.0, "where the values lie", &values),
            (195.0, "where their logarithms lie, zero in the middle", &logarithms),
        ] {
            push(format_args!("<text x=\"{MARGIN}\" y=\"{}\">{title}</text>", y - 38.0));
            self.axis(&mut push, y, positions);
        }
        push(format_args!("</svg>"));
        svg
    }

    fn axis(&self, push: &mut impl FnMut(std::fmt::Arguments<'_>), y: f64, positions: &[f64]) {
        let (first, last) = (positions[0], positions[positions.len() - 1]);
        let scale = (self.width - 2.0 * MARGIN) / (last - first);
        let x = |position: f64| MARGIN + (position - first) * scale;
        let (left, right) = (x(first), x(last));
        push(format_args!(
            "<line class=\"axis\" x1=\"{left:.2}\" x2=\"{right:.2}\" y1=\"{y}\" y2=\"{y}\"/>"
        ));
        let mut label_end = f64::NEG_INFINITY;
        for (&code, &position) in self.codes.iter().zip(positions) {
            let (class, height) = self.tick(code);
            let x = x(position);
            push(format_args!(
                "<line class=\"{class}\" x1=\"{x:.2}\" x2=\"{x:.2}\" y1=\"{}\" y2=\"{y}\"/>",
                y - height
            ));
            // A label at each power of two that has room for one.
            let text = self.format.to_shortest(code);
            let half = 3.2 * text.len() as f64;
            if height > 20.0 && x - half > label_end {
                push(format_args!(
                    "<text text-anchor=\"middle\" x=\"{x:.2}\" y=\"{}\">{text}</text>",
                    y + 15.0
                ));
                label_end = x + half + 6.0;
            }
        }
    }

    /// Class and height: powers of two and zero stand out.
    fn tick(&self, code: u64) -> (&'static str, f64) {
        let power = self.format.fields(code).fraction == 0;
        match self.format.classify(code) {
            Class::Zero => ("zero", 30.0),
            Class::Subnormal => ("subnormal", 14.0),
            _ if power => ("normal", 24.0),
            _ => ("normal", 14.0),
        }
    }

    fn value(&self, code: u64) -> f64 {
        f64::from_bits(self.format.convert(code, &Format::BINARY64))
    }

    /// The logarithm to base 2, counted from one binade below the smallest number, with the sign
    /// of the value.
    fn logarithm(&self, code: u64) -> f64 {
        let value = self.value(code);
        let smallest = self.value(self.format.min_positive());
        match value == 0.0 {
            true => 0.0,
            false => ((value.abs() / smallest).log2() + 1.0).copysign(value),
        }
    }
}
