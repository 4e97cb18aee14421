use ulp_autograd::Tape;
use ulp_optim::{AdamW, Optimizer, Param, Schedule, WarmupCosine, clip_global_norm, global_norm};
use ulp_tensor::ndarray::{Array2, ArrayD};
use ulp_tensor::{in_pool, pool};

use super::{TokenDataset, TrainingConfig};
use crate::{ArrayX, Llama, LlamaConfig, Module, NnError, next_tokens};

/// A model in training.
///
/// # Examples
///
/// ```
/// use ulp_nn::{LlamaConfig, TokenDataset, Trainer, TrainingConfig};
///
/// let config = LlamaConfig::parse(
///     br#"{"model_type": "llama", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 16,
///          "num_hidden_layers": 1, "num_attention_heads": 2}"#,
///     "config.json",
/// )?;
/// let training = TrainingConfig {
///     batch_size: 4, sequence_length: 8, warmup_steps: 2, total_steps: 30, learning_rate: 0.02,
///     ..TrainingConfig::default()
/// };
/// let data = TokenDataset::from_tokens((0..200).map(|i| i % 8).collect());
/// let mut trainer = Trainer::new(config, training)?;
/// let first = trainer.step(&data)?;
/// while trainer.step_count() < 30 {
///     trainer.step(&data)?;
/// }
/// assert!(trainer.evaluate(&data, 4)? < first.loss / 2.0);
/// # Ok::<(), ulp_nn::NnError>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    pub(super) model: Llama<ArrayX<f32>>,
    pub(super) optimizer: Optimizer<AdamW, f32>,
    pub(super) config: TrainingConfig,
    pub(super) step: u64,
    schedule: WarmupCosine,
    /// The group of parameters that do not decay.
    bare: usize,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// The step, counted from zero.
    pub step: u64,
    /// The batch's loss before the update, in nats a token.
    pub loss: f64,
    /// The norm of all gradients before clipping.
    pub grad_norm: f64,
    /// The learning rate of this update.
    pub learning_rate: f64,
    /// Tokens that were predicted.
    pub tokens: usize,
}

impl Trainer {
    /// A fresh model with first values drawn from `training.seed`.
    ///
    /// # Errors
    ///
    /// [`NnError::InvalidValue`] and [`NnError::Optim`] for numbers that make no training.
    pub fn new(model: LlamaConfig, training: TrainingConfig) -> Result<Self, NnError> {
        model.validate("config.json")?;
        let model = Llama::<ArrayX<f32>>::new(model, training.seed);
        Self::from_model(model, training)
    }

    /// Trains a model that there is already, from step zero.
    ///
    /// # Errors
    ///
    /// As [`Trainer::new`].
    pub fn from_model(model: Llama<ArrayX<f32>>, config: TrainingConfig) -> Result<Self, NnError> {
        config.validate("the training configuration")?;
        let schedule = config.schedule()?;
        let mut optimizer = Optimizer::new(config.adamw())?;
        let bare = optimizer.add_group(AdamW { weight_decay: 0.0, ..config.adamw() })?;
        Ok(Self { model, optimizer, config, step: 0, schedule, bare })
    }

    /// The weights.
    pub fn model(&self) -> &Llama<ArrayX<f32>> {
        &self.model
    }

    /// The weights, when training is over.
    pub fn into_model(self) -> Llama<ArrayX<f32>> {
        self.model
    }

    /// How the model is trained.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// Steps taken.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Whether the schedule is at its end.
    pub fn is_done(&self) -> bool {
        self.step >= self.config.total_steps
    }

    /// One step on the batches that (seed, step) draws from `data`. On an error the weights are as
    /// they were.
    ///
    /// # Errors
    ///
    /// [`NnError::DatasetTooShort`], [`NnError::TokenOutOfRange`], [`NnError::LossNotFinite`];
    /// [`NnError::Optim`] for gradients that are missing or not finite.
    pub fn step(&mut self, data: &TokenDataset) -> Result<StepReport, NnError> {
        in_pool(|| self.step_here(data))
    }

    fn step_here(&mut self, data: &TokenDataset) -> Result<StepReport, NnError> {
        let (loss, mut gradients) = self.mean_gradients(data)?;
        let grad_norm = clip(&mut gradients, self.config.max_grad_norm)?;
        let learning_rate = self.schedule.learning_rate(self.step);
        self.optimizer.set_learning_rate(learning_rate);
        self.update(&gradients)?;
        gradients.into_iter().flatten().for_each(pool::recycle);
        let step = self.step;
        self.step += 1;
        let TrainingConfig { batch_size, accumulation, sequence_length, .. } = self.config;
        let tokens = accumulation * batch_size * sequence_length;
        Ok(StepReport { step, loss, grad_norm, learning_rate, tokens })
    }

    /// The mean loss, in nats a token, over the first `batches` batches of consecutive windows of
    /// `data`, each token predicted once.
    ///
    /// # Errors
    ///
    /// [`NnError::DatasetTooShort`], [`NnError::TokenOutOfRange`].
    pub fn evaluate(&self, data: &TokenDataset, batches: usize) -> Result<f64, NnError> {
        in_pool(|| self.evaluate_here(data, batches))
    }

