//! A trace as JSON.

use super::words::hex;
use fpbits::{Operation, Places, Step, Trace, Unrounded};
use serde_json::{Value, json};

/// The whole trace.
pub(super) fn object(trace: &Trace) -> Value {
    let format = &trace.format;
    json!({
        "operation": trace.operation.to_string(),
        "from": trace.from.to_string(),
        "format": format.to_string(),
        "rounding": trace.context.rounding.to_string(),
        "steps": trace.steps.iter().map(|step| self::step(trace, step)).collect::<Vec<_>>(),
        "result": result(trace),
    })
}

fn result(trace: &Trace) -> Value {
    let (format, code) = (&trace.format, trace.result.code);
    let flags: Vec<_> = trace.result.flags.names().collect();
    match trace.operation {
        Operation::Compare => json!({ "order": trace.result_text(), "flags": flags }),
        Operation::ToInteger(_) => json!({ "integer": trace.result_text(), "flags": flags }),
        _ => json!({
            "bits": hex(code, format),
            "value": format.to_decimal(code).map(|value| value.to_string()),
            "shortest": format.to_shortest(code),
            "flags": flags,
        }),
    }
}

fn step(trace: &Trace, step: &Step) -> Value {
    match step {
        Step::Operand { name, code, .. } => json!({
            "step": "operand",
            "name": name.to_string(),
            "bits": hex(*code, &trace.from),
            "shortest": trace.from.to_shortest(*code),
        }),
        Step::Integer(value) => json!({ "step": "operand", "integer": value.to_string() }),
        Step::Order { magnitudes, order } => json!({
            "step": "order",
            "of": if *magnitudes { "magnitudes" } else { "numbers" },
            "order": format!("{order:?}").to_lowercase(),
        }),
        Step::Special(rule) => json!({ "step": "special", "rule": rule.to_string() }),
        Step::Align { name, shift, places: at } => json!({
            "step": "align", "name": name.to_string(), "shift": shift, "places": places(at),
        }),
        Step::Sum { subtracted, places: at } => json!({
            "step": if *subtracted { "subtract" } else { "add" }, "places": places(at),
        }),
        Step::Product(number) => json!({ "step": "multiply", "product": unrounded(number) }),
        Step::Quotient(number) => json!({ "step": "divide", "quotient": unrounded(number) }),
        Step::Root(number) => json!({ "step": "root", "root": unrounded(number) }),
        Step::NearestMultiple(n) => json!({
            "step": "reduce", "multiple": n.map(|n| n.to_string()),
        }),
        Step::Normalize { shift, unit } => json!({
            "step": "normalise", "shift": shift, "unit": unit,
        }),
        Step::Round(round) => json!({
            "step": "round",
            "places": places(&round.places),
            "odd": round.odd,
            "away_from_zero": round.away,
        }),
    }
}

/// Integers of 128 bits as text: JSON's readers stop at 53 or 64.
fn places(places: &Places) -> Value {
    json!({
        "unit": places.unit,
        "kept": places.kept.to_string(),
        "guard": u8::from(places.below.guard),
        "round": u8::from(places.below.round),
        "sticky": u8::from(places.below.sticky),
    })
}

fn unrounded(number: &Unrounded) -> Value {
    json!({
        "significand": number.significand.to_string(),
        "exponent": number.exponent,
        "sticky": number.sticky,
    })
}
