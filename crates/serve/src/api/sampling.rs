//! Parameters that say how tokens are chosen, the same in every route that generates.

use std::collections::BTreeMap;

use serde::Deserialize;
use ulp_infer::{Dry, EncodeOptions, Mirostat, Penalties, SamplerParams, Tokenizer, Xtc};

use super::error::ApiError;
use super::schema::{Parameter, Schema};
use crate::random::random_seed;

const BIAS: Schema = Schema::Map(&Schema::Number { min: -100.0, max: 100.0 });
const PART: Schema = Schema::Number { min: 0.0, max: 1.0 };
const SIZE: Schema = Schema::Integer { min: 0, max: i64::MAX };
const DRY: Schema = Schema::Object(&[&[
    Parameter::optional(
        "multiplier",
        Schema::Number { min: 0.0, max: 100.0 },
        "Strength; default 0.8",
    ),
    Parameter::optional(
        "base",
        Schema::Number { min: 1.0, max: 100.0 },
        "Growth with length; default 1.75",
    ),
    Parameter::optional("allowed_length", SIZE, "Repetitions up to here are free; default 2"),
    Parameter::optional("window", SIZE, "Tokens looked back at; default all"),
    Parameter::optional(
        "breakers",
        Schema::List { item: &super::schema::WORD, min: 0, max: 64 },
        "Texts at whose tokens no repetition goes on",
    ),
]]);
const XTC: Schema = Schema::Object(&[&[
    Parameter::required("probability", PART, "How often"),
    Parameter::required(
        "threshold",
        PART,
        "All but the least probable token above it are left out",
    ),
]]);
const MIROSTAT: Schema = Schema::Object(&[&[
    Parameter::optional(
        "tau",
        Schema::Number { min: 0.0, max: 1000.0 },
        "Target surprise in bits; default 5",
    ),
    Parameter::optional("eta", PART, "How fast it is followed; default 0.1"),
]]);

/// What the OpenAI API has.
pub(crate) const SAMPLING: &[Parameter] = &[
    Parameter::optional(
        "temperature",
        Schema::Number { min: 0.0, max: 2.0 },
        "Divides the logits; 0 takes the best token always; default 1",
    ),
    Parameter::optional("top_p", PART, "Fewest best tokens that make up this; default 1"),
    Parameter::optional(
        "frequency_penalty",
        Schema::Number { min: -2.0, max: 2.0 },
        "Against a token for each time it came; default 0",
    ),
    Parameter::optional(
        "presence_penalty",
        Schema::Number { min: -2.0, max: 2.0 },
        "Against a token that came at all; default 0",
    ),
    Parameter::optional("logit_bias", BIAS, "Token ids and what is added to their logits"),
    Parameter::optional(
        "seed",
        Schema::Integer { min: i64::MIN, max: i64::MAX },
        "The same seed gives the same answer, whatever else the server does",
    ),
];

/// What goes beyond it, under the names that other servers use where there is one.
pub(crate) const MORE_SAMPLING: &[Parameter] = &[
    Parameter::optional("top_k", SIZE, "The k best tokens; 0, the default, is all"),
    Parameter::optional("min_p", PART, "Tokens at least this fraction as probable as the best"),
    Parameter::optional("typical_p", PART, "Fewest most typical tokens that make up this"),
    Parameter::optional(
        "repetition_penalty",
        Schema::Number { min: 0.01, max: 100.0 },
        "Divides the logits of tokens that came; default 1",
    ),
    Parameter::optional("repetition_window", SIZE, "Tokens that penalties look back at"),
    Parameter::optional("dry", DRY, "Against repetitions of several tokens"),
    Parameter::optional("xtc", XTC, "Leaves out the most probable tokens now and then"),
    Parameter::optional("mirostat", MIROSTAT, "Mirostat 2 in the place of all filters"),
    Parameter::optional("ignore_eos", Schema::Boolean, "Go on after tokens that end a text"),
    Parameter::optional(
        "priority",
        Schema::Integer { min: i32::MIN as i64, max: i32::MAX as i64 },
        "The higher goes first, where the server runs by priority",
    ),
];

