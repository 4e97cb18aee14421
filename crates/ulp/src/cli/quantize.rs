//! `ulp quantize`: a model in another weight format.

use super::flags::Threads;
use super::inputs::refuse_inputs;
use super::progress;
use crate::error::CliError;
use crate::printable::printable;
use clap::Args;
use serde_json::{Value as Json, json};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use ulp_infer::{
    Gguf, HfDirectory, Importance, InferError, Mix, TensorReport, export_gguf, requantize,
};

const EXAMPLES: &str = "\
Examples:
  ulp quantize model-f16.gguf model-q4_k_m.gguf --type Q4_K_M
  ulp quantize TinyLlama-1.1B tinyllama-q8_0.gguf --type Q8_0
  ulp quantize model-f16.gguf model-q3_k_m.gguf --type Q3_K_M --imatrix book.imatrix.gguf

Types: F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M
Q6_K. The mixes keep the tensors that matter most in better types, as llama.cpp's do. Each line says
what became of a tensor; the last column is the relative error of its weights, |y - x| / |x|.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    /// A GGUF file or a Hugging Face directory
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// The GGUF file to write
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// The type or mix of the weights
    #[arg(short = 'y', long = "type", value_name = "TYPE")]
    mix: String,

    /// How much each input matters, a file of `ulp imatrix` or of llama.cpp's imatrix tool: K formats
    /// then round accordingly
    #[arg(long, value_name = "FILE")]
    imatrix: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    threads: Threads,
}

/// What it means.
pub(super) struct Quantize {
    source: Source,
    output: PathBuf,
    mix: Mix,
    importance: Option<Importance>,
    json: bool,
}

/// A file to read the weights from, and whether it is only there for that.
struct Source {
    gguf: Gguf,
    _temporary: Option<Temporary>,
}

/// A file that is removed when it has been read.
struct Temporary(PathBuf);

impl Typed {
    pub(super) fn resolve(self) -> Result<Quantize, CliError> {
        self.threads.apply()?;
        let mix = self
            .mix
            .parse()
            .map_err(|error: ulp_infer::UnknownMix| CliError::usage("--type", error.to_string()))?;
        let inputs = [Some(&self.input), self.imatrix.as_ref()];
        refuse_inputs("OUT", &self.output, inputs.into_iter().flatten().map(PathBuf::as_path))?;
        let importance = match &self.imatrix {
            Some(path) => Some(Importance::open(path)?),
            None => None,
        };
        let source = Source::open(&self.input, &self.output)?;
        if let (Some(path), Some(importance)) = (&self.imatrix, &importance) {
            refuse_other_models(path, importance, &source.gguf)?;
        }
        Ok(Quantize { source, output: self.output, mix, importance, json: self.json })
    }
}

/// What was found out on another model would be left out in silence, matrix by matrix.
fn refuse_other_models(path: &Path, importance: &Importance, gguf: &Gguf) -> Result<(), CliError> {
    let refuse = |problem| Err(CliError::usage("--imatrix", problem));
    let mut any = false;
    for tensor in gguf.tensors() {
        let Some(inputs) = importance.inputs(&tensor.name) else { continue };
        let own = tensor.shape.last().copied().unwrap_or(0);
        if inputs != own {
            let (file, matrix) = (path.display(), &tensor.name);
            return refuse(format!("{file} has {inputs} inputs of {matrix}, the model {own}"));
        }
        any = true;
    }
    match any {
        true => Ok(()),
        false => refuse(format!("{} knows no matrix of the model", path.display())),
    }
}

impl Source {
    /// A directory becomes a GGUF file in its own type first, beside the output.
    fn open(input: &Path, output: &Path) -> Result<Source, CliError> {
        if !input.is_dir() {
            return Ok(Source { gguf: Gguf::open(input)?, _temporary: None });
        }
        let spinner = progress::spinner("reading the directory");
        let ty = HfDirectory::open(input)?.weight_type()?;
        let temporary = Temporary::beside(output)?;
        export_gguf(input, &temporary.0, ty)?;
        spinner.finish_and_clear();
        Ok(Source { gguf: Gguf::open(&temporary.0)?, _temporary: Some(temporary) })
    }
}

