//! `POST /v1/embeddings`.

mod base64;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use ulp_infer::{Pooling, embed};

use super::app::App;
use super::completions::{PROMPT, Prompt, ids};
use super::error::ApiError;
use super::schema::{Parameter, Schema, TEXT, WORD};
use super::{answer, blocking, body, json_response};
use crate::engine_thread::Interruption;

/// The body.
pub(crate) const EMBEDDING: Schema = Schema::Object(&[&[
    Parameter::required("input", PROMPT, "A text, ids, or a list of either"),
    Parameter::optional("model", WORD, "One of the names that /v1/models lists"),
    Parameter::optional(
        "encoding_format",
        Schema::Choice(&["float", "base64"]),
        "Numbers, or the bytes of little-endian f32 in base64; default float",
    ),
    Parameter::optional(
        "pooling",
        Schema::Choice(&["mean", "last", "cls"]),
        "How the states of all tokens become one vector; default mean",
    ),
    Parameter::optional("user", TEXT, "Written to the log"),
    Parameter::refused("dimensions", "the model was not trained to be cut short"),
]]);

#[derive(Debug, Deserialize)]
struct EmbeddingBody {
    input: Prompt,
    model: Option<String>,
    #[serde(default)]
    encoding_format: Encoding,
    #[serde(default)]
    pooling: PoolingName,
    user: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PoolingName {
    #[default]
    Mean,
    Last,
    Cls,
}

impl From<PoolingName> for Pooling {
    fn from(name: PoolingName) -> Pooling {
        match name {
            PoolingName::Mean => Pooling::Mean,
            PoolingName::Last => Pooling::Last,
            PoolingName::Cls => Pooling::Cls,
        }
    }
}

/// A vector of length 1 for each text.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let deadline = app.deadline();
    let (max, time) = (app.options.max_body, app.options.client_timeout);
    let body: EmbeddingBody = body::read(request, &EMBEDDING, max, time).await?;
    if let Some(user) = &body.user {
        tracing::info!(user, "request of");
    }
    let chosen = app.find_model(body.model.as_deref())?;
    if chosen.adapter.is_some() {
        return Err(ApiError::unsupported("model", "embeddings are of the model without adapters"));
    }
    let shared = Arc::clone(&app);
    let inputs = blocking(move || ids(&shared.model.tokenizer, body.input)).await?;
    for input in &inputs {
        app.expect_prompt_length(input.len(), "input")?;
    }
    let (mut data, mut tokens) = (Vec::with_capacity(inputs.len()), 0);
    for (index, input) in inputs.into_iter().enumerate() {
        tokens += input.len();
        let vector = vector(&app, input, body.pooling.into());
        // Who goes away, or whose time is over, gets no further vectors computed.
        let vector = tokio::time::timeout_at(deadline, vector).await;
        let vector = vector.map_err(|_| answer::of_interruption(Interruption::TimedOut))??;
        let embedding = written(&vector, body.encoding_format);
        data.push(json!({"object": "embedding", "index": index, "embedding": embedding}));
    }
    Ok(json_response(&json!({
        "object": "list",
        "model": chosen.name,
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })))
}

/// One at a time: each takes all processors.
async fn vector(app: &Arc<App>, input: Vec<u32>, pooling: Pooling) -> Result<Vec<f32>, ApiError> {
    let _turn = app.embedding.lock().await;
    let shared = Arc::clone(app);
    let made = blocking(move || {
        embed(&shared.model.model, &input, pooling, shared.model.engine.precision())
    });
    let mut vector = made.await?.map_err(|error| ApiError::of_engine(&error, "input"))?;
    let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
    Ok(vector)
}

fn written(vector: &[f32], encoding: Encoding) -> Value {
    match encoding {
        Encoding::Float => json!(vector),
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            json!(base64::encode(&bytes))
        }
    }
}
