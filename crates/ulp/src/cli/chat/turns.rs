//! What the user says, line by line.

use crate::error::CliError;
use std::io::{self, BufRead, IsTerminal, StdinLock};

/// A line from the user.
pub(super) enum Turn {
    Say(String),
    /// `/clear`
    Clear,
    /// `/exit`, or the end of the input.
    Leave,
}

/// Standard input.
pub(super) struct Turns {
    input: StdinLock<'static>,
    terminal: bool,
    /// Bytes read before the present line.
    offset: usize,
}

impl Turns {
    pub(super) fn of_standard_input() -> Turns {
        let stdin = io::stdin();
        Turns { terminal: stdin.is_terminal(), input: stdin.lock(), offset: 0 }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The next line that is not empty. One that ends in `\` goes on in the next.
    pub(super) fn next(&mut self) -> Result<Turn, CliError> {
        let mut text = String::new();
        loop {
            if self.terminal {
                eprint!("{}", if text.is_empty() { "> " } else { ". " });
            }
            let Some(line) = self.line()? else {
                if self.terminal {
                    eprintln!();
                }
                return Ok(if text.is_empty() { Turn::Leave } else { Turn::Say(text) });
            };
            if let Some(start) = line.strip_suffix('\\') {
                text.push_str(start);
                text.push('\n');
                continue;
            }
            text.push_str(&line);
            match text.trim() {
                "" => text.clear(),
                "/clear" => return Ok(Turn::Clear),
                "/exit" => return Ok(Turn::Leave),
                _ => return Ok(Turn::Say(text)),
            }
        }
    }

    /// A line without its end; `None` at the end of the input.
    fn line(&mut self) -> Result<Option<String>, CliError> {
        let mut bytes = Vec::new();
        let name = "standard input";
        let read = self.input.read_until(b'\n', &mut bytes);
        let read = read.map_err(|source| CliError::io(name, source))?;
        let line = String::from_utf8(bytes).map_err(|error| CliError::Input {
            file: name.to_string(),
            offset: self.offset + error.utf8_error().valid_up_to(),
            expected: "UTF-8",
        })?;
        self.offset += read;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Ok((read > 0).then(|| line.to_string()))
    }
}
