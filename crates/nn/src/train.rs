//! Training a Llama: data, loop, checkpoints.
//!
//! One step is: draw a batch, evaluate the loss on a tape, replay it backwards, clip, update.
//! Step N's batch is a function of (seed, N), the learning rate of N alone, and every kernel below
//! has the same bits at any number of threads; so a run that is saved, loaded and continued ends
//! with the weights, bit for bit, of one that was never stopped.

mod checkpoint;
mod token_dataset;
mod trainer;
mod training_config;

pub use token_dataset::{TokenDataset, Windows};
pub use trainer::{StepReport, Trainer};
pub use training_config::TrainingConfig;
