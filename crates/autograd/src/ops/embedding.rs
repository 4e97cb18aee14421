//! Rows of a table, and their adjoint: each the other's VJP.

use std::rc::Rc;

use ulp_tensor::Float;
use ulp_tensor::ndarray::ArrayViewD;

use crate::op::{Op, Value};
use crate::var::Var;

/// `y[n] = w[ids[n]]`.
struct Embedding {
    ids: Rc<[u32]>,
}

impl<T: Float> Op<T> for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::embedding(inputs[0].view(), &self.ids).into_shared()
    }

    fn vjp<'t>(
        &self,
        inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let rows = inputs[0].shape()[0];
        let op = EmbeddingVjp { ids: Rc::clone(&self.ids), rows };
        vec![Some(cotangent.tape.apply(op, &[cotangent]))]
    }
}

/// `dw[id] = Σ dy[n]` over the `n` with `ids[n] = id`, in ascending order.
struct EmbeddingVjp {
    ids: Rc<[u32]>,
    rows: usize,
}

impl<T: Float> Op<T> for EmbeddingVjp {
    fn name(&self) -> &'static str {
        "embedding_vjp"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::embedding_vjp(inputs[0].view(), &self.ids, self.rows).into_shared()
    }

    fn vjp<'t>(
        &self,
        _inputs: &[Var<'t, T>],
        _output: Var<'t, T>,
        cotangent: Var<'t, T>,
    ) -> Vec<Option<Var<'t, T>>> {
        let op = Embedding { ids: Rc::clone(&self.ids) };
        vec![Some(cotangent.tape.apply(op, &[cotangent]))]
    }
}

impl<T: Float> Var<'_, T> {
    /// Row `id` of this table for each of `ids`.
    ///
    /// # Shapes
    ///
    /// `self` [V, C], `ids` [..] -> [.., C]
    ///
    /// # Panics
    ///
    /// If this is no matrix, or an id is not below V.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::{arr1, arr2};
    ///
    /// let tape = Tape::new();
    /// let w = tape.leaf(arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]));
    /// let y = w.embedding(arr1(&[1, 1, 0]).view().into_dyn());
    /// assert_eq!(y.shape(), [3, 2]);
    /// let gradients = y.sum_all().backward();
    /// assert_eq!(gradients.get(w).unwrap().as_slice(), Some(&[1.0, 1.0, 2.0, 2.0][..]));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn embedding(self, ids: ArrayViewD<'_, u32>) -> Self {
        let mut shape = ids.shape().to_vec();
        let rows = self.tape.apply(Embedding { ids: ids.iter().copied().collect() }, &[self]);
        shape.push(rows.shape()[1]);
        rows.reshape(&shape)
    }
}
