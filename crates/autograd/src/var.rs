//! The handle of a value on a tape.

use ulp_tensor::Float;
use ulp_tensor::ndarray::{Dimension, IxDyn};

use crate::node::{Inputs, Operation, Record};
use crate::nodes::Held;
use crate::op::Value;
use crate::ops::identity::Identity;
use crate::tape::Tape;

/// A value on a [`Tape`]: a position and nothing more, `Copy`, so that formulas read as formulas.
///
/// Operations mirror those of [`ulp_tensor`]. Binary operators broadcast as there; a scalar on
/// either side is a `T`. Axes are `isize`, and negative ones count from the end.
///
/// # Examples
///
/// ```
/// use ulp_autograd::Tape;
/// use ulp_tensor::ndarray::{arr1, arr2};
///
/// let tape = Tape::new();
/// let x = tape.leaf(arr2(&[[1.0_f64, 2.0], [3.0, 4.0]]));
/// let b = tape.leaf(arr1(&[0.5, -0.5]));
/// let loss = ((x * 2.0 + b).tanh()).mean_all();
/// let gradients = loss.backward();
/// assert_eq!(gradients.get(x).unwrap().shape(), [2, 2]);
/// assert_eq!(gradients.get(b).unwrap().shape(), [2]);
/// ```
pub struct Var<'t, T: Float> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) id: u32,
}

impl<T: Float> Clone for Var<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Float> Copy for Var<'_, T> {}

impl<T: Float> std::fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Var").field("id", &self.id).field("value", &self.value()).finish()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The tape it lives on.
    #[must_use]
    pub fn tape(self) -> &'t Tape<T> {
        self.tape
    }

    /// The array, shared with the tape.
    #[must_use]
    pub fn value(self) -> Value<T> {
        self.with(Clone::clone)
    }

    /// The number, of a value with exactly one.
    ///
    /// # Panics
    ///
    /// If there are more or fewer; the message gives the shape.
    #[track_caller]
    #[must_use]
    pub fn item(self) -> T {
        let nodes = self.tape.nodes.borrow();
        let one = nodes.len_of(self.id) == 1;
        assert!(one, "item of a value of shape {:?}", nodes.dim(self.id).slice());
        nodes.first(self.id)
    }

    /// Lengths of the axes.
    #[must_use]
    pub fn shape(self) -> Vec<usize> {
        self.dim().slice().to_vec()
    }

    /// Number of axes.
    #[must_use]
    pub fn ndim(self) -> usize {
        self.dim().ndim()
    }

    /// Number of elements.
    #[must_use]
    pub fn len(self) -> usize {
        self.tape.nodes.borrow().len_of(self.id)
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether this is a leaf or was computed, with recording on, from one.
    #[must_use]
    pub fn wants_gradient(self) -> bool {
        self.tape.nodes.borrow().node(self.id).wants_gradient
    }

    /// Whether this is a leaf.
    pub(crate) fn is_leaf(self) -> bool {
        let nodes = self.tape.nodes.borrow();
        let node = nodes.node(self.id);
        node.wants_gradient && node.record.is_none()
    }

    /// The same value as a constant: no gradient flows back through it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr0;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr0(3.0_f64));
    /// let y = x * x.stop_gradient();
    /// assert_eq!(y.backward().get(x).unwrap().first(), Some(&3.0));
    /// ```
    #[must_use]
    pub fn stop_gradient(self) -> Self {
        self.tape.push_value(self.held())
    }

    /// Reads the value in place, without touching its reference count.
    pub(crate) fn with<R>(self, f: impl FnOnce(&Value<T>) -> R) -> R {
        self.tape.with_values(&[self], |values| f(values[0]))
    }

    /// The value as the tape holds it.
    pub(crate) fn held(self) -> Held<T> {
        self.tape.nodes.borrow().held(self.id)
    }

    /// The shape.
    pub(crate) fn dim(self) -> IxDyn {
        self.tape.nodes.borrow().dim(self.id)
    }

    pub(crate) fn has_shape(self, shape: &[usize]) -> bool {
        self.dim().slice() == shape
    }

    pub(crate) fn has_shape_of(self, other: Self) -> bool {
        self.tape.nodes.borrow().have_one_shape(self.id, other.id)
    }

    /// The same value at a new place of the tape, recorded even if this is a constant.
    pub(crate) fn alias(self) -> Self {
        let record = Record { op: Operation::new(Identity), inputs: Inputs::from_vars(&[self]) };
        self.tape.push(self.held(), Some(record), true)
    }

    /// Resolves an axis that may count from the end.
    #[track_caller]
    pub(crate) fn axis(self, axis: isize) -> usize {
        let ndim = self.ndim();
        let resolved = if axis < 0 { axis + ndim as isize } else { axis };
        let inside = usize::try_from(resolved).ok().filter(|&a| a < ndim);
        inside.unwrap_or_else(|| panic!("axis {axis} of a value of shape {:?}", self.shape()))
    }
}
