use std::collections::BTreeMap;

use rayon::prelude::*;
use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, ArrayViewD};

use crate::OptimError;
use crate::hyperparameters::require;

/// The moving average of a run's weights, which often serve better than the last ones
/// ([Polyak and Juditsky 1992](https://doi.org/10.1137/0330046)).
///
/// ```text
/// a ← p                             in the first step
/// a ← a + (1 − decay)·(p − a)       after it
/// ```
///
/// # Examples
///
/// ```
/// use ulp_optim::MovingAverage;
/// use ulp_tensor::ndarray::array;
///
/// let mut average = MovingAverage::new(0.75)?;
/// average.update("w", array![1.0_f64].view().into_dyn())?;
/// average.update("w", array![5.0].view().into_dyn())?;
/// assert_eq!(average.get("w").unwrap()[0], 2.0);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MovingAverage<T> {
    decay: f64,
    averages: BTreeMap<String, ArrayD<T>>,
}

impl<T: Float> MovingAverage<T> {
    /// An average of which `decay` stays in each step.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless `0 ≤ decay < 1`.
    pub fn new(decay: f64) -> Result<Self, OptimError> {
        require("decay", decay, (0.0..1.0).contains(&decay), "in [0, 1)")?;
        Ok(Self { decay, averages: BTreeMap::new() })
    }

    /// Takes in a parameter's weights after a step, in parallel, with the same bits at any number
    /// of threads.
    ///
    /// # Errors
    ///
    /// [`OptimError::StateShape`] if the parameter had another shape before.
    pub fn update(&mut self, name: &str, weights: ArrayViewD<'_, T>) -> Result<(), OptimError> {
        let Some(average) = self.averages.get_mut(name) else {
            self.averages.insert(name.to_owned(), weights.as_standard_layout().into_owned());
            return Ok(());
        };
        if average.shape() != weights.shape() {
            return Err(OptimError::StateShape {
                entry: format!("average/{name}"),
                expected: weights.shape().to_vec(),
                found: average.shape().to_vec(),
            });
        }
        let weights = weights.as_standard_layout();
        let weights = weights.as_slice().expect("standard layout");
        let average = average.as_slice_mut().expect("made in standard layout");
        let rest = T::from_f64(1.0 - self.decay);
        average.par_chunks_mut(CHUNK).zip(weights.par_chunks(CHUNK)).for_each(|(a, p)| {
            a.iter_mut().zip(p).for_each(|(a, p)| *a += rest * (*p - *a));
        });
        Ok(())
    }

    /// The average of a parameter.
    pub fn get(&self, name: &str) -> Option<&ArrayD<T>> {
        self.averages.get(name)
    }

    /// All averages, for a file.
    pub fn averages(&self) -> &BTreeMap<String, ArrayD<T>> {
        &self.averages
    }

    /// Replaces all averages by saved ones.
    pub fn restore(&mut self, averages: BTreeMap<String, ArrayD<T>>) {
        self.averages = averages
            .into_iter()
            .map(|(name, array)| (name, array.as_standard_layout().into_owned()))
            .collect();
    }
}

/// Elements that one task averages; it does not reach the result.
const CHUNK: usize = 16 * 1024;
