//! A long text in windows.

use super::{IdFlags, Loaded, TextFlags};
use crate::error::CliError;
use clap::Args;
use std::path::Path;
use ulp_infer::Windows;

/// As typed.
#[derive(Args)]
pub(in crate::cli) struct WindowFlags {
    #[command(flatten)]
    text: TextFlags,

    #[command(flatten)]
    ids: IdFlags,

    /// Tokens in a window [default: 512, or the model's context if that is shorter]
    #[arg(short, long, alias = "ctx-size", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(4..))]
    ctx: Option<u32>,

    /// Take no more than the first N windows
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    chunks: Option<u32>,
}

/// The text, read while no model is in memory yet.
pub(in crate::cli) struct WindowText {
    flags: WindowFlags,
    given: Option<Vec<u32>>,
    text: String,
}

/// A text's tokens, and how they are cut.
pub(in crate::cli) struct Windowed {
    /// Where they come from.
    pub(in crate::cli) name: String,
    ids: Vec<u32>,
    bos: Option<u32>,
    ctx: usize,
    chunks: usize,
    longest: usize,
}

impl WindowFlags {
    /// The files that are read.
    pub(in crate::cli) fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.text.path().into_iter().chain(self.ids.path())
    }

    pub(in crate::cli) fn read(self) -> Result<WindowText, CliError> {
        let given = self.ids.given()?;
        let text = if given.is_none() { self.text.or_standard_input()? } else { String::new() };
        Ok(WindowText { flags: self, given, text })
    }
}

impl WindowText {
    /// In the tokens of a model.
    pub(in crate::cli) fn tokens(self, loaded: &Loaded) -> Result<Windowed, CliError> {
        let (ids, bos) = match self.given {
            Some(ids) => (ids, None),
            None => {
                let tokenizer = loaded.tokenizer()?;
                let ids = self.flags.ids.encode(&self.text, &tokenizer);
                // Where the text begins with it, every window does.
                let bos = tokenizer.bos_id().filter(|&bos| ids.first() == Some(&bos));
                (ids, bos)
            }
        };
        let longest = loaded.model.context();
        Ok(Windowed {
            name: self.flags.ids.ids.unwrap_or_else(|| self.flags.text.name()),
            ids,
            bos,
            ctx: self.flags.ctx.map_or(longest.min(512), |n| n as usize),
            chunks: self.flags.chunks.map_or(usize::MAX, |n| n as usize),
            longest,
        })
    }
}

/// Tokens of the shortest window that scores anything.
const SHORTEST: usize = 4;

/// Refuses a model whose context holds no window.
pub(in crate::cli) fn refuse_short_context(context: usize) -> Result<(), CliError> {
    if context >= SHORTEST {
        return Ok(());
    }
    let problem = format!("made for {context} tokens of context, a window takes {SHORTEST}");
    Err(CliError::usage("the model", problem))
}

impl Windowed {
    /// At least one window.
    pub(in crate::cli) fn windows(&self) -> Result<Windows<'_>, CliError> {
        refuse_short_context(self.longest)?;
        if self.ctx > self.longest {
            let problem = format!("the model was made for {} tokens of context", self.longest);
            return Err(CliError::usage("--ctx", problem));
        }
        let windows = Windows::new(&self.ids, self.ctx, self.bos).at_most(self.chunks);
        if windows.is_empty() {
            let problem = format!("{} tokens are too few, it takes four", self.ids.len());
            return Err(CliError::usage("the text", problem));
        }
        Ok(windows)
    }
}
