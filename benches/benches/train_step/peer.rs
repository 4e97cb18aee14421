//! The other engine, in a process of its own.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::THREADS;

/// Threads of OpenMP spin for some milliseconds after their work, on cores that are ours by then.
const REST: Duration = Duration::from_millis(20);

/// It waits for a line, does its steps, and answers with the seconds of one and its largest memory.
pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(workload: &str, steps: usize) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(python) = std::env::var_os("ULP_PEER_PYTHON") else { return Ok(None) };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/train_step.py");
        let mut child = Command::new(python)
            .args([script, workload, &THREADS.to_string(), &steps.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("the peer has no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("the peer has no output")?);
        Ok(Some(Self { child, input, output }))
    }

    /// Seconds of a step; MB that the process has held at most.
    pub(crate) fn step(&mut self) -> Result<(f64, f64), Box<dyn Error>> {
        self.input.write_all(b"step\n")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        sleep(REST);
        let (seconds, megabytes) = line.trim().split_once(' ').ok_or("the peer has ended")?;
        Ok((seconds.parse()?, megabytes.parse()?))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
