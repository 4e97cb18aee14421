//! What has come to each value so far, on the way back.

use ulp_tensor::{Float, add_assign};

use crate::nodes::{Held, Nodes, recycle};
use crate::op::Value;
use crate::small::Small;
use crate::spare;

/// Adjoints by the numbers of the values. Those of small values lie as the values do, so that a way
/// back through small values allocates nothing.
pub(crate) struct Adjoints<T: Float> {
    list: Vec<Adjoint<T>>,
    elements: Vec<T>,
}

enum Adjoint<T: Float> {
    None,
    Array(Box<Value<T>>),
    /// Among the elements, at the place of the value.
    Small,
}

/// How far adjoints reach.
pub(crate) struct Reach {
    list: usize,
    elements: usize,
}

impl<T: Float> Default for Adjoints<T> {
    fn default() -> Self {
        Adjoints { list: Vec::new(), elements: Vec::new() }
    }
}

impl<T: Float> Adjoints<T> {
    /// Keeps the memory for the next way back.
    pub(crate) fn into_spare(mut self) {
        self.list.clear();
        self.elements.clear();
        if self.list.capacity() * size_of::<Adjoint<T>>() <= spare::MOST_BYTES {
            spare::keep(self);
        }
    }

    /// Makes room for all values of the tape; says how much there was before.
    pub(crate) fn reach(&mut self, nodes: &Nodes<T>) -> Reach {
        let before = Reach { list: self.list.len(), elements: self.elements.len() };
        self.list.resize_with(nodes.len(), || Adjoint::None);
        self.elements.resize(nodes.elements().len(), T::ZERO);
        before
    }

    pub(crate) fn cut_back(&mut self, reach: &Reach) {
        self.list.truncate(reach.list);
        self.elements.truncate(reach.elements);
    }

    pub(crate) fn has(&self, id: u32) -> bool {
        !matches!(self.list[id as usize], Adjoint::None)
    }

    pub(crate) fn take(&mut self, id: u32, nodes: &Nodes<T>) -> Option<Held<T>> {
        match std::mem::replace(&mut self.list[id as usize], Adjoint::None) {
            Adjoint::None => None,
            Adjoint::Array(array) => Some(Held::Array(*array)),
            Adjoint::Small => {
                let small = nodes.node(id).small.expect("the adjoint of a small value");
                Some(Held::small(small.shape(), &self.elements[small.range()]))
            }
        }
    }

    /// Adds what has come to value `id`.
    pub(crate) fn add(&mut self, id: u32, product: Held<T>, nodes: &Nodes<T>) {
        match (nodes.node(id).small, product) {
            (Some(place), Held::Small(_, product)) => self.add_small(id, place, &product),
            (Some(place), Held::Array(product)) => match product.as_slice() {
                Some(product) => self.add_small(id, place, product),
                None => self.add_small(id, place, &product.iter().copied().collect::<Vec<_>>()),
            },
            (None, product) => self.add_array(id, product.into_array()),
        }
    }

    /// Adds the first elements of `product`.
    fn add_small(&mut self, id: u32, place: Small, product: &[T]) {
        let (first, sum) = self.small(id, place);
        for (sum, &product) in sum.iter_mut().zip(product) {
            *sum = if first { product } else { *sum + product };
        }
    }

    fn small(&mut self, id: u32, place: Small) -> (bool, &mut [T]) {
        let before = std::mem::replace(&mut self.list[id as usize], Adjoint::Small);
        (matches!(before, Adjoint::None), &mut self.elements[place.range()])
    }

    /// The adjoint of small value `y`, and the place where that of its input `x` is summed up, with
    /// whether nothing has come there so far.
    pub(crate) fn between(&mut self, y: Small, x: Small, id: u32) -> (&[T], &mut [T], bool) {
        let before = std::mem::replace(&mut self.list[id as usize], Adjoint::Small);
        // Inputs lie before outputs.
        let (low, high) = self.elements.split_at_mut(y.start());
        (&high[..y.shape().len()], &mut low[x.range()], matches!(before, Adjoint::None))
    }

    /// Forgets what came to value `id`.
    pub(crate) fn clear(&mut self, id: u32) {
        self.list[id as usize] = Adjoint::None;
    }

    /// In a buffer that only the adjoint holds, if there is one.
    fn add_array(&mut self, id: u32, mut product: Value<T>) {
        let slot = &mut self.list[id as usize];
        let Adjoint::Array(sum) = slot else {
            *slot = Adjoint::Array(Box::new(product));
            return;
        };
        if sum.is_unique() {
            add_assign(sum.view_mut(), product.view());
            recycle(product);
        } else if product.is_unique() {
            add_assign(product.view_mut(), sum.view());
            recycle(std::mem::replace(&mut **sum, product));
        } else {
            **sum = ulp_tensor::add(sum.view(), product.view()).into_shared();
        }
    }
}
