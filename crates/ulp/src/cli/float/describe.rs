//! `ulp float 0.1`: what becomes of a number in a format.

use super::picture;
use super::words::{code_of, format_of};
use crate::error::CliError;
use fpbits::{Class, Decimal, Format, Layout, Number, Value};
use serde_json::json;
use std::io::Write;

/// What it means.
pub(super) struct Float {
    typed: String,
    /// The number that was typed, if it was decimal: what the code is compared with.
    decimal: Option<Decimal>,
    format: Format,
    code: u64,
    json: bool,
}

/// Exponents of ten up to which the error of the typed number is worked out. What lies outside
/// is far outside of every format.
const FARTHEST_EXPONENT: u32 = 20_000;

impl Float {
    /// The number in the format, as typed.
    pub(super) fn resolve(typed: String, format: &str, json: bool) -> Result<Float, CliError> {
        let format = format_of(format)?;
        let code = code_of(&typed, &format)?;
        let decimal = typed
            .parse::<Decimal>()
            .ok()
            .filter(|d| d.scientific_exponent().unsigned_abs() <= FARTHEST_EXPONENT);
        Ok(Float { typed, decimal, format, code, json })
    }
}

impl Float {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        if self.json { self.print_json(out) } else { self.print(out) }
    }

    fn print(&self, out: &mut impl Write) -> Result<(), CliError> {
        let Float { format, code, .. } = self;
        let layout = format.layout();
        let sign = if layout.sign { "1 sign, " } else { "" };
        writeln!(
            out,
            "{} in {format}: {sign}{} exponent and {} fraction bits, bias {}\n",
            self.typed, layout.exponent_bits, layout.fraction_bits, layout.bias
        )?;
        for line in picture::draw(format, *code) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
        for (name, text) in self.facts() {
            writeln!(out, "{name:<10} {text}")?;
        }
        Ok(())
    }

    /// The lines of the description, name and text.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let Float { format, code, .. } = self;
        let fields = format.fields(*code);
        let mut facts = vec![("bits", self.bits(*code))];
        if format.layout().sign {
            let sign = if fields.sign { "1, negative" } else { "0, positive" };
            facts.push(("sign", sign.to_string()));
        }
        facts.push(("exponent", self.exponent_story()));
        facts.push(("fraction", self.fraction_story()));
        facts.push(("class", class_name(format.classify(*code)).to_string()));
        let Some(value) = format.to_decimal(*code) else {
            facts.push(("value", format.to_shortest(*code)));
            return facts;
        };
        facts.push(("value", value.to_string()));
        facts.extend(format.to_hex(*code).map(|hex| ("hex", hex)));
        facts.push(("shortest", format.to_shortest(*code)));
        facts.extend(self.error().map(|error| ("error", error.story())));
        facts.extend(format.ulp(*code).map(|ulp| ("ulp", ulp_story(ulp))));
        facts.push(("below", self.neighbour(format.next_down(*code))));
        facts.push(("above", self.neighbour(format.next_up(*code))));
        facts
    }

    /// How far the code's value lies from the number that was typed.
    fn error(&self) -> Option<RoundingError> {
        let stored = self.format.to_decimal(self.code)?;
        let error = stored.subtract(self.decimal.as_ref()?);
        let ulp = self.format.ulp(self.code)?;
        Some(RoundingError { in_ulps: in_units(&error, ulp), error })
    }

    fn bits(&self, code: u64) -> String {
        format!("0x{code:0width$x}", width = self.format.width().div_ceil(4) as usize)
    }

    fn neighbour(&self, code: Option<u64>) -> String {
        match code {
            None => "none".to_string(),
            Some(code) => format!("{}  {}", self.bits(code), self.format.to_shortest(code)),
        }
    }

    fn exponent_story(&self) -> String {
        let (format, field) = (&self.format, self.format.fields(self.code).exponent);
        let bias = format.layout().bias;
        match format.classify(self.code) {
            Class::Normal => format!("{field}, 2^({field} - {bias}) = 2^{}", field as i32 - bias),
            Class::Zero | Class::Subnormal => {
                format!("{field}, 2^(1 - {bias}) = 2^{} without the implied 1", 1 - bias)
            }
            Class::Infinite | Class::Nan => format!("{field}"),
        }
    }

    fn fraction_story(&self) -> String {
        let (format, fields) = (&self.format, self.format.fields(self.code));
        let width = format.layout().fraction_bits as usize;
        let point = match format.classify(self.code) {
            Class::Normal => ", significand 1.",
            Class::Zero | Class::Subnormal => ", significand 0.",
            Class::Infinite | Class::Nan => return format!("{:#x}", fields.fraction),
        };
        match width {
            0 => "no bits, significand 1".to_string(),
            _ => format!("{:#x}{point}{:0width$b}", fields.fraction, fields.fraction),
        }
    }

    fn print_json(&self, out: &mut impl Write) -> Result<(), CliError> {
        let Float { format, code, .. } = self;
        let (layout, fields) = (format.layout(), format.fields(*code));
        let neighbour = |code: Option<u64>| {
            code.map(|code| json!({ "bits": self.bits(code), "value": format.to_shortest(code) }))
        };
        let object = json!({
            "typed": self.typed,
            "format": {
                "name": format.to_string(),
                "sign": layout.sign,
                "exponent_bits": layout.exponent_bits,
                "fraction_bits": layout.fraction_bits,
                "bias": layout.bias,
            },
            "bits": self.bits(*code),
            "sign": u32::from(fields.sign),
            "exponent": fields.exponent,
            "fraction": fields.fraction,
            "class": class_name(format.classify(*code)),
            "value": match format.to_decimal(*code) {
                Some(value) => value.to_string(),
                None => format.to_shortest(*code),
            },
            "hex": format.to_hex(*code),
            "shortest": format.to_shortest(*code),
            "error": self.error().map(|e| json!({
                "value": format!("{:e}", e.error),
                "ulps": e.in_ulps,
            })),
            "ulp": format.ulp(*code).map(|ulp| json!({ "exponent": ulp.exponent })),
            "below": neighbour(format.next_down(*code)),
            "above": neighbour(format.next_up(*code)),
        });
        writeln!(out, "{object:#}")?;
        Ok(())
    }
}

