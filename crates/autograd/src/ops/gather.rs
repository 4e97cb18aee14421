//! Elements by their indices along an axis, and the adjoint; sorting, which is one of them.

use std::rc::Rc;

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::op::{Op, Value};
use crate::var::Var;

/// `y[i] = x[index[i]]` along an axis.
struct Gather {
    axis: usize,
    index: Rc<ArrayD<usize>>,
}

impl<T: Float> Op<T> for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::gather(inputs[0].view(), self.axis, self.index.view()).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = ScatterAdd {
            axis: self.axis,
            index: Rc::clone(&self.index),
            length: inputs[0].shape()[self.axis],
        };
        vec![Some(cotangent.tape.apply(op, &[cotangent]))]
    }
}

/// `y = z`, and `y[index[i]] += x[i]` along an axis, of `(x, z)`; of `x` alone z is 0 and `length` long.
struct ScatterAdd {
    axis: usize,
    index: Rc<ArrayD<usize>>,
    length: usize,
}

impl<T: Float> Op<T> for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let mut shape = inputs[0].shape().to_vec();
        shape[self.axis] = self.length;
        let zero = ArrayD::from_elem(IxDyn(&[]), T::ZERO);
        let start = match inputs.get(1) {
            Some(start) => start.view(),
            None => zero.broadcast(IxDyn(&shape)).expect("one element broadcasts"),
        };
        let (index, x) = (self.index.view(), inputs[0].view());
        ulp_tensor::scatter_add(start, self.axis, index, x).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let gather = || Gather { axis: self.axis, index: Rc::clone(&self.index) };
        let of_x = || cotangent.tape.apply(gather(), &[cotangent]);
        let of_start = inputs.get(1).map(|start| start.wants_gradient().then_some(cotangent));
        [inputs[0].wants_gradient().then(of_x)].into_iter().chain(of_start).collect()
    }
}

impl<T: Float> Var<'_, T> {
    /// Element (.., i, ..) is that at (.., `index`\[.., i, ..\], ..) along `axis`.
    ///
    /// # Shapes
    ///
    /// `index` agrees with this value in all axes but `axis`; the result has the shape of `index`
    ///
    /// # Panics
    ///
    /// If the shapes do not fit or an index is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr1;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr1(&[1.0_f64, 2.0, 3.0]));
    /// let y = x.gather(0, arr1(&[2, 0, 2, 2]).view().into_dyn());
    /// let gradients = y.sum_all().backward();
    /// assert_eq!(gradients.get(x).unwrap().as_slice(), Some(&[1.0, 0.0, 3.0][..]));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn gather(self, axis: isize, index: ArrayViewD<'_, usize>) -> Self {
        let axis = self.axis(axis);
        self.gather_from(axis, index.to_owned())
    }

    /// [`Var::gather`] by indices that nobody else needs.
    #[track_caller]
    pub(super) fn gather_from(self, axis: usize, index: ArrayD<usize>) -> Self {
        self.tape.apply(Gather { axis, index: Rc::new(index) }, &[self])
    }

    /// This value plus, at (.., `index`\[.., i, ..\], ..) along `axis`, element (.., i, ..) of `other`.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn scatter_add(self, axis: isize, index: ArrayViewD<'_, usize>, other: Self) -> Self {
        let axis = self.axis(axis);
        let length = self.dim()[axis];
        let op = ScatterAdd { axis, index: Rc::new(index.to_owned()), length };
        self.tape.apply(op, &[other, self])
    }

    /// The elements along `axis` in ascending (or descending) order, and where each stood. Equal elements
    /// keep their order.
    ///
    /// # Panics
    ///
    /// If there is no such axis.
    #[track_caller]
    #[must_use]
    pub fn sort(self, axis: isize, descending: bool) -> (Self, ArrayD<usize>) {
        let along = self.axis(axis);
        let places = self.with(|x| ulp_tensor::arg_sort(x.view(), along, descending));
        (self.gather(axis, places.view()), places)
    }

    /// The `k` largest elements along `axis`, largest first, and where each stood.
    ///
    /// # Panics
    ///
    /// If there is no such axis or it has fewer than `k` elements.
    #[track_caller]
    #[must_use]
    pub fn top_k(self, k: usize, axis: isize) -> (Self, ArrayD<usize>) {
        let along = self.axis(axis);
        let places = self.with(|x| ulp_tensor::top_k(x.view(), k, along).1);
        (self.gather(axis, places.view()), places)
    }

    /// The parts of `axis` of these lengths, one after another. Copies nothing.
    ///
    /// # Panics
    ///
    /// If there is no such axis or its length is another.
    #[track_caller]
    #[must_use]
    pub fn split(self, axis: isize, lengths: &[usize]) -> Vec<Self> {
        let length = self.shape()[self.axis(axis)];
        let total: usize = lengths.iter().sum();
        assert!(total == length, "parts {lengths:?} of axis {axis} of {:?}", self.shape());
        let mut start = 0;
        let part = |&n: &usize| {
            start += n as isize;
            self.slice(axis, start - n as isize..start)
        };
        lengths.iter().map(part).collect()
    }
}
