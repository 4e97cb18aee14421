//! What a client is told when it cannot have what it asked for.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use ulp_infer::InferError;

/// An error in the API's own form: `{"error": {"message", "type", "param", "code"}}`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// For people.
    pub(crate) message: String,
    /// Where in the body it is: `messages[0].content`.
    pub(crate) param: Option<String>,
    /// For programs.
    pub(crate) code: &'static str,
    /// Seconds after which another try may do.
    pub(crate) retry_after: Option<u32>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        ApiError { status, message: message.into(), param: None, code, retry_after: None }
    }

    /// 400: the body is wrong at `param`.
    pub(crate) fn invalid(param: &str, code: &'static str, message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::BAD_REQUEST, code, message);
        ApiError { param: (!param.is_empty()).then(|| param.to_string()), ..error }
    }

    /// 400: a value out of its range.
    pub(crate) fn value(param: &str, message: impl Into<String>) -> Self {
        Self::invalid(param, "invalid_value", message)
    }

    /// 400: the parameter is known and not served.
    pub(crate) fn unsupported(param: &str, reason: &str) -> Self {
        let message = format!("{param} is not supported: {reason}");
        Self::invalid(param, "unsupported_parameter", message)
    }

    /// 503: not now.
    pub(crate) fn unavailable(code: &'static str, message: &str, retry_after: u32) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        ApiError { retry_after: Some(retry_after), ..error }
    }

    /// 500: our fault.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// What the engine has against a request whose prompt is `param`.
    pub(crate) fn of_engine(error: &InferError, param: &str) -> Self {
        match error {
            InferError::EmptyPrompt => {
                Self::value(param, format!("{param} holds no token to start from"))
            }
            InferError::ContextFull { needed, context } => Self::invalid(
                param,
                "context_length_exceeded",
                format!(
                    "this model's context is {context} tokens, and {param} with one token of \
                     answer has {needed}"
                ),
            ),
            InferError::TokenOutOfRange { .. } => Self::value(param, error.to_string()),
            InferError::InvalidSampling { parameter, value, expected } => {
                Self::value(parameter, format!("{parameter} is {value}, it must be {expected}"))
            }
            InferError::Template { .. } | InferError::TemplateRefused { .. } => {
                Self::value(param, error.to_string())
            }
            InferError::NoGrammars => Self::unsupported(param, "it was built without grammars"),
            InferError::InvalidGrammar { .. } => Self::value(param, error.to_string()),
            InferError::GrammarTooLarge { .. } => {
                Self::invalid(param, "grammar_too_large", error.to_string())
            }
            _ => Self::internal(error.to_string()),
        }
    }

    /// The API's word for the kind of error.
    fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            404 => "not_found_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind(),
            "param": self.param,
            "code": self.code,
        }})
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_url", rejection.body_text())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json().to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
