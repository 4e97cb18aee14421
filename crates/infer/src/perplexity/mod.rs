//! How well a model predicts a text, and how far its distributions are from another model's.

mod distributions;
mod divergence;
mod likelihood;
mod saved;
mod windows;

pub use distributions::Distributions;
pub use divergence::{Divergence, PositionDivergence};
pub use likelihood::Likelihood;
pub use saved::SavedDistributions;
pub use windows::Windows;
