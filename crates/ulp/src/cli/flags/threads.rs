//! How many threads.

use clap::Args;

/// `-t`, as typed.
#[derive(Args)]
pub(in crate::cli) struct Threads {
    /// Threads to compute on; results do not depend on it [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl Threads {
    /// Sizes the pool that everything computes on.
    pub(in crate::cli) fn apply(&self) {
        if let Some(threads) = self.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
            pool.build_global().expect("nothing has been computed yet");
        }
    }
}
