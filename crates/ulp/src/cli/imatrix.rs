//! `ulp imatrix`: how much each input of each matrix matters.

use super::flags::{Loaded, ModelArgument, WindowFlags, Windowed};
use super::inputs::refuse_inputs;
use super::progress;
use crate::error::CliError;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use ulp_infer::{Importance, ImportanceCollector, Windows};

const EXAMPLES: &str = "\
Examples:
  ulp imatrix model-f16.gguf --text book.txt -o book.imatrix.gguf
  ulp imatrix -m model-f16.gguf --text book.txt -c 1024 --chunks 50 -o book.imatrix.gguf
  ulp quantize model-f16.gguf model-q3_k_m.gguf --type Q3_K_M --imatrix book.imatrix.gguf

The text goes through the model in windows of --ctx tokens; for each matrix, the squares of each of
its inputs are summed over all tokens. The file has the form of llama.cpp's imatrix tool, which reads
it, too. Some ten thousand tokens of what the model is for are enough.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    #[command(flatten)]
    text: WindowFlags,

    /// The file to write, in GGUF
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    model: ModelArgument,
}

/// What it means.
pub(super) struct Imatrix {
    loaded: Loaded,
    text: Windowed,
    output: PathBuf,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Imatrix, CliError> {
        let inputs = self.text.inputs().chain(self.model.inputs());
        refuse_inputs("--output", &self.output, inputs)?;
        let text = self.text.read()?;
        let loaded = self.model.load()?;
        let text = text.tokens(&loaded)?;
        Ok(Imatrix { loaded, text, output: self.output, json: self.json })
    }
}

impl Imatrix {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let (windows, start) = (self.text.windows()?, Instant::now());
        let importance = self.collect(&windows)?;
        let file = importance.to_gguf(&self.text.name, windows.len(), windows.context());
        file.write_to_file(&self.output)?;
        let (matrices, seconds) = (importance.matrices().len(), start.elapsed().as_secs_f64());
        let (file, tokens) = (self.output.display(), windows.len() * windows.context());
        if self.json {
            let json = json!({
                "file": file.to_string(), "model": self.loaded.name, "matrices": matrices,
                "windows": windows.len(), "ctx": windows.context(), "tokens": tokens,
                "seconds": seconds,
            });
            return Ok(writeln!(out, "{json}")?);
        }
        let context = windows.context();
        writeln!(
            out,
            "{file}: {matrices} matrices, {tokens} tokens in {} windows of {context}, {seconds:.1} s",
            windows.len()
        )?;
        Ok(())
    }

    fn collect(&self, windows: &Windows<'_>) -> Result<Importance, CliError> {
        let bar = progress::bar(windows.len() as u64, "windows");
        let mut collector = ImportanceCollector::new(&self.loaded.model, self.loaded.precision);
        for index in 0..windows.len() {
            collector.add(&windows.get(index))?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(collector.finish())
    }
}