impl Temporary {
    /// A file under a name that nobody has.
    fn beside(output: &Path) -> Result<Temporary, CliError> {
        // Devices and pipes stand where files have no place.
        let is_special = fs::metadata(output).is_ok_and(|found| !found.is_file());
        let place = if is_special { std::env::temp_dir().join("ulp") } else { output.into() };
        let mut number = 0;
        loop {
            let path = place.with_extension(format!("unquantized-{number}.gguf"));
            match fs::File::create_new(&path) {
                Ok(_) => return Ok(Temporary(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(CliError::Io { path: output.to_path_buf(), source }),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It stands beside the output; whoever sees it there can remove it, too.
        let _ = fs::remove_file(&self.0);
    }
}

impl Quantize {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let start = Instant::now();
        let gguf = &self.source.gguf;
        let bar = progress::bar(gguf.tensors().len() as u64, "quantizing");
        let mut reports = Vec::new();
        let writer = requantize(gguf, self.mix, self.importance.as_ref(), |report| {
            reports.push(report.clone());
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        let spinner = progress::spinner("writing");
        writer.write_to_file(&self.output)?;
        spinner.finish_and_clear();
        let summary = Summary {
            reports: &reports,
            file: self.output.display().to_string(),
            bytes: bytes_written(&self.output, &reports)?,
            bytes_before: gguf.file_bytes() as u64,
            mix: self.mix,
            seconds: start.elapsed().as_secs_f64(),
        };
        match self.json {
            true => writeln!(out, "{}", summary.to_json())?,
            false => summary.print(out)?,
        }
        Ok(())
    }
}

/// The size of the file; of a device or a pipe, which has none, that of the tensors in it.
fn bytes_written(path: &Path, reports: &[TensorReport]) -> Result<u64, CliError> {
    let metadata =
        fs::metadata(path).map_err(|source| InferError::Io { path: path.to_path_buf(), source })?;
    Ok(match metadata.is_file() {
        true => metadata.len(),
        false => reports.iter().map(|report| report.bytes as u64).sum(),
    })
}

struct Summary<'a> {
    reports: &'a [TensorReport],
    file: String,
    bytes: u64,
    bytes_before: u64,
    mix: Mix,
    seconds: f64,
}

impl Summary<'_> {
    fn bits_per_weight(&self) -> f64 {
        let elements: usize = self.reports.iter().map(|r| r.shape.iter().product::<usize>()).sum();
        let bytes: usize = self.reports.iter().map(|r| r.bytes).sum();
        8.0 * bytes as f64 / elements.max(1) as f64
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let names: Vec<String> = self.reports.iter().map(|r| printable(&r.name)).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0);
        for (report, name) in self.reports.iter().zip(&names) {
            let shape = report.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            let error = match report.from == report.to {
                true => "-".to_string(),
                false => format!("{:.5}", report.error),
            };
            writeln!(
                out,
                "{name:<width$}  {shape:>14}  {:>5} -> {:<5} {:>8.2} MiB {error:>9}",
                report.from.name(),
                report.to.name(),
                report.bytes as f64 / f64::from(1 << 20),
            )?;
        }
        writeln!(
            out,
            "{}: {}, {:.1} MiB instead of {:.1}, {:.2} bits a weight, {:.1} s",
            self.file,
            self.mix.name(),
            self.bytes as f64 / f64::from(1 << 20),
            self.bytes_before as f64 / f64::from(1 << 20),
            self.bits_per_weight(),
            self.seconds
        )
    }

    fn to_json(&self) -> Json {
        let tensors: Vec<Json> = self
            .reports
            .iter()
            .map(|r| {
                json!({
                    "name": r.name, "shape": r.shape,
                    "from": r.from.name(), "to": r.to.name(),
                    "bytes_before": r.bytes_before, "bytes": r.bytes,
                    "relative_error": r.error,
                })
            })
            .collect();
        json!({
            "file": self.file, "type": self.mix.name(), "bytes": self.bytes,
            "bytes_before": self.bytes_before, "bits_per_weight": self.bits_per_weight(),
            "tensors": tensors, "seconds": self.seconds,
        })
    }
}
