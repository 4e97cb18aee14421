//! `POST /float`: what becomes of a number in a format, for the page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use fpbits::{Class, Decimal, Format, FpbitsError, Number, Value as FloatValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::app::App;
use super::error::ApiError;
use super::schema::{Parameter, Schema, WORD};
use super::{blocking, body, json_response};

/// The body.
pub(crate) const FLOAT: Schema = Schema::Object(&[&[
    Parameter::optional("number", WORD, "A number: 0.1, 1e-3, 0x1.8p3, inf, nan"),
    Parameter::optional("code", WORD, "Or bits as they stand, in hexadecimal: 0x3dcccccd"),
    Parameter::required("format", WORD, "binary32, bf16, e4m3fn, ... or ExF: 8x23"),
]]);

#[derive(Debug, Deserialize)]
struct FloatBody {
    number: Option<String>,
    code: Option<String>,
    format: String,
}

/// Characters that a number may have: the exact value of any binary64 has fewer.
const LONGEST: usize = 1200;

/// Exponents of ten up to which the difference from the typed number is worked out.
const FARTHEST: u32 = 20_000;

/// Takes a number apart.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let (max, time) = (app.options.max_body, app.options.client_timeout);
    let body: FloatBody = body::read(request, &FLOAT, max, time).await?;
    let described = blocking(move || describe(&body)).await??;
    Ok(json_response(&described))
}

/// The names of the formats, for a list to choose from.
pub(crate) async fn formats() -> impl IntoResponse {
    let entry = |(name, format): &(&str, Format)| json!({"name": name, "layout": layout(format)});
    json_response(&json!({"formats": Format::NAMED.iter().map(entry).collect::<Vec<_>>()}))
}

fn describe(body: &FloatBody) -> Result<Value, ApiError> {
    let format: Format = body.format.parse().map_err(|error| wrong("format", error))?;
    let (code, typed) = match (&body.number, &body.code) {
        (Some(number), None) => parse_number(number, &format)?,
        (None, Some(code)) => (parse_code(code, &format)?, None),
        _ => return Err(ApiError::value("number", "give either number or code")),
    };
    let fields = format.fields(code);
    let width = format.width() as usize;
    let stored = format.to_decimal(code);
    let neighbour = |code: Option<u64>| {
        code.map(|code| json!({"code": hex(code, &format), "value": format.to_shortest(code)}))
    };
    let difference = match (&stored, &typed) {
        (Some(stored), Some(typed)) => Some(stored.subtract(typed)),
        _ => None,
    };
    Ok(json!({
        "format": format.to_string(),
        "layout": layout(&format),
        "code": hex(code, &format),
        "bits": format!("{code:0width$b}"),
        "sign": u32::from(fields.sign),
        "exponent": fields.exponent,
        "fraction": fields.fraction,
        "class": class(format.classify(code)),
        "value": stored.map(|value| value.to_string()),
        "shortest": format.to_shortest(code),
        "hex": format.to_hex(code),
        "error": difference.map(|error| format!("{error:e}")),
        "ulp": format.ulp(code).map(power_of_two),
        "below": neighbour(format.next_down(code)),
        "above": neighbour(format.next_up(code)),
        "derivations": derivations(&format),
    }))
}

/// The code of a number, and the number itself where it can be compared.
fn parse_number(text: &str, format: &Format) -> Result<(u64, Option<Decimal>), ApiError> {
    if text.len() > LONGEST {
        let message = format!("number has {} bytes, it may have {LONGEST}", text.len());
        return Err(ApiError::value("number", message));
    }
    let code = format.parse(text).map_err(|error| wrong("number", error))?;
    let typed = text.parse::<Decimal>().ok();
    Ok((code, typed.filter(|d| d.scientific_exponent().unsigned_abs() <= FARTHEST)))
}

fn parse_code(text: &str, format: &Format) -> Result<u64, ApiError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let code = is_hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten();
    match code {
        Some(code) if code.checked_shr(format.width()).unwrap_or(0) == 0 => Ok(code),
        _ => {
            let width = format.width();
            let message = format!("code is {text:?}, it must be hexadecimal, of {width} bits");
            Err(ApiError::value("code", message))
        }
    }
}

fn wrong(param: &str, error: FpbitsError) -> ApiError {
    ApiError::value(param, format!("{param}: {error}"))
}

fn layout(format: &Format) -> Value {
    let layout = format.layout();
    json!({
        "sign_bits": u32::from(layout.sign),
        "exponent_bits": layout.exponent_bits,
        "fraction_bits": layout.fraction_bits,
        "bias": layout.bias,
    })
}

/// What follows from the widths, where the format is one that widths alone give.
fn derivations(format: &Format) -> Option<Value> {
    let design = Format::design(format.width(), format.layout().exponent_bits).ok()?;
    if design.format() != format {
        return None;
    }
    let step = |step: fpbits::Derivation| json!({"name": step.name, "value": step.value, "reason": step.reason});
    Some(design.derivations().into_iter().map(step).collect())
}

fn hex(code: u64, format: &Format) -> String {
    format!("0x{code:0width$x}", width = format.width().div_ceil(4) as usize)
}

/// A power of two, with its decimal form where binary64 has it.
fn power_of_two(ulp: Number) -> String {
    let value = FloatValue::Finite(ulp);
    let code = Format::BINARY64.encode(&value);
    match Format::BINARY64.decode(code) == value {
        true => format!("2^{} = {}", ulp.exponent, Format::BINARY64.to_shortest(code)),
        false => format!("2^{}", ulp.exponent),
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Zero => "zero",
        Class::Subnormal => "subnormal",
        Class::Normal => "normal",
        Class::Infinite => "infinite",
        Class::Nan => "nan",
    }
}
