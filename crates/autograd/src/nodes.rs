//! The values of a tape in the order in which they were computed.

use std::cell::OnceCell;

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, IxDyn};

use crate::node::{Node, Record};
use crate::op::Value;
use crate::small::{MOST, Shape, Small};
use crate::spare;

/// Nodes, and the elements of those whose values are small, one after another: such a value costs no
/// allocation, and an array of it is made only when an operation asks for one.
pub(crate) struct Nodes<T: Float> {
    list: Vec<Node<T>>,
    elements: Vec<T>,
}

/// A value on its way to or from a tape.
#[derive(Clone)]
pub(crate) enum Held<T: Float> {
    Array(Value<T>),
    /// The first elements are those of the shape.
    Small(Shape, [T; MOST]),
}

impl<T: Float> Held<T> {
    pub(crate) fn scalar(x: T) -> Self {
        Held::small(Shape::SCALAR, &[x])
    }

    /// The elements of a small value.
    pub(crate) fn small(shape: Shape, elements: &[T]) -> Self {
        let mut all = [T::ZERO; MOST];
        all[..shape.len()].copy_from_slice(elements);
        Held::Small(shape, all)
    }

    pub(crate) fn into_array(self) -> Value<T> {
        match self {
            Held::Array(array) => array,
            Held::Small(shape, elements) => array_of(shape.dim(), &elements[..shape.len()]),
        }
    }

    pub(crate) fn dim(&self) -> IxDyn {
        match self {
            Held::Array(array) => array.raw_dim(),
            Held::Small(shape, _) => shape.dim(),
        }
    }

    /// Whether nobody else has the memory.
    pub(crate) fn is_unique(&mut self) -> bool {
        match self {
            Held::Array(array) => array.is_unique(),
            Held::Small(..) => true,
        }
    }
}

fn array_of<T: Float>(dim: IxDyn, elements: &[T]) -> Value<T> {
    let array = ArrayD::from_shape_vec(dim, elements.to_vec());
    array.expect("as many elements as the shape says").into_shared()
}

/// Hands the memory of a value to arrays made later, if nobody shares it.
pub(crate) fn recycle<T: Float>(value: Value<T>) {
    if let Ok(array) = value.try_into_owned_nocopy() {
        ulp_tensor::pool::recycle(array);
    }
}

impl<T: Float> Default for Nodes<T> {
    fn default() -> Self {
        Nodes { list: Vec::new(), elements: Vec::new() }
    }
}

impl<T: Float> Nodes<T> {
    /// Keeps the memory for the next tape.
    pub(crate) fn into_spare(mut self) {
        self.cut_back(0);
        if self.list.capacity() * size_of::<Node<T>>() <= spare::MOST_BYTES {
            spare::keep(self);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The number of the value that is pushed next.
    ///
    /// # Panics
    ///
    /// Past 2^32 values.
    pub(crate) fn next_id(&self) -> u32 {
        u32::try_from(self.list.len()).expect("a tape holds fewer than 2^32 values")
    }

    pub(crate) fn node(&self, id: u32) -> &Node<T> {
        &self.list[id as usize]
    }

    pub(crate) fn node_mut(&mut self, id: u32) -> &mut Node<T> {
        &mut self.list[id as usize]
    }

    /// The elements of all small values.
    pub(crate) fn elements(&self) -> &[T] {
        &self.elements
    }

    /// The value as an array, which is made now if there is none.
    pub(crate) fn array(&self, id: u32) -> &Value<T> {
        let node = self.node(id);
        node.array.get_or_init(|| {
            let small = node.small.expect("a value is an array or small");
            Box::new(array_of(small.shape().dim(), &self.elements[small.range()]))
        })
    }

    pub(crate) fn held(&self, id: u32) -> Held<T> {
        match self.node(id).small {
            Some(small) => Held::small(small.shape(), &self.elements[small.range()]),
            None => Held::Array(self.array(id).clone()),
        }
    }

    pub(crate) fn first(&self, id: u32) -> T {
        match self.node(id).small {
            Some(small) => self.elements[small.start()],
            None => *self.array(id).first().expect("there are elements"),
        }
    }

    /// The number of elements.
    pub(crate) fn len_of(&self, id: u32) -> usize {
        match self.node(id).small {
            Some(small) => small.shape().len(),
            None => self.array(id).len(),
        }
    }

    pub(crate) fn dim(&self, id: u32) -> IxDyn {
        match self.node(id).small {
            Some(small) => small.shape().dim(),
            None => self.array(id).raw_dim(),
        }
    }

    pub(crate) fn have_one_shape(&self, a: u32, b: u32) -> bool {
        match (self.node(a).small, self.node(b).small) {
            (Some(a), Some(b)) => a.shape() == b.shape(),
            (None, None) => self.array(a).shape() == self.array(b).shape(),
            _ => false,
        }
    }

    pub(crate) fn push(&mut self, value: Held<T>, record: Option<Record<T>>, wants_gradient: bool) {
        let (array, shape) = match value {
            Held::Array(array) => {
                let shape = Shape::of(array.shape());
                if shape.is_some() {
                    match array.as_slice() {
                        Some(elements) => self.elements.extend_from_slice(elements),
                        None => self.elements.extend(&array),
                    }
                }
                (OnceCell::from(Box::new(array)), shape)
            }
            Held::Small(shape, elements) => {
                self.elements.extend_from_slice(&elements[..shape.len()]);
                (OnceCell::new(), Some(shape))
            }
        };
        let small = shape.map(|shape| Small::new(self.elements.len() - shape.len(), shape));
        self.list.push(Node { array, small, record, wants_gradient });
    }

    /// Pushes a small constant, which `write` writes; it is lent the elements of those before.
    pub(crate) fn push_small(&mut self, shape: Shape, write: impl FnOnce(&[T], &mut [T])) {
        let start = self.elements.len();
        self.elements.resize(start + shape.len(), T::ZERO);
        let (before, new) = self.elements.split_at_mut(start);
        write(before, new);
        let small = Some(Small::new(start, shape));
        self.list.push(Node { array: OnceCell::new(), small, record: None, wants_gradient: false });
    }

    /// Forgets the values from number `len` on.
    pub(crate) fn cut_back(&mut self, len: usize) {
        let mut elements = self.elements.len();
        for node in self.list.drain(len..).rev() {
            elements = node.small.map_or(elements, Small::start);
            if let Some(array) = node.array.into_inner() {
                recycle(*array);
            }
        }
        self.elements.truncate(elements);
    }

    /// Puts `nothing` in place of a value, which becomes a constant. (The few elements of a small one
    /// go with those around it.)
    pub(crate) fn forget(&mut self, id: u32, nothing: Value<T>) {
        let constant = Node {
            array: OnceCell::from(Box::new(nothing)),
            small: None,
            record: None,
            wants_gradient: false,
        };
        let node = std::mem::replace(self.node_mut(id), constant);
        if let Some(array) = node.array.into_inner() {
            recycle(*array);
        }
    }
}
