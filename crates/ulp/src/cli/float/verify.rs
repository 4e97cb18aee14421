//! `ulp float verify FUNCTION MODE FILE...`: Berkeley TestFloat's vectors against fpbits.

use super::words::{When, rounding_of};
use crate::error::CliError;
use clap::Args;
use flate2::bufread::MultiGzDecoder;
use fpbits::{Context, Difference, FpbitsError, TestFloat};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// What was typed.
#[derive(Args)]
pub(super) struct Typed {
    /// A function of TestFloat: f32_mulAdd, f64_to_i32, bf16_to_f32, e4m3fn_add, ...
    function: String,

    /// near_even, near_maxMag, minMag, min, max or odd
    mode: String,

    /// Files as testfloat_gen writes them, plain or compressed by gzip; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// When the vectors call a result tiny
    #[arg(long, value_enum, default_value_t = When::After)]
    tininess: When,

    /// The vectors were made with -notexact: rounding to an integer does not signal inexact
    #[arg(long)]
    not_exact: bool,
}

/// What it means.
pub(super) struct Verify {
    test: TestFloat,
    files: Vec<PathBuf>,
}

/// No vector has a longer line: five words of 16 digits.
const LONGEST_LINE: u64 = 1024;

#[derive(Default)]
struct Tally {
    checked: u64,
    differ: u64,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Verify, CliError> {
        let context =
            Context { rounding: rounding_of(&self.mode)?, tininess: self.tininess.into() };
        let test = TestFloat::new(&self.function, context)
            .map_err(|source| CliError::Number { text: self.function, source })?;
        let test = if self.not_exact { test.not_exact() } else { test };
        Ok(Verify { test, files: self.files })
    }
}

impl Verify {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        let mut tally = Tally::default();
        for path in &self.files {
            self.check(path, &mut tally, out)?;
        }
        let Tally { checked, differ } = tally;
        writeln!(out, "{checked} checked, {differ} differ")?;
        match differ {
            0 => Ok(()),
            _ => {
                out.flush()?;
                Err(CliError::Vectors { checked, differ })
            }
        }
    }

    fn check(&self, path: &Path, tally: &mut Tally, out: &mut impl Write) -> Result<(), CliError> {
        let mut lines = open(path)?;
        let (mut line, mut number) = (Vec::new(), 0u64);
        loop {
            line.clear();
            let mut part = lines.by_ref().take(LONGEST_LINE + 1);
            let length = part.read_until(b'\n', &mut line).map_err(|e| CliError::io(path, e))?;
            if length == 0 {
                return Ok(());
            }
            number += 1;
            let refuse = |offset, expected| CliError::Line {
                file: path.display().to_string(),
                line: number,
                column: offset + 1,
                expected,
            };
            if length as u64 > LONGEST_LINE {
                return Err(refuse(length - 1, "the end of the line"));
            }
            let text =
                str::from_utf8(&line).map_err(|e| refuse(e.valid_up_to(), "text"))?.trim_end();
            if text.is_empty() {
                continue;
            }
            let difference = self.test.check(text).map_err(|error| match error {
                FpbitsError::NotANumber { offset, expected } => refuse(offset, expected),
                source => CliError::Number { text: text.to_string(), source },
            })?;
            tally.checked += 1;
            if let Some(difference) = difference {
                tally.differ += 1;
                writeln!(out, "{}:{number}: {}", path.display(), describe(text, &difference))?;
            }
        }
    }
}

fn describe(line: &str, difference: &Difference) -> String {
    let Difference { computed, computed_flags, expected, expected_flags } = difference;
    format!("{line}: {computed:X} ({computed_flags}) instead of {expected:X} ({expected_flags})")
}

/// A file's lines, decompressed if it begins as gzip's do.
fn open(path: &Path) -> Result<Box<dyn BufRead>, CliError> {
    let mut file: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(path).map_err(|e| CliError::io(path, e))?))
    };
    let start = file.fill_buf().map_err(|e| CliError::io(path, e))?;
    match start.starts_with(&[0x1f, 0x8b]) {
        true => Ok(Box::new(BufReader::new(MultiGzDecoder::new(file)))),
        false => Ok(file),
    }
}
