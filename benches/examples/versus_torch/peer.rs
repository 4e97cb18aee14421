//! PyTorch in a process of its own.

use std::error::Error;

use ulp_benches::Peer;

/// glibc's allocator then gives memory back to the system never, and hands out what is warm.
const KEEP_MEMORY: &str = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184";

pub(crate) fn start(python: &str, keep_memory: bool) -> Result<Peer, Box<dyn Error>> {
    let mut command = Peer::script(python, "torch_ops.py");
    command.env("OMP_NUM_THREADS", rayon::current_num_threads().to_string());
    if keep_memory {
        command.env("GLIBC_TUNABLES", KEEP_MEMORY);
    }
    Peer::start(&mut command)
}

/// Seconds of one of `count` calls.
pub(crate) fn time(peer: &mut Peer, count: usize) -> Result<f64, Box<dyn Error>> {
    Ok(peer.ask(&format!("run {count}"))?.parse()?)
}