/// The tables above, filled.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Sampling {
    temperature: Option<f32>,
    top_p: Option<f32>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    #[serde(default)]
    logit_bias: BTreeMap<String, f32>,
    seed: Option<i64>,
    top_k: Option<usize>,
    min_p: Option<f32>,
    typical_p: Option<f32>,
    repetition_penalty: Option<f32>,
    repetition_window: Option<usize>,
    dry: Option<DryBody>,
    xtc: Option<XtcBody>,
    mirostat: Option<MirostatBody>,
    #[serde(default)]
    pub(crate) ignore_eos: bool,
    #[serde(default)]
    pub(crate) priority: i32,
}

#[derive(Debug, Deserialize)]
struct XtcBody {
    probability: f32,
    threshold: f32,
}

#[derive(Debug, Deserialize)]
struct MirostatBody {
    tau: Option<f32>,
    eta: Option<f32>,
}

#[derive(Debug, Deserialize)]
struct DryBody {
    multiplier: Option<f32>,
    base: Option<f32>,
    allowed_length: Option<usize>,
    window: Option<usize>,
    #[serde(default)]
    breakers: Vec<String>,
}

impl Sampling {
    /// What divides the logits.
    pub(crate) fn temperature(&self) -> f32 {
        self.temperature.unwrap_or(1.0)
    }

    /// The sum of probabilities from which tokens are drawn.
    pub(crate) fn top_p(&self) -> f32 {
        self.top_p.unwrap_or(1.0)
    }

    /// What the engine is told. `vocabulary` is the number of the model's logits.
    ///
    /// # Errors
    ///
    /// 400 for a token id of `logit_bias` that is none.
    pub(crate) fn resolve(
        &self,
        tokenizer: &Tokenizer,
        vocabulary: usize,
    ) -> Result<SamplerParams, ApiError> {
        // 0 is allowed, and means the fewest tokens that there can be: one.
        let part = |p: Option<f32>| p.unwrap_or(1.0).max(f32::MIN_POSITIVE);
        Ok(SamplerParams {
            temperature: self.temperature(),
            top_k: self.top_k.unwrap_or(0),
            top_p: part(self.top_p),
            min_p: self.min_p.unwrap_or(0.0),
            typical_p: part(self.typical_p),
            xtc: self
                .xtc
                .as_ref()
                .map(|xtc| Xtc { probability: xtc.probability, threshold: xtc.threshold }),
            mirostat: self.mirostat.as_ref().map(|mirostat| Mirostat {
                surprise: mirostat.tau.unwrap_or(5.0),
                rate: mirostat.eta.unwrap_or(0.1),
            }),
            penalties: Penalties {
                repeat: self.repetition_penalty.unwrap_or(1.0),
                frequency: self.frequency_penalty.unwrap_or(0.0),
                presence: self.presence_penalty.unwrap_or(0.0),
                window: self.repetition_window.unwrap_or(usize::MAX),
            },
            dry: self.dry.as_ref().map(|dry| dry.resolve(tokenizer)),
            logit_bias: self.biases(vocabulary)?,
            seed: self.seed.map_or_else(random_seed, |seed| seed as u64),
        })
    }

    fn biases(&self, vocabulary: usize) -> Result<Vec<(u32, f32)>, ApiError> {
        let bias = |(id, &bias): (&String, &f32)| match id.parse::<u32>() {
            Ok(token) if (token as usize) < vocabulary => Ok((token, bias)),
            _ => {
                let param = format!("logit_bias.{id}");
                let message = format!("{param}: {id:?} is not a token id below {vocabulary}");
                Err(ApiError::value(&param, message))
            }
        };
        self.logit_bias.iter().map(bias).collect()
    }
}

impl DryBody {
    fn resolve(&self, tokenizer: &Tokenizer) -> Dry {
        let default = Dry::default();
        let ids = |text: &String| tokenizer.encode(text, EncodeOptions::TEXT);
        Dry {
            multiplier: self.multiplier.unwrap_or(default.multiplier),
            base: self.base.unwrap_or(default.base),
            allowed_length: self.allowed_length.unwrap_or(default.allowed_length),
            window: self.window.unwrap_or(default.window),
            breakers: self.breakers.iter().flat_map(ids).collect(),
        }
    }
}
