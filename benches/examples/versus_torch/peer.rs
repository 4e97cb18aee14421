//! PyTorch in a process of its own.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A process that answers a line with a line.
pub(crate) struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// glibc's allocator then gives memory back to the system never, and hands out what is warm.
const KEEP_MEMORY: &str = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184";

/// Threads of OpenMP spin for some milliseconds after their work, on cores that are ours by then.
const REST: Duration = Duration::from_millis(20);

impl Peer {
    pub(crate) fn new(python: &str, keep_memory: bool) -> Result<Self, Box<dyn Error>> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/torch_ops.py");
        let mut command = Command::new(python);
        command.arg(script).env("OMP_NUM_THREADS", rayon::current_num_threads().to_string());
        if keep_memory {
            command.env("GLIBC_TUNABLES", KEEP_MEMORY);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take().ok_or("no way in")?;
        let from = BufReader::new(child.stdout.take().ok_or("no way out")?);
        Ok(Peer { child, to, from })
    }

    pub(crate) fn ask(&mut self, line: &str) -> Result<String, Box<dyn Error>> {
        writeln!(self.to, "{line}")?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        match answer.trim() {
            "" => Err(format!("the peer ended at {line:?}").into()),
            answer => Ok(answer.to_string()),
        }
    }

    /// Seconds of one of `count` calls.
    pub(crate) fn time(&mut self, count: usize) -> Result<f64, Box<dyn Error>> {
        let seconds = self.ask(&format!("run {count}"))?.parse()?;
        sleep(REST);
        Ok(seconds)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
