//! What an engine is doing and has done, in numbers.

/// A look at an engine between two steps: what a metrics page shows.
///
/// # Examples
///
/// ```
/// # use ulp_infer::EngineStats;
/// fn usage(stats: &EngineStats) -> f64 {
///     stats.blocks_running as f64 / stats.blocks as f64
/// }
/// # let stats = EngineStats { blocks: 8, blocks_running: 2, ..EngineStats::default() };
/// assert_eq!(usage(&stats), 0.25);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Requests that wait to run, those that gave way and wait again among them.
    pub waiting: usize,
    /// Requests that run.
    pub running: usize,
    /// Positions in a block of the cache.
    pub block_positions: usize,
    /// Bytes of a block. Blocks that were never used have taken no memory yet.
    pub block_bytes: usize,
    /// Blocks of the cache.
    pub blocks: usize,
    /// Blocks that running requests hold.
    pub blocks_running: usize,
    /// Blocks that are only kept for requests that begin as an earlier one did. They are free for
    /// whoever needs them.
    pub blocks_kept: usize,
    /// Sums since the engine began.
    pub totals: Totals,
}

/// Sums since an engine began. They only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests taken in.
    pub requests: u64,
    /// Steps that computed something.
    pub steps: u64,
    /// Tokens that went through the model: prompts, new tokens and guesses.
    pub computed_tokens: u64,
    /// Tokens of the prompts of requests that began to run.
    pub prompt_tokens: u64,
    /// Those of them that were in the cache already: hits of the prefix cache. Their share of
    /// [`prompt_tokens`](Totals::prompt_tokens) is the hit rate.
    pub reused_tokens: u64,
    /// Tokens generated.
    pub generated_tokens: u64,
    /// Tokens guessed.
    pub drafted_tokens: u64,
    /// Guesses that were right.
    pub accepted_tokens: u64,
    /// How often a request's place in the cache was taken from it.
    pub preemptions: u64,
    /// Blocks kept for their prefixes that were dropped from the cache to make room.
    pub evictions: u64,
}

/// Who holds a block of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockUse {
    /// Nobody.
    Free,
    /// Nobody, but it is kept for those that begin as an earlier request.
    Kept,
    /// This many running requests.
    Running(usize),
}
