//! Where the first value that is no number was born.

use std::cell::{Cell, RefCell};
use std::fmt;

use ulp_tensor::Float;

use crate::op::Value;
use crate::tape::Tape;

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnomalyKind {
    /// An element is NaN, and that of no input that was computed.
    Nan,
    /// An element is infinite, and all of the inputs' that were computed are finite: an overflow, a
    /// pole, or a parameter.
    Infinity,
    /// Half of the elements or more are subnormal, or zero though no element of an input is: their
    /// digits are lost.
    Underflow,
}

/// The first anomaly of a tape that is [watched](Tape::watch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// What it is.
    pub kind: AnomalyKind,
    /// The operation in whose value or VJP it was born; `leaf`, if the tape was given it.
    pub operation: &'static str,
    /// Whether it was born on the way back.
    pub backward: bool,
    /// The names of [`Tape::within`] in which the operation was recorded or the leaf made, joined by
    /// dots.
    pub path: String,
    /// The first such element, in logical (row-major) order.
    pub element: usize,
    /// The shape of the value.
    pub shape: Vec<usize>,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, operation, backward, path, element, shape } = self;
        let kind = match kind {
            AnomalyKind::Nan => "NaN",
            AnomalyKind::Infinity => "infinity",
            AnomalyKind::Underflow => "underflow",
        };
        let way = match (*operation, backward) {
            (LEAF, _) => "in",
            (_, false) => "born in",
            (_, true) => "born in the VJP of",
        };
        let place = if path.is_empty() { String::new() } else { format!(" in {path}") };
        write!(f, "{kind} {way} {operation}{place}, element {element} of {shape:?}")
    }
}

/// The operation's name where there is none.
pub(crate) const LEAF: &str = "leaf";

/// What a tape knows about anomalies.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) on: Cell<bool>,
    path: RefCell<Vec<String>>,
    /// The path of each recorded node, by its number, while watching.
    paths: RefCell<Vec<(u32, String)>>,
    found: RefCell<Option<Anomaly>>,
}

/// Operations that give zero for numbers that are not zero only when a result is too small.
const NEVER_ZERO: [&str; 8] =
    ["exp", "mul", "scale", "div", "div_scalar", "pow", "softmax", "sigmoid"];

impl Watch {
    /// Remembers in which path node `id` was made.
    pub(crate) fn note(&self, id: u32) {
        let path = self.path.borrow().join(".");
        if !path.is_empty() {
            self.paths.borrow_mut().push((id, path));
        }
    }

    /// Forgets the nodes from number `len` on.
    pub(crate) fn cut_back(&self, len: usize) {
        let mut paths = self.paths.borrow_mut();
        while paths.pop_if(|(id, _)| *id as usize >= len).is_some() {}
    }

    /// Where node `id` was made, or where we are.
    pub(crate) fn path_of(&self, id: u32) -> String {
        let paths = self.paths.borrow();
        let found = paths.binary_search_by_key(&id, |(id, _)| *id);
        found.map_or_else(|_| self.path.borrow().join("."), |index| paths[index].1.clone())
    }

    /// Looks at the value of `operation`, if nothing has been found yet; `node` is the recorded one
    /// when it is a VJP's.
    pub(crate) fn look<T: Float>(
        &self,
        operation: &'static str,
        inputs: &[&Value<T>],
        value: &Value<T>,
        node: Option<u32>,
    ) {
        if self.found.borrow().is_some() {
            return;
        }
        let Some((kind, element)) = anomaly(operation, inputs, value) else { return };
        let path = match node {
            Some(id) => self.path_of(id),
            None => self.path.borrow().join("."),
        };
        *self.found.borrow_mut() = Some(Anomaly {
            kind,
            operation,
            backward: node.is_some(),
            path,
            element,
            shape: value.shape().to_vec(),
        });
    }
}

fn anomaly<T: Float>(
    operation: &str,
    inputs: &[&Value<T>],
    value: &Value<T>,
) -> Option<(AnomalyKind, usize)> {
    let any = |test: fn(&T) -> bool| inputs.iter().any(|x| x.iter().any(test));
    if let Some(element) = value.iter().position(|x| x.is_nan())
        && !any(|x| x.is_nan())
    {
        return Some((AnomalyKind::Nan, element));
    }
    if let Some(element) = value.iter().position(|x| !x.is_finite() && !x.is_nan())
        && !any(|x| !x.is_finite())
    {
        return Some((AnomalyKind::Infinity, element));
    }
    let zeros_count = NEVER_ZERO.contains(&operation);
    let lost = |x: &T| {
        let x = x.abs();
        if x == T::ZERO { zeros_count } else { x < T::MIN_POSITIVE }
    };
    let count = value.iter().filter(|x| lost(x)).count();
    let born = count > 0 && 2 * count >= value.len() && !any(|x| x.abs() < T::MIN_POSITIVE);
    let first = || value.iter().position(&lost).unwrap_or(0);
    born.then(|| (AnomalyKind::Underflow, first()))
}

impl<T: Float> Tape<T> {
    /// From now on looks at every leaf, and at every value that is computed, forwards and backwards,
    /// for NaN, infinities and underflow that its inputs did not have (those of leaves that were made
    /// before are found where they are used). The first one found is [`Tape::anomaly`]. (Reading every
    /// value costs as much as a cheap operation.)
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::{AnomalyKind, Tape};
    /// use ulp_tensor::ndarray::arr1;
    ///
    /// let tape = Tape::new();
    /// tape.watch();
    /// let x = tape.leaf(arr1(&[1.0_f32, 0.0, -1.0]));
    /// let y = tape.within("layers.3.mlp", || x.log());
    /// let _ = (y * 2.0).sum_all();
    /// let anomaly = tape.anomaly().unwrap();
    /// assert_eq!((anomaly.kind, anomaly.element), (AnomalyKind::Nan, 2));
    /// assert_eq!(anomaly.to_string(), "NaN born in log in layers.3.mlp, element 2 of [3]");
    /// ```
    pub fn watch(&self) {
        self.watch.on.set(true);
    }

    /// The first anomaly since [`Tape::watch`].
    #[must_use]
    pub fn anomaly(&self) -> Option<Anomaly> {
        self.watch.found.borrow().clone()
    }

    /// Runs `f`; an anomaly in it is reported as being in `name`, inside the names around it.
    pub fn within<R>(&self, name: &str, f: impl FnOnce() -> R) -> R {
        /// Takes the name off even when `f` panics.
        struct Leave<'a>(&'a RefCell<Vec<String>>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.borrow_mut().pop();
            }
        }
        self.watch.path.borrow_mut().push(name.to_string());
        let _leave = Leave(&self.watch.path);
        f()
    }
}
