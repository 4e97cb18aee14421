//! How many threads.

use crate::error::CliError;
use clap::Args;

/// More threads than processors have cores take long to start and do nothing faster.
const MOST: i64 = 1024;

/// `-t`, as typed.
#[derive(Args)]
pub(in crate::cli) struct Threads {
    /// Threads to compute on, 1024 at most; results do not depend on it [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST))]
    threads: Option<u16>,
}

impl Threads {
    /// Sizes the pool that everything computes on.
    pub(in crate::cli) fn apply(&self) -> Result<(), CliError> {
        let Some(threads) = self.threads else { return Ok(()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
        pool.build_global().map_err(|error| {
            CliError::usage("--threads", format!("{threads} threads cannot be started: {error}"))
        })
    }
}
