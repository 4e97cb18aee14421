//! The cross-entropy of logits and target classes.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

use ulp_tensor::ndarray::ArrayView1;

use super::log_softmax::log_softmax_formula;

/// `y = mean of -log softmax(logits)[target]` over the rows that count.
struct CrossEntropy {
    targets: Vec<u32>,
    ignore_index: Option<u32>,
}

impl<T: Float> FusedOp<T> for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        ulp_tensor::cross_entropy(inputs[0].view(), &self.targets, self.ignore_index).into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let dy = *cotangent.first().expect("the loss is one number");
        let logits = inputs[0].view();
        let dx = ulp_tensor::cross_entropy_vjp(logits, &self.targets, self.ignore_index, dy);
        vec![Some(dx.into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let shape = inputs[0].shape();
        let (n, v) = (shape[0], shape[1]);
        let log_probabilities = log_softmax_formula(inputs[0], -1).reshape(&[n * v, 1]);
        let counts = |(_, target): &(usize, &u32)| Some(**target) != self.ignore_index;
        let place = |(row, target): (usize, &u32)| {
            u32::try_from(row * v).expect("fewer than 2^32 logits") + target
        };
        let places: Vec<u32> = self.targets.iter().enumerate().filter(counts).map(place).collect();
        let picked = log_probabilities.embedding(ArrayView1::from(&places).into_dyn());
        -picked.mean_all()
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The mean over the rows of `-log softmax(self)[target]`; rows whose target is
    /// `ignore_index` do not count. NaN if none counts, as 0/0.
    ///
    /// # Shapes
    ///
    /// `self` [N, V], `targets` N -> []
    ///
    /// # Panics
    ///
    /// If the number of targets is not N, or one is neither below V nor `ignore_index`.
    #[track_caller]
    #[must_use]
    pub fn cross_entropy(self, targets: &[u32], ignore_index: Option<u32>) -> Self {
        let op = CrossEntropy { targets: targets.to_vec(), ignore_index };
        self.tape.apply(Fused::new(op), &[self])
    }
}