    fn evaluate_here(&self, data: &TokenDataset, batches: usize) -> Result<f64, NnError> {
        let TrainingConfig { batch_size, sequence_length, .. } = self.config;
        let windows: Vec<&[u32]> = data
            .consecutive(sequence_length + 1)?
            .take(batches.saturating_mul(batch_size).max(1))
            .collect();
        let mut sum = 0.0;
        for rows in windows.chunks(batch_size) {
            let ids = Array2::from_shape_vec((rows.len(), sequence_length + 1), rows.concat())
                .expect("each row has the length");
            self.check_ids(&ids)?;
            let tape = Tape::new();
            let (inputs, targets) = next_tokens(ids.view());
            let loss = self.model.bind_constant(&tape).loss(inputs, targets, None);
            sum += f64::from(loss.item()) * rows.len() as f64;
        }
        Ok(sum / windows.len() as f64)
    }

    /// The mean loss and gradients over the batches of this step, added in their order.
    fn mean_gradients(&self, data: &TokenDataset) -> Result<(f64, GradientList), NnError> {
        let TrainingConfig { seed, batch_size, sequence_length, windows, .. } = self.config;
        let count = self.config.accumulation as u64;
        let mut sum: Option<(f64, GradientList)> = None;
        for index in 0..count {
            // A saved step may be any number; the draw wraps as well as any other.
            let number = self.step.wrapping_mul(count).wrapping_add(index);
            let batch = data.batch(seed, number, batch_size, sequence_length + 1, windows)?;
            self.check_ids(&batch)?;
            let (loss, gradients) = self.gradients(&batch);
            if !loss.is_finite() {
                return Err(NnError::LossNotFinite { step: self.step, loss });
            }
            sum = Some(match sum {
                None => (loss, gradients),
                Some((losses, sums)) => (losses + loss, added(sums, gradients)),
            });
        }
        let (mut loss, mut gradients) = sum.expect("a step has a batch: the configuration's check");
        if count > 1 {
            loss /= count as f64;
            let share = 1.0 / count as f32;
            gradients.iter_mut().flatten().for_each(|g| g.mapv_inplace(|x| x * share));
        }
        Ok((loss, gradients))
    }

    /// The loss of a batch, and a gradient for each parameter that it reaches. The tape is gone
    /// when this returns, so the weights have one owner again and are updated in place.
    fn gradients(&self, batch: &Array2<u32>) -> (f64, GradientList) {
        let tape = Tape::new();
        tape.set_linear_precision(self.config.precision);
        let bound = self.model.bind(&tape);
        let (ids, targets) = next_tokens(batch.view());
        let loss = bound.loss(ids, targets, None);
        let mut gradients = loss.backward();
        let mut taken = Vec::new();
        bound.visit(|_, p| taken.push(gradients.take(*p)));
        (f64::from(loss.item()), taken)
    }

    fn update(&mut self, gradients: &[Option<ArrayD<f32>>]) -> Result<(), NnError> {
        let bare = self.bare;
        let mut named = self.model.named_parameters_mut();
        let mut params: Vec<_> = named
            .iter_mut()
            .zip(gradients)
            .map(|((path, p), gradient)| Param {
                name: path,
                gradient: gradient.as_ref().map(|g| g.view()),
                group: if p.ndim() >= 2 { 0 } else { bare },
                value: p.view_mut(),
            })
            .collect();
        Ok(self.optimizer.step(&mut params)?)
    }

    fn check_ids(&self, batch: &Array2<u32>) -> Result<(), NnError> {
        let vocab_size = self.model.config.vocab_size;
        match batch.iter().position(|id| *id as usize >= vocab_size) {
            None => Ok(()),
            Some(position) => {
                let id = batch.as_slice().expect("made row by row")[position];
                Err(NnError::TokenOutOfRange { position, id, vocab_size })
            }
        }
    }
}

/// One entry a parameter, in the model's order; `None` where the loss does not reach it.
type GradientList = Vec<Option<ArrayD<f32>>>;

/// The sums, in memory that the pool lends, which gets back that of both.
fn added(sums: GradientList, gradients: GradientList) -> GradientList {
    let add = |(a, b): (Option<ArrayD<f32>>, Option<ArrayD<f32>>)| {
        let (a, b) = (a?, b?);
        let sum = ulp_tensor::add(a.view(), b.view());
        [a, b].into_iter().for_each(pool::recycle);
        Some(sum)
    };
    sums.into_iter().zip(gradients).map(add).collect()
}

/// The norm before clipping.
fn clip(gradients: &mut [Option<ArrayD<f32>>], max_norm: Option<f64>) -> Result<f64, NnError> {
    match max_norm {
        Some(max_norm) => {
            let mut views: Vec<_> = gradients.iter_mut().flatten().map(|g| g.view_mut()).collect();
            Ok(clip_global_norm(&mut views, max_norm)?)
        }
        None => {
            let views: Vec<_> = gradients.iter().flatten().map(|g| g.view()).collect();
            Ok(global_norm(&views))
        }
    }
}
