//! The tape: every value computed so far, and how each came to be.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayBase, DataOwned, Dimension};

use crate::anomaly::{LEAF, Watch};
use crate::fused::{FusedOp, FusedVjp};
use crate::linear_precision::LinearPrecision;
use crate::node::{Inputs, Operation, Record};
use crate::nodes::{Held, Nodes};
use crate::op::{Op, Value};
use crate::segment::Segments;
use crate::spare;
use crate::var::Var;

/// Owns the values of a computation, in the order in which they were computed.
///
/// Inputs always lie before outputs, so walking the tape backwards visits every node after all
/// its users: that is reverse-mode differentiation, and no sorting is needed. A tape lives as
/// long as one training step: make one, bind the parameters, compute the loss, call
/// [`Var::backward`], drop it.
///
/// # Examples
///
/// ```
/// use ulp_autograd::Tape;
/// use ulp_tensor::ndarray::arr1;
///
/// let tape = Tape::new();
/// let w = tape.leaf(arr1(&[1.0_f32, 2.0]));
/// let x = tape.constant(arr1(&[10.0_f32, 20.0]));
/// let loss = (w * x).sum_all();
/// let gradients = loss.backward();
/// assert_eq!(gradients.get(w).unwrap().as_slice(), Some(&[10.0, 20.0][..]));
/// assert!(gradients.get(x).is_none());
/// ```
pub struct Tape<T: Float> {
    pub(crate) nodes: RefCell<Nodes<T>>,
    recording: Cell<bool>,
    pub(crate) watch: Watch,
    pub(crate) segments: Segments<T>,
    pub(crate) linear_precision: Cell<LinearPrecision>,
    /// Tells gradients of one tape from those of another; never part of a result.
    pub(crate) serial: u64,
}

impl<T: Float> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Float> std::fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tape")
            .field("len", &self.len())
            .field("recording", &self.is_recording())
            .finish()
    }
}

/// Buffers that nobody else holds are handed to arrays made later: see [`ulp_tensor::pool`].
impl<T: Float> Drop for Tape<T> {
    fn drop(&mut self) {
        self.nodes.take().into_spare();
    }
}

