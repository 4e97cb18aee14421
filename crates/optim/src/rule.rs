use ulp_tensor::Float;

use crate::OptimError;

/// An update rule: its hyperparameters as data, and what one step does to a stretch of elements.
///
/// Most rules are elementwise: [`Optimizer`](crate::Optimizer) owns the state, cuts arrays into
/// stretches, and may work on them in any order without changing a bit. One that looks at a whole
/// parameter says so by [`Rule::ELEMENTWISE`].
pub trait Rule: Clone + Send + Sync {
    /// The rule's name in a saved state.
    const KIND: &'static str;

    /// The arrays that the rule may keep for each parameter, by name; all start at zero.
    const SLOTS: &'static [&'static str];

    /// Those that it keeps whatever its hyperparameters: a saved state without them is refused.
    const ALWAYS: &'static [&'static str] = Self::SLOTS;

    /// Whether an element's step depends on nothing but this element's past. If not,
    /// [`Update::apply_whole`] gets each parameter as one.
    const ELEMENTWISE: bool = true;

    /// The number of axes that a parameter must have, if the rule asks for one.
    fn needed_axes(&self) -> Option<usize> {
        None
    }

    /// Those that it keeps with these hyperparameters.
    fn slots(&self) -> &'static [&'static str] {
        Self::SLOTS
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
    /// Those of `get`, and [`OptimError::Hyperparameter`] for a number that stands for no value of the field.
    fn from_hyperparameters(
        get: &mut dyn FnMut(&'static str) -> Result<f64, OptimError>,
    ) -> Result<Self, OptimError>;

    /// What stays the same for all elements of one parameter in one step.
    ///
    /// `step` counts from one; `first` says that an array of the state was made for this very
    /// step.
    fn prepare<T: Float>(&self, step: u64, first: bool) -> impl Update<T>;
}

/// One step of a rule on a stretch of elements, all slices of one length.
pub trait Update<T>: Sync {
    /// Changes parameters and state in place. `state` has an entry for each of [`Rule::slots`], in
    /// that order.
    ///
    /// Mark it `#[inline(always)]`: it is then compiled for each instruction set
    /// ([`Kernel`](ulp_tensor::simd::Kernel)), with the same bits.
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]);

    /// The same for a whole parameter of this shape, in row-major order: what rules that are not
    /// elementwise implement.
    fn apply_whole(
        &self,
        _shape: &[usize],
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    ) {
        self.apply(parameter, gradient, state);
    }
}