/// The stored value minus the typed one.
struct RoundingError {
    error: Decimal,
    in_ulps: f64,
}

impl RoundingError {
    fn story(&self) -> String {
        if self.error.is_zero() {
            return "none, the value is exact".to_string();
        }
        let digits = self.error.digits();
        let (first, rest) = digits.split_at(1);
        let sign = if self.error.is_negative() { '-' } else { '+' };
        let (point, rest, more) = match rest.len() {
            0 => ("", "", ""),
            1..=16 => (".", rest, ""),
            _ => (".", &rest[..16], "..."),
        };
        format!(
            "{sign}{first}{point}{rest}{more}e{}, {:+.4} ulp (stored minus typed)",
            self.error.scientific_exponent(),
            self.in_ulps
        )
    }
}

/// A decimal number in units of a power of two, to the nearest `f64`.
fn in_units(decimal: &Decimal, unit: Number) -> f64 {
    // A format wide enough in both directions, that the difference of a number of any format and
    // a typed one neither overflows nor loses its digits.
    let wide = Format::new(Layout::ieee(15, 48)).expect("64 bits, consistent");
    match wide.decode(wide.from_decimal(decimal)) {
        Value::Finite(number) => {
            let scaled = Number { exponent: number.exponent - unit.exponent, ..number };
            f64::from_bits(Format::BINARY64.encode(&Value::Finite(scaled)))
        }
        _ => 0.0,
    }
}

/// The power and, where binary64 can hold it, its decimal form.
fn ulp_story(ulp: Number) -> String {
    let code = Format::BINARY64.encode(&Value::Finite(ulp));
    match Format::BINARY64.decode(code) == Value::Finite(ulp) {
        true => format!("2^{} = {}", ulp.exponent, Format::BINARY64.to_shortest(code)),
        false => format!("2^{}", ulp.exponent),
    }
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Zero => "zero",
        Class::Subnormal => "subnormal",
        Class::Normal => "normal",
        Class::Infinite => "infinite",
        Class::Nan => "nan",
    }
}
