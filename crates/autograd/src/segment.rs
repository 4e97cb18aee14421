//! Activations within a budget: what is kept for the way back, and what is computed again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, IxDyn};

use crate::checkpoint::{Checkpoint, Function};
use crate::node::{Inputs, Operation, Record};
use crate::op::Value;
use crate::tape::Tape;
use crate::var::Var;

/// The segments of a tape whose activations are kept, and how much they hold.
pub(crate) struct Segments<T: Float> {
    budget: Cell<usize>,
    /// What is kept now, with what the running segment has computed so far.
    bytes: Cell<usize>,
    peak: Cell<usize>,
    running: Cell<bool>,
    /// Where the way back has come to: what lies behind this node will not be needed again by it.
    position: Cell<u32>,
    /// In the order of the tape.
    kept: RefCell<Vec<Kept<T>>>,
}

/// A segment that could be given up.
struct Kept<T: Float> {
    /// The nodes from `first` up to `end` are its own.
    first: u32,
    end: u32,
    result: u32,
    /// Without the result.
    bytes: usize,
    /// How the result came to be, when nothing else is left.
    record: Record<T>,
}

impl<T: Float> Segments<T> {
    pub(crate) fn new() -> Self {
        Segments {
            budget: Cell::new(usize::MAX),
            bytes: Cell::new(0),
            peak: Cell::new(0),
            running: Cell::new(false),
            position: Cell::new(u32::MAX),
            kept: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.get()
    }

    /// From now on nothing is given up: something else refers to it.
    pub(crate) fn pin(&self) {
        self.kept.borrow_mut().clear();
    }

    /// Forgets the segments from node `len` on.
    pub(crate) fn cut_back(&self, len: usize) {
        let mut kept = self.kept.borrow_mut();
        while let Some(last) = kept.pop_if(|last| last.end as usize > len) {
            self.free(last.bytes);
        }
    }

    fn free(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() - bytes);
    }

    /// Takes out the segment to give up next, to free `over` bytes: what the way back has passed,
    /// the latest first; else the smallest that is enough, else the largest; of equals the latest.
    fn choose(&self, over: usize) -> Option<Kept<T>> {
        let mut kept = self.kept.borrow_mut();
        let enough = kept.iter().map(|k| k.bytes).filter(|&bytes| bytes >= over).min();
        let wanted = enough.or(kept.iter().map(|k| k.bytes).max()).filter(|&bytes| bytes > 0)?;
        let passed = |k: &Kept<T>| k.first > self.position.get() && k.bytes > 0;
        let found = kept.iter().rposition(passed);
        let found = found.or_else(|| kept.iter().rposition(|k| k.bytes == wanted))?;
        Some(kept.remove(found))
    }
}

/// What a run of a segment has computed.
struct Ran<'t, T: Float> {
    y: Var<'t, T>,
    first: u32,
    bytes: usize,
}

impl<T: Float> Tape<T> {
    /// The most bytes of activations that [segments](Tape::segment) may keep. Without a call there is
    /// no limit, and all of them are kept.
    pub fn set_activation_budget(&self, bytes: usize) {
        self.segments.budget.set(bytes);
        self.make_room();
    }

    /// The budget, if one was set.
    #[must_use]
    pub fn activation_budget(&self) -> Option<usize> {
        Some(self.segments.budget.get()).filter(|&bytes| bytes != usize::MAX)
    }

    /// The bytes of activations that segments hold now.
    #[must_use]
    pub fn activation_bytes(&self) -> usize {
        self.segments.bytes.get()
    }

    /// The most that [`Tape::activation_bytes`] has been, on the way back too.
    #[must_use]
    pub fn peak_activation_bytes(&self) -> usize {
        self.segments.peak.get()
    }

