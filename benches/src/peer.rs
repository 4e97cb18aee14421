//! Another engine, in a process of its own.

use std::error::Error;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A process that answers a line with a line.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Threads of OpenMP spin for some milliseconds after their work, on cores that are ours by then.
const REST: Duration = Duration::from_millis(20);

impl Peer {
    /// The command that runs a script of `peers/`.
    pub fn script(python: impl AsRef<OsStr>, script: &str) -> Command {
        let mut command = Command::new(python);
        command.arg(format!("{}/peers/{script}", env!("CARGO_MANIFEST_DIR")));
        command
    }

    /// Starts a script of `peers/` with these words, if `ULP_PEER_PYTHON` names a Python.
    ///
    /// # Errors
    ///
    /// As [`Peer::start`].
    pub fn of_environment(script: &str, words: &[&str]) -> Result<Option<Self>, Box<dyn Error>> {
        let python = std::env::var_os("ULP_PEER_PYTHON");
        python.map(|python| Peer::start(Peer::script(python, script).args(words))).transpose()
    }

    /// # Errors
    ///
    /// When the process does not start.
    pub fn start(command: &mut Command) -> Result<Self, Box<dyn Error>> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("the peer has no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("the peer has no output")?);
        Ok(Peer { child, input, output })
    }

    /// Its answer to a line, and a rest for the processors.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub fn ask(&mut self, line: &str) -> Result<String, Box<dyn Error>> {
        writeln!(self.input, "{line}")?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        sleep(REST);
        match answer.trim() {
            "" => Err(format!("the peer ended at {line:?}").into()),
            answer => Ok(answer.to_string()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
