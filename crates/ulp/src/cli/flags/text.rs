//! Text from a flag, a file or standard input.

use crate::error::CliError;
use clap::Args;
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Where the text comes from, as typed.
#[derive(Args)]
pub(in crate::cli) struct TextFlags {
    /// The text itself
    #[arg(short, long, value_name = "TEXT", conflicts_with = "file", allow_hyphen_values = true)]
    prompt: Option<String>,

    /// A file with the text; `-` is standard input
    #[arg(short, long, alias = "text", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl TextFlags {
    /// Where the text comes from, in words.
    pub(in crate::cli) fn name(&self) -> String {
        match (&self.prompt, &self.file) {
            (Some(_), _) => "the command line".to_string(),
            (None, Some(path)) if path != Path::new("-") => path.display().to_string(),
            (None, _) => "standard input".to_string(),
        }
    }

    /// The file that is read, if it is one.
    pub(in crate::cli) fn path(&self) -> Option<&Path> {
        self.file.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// The text of the flag or the file; `None` if neither was given.
    pub(in crate::cli) fn given(&self) -> Result<Option<String>, CliError> {
        match (&self.prompt, &self.file) {
            (Some(text), _) => Ok(Some(text.clone())),
            (None, Some(path)) => Ok(Some(read_text(path)?)),
            (None, None) => Ok(None),
        }
    }

    /// The text of the flag, the file or, without either, standard input.
    pub(in crate::cli) fn or_standard_input(&self) -> Result<String, CliError> {
        match self.given()? {
            Some(text) => Ok(text),
            None => read_text(Path::new("-")),
        }
    }

    /// The same for a prompt: a terminal is not waited for, and of a file the line end that an
    /// editor puts behind the last line does not count.
    pub(in crate::cli) fn as_prompt(&self) -> Result<String, CliError> {
        if let Some(text) = &self.prompt {
            return Ok(text.clone());
        }
        if self.file.is_none() && io::stdin().is_terminal() {
            return Ok(String::new());
        }
        let mut text = self.or_standard_input()?;
        if text.ends_with('\n') {
            text.pop();
            text.truncate(text.strip_suffix('\r').unwrap_or(&text).len());
        }
        Ok(text)
    }
}

/// A whole file, or standard input for `-`. It must be UTF-8.
pub(in crate::cli) fn read_text(path: &Path) -> Result<String, CliError> {
    if path != Path::new("-") {
        let bytes = fs::read(path).map_err(|source| CliError::io(path, source))?;
        return utf8(bytes, &path.display().to_string());
    }
    let mut bytes = Vec::new();
    let name = "standard input";
    io::stdin().read_to_end(&mut bytes).map_err(|source| CliError::io(name, source))?;
    utf8(bytes, name)
}

/// Bytes as text, or where they stop being text.
fn utf8(bytes: Vec<u8>, file: &str) -> Result<String, CliError> {
    String::from_utf8(bytes).map_err(|error| CliError::Input {
        file: file.to_string(),
        offset: error.utf8_error().valid_up_to(),
        expected: "UTF-8",
    })
}
