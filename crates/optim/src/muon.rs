use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, ArrayView2, ArrayViewD};

use crate::hyperparameters::{hyperparameters, require, require_not_negative};
use crate::{OptimError, Rule, Update, global_norm};

/// Muon ([Jordan et al. 2024](https://kellerjordan.github.io/posts/muon/)): a matrix moves by its
/// momentum made nearly orthogonal, so that every direction of the gradient counts alike
/// ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html)).
/// For matrices inside a network; embeddings, heads, gains and biases are left to
/// [`AdamW`](crate::AdamW) in an optimizer of its own.
///
/// ```text
/// b ← b + (1 − momentum)(∇ − b)
/// u ← ∇ + momentum·(b − ∇)     nesterov
/// u ← b                        otherwise
/// X ← u/‖u‖, five times X ← 3.4445·X − 4.775·(XXᵀ)X + 2.0315·(XXᵀ)²X
/// p ← p·(1 − learning_rate·weight_decay) − learning_rate·√max(1, rows/columns)·X
/// ```
///
/// # Accuracy
///
/// All in the parameter's own type; PyTorch rounds X to bfloat16.
///
/// # Examples
///
/// ```
/// use ulp_optim::{Muon, OptimError, Optimizer, Param};
/// use ulp_tensor::ndarray::array;
///
/// let mut optimizer = Optimizer::new(Muon { weight_decay: 0.0, ..Muon::default() })?;
/// let (mut w, dw) = (array![[1.0, 0.0], [0.0, 1.0]].into_dyn(), array![[1e-6, 0.0], [0.0, 5.0]]);
/// let gradient = Some(dw.view().into_dyn());
/// optimizer.step(&mut [Param { name: "w", value: w.view_mut(), gradient, group: 0 }])?;
/// assert!(w[[1, 1]] < 1.0 && w[[0, 0]] < 1.0);
///
/// let (mut b, db) = (array![1.0].into_dyn(), array![1.0].into_dyn());
/// let refused = optimizer.step(&mut [Param {
///     name: "b",
///     value: b.view_mut(),
///     gradient: Some(db.view()),
///     group: 0,
/// }]);
/// assert!(matches!(refused, Err(OptimError::ParameterShape { .. })));
/// # Ok::<(), OptimError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Muon {
    /// The step's length.
    pub learning_rate: f64,
    /// How much of the mean gradient stays.
    pub momentum: f64,
    /// How much of a parameter fades in a step of length one.
    pub weight_decay: f64,
    /// Looks one momentum step ahead.
    pub nesterov: bool,
}

impl Default for Muon {
    fn default() -> Self {
        Self { learning_rate: 1e-3, momentum: 0.95, weight_decay: 0.1, nesterov: true }
    }
}

impl Rule for Muon {
    const KIND: &'static str = "muon";
    const SLOTS: &'static [&'static str] = &["momentum_buffer"];
    const ELEMENTWISE: bool = false;

    hyperparameters!(learning_rate, momentum, weight_decay, nesterov);

    fn validate(&self) -> Result<(), OptimError> {
        let holds = (0.0..=1.0).contains(&self.momentum);
        require("momentum", self.momentum, holds, "in [0, 1]")?;
        require_not_negative(&[
            ("learning_rate", self.learning_rate),
            ("weight_decay", self.weight_decay),
        ])
    }

    fn needed_axes(&self) -> Option<usize> {
        Some(2)
    }

    fn prepare<T: Float>(&self, _step: u64, _first: bool) -> impl Update<T> {
        MuonUpdate { rule: self.clone() }
    }
}

struct MuonUpdate {
    rule: Muon,
}

impl<T: Float> Update<T> for MuonUpdate {
    fn apply(&self, _parameter: &mut [T], _gradient: &[T], _state: &mut [&mut [T]]) {
        unreachable!("Muon is not elementwise");
    }

    fn apply_whole(
        &self,
        shape: &[usize],
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    ) {
        let [rows, columns] = *shape else { unreachable!("Muon is given matrices") };
        let [buffer] = state else { unreachable!("Muon has one slot") };
        let rule = &self.rule;
        let (rest, momentum) = (T::from_f64(1.0 - rule.momentum), T::from_f64(rule.momentum));
        let mut direction = Vec::with_capacity(gradient.len());
        for (b, &g) in buffer.iter_mut().zip(gradient) {
            *b += rest * (g - *b);
            direction.push(if rule.nesterov { g + momentum * (*b - g) } else { *b });
        }
        let direction = ArrayView2::from_shape((rows, columns), &direction[..])
            .expect("a gradient has its parameter's shape");
        let orthogonal = if rows > columns {
            nearly_orthogonal(direction.reversed_axes().into_dyn()).reversed_axes()
        } else {
            nearly_orthogonal(direction.into_dyn())
        };
        let stretch = (rows as f64 / columns as f64).max(1.0).sqrt();
        let length = T::from_f64(rule.learning_rate * stretch);
        let keep = T::from_f64(1.0 - rule.learning_rate * rule.weight_decay);
        for (p, &x) in parameter.iter_mut().zip(orthogonal.iter()) {
            *p = *p * keep - length * x;
        }
    }
}

/// The coefficients of the odd polynomial whose slope at zero is as steep as it can be, from
/// Jordan's text.
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
const ITERATIONS: usize = 5;
/// Keeps a gradient of zeros from 0/0.
const SMALLEST_NORM: f64 = 1e-7;

/// `U·S·Vᵀ` with all singular values S near one, U and V being those of `x`, which is no higher
/// than wide: Newton and Schulz's iteration.
fn nearly_orthogonal<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    let norm = T::from_f64(global_norm(&[x.view()]).max(SMALLEST_NORM));
    let [a, b, c] = COEFFICIENTS.map(T::from_f64);
    let mut x = x.mapv(|x| x / norm);
    for _ in 0..ITERATIONS {
        let gram = ulp_tensor::matmul(x.view(), x.t());
        let mut update = ulp_tensor::matmul(gram.view(), gram.view());
        update.zip_mut_with(&gram, |square, &gram| *square = b * gram + c * *square);
        let mut next = ulp_tensor::matmul(update.view(), x.view());
        next.zip_mut_with(&x, |next, &x| *next += a * x);
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulp_tensor::random;

    /// The text's promise: singular values end between about 0.7 and 1.2, so `XXᵀ` is near the
    /// identity: its trace near the number of rows.
    #[test]
    fn singular_values_come_near_one() {
        for (rows, columns) in [(4, 4), (3, 17), (16, 40)] {
            let x = random::normal::<f64>(&[rows, columns], 3, 1);
            let x = nearly_orthogonal(x.view());
            let gram = ulp_tensor::matmul(x.view(), x.t());
            let trace: f64 = (0..rows).map(|i| gram[[i, i]]).sum();
            assert!((0.5..1.5).contains(&(trace / rows as f64)), "{rows} x {columns}: {trace}");
        }
    }
}