impl<T: Float> Tape<T> {
    /// An empty tape, recording.
    #[must_use]
    pub fn new() -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        Self {
            nodes: RefCell::new(spare::take()),
            recording: Cell::new(true),
            watch: Watch::default(),
            segments: Segments::new(),
            linear_precision: Cell::default(),
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Number of values on the tape.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing was computed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An independent variable: [`Var::backward`] gives its gradient.
    ///
    /// Takes any owned or shared array without copying it ([`Array`](ulp_tensor::ndarray::Array), or the
    /// result of its `into_shared`, of any dimension).
    pub fn leaf<'t, D: Dimension>(&'t self, array: impl IntoValue<T, D>) -> Var<'t, T> {
        let value = array.into_value();
        if self.watch.on.get() {
            self.watch.look(LEAF, &[], &value, None);
        }
        self.push(Held::Array(value), None, true)
    }

    /// A value that wants no gradient.
    pub fn constant<'t, D: Dimension>(&'t self, array: impl IntoValue<T, D>) -> Var<'t, T> {
        self.push_value(Held::Array(array.into_value()))
    }

    /// A constant without axes.
    pub fn scalar(&self, x: T) -> Var<'_, T> {
        self.push_value(Held::scalar(x))
    }

    /// Computes `op` of `inputs` and records how, unless recording is off or no input wants a
    /// gradient. The only way to record: see [`Op`].
    ///
    /// # Panics
    ///
    /// If an input lives on another tape, or where `op.forward` does.
    #[track_caller]
    pub fn apply<'t>(&'t self, op: impl Op<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let value = self.value_of(&op, inputs);
        let wants_gradient = self.is_recording() && inputs.iter().any(|v| v.wants_gradient());
        self.push_result(value, wants_gradient.then(|| Operation::new(op)), inputs)
    }

    /// The first half of [`Tape::apply`]. Like the second, it is compiled once for all operations.
    #[track_caller]
    fn value_of(&self, op: &dyn Op<T>, inputs: &[Var<'_, T>]) -> Value<T> {
        self.check_ours(inputs);
        self.with_values(inputs, |values| {
            let value = op.forward(values);
            // On the way back the VJP that computes it is looked at as a whole.
            if self.watch.on.get() && self.is_recording() {
                // What a leaf brings in is born where it is used first; constants, such as masks,
                // may be infinite.
                let computed = inputs.iter().zip(values).filter(|(var, _)| !var.is_leaf());
                let computed: Vec<_> = computed.map(|(_, &value)| value).collect();
                self.watch.look(op.name(), &computed, &value, None);
            }
            value
        })
    }

    /// The second half of [`Tape::apply`]: `op` is there if the value wants a gradient.
    fn push_result<'t>(
        &'t self,
        value: Value<T>,
        op: Option<Operation<T>>,
        inputs: &[Var<'t, T>],
    ) -> Var<'t, T> {
        let record = op.map(|op| Record { op, inputs: Inputs::from_vars(inputs) });
        let wants_gradient = record.is_some();
        let var = self.push(Held::Array(value), record, wants_gradient);
        if self.watch.on.get() {
            self.watch.note(var.id);
        }
        var
    }

    /// Runs `f` with recording off: what it computes are constants.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr0;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr0(3.0_f64));
    /// let y = tape.no_grad(|| x * x);
    /// assert_eq!(y.item(), 9.0);
    /// assert!(!y.wants_gradient());
    /// ```
    pub fn no_grad<R>(&self, f: impl FnOnce() -> R) -> R {
        self.with_recording(false, f)
    }

    /// Runs `f` with recording on, whatever it was.
    pub(crate) fn recording<R>(&self, f: impl FnOnce() -> R) -> R {
        self.with_recording(true, f)
    }

    fn with_recording<R>(&self, recording: bool, f: impl FnOnce() -> R) -> R {
        /// Restores the flag even when `f` panics.
        struct Restore<'a>(&'a Cell<bool>, bool);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let _restore = Restore(&self.recording, self.recording.replace(recording));
        f()
    }

    /// False inside [`Tape::no_grad`] and inside the VJPs of an ordinary [`Var::backward`].
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recording.get()
    }

    /// Calls a fused operation's backward kernel and puts its results on the tape, recorded (if
    /// recording) as operations whose VJP goes by the reference formula.
    pub(crate) fn apply_fused_vjp<'t, F: FusedOp<T>>(
        &'t self,
        op: &Rc<F>,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let wants: Vec<bool> = inputs.iter().map(|v| v.wants_gradient()).collect();
        let mut all = inputs.to_vec();
        all.extend([output, cotangent]);
        let products = self.with_values(&all, |values| {
            let (inputs, outer) = values.split_at(inputs.len());
            op.backward(inputs, outer[0], outer[1], &wants)
        });
        assert_eq!(products.len(), inputs.len(), "{}: one product an input", op.name());
        let recorded = self.is_recording().then(|| {
            let mut all = inputs.to_vec();
            all.push(cotangent);
            Inputs::from_vars(&all)
        });
        let node = |(which, value): (usize, Value<T>)| {
            let vjp = || Operation::new(FusedVjp { op: Rc::clone(op), which });
            let record = recorded.clone().map(|inputs| Record { op: vjp(), inputs });
            let wants_gradient = record.is_some();
            self.push(Held::Array(value), record, wants_gradient)
        };
        products.into_iter().enumerate().map(|(i, p)| p.map(|value| node((i, value)))).collect()
    }

    /// Forgets the values from number `len` on.
    pub(crate) fn cut_back(&self, len: usize) {
        self.nodes.borrow_mut().cut_back(len);
        self.watch.cut_back(len);
        self.segments.cut_back(len);
    }

    pub(crate) fn push_value(&self, value: Held<T>) -> Var<'_, T> {
        self.push(value, None, false)
    }

    pub(crate) fn push(
        &self,
        mut value: Held<T>,
        record: Option<Record<T>>,
        wants_gradient: bool,
    ) -> Var<'_, T> {
        let mut nodes = self.nodes.borrow_mut();
        let id = nodes.next_id();
        // A buffer that is shared was counted with its owner.
        let counts = self.segments.is_running() && value.is_unique();
        nodes.push(value, record, wants_gradient);
        if counts {
            let bytes = nodes.len_of(id) * size_of::<T>();
            drop(nodes);
            self.count(bytes);
        }
        Var { tape: self, id }
    }

    /// Lends the values of `inputs` to `f`, without touching their reference counts.
    pub(crate) fn with_values<R>(
        &self,
        inputs: &[Var<'_, T>],
        f: impl FnOnce(&[&Value<T>]) -> R,
    ) -> R {
        let nodes = self.nodes.borrow();
        let value = |var: &Var<'_, T>| nodes.array(var.id);
        match inputs {
            [a] => f(&[value(a)]),
            [a, b] => f(&[value(a), value(b)]),
            [a, b, c] => f(&[value(a), value(b), value(c)]),
            many => f(&many.iter().map(value).collect::<Vec<_>>()),
        }
    }

    #[track_caller]
    pub(crate) fn check_ours(&self, vars: &[Var<'_, T>]) {
        for var in vars {
            assert!(std::ptr::eq(var.tape, self), "a Var was used with a Var of another tape");
        }
    }
}

/// Arrays that a tape takes in without copying: owned and shared ones of any dimension.
pub trait IntoValue<T, D> {
    /// The array, shared, its dimension dynamic.
    fn into_value(self) -> Value<T>;
}

impl<T: Float, S: DataOwned<Elem = T>, D: Dimension> IntoValue<T, D> for ArrayBase<S, D> {
    fn into_value(self) -> Value<T> {
        self.into_dyn().into_shared()
    }
}
