//! `ulp score`: how probable a text is to a model.

use super::continuation::{alternatives_json, token_json};
use super::flags::{IdFlags, Loaded, ModelFlags, TextFlags};
use super::progress;
use crate::error::CliError;
use clap::Args;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::time::{Duration, Instant};
use ulp_infer::{InferError, PositionScore, TokenLogProbability, Tokenizer, score};

const EXAMPLES: &str = "\
Examples:
  ulp score -p \"Once there was a fox who lived in a wood.\"
  ulp score -m model.gguf -f text.txt --json --top 5
  ulp score -m model.gguf --ids 1,9690,198 --top 64 --json --exact

Each line is a token: the natural logarithm of its probability after those before it, its id, its
text and, with --top, the K tokens that were most probable there. In JSON, `next` holds those that
would follow the last token.";

/// What was typed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Typed {
    #[command(flatten)]
    text: TextFlags,

    #[command(flatten)]
    ids: IdFlags,

    /// The K most probable tokens at each place
    #[arg(long, value_name = "K", default_value_t = 0)]
    top: usize,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    model: ModelFlags,
}

/// What it means.
pub(super) struct Score {
    loaded: Loaded,
    /// Absent for a model without one, which can score ids.
    tokenizer: Option<Tokenizer>,
    ids: Vec<u32>,
    top: usize,
    json: bool,
}

impl Typed {
    pub(super) fn resolve(self) -> Result<Score, CliError> {
        let given = self.ids.given()?;
        // Standard input is read while nothing is in memory yet.
        let text = if given.is_none() { self.text.or_standard_input()? } else { String::new() };
        let loaded = self.model.load()?;
        let (ids, tokenizer) = match given {
            Some(ids) => (ids, loaded.tokenizer().ok()),
            None => {
                let tokenizer = loaded.tokenizer()?;
                (self.ids.encode(&text, &tokenizer), Some(tokenizer))
            }
        };
        Ok(Score { loaded, tokenizer, ids, top: self.top, json: self.json })
    }
}

/// A text's tokens with what the model thought of them.
struct Scored {
    ids: Vec<u32>,
    positions: Vec<PositionScore>,
    time: Duration,
}

impl Score {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let Score { loaded, tokenizer, ids, top, json } = self;
        let spinner = progress::spinner("scoring");
        let start = Instant::now();
        let positions = score(&loaded.model, &ids, loaded.precision, top)
            .map_err(|error| advise(error, loaded.model.context()).in_model(&loaded.name))?;
        let scored = Scored { ids, positions, time: start.elapsed() };
        spinner.finish_and_clear();
        if json {
            let mut json = scored.to_json(tokenizer.as_ref());
            json["model"] = json!(loaded.name);
            json["timings"]["load_seconds"] = json!(loaded.time.as_secs_f64());
            writeln!(out, "{json}")?;
            return Ok(());
        }
        scored.print(tokenizer.as_ref(), out)
    }
}

fn advise(error: InferError, longest: usize) -> CliError {
    let advice = match &error {
        InferError::EmptyPrompt => "give a text with -p, or ids with --ids".to_string(),
        InferError::ContextFull { .. } => {
            format!("score it in pieces of {longest} tokens at most")
        }
        _ => return error.into(),
    };
    CliError::from(error).advised(advice)
}

impl Scored {
    /// Each token with its log-probability (the first has none) and the alternatives to it.
    fn tokens(&self) -> impl Iterator<Item = (u32, Option<f32>, &[TokenLogProbability])> {
        let before = std::iter::once(None).chain(self.positions.iter().map(Some));
        self.ids.iter().zip(before).map(|(&id, position)| match position {
            None => (id, None, &[][..]),
            Some(position) => (id, position.next.map(|next| next.logprob), &position.top[..]),
        })
    }

    /// ln p of the text after its first token.
    fn sum(&self) -> f64 {
        self.tokens().filter_map(|(_, logprob, _)| logprob).map(f64::from).sum()
    }

    /// The mean of −ln p, where there is a token that has one.
    fn mean_nll(&self) -> Option<f64> {
        let scored = self.ids.len() - 1;
        (scored > 0).then(|| -self.sum() / scored as f64)
    }

    fn to_json(&self, tokenizer: Option<&Tokenizer>) -> Json {
        let logprobs: Vec<Option<f32>> = self.tokens().map(|(_, logprob, _)| logprob).collect();
        let tokens: Vec<Json> = self
            .tokens()
            .map(|(id, logprob, top)| {
                let mut json = token_json(tokenizer, id, logprob);
                json["top"] = alternatives_json(tokenizer, top);
                json
            })
            .collect();
        let next = self.positions.last().map_or(&[][..], |position| &position.top);
        json!({
            "text": tokenizer.map(|tokenizer| tokenizer.decode_with_special(&self.ids)),
            "ids": self.ids,
            "logprobs": logprobs,
            "tokens": tokens,
            "next": alternatives_json(tokenizer, next),
            "sum_logprob": self.sum(),
            "mean_nll": self.mean_nll(),
            "perplexity": self.mean_nll().map(f64::exp),
            "timings": {
                "score_seconds": self.time.as_secs_f64(),
                "tokens_per_second": self.ids.len() as f64 / self.time.as_secs_f64(),
            },
        })
    }

    fn print(&self, tokenizer: Option<&Tokenizer>, out: &mut impl Write) -> Result<(), CliError> {
        let piece = |id| tokenizer.and_then(|t| t.token_text(id)).unwrap_or("").escape_debug();
        for (id, logprob, top) in self.tokens() {
            let logprob = logprob.map_or("-".to_string(), |logprob| format!("{logprob:.4}"));
            write!(out, "{logprob:>9}  {id:>7}  {}", piece(id))?;
            if !top.is_empty() {
                let width = piece(id).count();
                write!(out, "{:pad$}", "", pad = 16usize.saturating_sub(width))?;
            }
            for alternative in top {
                write!(out, "  {} {:.2}", piece(alternative.id), alternative.logprob)?;
            }
            writeln!(out)?;
        }
        if let Some(nll) = self.mean_nll() {
            writeln!(
                out,
                "{} tokens, ln p = {:.4}, {nll:.4} nats a token, perplexity {:.4}",
                self.ids.len() - 1,
                self.sum(),
                nll.exp()
            )?;
        }
        Ok(())
    }
}
