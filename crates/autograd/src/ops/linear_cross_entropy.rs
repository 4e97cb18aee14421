//! The cross-entropy of a linear map's outputs and target classes.

use std::cell::RefCell;

use ulp_tensor::{
    Float, linear_cross_entropy_bf16_with_gradients, linear_cross_entropy_with_gradients,
};

use crate::fused::{Fused, FusedOp};
use crate::linear_precision::LinearPrecision;
use crate::op::Value;
use crate::var::Var;

use super::linear::Linear;

/// `y = cross_entropy(x wᵀ)` of `(x, w)`.
///
/// The gradients of a loss are those of its value times one number, so that they are made on the way forward,
/// while the logits are there.
struct LinearCrossEntropy<T: Float> {
    targets: Vec<u32>,
    ignore_index: Option<u32>,
    precision: LinearPrecision,
    /// Which of the inputs' gradients the way back will ask for.
    wanted: [bool; 2],
    /// Those of the value that was computed last, until they are taken.
    gradients: RefCell<[Option<Value<T>>; 2]>,
}

impl<T: Float> LinearCrossEntropy<T> {
    fn run(&self, inputs: &[&Value<T>], wanted: [bool; 2]) -> (Value<T>, [Option<Value<T>>; 2]) {
        let (x, w) = (inputs[0].view(), inputs[1].view());
        let (targets, ignore) = (&self.targets[..], self.ignore_index);
        let (y, gradients) = match self.precision {
            LinearPrecision::Full => {
                linear_cross_entropy_with_gradients(x, w, targets, ignore, wanted)
            }
            LinearPrecision::Bf16 => {
                linear_cross_entropy_bf16_with_gradients(x, w, targets, ignore, wanted)
            }
        };
        (y.into_shared(), gradients.map(|gradient| gradient.map(|dx| dx.into_shared())))
    }
}

impl<T: Float> FusedOp<T> for LinearCrossEntropy<T> {
    fn name(&self) -> &'static str {
        "linear_cross_entropy"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let (y, gradients) = self.run(inputs, self.wanted);
        self.gradients.replace(gradients);
        y
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let dy = *cotangent.first().expect("the loss is one number");
        let wants = [wants[0], wants[1]];
        let mut gradients = self.gradients.take();
        // The way back may be gone a second time.
        if wants.iter().zip(&gradients).any(|(&wants, gradient)| wants && gradient.is_none()) {
            gradients = self.run(inputs, wants).1;
        }
        let times_dy = |gradient: Value<T>| match dy {
            dy if dy == T::ONE => gradient,
            dy => ulp_tensor::scale(gradient.view(), dy).into_shared(),
        };
        gradients.map(|gradient| gradient.map(times_dy)).into()
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let logits = inputs[0].tape.apply(Linear(self.precision), inputs);
        logits.cross_entropy(&self.targets, self.ignore_index)
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// [`cross_entropy`](Var::cross_entropy) of [`linear`](Var::linear)`(w, None)`, whose logits and their
    /// gradient are never in memory all at once.
    ///
    /// The gradients are made together with the value, of what the way back will ask for: no product is made
    /// twice.
    ///
    /// # Shapes
    ///
    /// `self` [N, C], `w` [V, C], `targets` N -> []
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or a target is neither below V nor `ignore_index`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr2;
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(arr2(&[[1.0_f64, 2.0], [3.0, -1.0]]));
    /// let w = tape.leaf(arr2(&[[0.5, 0.0], [0.0, 0.5], [1.0, 1.0]]));
    /// let loss = x.linear_cross_entropy(w, &[2, 0], None);
    /// let same = x.linear(w, None).cross_entropy(&[2, 0], None);
    /// assert_eq!(loss.item(), same.item());
    /// assert_eq!(loss.backward().get(w), same.backward().get(w));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn linear_cross_entropy(self, w: Self, targets: &[u32], ignore_index: Option<u32>) -> Self {
        let wanted = [self, w].map(|x| self.tape.is_recording() && x.wants_gradient());
        let op = LinearCrossEntropy {
            targets: targets.to_vec(),
            ignore_index,
            precision: self.tape.linear_precision(),
            wanted,
            gradients: RefCell::default(),
        };
        self.tape.apply(Fused::new(op), &[self, w])
    }
}
