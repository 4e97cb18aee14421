//! The tape: every value computed so far, and how each came to be.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use ulp_tensor::Float;
use ulp_tensor::ndarray::{Array, ArrayBase, DataOwned, Dimension, IxDyn};

use crate::anomaly::{LEAF, Watch};
use crate::checkpoint::Function;
use crate::fused::{FusedOp, FusedVjp};
use crate::op::{Op, Value, recycle};
use crate::segment::Segments;
use crate::var::Var;

/// Positions of a node's inputs. Nearly every operation has at most three; keeping those inline
/// saves an allocation per operation.
#[derive(Clone)]
pub(crate) enum Inputs {
    Few { count: u8, ids: [u32; 3] },
    Many(Rc<[u32]>),
}

impl Inputs {
    pub(crate) fn from_vars<T: Float>(vars: &[Var<'_, T>]) -> Self {
        if vars.len() <= 3 {
            let mut ids = [0; 3];
            for (slot, var) in ids.iter_mut().zip(vars) {
                *slot = var.id;
            }
            Inputs::Few { count: vars.len() as u8, ids }
        } else {
            Inputs::Many(vars.iter().map(|var| var.id).collect())
        }
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        match self {
            Inputs::Few { count, ids } => &ids[..usize::from(*count)],
            Inputs::Many(ids) => ids,
        }
    }
}

/// How a value came to be: the operation and the positions of its inputs.
#[derive(Clone)]
pub(crate) struct Record<T: Float> {
    pub(crate) op: Rc<dyn Op<T>>,
    pub(crate) inputs: Inputs,
    /// The function, if its values were not kept and are computed again.
    pub(crate) again: Option<Rc<Function<T>>>,
}

impl<T: Float> Record<T> {
    pub(crate) fn new(op: Rc<dyn Op<T>>, inputs: Inputs) -> Self {
        Record { op, inputs, again: None }
    }
}

pub(crate) struct Node<T: Float> {
    pub(crate) value: Value<T>,
    /// Absent for leaves, constants, and whatever was computed with recording off.
    pub(crate) record: Option<Record<T>>,
    pub(crate) wants_gradient: bool,
}

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
    pub(crate) nodes: RefCell<Vec<Node<T>>>,
    recording: Cell<bool>,
    pub(crate) watch: Watch,
    pub(crate) segments: Segments<T>,
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
        self.cut_back(0);
    }
}

impl<T: Float> Tape<T> {
    /// An empty tape, recording.
    #[must_use]
    pub fn new() -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        Self {
            nodes: RefCell::new(Vec::new()),
            recording: Cell::new(true),
            watch: Watch::default(),
            segments: Segments::new(),
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
    /// Takes any owned or shared array without copying it ([`Array`], or
    /// [`Array::into_shared`]'s result, of any dimension).
    pub fn leaf<'t, D: Dimension>(&'t self, array: impl IntoValue<T, D>) -> Var<'t, T> {
        let value = array.into_value();
        if self.watch.on.get() {
            self.watch.look(LEAF, &[], &value, None);
        }
        self.push(Node { value, record: None, wants_gradient: true })
    }

    /// A value that wants no gradient.
    pub fn constant<'t, D: Dimension>(&'t self, array: impl IntoValue<T, D>) -> Var<'t, T> {
        self.push_value(array.into_value())
    }

    /// A constant without axes.
    pub fn scalar(&self, x: T) -> Var<'_, T> {
        self.push_value(Array::from_elem(IxDyn(&[]), x).into_shared())
    }

    /// Computes `op` of `inputs` and records how, unless recording is off or no input wants a
    /// gradient. The only way to record: see [`Op`].
    ///
    /// # Panics
    ///
    /// If an input lives on another tape, or where `op.forward` does.
    #[track_caller]
    pub fn apply<'t>(&'t self, op: impl Op<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        self.check_ours(inputs);
        let value = self.with_values(inputs, |values| {
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
        });
        let wants_gradient = self.is_recording() && inputs.iter().any(|v| v.wants_gradient());
        let record = wants_gradient.then(|| Record::new(Rc::new(op), Inputs::from_vars(inputs)));
        let var = self.push(Node { value, record, wants_gradient });
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
        let products = {
            let nodes = self.nodes.borrow();
            let value = |var: &Var<'t, T>| &nodes[var.id as usize].value;
            let values: Vec<&Value<T>> = inputs.iter().map(value).collect();
            op.backward(&values, value(&output), value(&cotangent), &wants)
        };
        assert_eq!(products.len(), inputs.len(), "{}: one product an input", op.name());
        let recorded = self.is_recording().then(|| {
            let mut all = inputs.to_vec();
            all.push(cotangent);
            Inputs::from_vars(&all)
        });
        let node = |(which, value): (usize, Value<T>)| {
            let vjp = || Rc::new(FusedVjp { op: Rc::clone(op), which });
            let record = recorded.clone().map(|inputs| Record::new(vjp(), inputs));
            self.push(Node { value, wants_gradient: record.is_some(), record })
        };
        products.into_iter().enumerate().map(|(i, p)| p.map(|value| node((i, value)))).collect()
    }

    /// Forgets the values from number `len` on.
    pub(crate) fn cut_back(&self, len: usize) {
        let mut nodes = self.nodes.borrow_mut();
        nodes.drain(len..).for_each(|node| recycle(node.value));
        self.watch.cut_back(len);
        self.segments.cut_back(len);
    }

    pub(crate) fn push_value(&self, value: Value<T>) -> Var<'_, T> {
        self.push(Node { value, record: None, wants_gradient: false })
    }

    pub(crate) fn push(&self, node: Node<T>) -> Var<'_, T> {
        let mut nodes = self.nodes.borrow_mut();
        let id = u32::try_from(nodes.len()).expect("a tape holds fewer than 2^32 values");
        // A buffer that is shared was counted with its owner.
        let counts = self.segments.is_running() && node.value.is_unique();
        let bytes = node.value.len() * size_of::<T>();
        nodes.push(node);
        if counts {
            drop(nodes);
            self.count(bytes);
        }
        Var { tape: self, id }
    }

    /// Lends the values of `inputs` to `f`, without touching their reference counts.
    fn with_values<R>(&self, inputs: &[Var<'_, T>], f: impl FnOnce(&[&Value<T>]) -> R) -> R {
        let nodes = self.nodes.borrow();
        let value = |var: &Var<'_, T>| &nodes[var.id as usize].value;
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
