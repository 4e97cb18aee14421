//! How tokens are chosen.

use crate::error::CliError;
use clap::Args;
use std::time::{SystemTime, UNIX_EPOCH};
use ulp_infer::SamplerParams;

/// As typed.
#[derive(Args)]
#[command(next_help_heading = "Sampling")]
pub(in crate::cli) struct SamplingFlags {
    /// Temperature: 0 takes the most probable token always, higher is more varied
    #[arg(long, value_name = "T", default_value_t = 0.8, allow_negative_numbers = true)]
    temp: f32,

    /// Draw from the K most probable tokens; 0 is all
    #[arg(long, value_name = "K", default_value_t = 40)]
    top_k: usize,

    /// Draw from the most probable tokens that make up P; 1 is all
    #[arg(long, value_name = "P", default_value_t = 0.95, allow_negative_numbers = true)]
    top_p: f32,

    /// Draw from tokens at least P times as probable as the best; 0 is all
    #[arg(long, value_name = "P", default_value_t = 0.05, allow_negative_numbers = true)]
    min_p: f32,

    /// Chooses the random numbers: the same seed gives the same text [default: the clock's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl SamplingFlags {
    pub(in crate::cli) fn resolve(&self) -> Result<SamplerParams, CliError> {
        let &SamplingFlags { temp, top_k, top_p, min_p, seed } = self;
        let seed = seed.unwrap_or_else(seed_of_the_clock);
        let sampler = SamplerParams {
            temperature: temp,
            top_k,
            top_p,
            min_p,
            seed,
            ..SamplerParams::greedy()
        };
        match sampler.validate() {
            Ok(()) => Ok(sampler),
            Err(error) => Err(CliError::usage("sampling", error.to_string())),
        }
    }
}

/// A seed of 32 bits, which every JSON reader keeps.
fn seed_of_the_clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // The fast bits matter: calls in one second must differ.
    (now.as_nanos() as u64 >> 10) & 0xffff_ffff
}
