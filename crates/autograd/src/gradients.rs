//! What a backward pass returns.

use std::collections::BTreeMap;

use ulp_tensor::Float;
use ulp_tensor::ndarray::ArrayD;

use crate::var::Var;

/// Gradients of a loss with respect to the leaves of its tape, in standard (row-major) layout.
///
/// A leaf that the loss does not depend on has no gradient, rather than one of zeros: a
/// parameter that was forgotten should be noticed ([`Gradients::unreached`]).
#[derive(Debug, Clone)]
pub struct Gradients<T: Float> {
    pub(crate) tape: u64,
    pub(crate) of_leaf: BTreeMap<u32, ArrayD<T>>,
}

/// The memory is handed to arrays made later: see [`ulp_tensor::pool`].
impl<T: Float> Drop for Gradients<T> {
    fn drop(&mut self) {
        let gradients = std::mem::take(&mut self.of_leaf);
        gradients.into_values().for_each(ulp_tensor::pool::recycle);
    }
}

impl<T: Float> Gradients<T> {
    /// The gradient with respect to `leaf`; `None` if the loss does not depend on it.
    ///
    /// # Panics
    ///
    /// If `leaf` lives on another tape than the loss.
    #[track_caller]
    #[must_use]
    pub fn get(&self, leaf: Var<'_, T>) -> Option<&ArrayD<T>> {
        self.of_leaf.get(&self.key(leaf))
    }

    /// Moves the gradient with respect to `leaf` out.
    ///
    /// # Panics
    ///
    /// If `leaf` lives on another tape than the loss.
    #[track_caller]
    pub fn take(&mut self, leaf: Var<'_, T>) -> Option<ArrayD<T>> {
        self.of_leaf.remove(&self.key(leaf))
    }

    /// The names of those parameters that the loss does not depend on.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr0;
    ///
    /// let tape = Tape::new();
    /// let (used, forgotten) = (tape.leaf(arr0(2.0_f32)), tape.leaf(arr0(3.0_f32)));
    /// let gradients = (used * used).backward();
    /// assert_eq!(gradients.unreached(&[("used", used), ("forgotten", forgotten)]), ["forgotten"]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn unreached<'n>(&self, parameters: &[(&'n str, Var<'_, T>)]) -> Vec<&'n str> {
        let missing = parameters.iter().filter(|(_, var)| self.get(*var).is_none());
        missing.map(|(name, _)| *name).collect()
    }

    /// Number of leaves that were reached.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of_leaf.len()
    }

    /// Whether no leaf was reached.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of_leaf.is_empty()
    }

    #[track_caller]
    fn key(&self, leaf: Var<'_, T>) -> u32 {
        assert_eq!(leaf.tape.serial, self.tape, "these gradients belong to another tape");
        leaf.id
    }
}
