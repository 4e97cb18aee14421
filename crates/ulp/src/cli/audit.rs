//! `ulp audit`: where a quantized model loses, tensor by tensor and layer by layer.

mod report;
mod svg;

use super::flags::{Loaded, Threads, read_text, refuse_short_context};
use super::inputs::refuse_inputs;
use super::progress;
use crate::error::CliError;
use clap::Args;
use report::{LayerLine, Report, TensorLine};
use std::io::Write;
use std::path::{Path, PathBuf};
use ulp_infer::{
    Activations, Distributions, Divergence, EncodeOptions, Gguf, InferError, Model, ModelPart,
    WeightError, Windows,
};
use ulp_nn::replace_file;

const EXAMPLES: &str = "\
Examples:
  ulp audit model-q4_k_m.gguf --against model-f16.gguf --text book.txt
  ulp audit q4.gguf --against f16.gguf --text book.txt --svg audit.svg
  ulp audit q4.gguf --against f16.gguf --json

For each tensor: the relative error of its weights |y - x| / |x|, the signal-to-noise ratio, and the
mean and largest error in ulps of f16. With a text also, for each layer, the divergence KL(reference
|| reference with that layer from MODEL) of the next-token distributions, activations in f32: what
the quantization of that layer alone does at the output.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    /// The quantized model, a GGUF file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// The model that it was made from, a GGUF file
    #[arg(long, value_name = "MODEL")]
    against: PathBuf,

    /// A text to run both on; `-` is standard input
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,

    /// Tokens in a window of the text
    #[arg(short, long, alias = "ctx-size", value_name = "N", default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u32).range(4..))]
    ctx: u32,

    /// Take no more than the first N windows
    #[arg(long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    chunks: u32,

    /// Write a picture of the layers
    #[arg(long, value_name = "FILE", requires = "text")]
    svg: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    threads: Threads,
}

/// What it means.
pub(super) struct Audit {
    model: PathBuf,
    against: PathBuf,
    text: Option<String>,
    ctx: usize,
    chunks: usize,
    svg: Option<PathBuf>,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Audit, CliError> {
        self.threads.apply()?;
        for (argument, path) in [("MODEL", &self.model), ("--against", &self.against)] {
            if path.is_dir() {
                // Rows lie in another order there.
                let problem = "it is a directory; make a GGUF file of it with ulp quantize";
                return Err(CliError::usage(argument, problem));
            }
        }
        if let Some(path) = &self.svg {
            let text = self.text.as_deref().filter(|text| *text != Path::new("-"));
            let inputs = [Some(self.model.as_path()), Some(&self.against), text];
            refuse_inputs("--svg", path, inputs.into_iter().flatten())?;
        }
        Ok(Audit {
            model: self.model,
            against: self.against,
            text: self.text.as_deref().map(read_text).transpose()?,
            ctx: self.ctx as usize,
            chunks: self.chunks as usize,
            svg: self.svg,
            json: self.json,
        })
    }
}

impl Audit {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let tensors = tensors(&Gguf::open(&self.model)?, &Gguf::open(&self.against)?)?;
        let layers = match &self.text {
            Some(text) => self.layers(text)?,
            None => Vec::new(),
        };
        let report = Report {
            model: self.model.display().to_string(),
            against: self.against.display().to_string(),
            tensors,
            layers,
        };
        if let Some(path) = &self.svg {
            let picture = svg::picture(&report.layers);
            replace_file(path, |out| out.write_all(picture.as_bytes()))?;
        }
        match self.json {
            true => writeln!(out, "{}", report.to_json())?,
            false => report.print(out)?,
        }
        Ok(())
    }

    /// What each part alone does, and at last all of them together.
    fn layers(&self, text: &str) -> Result<Vec<LayerLine>, CliError> {
        let open = |path: &Path| Loaded::open(Some(path), None, Activations::Exact);
        let (quantized, reference) = (open(&self.model)?, open(&self.against)?);
        if quantized.model.vocab_size() != reference.model.vocab_size() {
            return Err(CliError::usage("--against", "it has another vocabulary"));
        }
        let ids = reference.tokenizer()?.encode(text, EncodeOptions::default());
        let longest = reference.model.context().min(quantized.model.context());
        refuse_short_context(longest)?;
        let windows = Windows::new(&ids, self.ctx.min(longest), None).at_most(self.chunks);
        if windows.is_empty() {
            let problem = format!("{} tokens are too few, it takes four", ids.len());
            return Err(CliError::usage("--text", problem));
        }
        let of =
            |model: &Model, index| Distributions::of(model, &windows, index, Activations::Exact);
        let expected = (0..windows.len())
            .map(|index| of(&reference.model, index))
            .collect::<Result<Vec<_>, InferError>>()?;
        let divergence = |model: &Model| -> Result<Divergence, InferError> {
            let mut divergence = Divergence::default();
            for (index, expected) in expected.iter().enumerate() {
                divergence.compare(expected, &of(model, index)?);
            }
            Ok(divergence)
        };
        let parts = reference.model.parts();
        let bar = progress::bar(parts.len() as u64 + 1, "layers");
        let mut lines = Vec::new();
        for part in parts {
            let hybrid = reference.model.with_part(&quantized.model, part);
            lines.push(LayerLine { name: part_name(part), divergence: divergence(&hybrid)? });
            bar.inc(1);
        }
        let all = divergence(&quantized.model)?;
        lines.push(LayerLine { name: "all".to_string(), divergence: all });
        bar.finish_and_clear();
        Ok(lines)
    }
}

fn part_name(part: ModelPart) -> String {
    match part {
        ModelPart::Embedding => "embedding".to_string(),
        ModelPart::Layer(index) => format!("layer {index}"),
        ModelPart::Output => "output".to_string(),
    }
}

/// The errors of all tensors that both files have.
fn tensors(quantized: &Gguf, reference: &Gguf) -> Result<Vec<TensorLine>, CliError> {
    let bar = progress::bar(quantized.tensors().len() as u64, "tensors");
    let mut lines = Vec::new();
    for tensor in quantized.tensors() {
        bar.inc(1);
        let meant = reference.tensor(&tensor.name).ok_or_else(|| InferError::MissingTensor {
            file: reference.file().to_string(),
            tensor: tensor.name.clone(),
        })?;
        if meant.shape != tensor.shape {
            return Err(CliError::from(InferError::ShapeMismatch {
                file: reference.file().to_string(),
                tensor: tensor.name.clone(),
                expected: tensor.shape.clone(),
                found: meant.shape.clone(),
            }));
        }
        let error = WeightError::of(&reference.numbers(meant)?, &quantized.numbers(tensor)?);
        lines.push(TensorLine { name: tensor.name.clone(), ty: tensor.ty, error });
    }
    bar.finish_and_clear();
    Ok(lines)
}
