//! The way back for values: adjoints are moved, memory is reused, nothing is recorded.

use std::collections::BTreeMap;

use ulp_tensor::Float;
use ulp_tensor::ndarray::ArrayD;

use crate::checkpoint::Function;
use crate::op::{Value, recycle};
use crate::tape::{Record, Tape};
use crate::var::Var;

/// A walk from a value back to the leaves.
pub(crate) struct Walk<'a, 't, T: Float> {
    tape: &'t Tape<T>,
    /// Whose gradients are wanted though they are no leaves.
    kept: &'a [Var<'t, T>],
    /// Where the walk began: what lies behind it was computed again, and holds no leaves.
    top: u32,
    /// What has come to each node so far.
    adjoints: Vec<Option<Value<T>>>,
    products: Vec<(u32, Value<T>)>,
    found: BTreeMap<u32, ArrayD<T>>,
}

impl<'a, 't, T: Float> Walk<'a, 't, T> {
    pub(crate) fn new(tape: &'t Tape<T>, kept: &'a [Var<'t, T>]) -> Self {
        let (adjoints, products, found) = (Vec::new(), Vec::new(), BTreeMap::new());
        Walk { tape, kept, top: 0, adjoints, products, found }
    }

    /// The gradients of Σ `cotangent` · `y`, by the numbers of the leaves.
    pub(crate) fn from(mut self, y: Var<'t, T>, cotangent: Value<T>) -> BTreeMap<u32, ArrayD<T>> {
        self.top = y.id;
        self.set_out(y.id, cotangent);
        self.back(y.id, 0);
        self.found
    }

    fn set_out(&mut self, id: u32, adjoint: Value<T>) {
        self.adjoints.resize_with(id as usize + 1, || None);
        self.adjoints[id as usize] = Some(adjoint);
    }

    /// From node `last` to node `first`.
    fn back(&mut self, last: u32, first: u32) {
        for id in (first..=last).rev() {
            let Some(adjoint) = self.adjoints[id as usize].take() else { continue };
            match self.tape.record(id) {
                Some(record) => {
                    if self.kept.iter().any(|var| var.id == id) {
                        self.found.insert(id, into_standard_layout(adjoint.clone()));
                    }
                    match &record.again {
                        Some(function) => self.again(id, &record, &**function, adjoint),
                        None => self.step(id, &record, adjoint),
                    }
                }
                None if id <= self.top && self.tape.wants_gradient(id) => {
                    self.found.insert(id, into_standard_layout(adjoint));
                }
                None => {}
            }
        }
    }

    /// Through one operation.
    fn step(&mut self, id: u32, record: &Record<T>, adjoint: Value<T>) {
        self.tape.vjp_values(id, record, adjoint, &mut self.products);
        for (input, product) in self.products.drain(..) {
            accumulate(&mut self.adjoints[input as usize], product);
        }
    }

    /// Through what was not kept: it is computed again, and what would have been added to the
    /// adjoints is added in the same order.
    fn again(&mut self, id: u32, record: &Record<T>, function: &Function<T>, adjoint: Value<T>) {
        let tape = self.tape;
        let inputs = record.inputs.as_slice().iter().map(|&id| Var { tape, id });
        let inputs: Vec<_> = inputs.collect();
        tape.again(id, function, &inputs, |y, first| {
            if y < first {
                return accumulate(&mut self.adjoints[y as usize], adjoint);
            }
            let known = self.adjoints.len();
            self.set_out(y, adjoint);
            self.back(y, first);
            self.adjoints.truncate(known);
        });
    }
}

impl<T: Float> Tape<T> {
    /// [`Tape::vjp_vars`], the products moved off the tape and the tape cut back to its length.
    fn vjp_values(
        &self,
        id: u32,
        record: &Record<T>,
        adjoint: Value<T>,
        products: &mut Vec<(u32, Value<T>)>,
    ) {
        let mark = self.len();
        let cotangent = self.push_value(adjoint);
        let before = products.len();
        products.extend(
            self.vjp_vars(id, record, cotangent).map(|(input, product)| (input, product.value())),
        );
        if self.watch.on.get() {
            let (nodes, name) = (self.nodes.borrow(), record.op.name());
            let ids = record.inputs.as_slice().iter().chain([&id, &cotangent.id]);
            let inputs: Vec<_> = ids.map(|&id| &nodes[id as usize].value).collect();
            for (_, product) in &products[before..] {
                self.watch.look(name, &inputs, product, Some(id));
            }
        }
        self.cut_back(mark);
    }
}

/// Adds `product` to what came before, in a buffer that only the adjoint holds if there is one.
fn accumulate<T: Float>(slot: &mut Option<Value<T>>, mut product: Value<T>) {
    *slot = Some(match slot.take() {
        None => product,
        Some(mut sum) if sum.is_unique() => {
            sum += &product;
            recycle(product);
            sum
        }
        Some(sum) if product.is_unique() => {
            product += &sum;
            recycle(sum);
            product
        }
        Some(sum) => ulp_tensor::add(sum.view(), product.view()).into_shared(),
    });
}

/// The array itself if nobody shares it and its rows are in order; a copy otherwise.
fn into_standard_layout<T: Float>(value: Value<T>) -> ArrayD<T> {
    match value.try_into_owned_nocopy() {
        Ok(array) if array.is_standard_layout() => array,
        Ok(array) => array.as_standard_layout().into_owned(),
        Err(shared) => shared.as_standard_layout().into_owned(),
    }
}
