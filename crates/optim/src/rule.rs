use ulp_tensor::Float;

use crate::OptimError;

/// An update rule: its hyperparameters as data, and what one step does to a stretch of elements.
///
/// A rule is elementwise. [`Optimizer`](crate::Optimizer) owns the state, cuts arrays into
/// stretches, and may work on them in any order without changing a bit.
pub trait Rule: Clone + Send + Sync {
    /// The rule's name in a saved state.
    const KIND: &'static str;

    /// The arrays that the rule keeps for each parameter, by name; all start at zero.
    const SLOTS: &'static [&'static str];

    /// Whether the arrays of [`Rule::SLOTS`] are needed with these hyperparameters.
    fn keeps_state(&self) -> bool {
        true
    }

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate, as a schedule does before each step.
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// Checks the hyperparameters' ranges.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`].
    fn validate(&self) -> Result<(), OptimError>;

    /// All hyperparameters by name, for a saved state.
    fn hyperparameters(&self) -> Vec<(&'static str, f64)>;

    /// The inverse of [`Rule::hyperparameters`].
    ///
    /// # Errors
    ///
    /// Those of `get`.
    fn from_hyperparameters(
        get: &mut dyn FnMut(&'static str) -> Result<f64, OptimError>,
    ) -> Result<Self, OptimError>;

    /// What stays the same for all elements of one parameter in one step.
    ///
    /// `step` counts from one; `first` says that the state was made for this very step.
    fn prepare<T: Float>(&self, step: u64, first: bool) -> impl Update<T>;
}

/// One step of a rule on a stretch of elements, all slices of one length.
pub trait Update<T>: Sync {
    /// Changes parameters and state in place. `state` has an entry for each of [`Rule::SLOTS`],
    /// or none if the rule keeps no state.
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]);
}

/// A range check that a NaN fails.
pub(crate) fn require(
    name: &'static str,
    value: f64,
    holds: bool,
    rule: &'static str,
) -> Result<(), OptimError> {
    if holds { Ok(()) } else { Err(OptimError::Hyperparameter { name, value, rule }) }
}