    /// `f(inputs)`, whose activations (all that `f` computes but its result) are kept for the way back
    /// as long as the [budget](Tape::set_activation_budget) allows it, and computed again where not, as
    /// in a [checkpoint](Tape::checkpoint). Value and gradients of [`Var::backward`] have the bits of
    /// `f(inputs)`, whatever is kept.
    ///
    /// The rule: a segment is kept when it is computed. Whenever segments hold more than the budget, on
    /// the way there or back, one is given up, and again until they hold no more than that: on the way
    /// back the latest that has been passed already (nothing is lost by that); else the smallest whose
    /// bytes are enough, so that few have to be computed again; if none is enough, the largest; of
    /// equals the latest. A segment that runs makes room for itself in this way, and is not given up
    /// while it runs: if it alone exceeds the budget, the budget is exceeded while it runs.
    ///
    /// A buffer that several values share, as a reshaped array and the array itself, counts once, and
    /// not at all if an input owns it. The value that is being computed counts when it is done. A
    /// segment inside a segment is part of the outer one. What a *recorded* gradient ([`crate::grad`])
    /// has gone through is kept.
    ///
    /// All that `f` differentiates must come in by `inputs`, its parameters too; and `f` must compute
    /// the same each time.
    ///
    /// # Panics
    ///
    /// Where `f` does, or if an input lives on another tape.
    ///
    /// # Examples
    ///
    /// Eight layers, of which the budget can keep three at a time:
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::ArrayD;
    ///
    /// let tape = Tape::new();
    /// tape.set_activation_budget(3 * 2 * 1024 * size_of::<f32>());
    /// let x = tape.leaf(ArrayD::<f32>::ones(vec![1024]));
    /// let layer = |x| tape.segment(|x| x[0].tanh().exp().sigmoid(), &[x]);
    /// let loss = (0..8).fold(x, |x, _| layer(x)).sum_all();
    /// let plain = (0..8).fold(x, |x, _| x.tanh().exp().sigmoid()).sum_all();
    /// assert_eq!(loss.backward().get(x), plain.backward().get(x));
    /// assert!(tape.peak_activation_bytes() <= tape.activation_budget().unwrap());
    /// ```
    #[track_caller]
    pub fn segment<'t, F>(&'t self, f: F, inputs: &[Var<'t, T>]) -> Var<'t, T>
    where
        F: for<'s> Fn(&[Var<'s, T>]) -> Var<'s, T> + 'static,
    {
        self.check_ours(inputs);
        if self.segments.is_running() {
            return f(inputs);
        }
        if !self.is_recording() || !inputs.iter().any(|x| x.wants_gradient()) {
            return self.checkpoint(f, inputs);
        }
        let f: Rc<Function<T>> = Rc::new(f);
        let Ran { y, first, bytes } = self.run(|| f(inputs));
        let result = self.result_bytes(y, inputs).min(bytes);
        self.segments.free(result);
        if y.id >= first && y.wants_gradient() {
            let record = Record {
                op: Operation::Again(Rc::new(Checkpoint(f))),
                inputs: Inputs::from_vars(inputs),
            };
            let end = self.len() as u32;
            let kept = Kept { first, end, result: y.id, bytes: bytes - result, record };
            self.segments.kept.borrow_mut().push(kept);
        }
        self.make_room();
        y
    }

    /// Runs a segment, counting what it computes.
    fn run<'t>(&'t self, f: impl FnOnce() -> Var<'t, T>) -> Ran<'t, T> {
        /// Ends the count even when `f` panics.
        struct Running<'a>(&'a Cell<bool>);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        let (first, before) = (self.len() as u32, self.segments.bytes.get());
        let held =
            |tape: &Self| -> usize { tape.segments.kept.borrow().iter().map(|k| k.bytes).sum() };
        let held_before = held(self);
        self.segments.running.set(true);
        let _running = Running(&self.segments.running);
        let y = f();
        let freed = held_before - held(self);
        Ran { y, first, bytes: self.segments.bytes.get() + freed - before }
    }

    /// The bytes of a result, unless they are an input's.
    fn result_bytes(&self, y: Var<'_, T>, inputs: &[Var<'_, T>]) -> usize {
        let start = |x: Var<'_, T>| x.with(|x| x.as_ptr());
        let is_input = inputs.iter().any(|&x| start(x) == start(y));
        if is_input { 0 } else { y.len() * size_of::<T>() }
    }

    /// Counts a value that a running segment has computed.
    pub(crate) fn count(&self, bytes: usize) {
        self.segments.bytes.set(self.segments.bytes.get() + bytes);
        self.make_room();
        self.segments.peak.set(self.segments.peak.get().max(self.segments.bytes.get()));
    }

    /// Gives up segments until the rest is within the budget, or none is left.
    fn make_room(&self) {
        let over = || self.segments.bytes.get().checked_sub(self.segments.budget.get());
        while let Some(over) = over().filter(|&over| over > 0)
            && let Some(kept) = self.segments.choose(over)
        {
            self.give_up(kept);
        }
    }

    /// Forgets all values of a segment but its result, which becomes that of a checkpoint.
    fn give_up(&self, kept: Kept<T>) {
        let nothing: Value<T> = ArrayD::zeros(IxDyn(&[0])).into_shared();
        let mut nodes = self.nodes.borrow_mut();
        for id in (kept.first..kept.end).filter(|&id| id != kept.result) {
            nodes.forget(id, nothing.clone());
        }
        nodes.node_mut(kept.result).record = Some(kept.record);
        self.segments.free(kept.bytes);
    }

    /// Computes a segment again for the way back, which has come to its result `id`, and lends it to
    /// `f`: the numbers of its result and of its first node.
    pub(crate) fn again<R>(
        &self,
        id: u32,
        function: &Function<T>,
        inputs: &[Var<'_, T>],
        f: impl FnOnce(u32, u32) -> R,
    ) -> R {
        let position = self.segments.position.replace(id);
        let path = self.watch.path_of(id);
        let run = || self.run(|| self.recording(|| function(inputs)));
        let Ran { y, first, bytes } = if path.is_empty() { run() } else { self.within(&path, run) };
        let result = f(y.id, first);
        self.cut_back(first as usize);
        self.segments.free(bytes);
        self.segments.position.set(position);
        result
    }
}
