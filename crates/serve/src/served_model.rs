//! The model that a server offers, under its name.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ulp_infer::{
    ChatTemplate, EngineOptions, LoraAdapter, MachineLimits, Model, ModelPlan, StepShape, Tokenizer,
};

/// A model and what it takes to talk to it.
#[derive(Debug)]
pub struct ServedModel {
    /// Its names, the first of which answers bear; requests may use any.
    pub names: Vec<String>,
    /// The model.
    pub model: Arc<Model>,
    /// Its tokenizer.
    pub tokenizer: Arc<Tokenizer>,
    /// Its chat template; without one, chat is refused.
    pub template: Option<ChatTemplate>,
    /// Adapters for it, under names of their own; a request that names one runs with it.
    pub adapters: Vec<(String, Arc<LoraAdapter>)>,
    /// How its engine runs.
    pub engine: EngineOptions,
    /// What the machine could do at most, to be shown beside what the engine does.
    pub ceiling: Option<Ceiling>,
}

/// The least time that a step could take: by the model's shapes, and by what the machine was measured
/// to do at most.
///
/// # Examples
///
/// ```no_run
/// use ulp_infer::{Gguf, MachineLimits, ModelPlan};
/// use ulp_serve::Ceiling;
///
/// let plan = ModelPlan::from_gguf(&Gguf::open("model.gguf")?)?;
/// // Takes half a second and half a GiB for a while; the machine should have nothing else to do.
/// let ceiling = Ceiling { plan, limits: MachineLimits::measure() };
/// # Ok::<(), ulp_infer::InferError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ceiling {
    /// The model's shapes, with the cache's type.
    pub plan: ModelPlan,
    /// The machine's limits.
    pub limits: MachineLimits,
}

impl Ceiling {
    /// The least time of a step.
    pub(crate) fn least_time(&self, step: &StepShape) -> Duration {
        Duration::from_secs_f64(self.plan.cost(step).limit(&self.limits).seconds)
    }
}

impl ServedModel {
    /// The name that answers bear.
    pub(crate) fn name(&self) -> &str {
        self.names.first().map_or("model", String::as_str)
    }

    /// The names of the model and of its adapters.
    pub(crate) fn all_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().chain(self.adapters.iter().map(|(name, _)| name)).map(String::as_str)
    }
}

/// Seconds since 1970, as the API's `created` has them.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
