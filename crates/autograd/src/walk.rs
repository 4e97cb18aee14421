//! The way back for values: adjoints are moved, memory is reused, nothing is recorded.

use std::collections::BTreeMap;

use ulp_tensor::Float;
use ulp_tensor::ndarray::ArrayD;

use crate::adjoints::Adjoints;
use crate::elementwise::Around;
use crate::node::{Operation, Record};
use crate::nodes::Held;
use crate::spare;
use crate::tape::Tape;
use crate::var::Var;

/// A walk from a value back to the leaves.
pub(crate) struct Walk<'a, 't, T: Float> {
    tape: &'t Tape<T>,
    /// Whose gradients are wanted though they are no leaves.
    kept: &'a [Var<'t, T>],
    /// Where the walk began: what lies behind it was computed again, and holds no leaves.
    top: u32,
    adjoints: Adjoints<T>,
    products: Vec<(u32, Held<T>)>,
    found: BTreeMap<u32, ArrayD<T>>,
}

impl<'a, 't, T: Float> Walk<'a, 't, T> {
    pub(crate) fn new(tape: &'t Tape<T>, kept: &'a [Var<'t, T>]) -> Self {
        let (adjoints, products, found) = (spare::take(), Vec::new(), BTreeMap::new());
        Walk { tape, kept, top: 0, adjoints, products, found }
    }

    /// The gradients of Σ `cotangent` · `y`, by the numbers of the leaves.
    pub(crate) fn from(mut self, y: Var<'t, T>, cotangent: Held<T>) -> BTreeMap<u32, ArrayD<T>> {
        self.top = y.id;
        self.adjoints.reach(&self.tape.nodes.borrow());
        self.add(y.id, cotangent);
        self.back(y.id, 0);
        self.adjoints.into_spare();
        self.found
    }

    fn add(&mut self, id: u32, adjoint: Held<T>) {
        self.adjoints.add(id, adjoint, &self.tape.nodes.borrow());
    }

    /// From node `last` to node `first`.
    fn back(&mut self, last: u32, first: u32) {
        for id in (first..=last).rev() {
            if !self.adjoints.has(id) || self.step_on_slices(id) {
                continue;
            }
            let adjoint = self.adjoints.take(id, &self.tape.nodes.borrow());
            let adjoint = adjoint.expect("it has one");
            match self.tape.record(id) {
                Some(record) => {
                    if self.is_kept(id) {
                        self.found.insert(id, into_standard_layout(adjoint.clone()));
                    }
                    match &record.op {
                        Operation::Again(_) => self.again(id, &record, adjoint),
                        _ => self.step(id, &record, adjoint),
                    }
                }
                None if id <= self.top && self.tape.wants_gradient(id) => {
                    self.found.insert(id, into_standard_layout(adjoint));
                }
                None => {}
            }
        }
    }

    fn is_kept(&self, id: u32) -> bool {
        self.kept.iter().any(|var| var.id == id)
    }

    /// Through one operation on small values, if this is one: the sums are made in place.
    fn step_on_slices(&mut self, id: u32) -> bool {
        let nodes = self.tape.nodes.borrow();
        let node = nodes.node(id);
        let (Some(y), Some(record)) = (node.small, &node.record) else { return false };
        let op = match &record.op {
            Operation::KnownOnSlices(op) => *op,
            Operation::CountedOnSlices(op) => &**op,
            _ => return false,
        };
        if self.tape.watch.on.get() || self.is_kept(id) {
            return false;
        }
        let ids = record.inputs.as_slice();
        let (a, b) = (ids[0], ids[ids.len() - 1]);
        let (Some(p), Some(q)) = (nodes.node(a).small, nodes.node(b).small) else { return false };
        let elements = nodes.elements();
        let x = [&elements[p.range()], &elements[q.range()]];
        for (i, (id, place)) in [(a, p), (b, q)].into_iter().enumerate().take(ids.len()) {
            if nodes.node(id).wants_gradient {
                let (dy, sum, first) = self.adjoints.between(y, place, id);
                let around = Around { x, y: &elements[y.range()], dy };
                op.pull(i, around, sum, first);
            }
        }
        self.adjoints.clear(id);
        true
    }

    /// Through one operation.
    fn step(&mut self, id: u32, record: &Record<T>, adjoint: Held<T>) {
        self.tape.vjp_values(id, record, adjoint, &mut self.products);
        let nodes = self.tape.nodes.borrow();
        for (input, product) in self.products.drain(..) {
            self.adjoints.add(input, product, &nodes);
        }
    }

    /// Through what was not kept: it is computed again, and what would have been added to the
    /// adjoints is added in the same order.
    fn again(&mut self, id: u32, record: &Record<T>, adjoint: Held<T>) {
        let Operation::Again(checkpoint) = &record.op else { unreachable!("it was looked at") };
        let tape = self.tape;
        let inputs = record.inputs.as_slice().iter().map(|&id| Var { tape, id });
        let inputs: Vec<_> = inputs.collect();
        tape.again(id, &*checkpoint.0, &inputs, |y, first| {
            if y < first {
                return self.add(y, adjoint);
            }
            let reach = self.adjoints.reach(&tape.nodes.borrow());
            self.add(y, adjoint);
            self.back(y, first);
            self.adjoints.cut_back(&reach);
        });
    }
}

impl<T: Float> Tape<T> {
    /// [`Tape::vjp_vars`], the products moved off the tape and the tape cut back to its length.
    fn vjp_values(
        &self,
        id: u32,
        record: &Record<T>,
        adjoint: Held<T>,
        products: &mut Vec<(u32, Held<T>)>,
    ) {
        let mark = self.len();
        let cotangent = self.push_value(adjoint);
        let all = self.vjp_vars(id, record, cotangent).map(|(input, product)| {
            if self.watch.on.get() {
                let inputs = record.inputs.as_slice().iter().chain([&id, &cotangent.id]);
                let inputs: Vec<_> = inputs.map(|&id| Var { tape: self, id }).collect();
                let look = |inputs: &[&_]| {
                    product.with(|product| {
                        self.watch.look(record.op.name(), inputs, product, Some(id));
                    });
                };
                self.with_values(&inputs, look);
            }
            (input, product.held())
        });
        products.extend(all);
        self.cut_back(mark);
    }
}

/// The array itself if nobody shares it and its rows are in order; a copy otherwise.
fn into_standard_layout<T: Float>(value: Held<T>) -> ArrayD<T> {
    match value.into_array().try_into_owned_nocopy() {
        Ok(array) if array.is_standard_layout() => array,
        Ok(array) => array.as_standard_layout().into_owned(),
        Err(shared) => shared.as_standard_layout().into_owned(),
    }
}
