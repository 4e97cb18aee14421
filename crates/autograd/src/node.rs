//! What stands on a tape: a value, and how it came to be.

use std::cell::OnceCell;
use std::ops::Deref;
use std::rc::Rc;

use ulp_tensor::Float;

use crate::checkpoint::Checkpoint;
use crate::elementwise::OnSlices;
use crate::op::{Op, Value};
use crate::small::Small;
use crate::var::Var;

/// A value, as an array or by its elements or both, and how it came to be.
pub(crate) struct Node<T: Float> {
    /// Absent, until somebody asks for it, where the elements say all.
    pub(super) array: OnceCell<Box<Value<T>>>,
    /// Where the elements lie, if they are few.
    pub(crate) small: Option<Small>,
    /// Absent for leaves, constants, and whatever was computed with recording off.
    pub(crate) record: Option<Record<T>>,
    pub(crate) wants_gradient: bool,
}

/// How a value came to be: the operation and the positions of its inputs.
#[derive(Clone)]
pub(crate) struct Record<T: Float> {
    pub(crate) op: Operation<T>,
    pub(crate) inputs: Inputs,
}

/// The operation of a node.
#[derive(Clone)]
pub(crate) enum Operation<T: Float> {
    /// A value of a type without fields, which is all that there is to know: nothing has to be
    /// allocated, counted or freed.
    Known(&'static dyn Op<T>),
    Counted(Rc<dyn Op<T>>),
    /// The same for small values of one shape, element by element.
    KnownOnSlices(&'static dyn OnSlices<T>),
    CountedOnSlices(Rc<dyn OnSlices<T>>),
    /// What was not kept and is computed again.
    Again(Rc<Checkpoint<T>>),
}

/// `op` without an allocation, if it has no fields: a box of nothing has no memory that could leak.
fn known<O: 'static>(op: O) -> Result<&'static O, O> {
    if size_of::<O>() == 0 && !std::mem::needs_drop::<O>() {
        Ok(Box::leak(Box::new(op)))
    } else {
        Err(op)
    }
}

impl<T: Float> Operation<T> {
    pub(crate) fn new(op: impl Op<T>) -> Self {
        match known(op) {
            Ok(op) => Operation::Known(op),
            Err(op) => Operation::Counted(Rc::new(op)),
        }
    }

    pub(crate) fn on_slices(op: impl OnSlices<T>) -> Self {
        match known(op) {
            Ok(op) => Operation::KnownOnSlices(op),
            Err(op) => Operation::CountedOnSlices(Rc::new(op)),
        }
    }
}

impl<T: Float> Deref for Operation<T> {
    type Target = dyn Op<T>;

    fn deref(&self) -> &Self::Target {
        match self {
            Operation::Known(op) => *op,
            Operation::Counted(op) => &**op,
            Operation::KnownOnSlices(op) => *op,
            Operation::CountedOnSlices(op) => &**op,
            Operation::Again(op) => &**op,
        }
    }
}

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
