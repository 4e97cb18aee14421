//! Embedding: a table of rows looked up by id.

use ulp_autograd::Var;
use ulp_tensor::{Float, ndarray::ArrayViewD};

use crate::init::{Init, ParameterSpec};
use crate::module::{Mapper, Module, VisitorMut};

/// A table of vectors: id `i` becomes row `i`.
///
/// # Shapes
///
/// `weight` `[V, C]`; ids of any shape `[..]`, output `[.., C]`.
#[derive(Debug, Clone)]
pub struct Embedding<P> {
    /// `[V, C]`: one row an id.
    pub weight: P,
}

impl Embedding<ParameterSpec> {
    /// The plan of a table of `rows` vectors of `width`.
    pub fn spec(rows: usize, width: usize, init: Init) -> Self {
        Self { weight: ParameterSpec::new([rows, width], init) }
    }
}

impl<'t, T: Float> Embedding<Var<'t, T>> {
    /// The rows of the ids.
    ///
    /// # Panics
    ///
    /// When an id is not below the number of rows.
    #[track_caller]
    pub fn forward(&self, ids: ArrayViewD<'_, u32>) -> Var<'t, T> {
        self.weight.embedding(ids)
    }
}

impl<P> Module for Embedding<P> {
    type Param = P;
    type With<Q> = Embedding<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<Embedding<Q>, E> {
        Ok(Embedding { weight: m.parameter("weight", &self.weight)? })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.parameter("weight", &mut self.weight);
    }
}
