//! What a pass computes, in the numbers that its cost depends on.

/// How much a pass of a batch computes; sums over its sequences.
///
/// # Examples
///
/// ```
/// use ulp_infer::StepShape;
///
/// let mut shape = StepShape::default();
/// shape.add(1, 1, 100); // a sequence that generates, after 100 positions
/// shape.add(3, 0, 0); // the first three tokens of a prompt
/// assert_eq!(shape, StepShape { rows: 4, logits: 1, positions: 101 + 3, pairs: 101 + 1 + 2 + 3 });
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepShape {
    /// New tokens.
    pub rows: usize,
    /// Tokens whose logits are asked for.
    pub logits: usize,
    /// Positions whose keys and values are read, those of the new tokens among them.
    pub positions: usize,
    /// Pairs of a new token and a position that it sees, itself among them.
    pub pairs: usize,
}

impl StepShape {
    /// Adds a sequence's `tokens` new tokens after `depth` positions, `logits` of which ask for logits.
    pub fn add(&mut self, tokens: usize, logits: usize, depth: usize) {
        self.rows += tokens;
        self.logits += logits;
        self.positions += depth + tokens;
        self.pairs += tokens * depth + tokens * (tokens + 1) / 2;
    }
}
