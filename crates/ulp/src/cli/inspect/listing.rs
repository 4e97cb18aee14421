//! What every kind of model file has: metadata and tensors.

use crate::printable::printable;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Arrays of metadata longer than this are cut short unless asked for in full.
const LONG: usize = 8;

/// The contents of a model file or directory.
pub(super) struct Listing {
    pub(super) path: String,
    /// The kind of file, and its version where it has one.
    pub(super) kind: String,
    /// Bytes of the file, or of all weight files.
    pub(super) bytes: u64,
    pub(super) metadata: Vec<(String, Json)>,
    pub(super) tensors: Vec<TensorLine>,
}

/// One tensor.
pub(super) struct TensorLine {
    pub(super) name: String,
    /// Outermost dimension first.
    pub(super) shape: Vec<usize>,
    pub(super) ty: String,
    pub(super) bytes: usize,
    /// The file it is in, where there are several.
    pub(super) file: Option<String>,
    /// Where it starts in its file.
    pub(super) offset: usize,
}

/// All tensors of a type.
#[derive(Default)]
struct Total {
    tensors: usize,
    elements: u128,
    bytes: u128,
}

impl TensorLine {
    fn elements(&self) -> u128 {
        self.shape.iter().map(|&n| n as u128).product()
    }
}

impl Listing {
    fn totals(&self) -> BTreeMap<&str, Total> {
        let mut totals = BTreeMap::<&str, Total>::new();
        for tensor in &self.tensors {
            let total = totals.entry(&tensor.ty).or_default();
            total.tensors += 1;
            total.elements += tensor.elements();
            total.bytes += tensor.bytes as u128;
        }
        totals
    }

    fn parameters(&self) -> u128 {
        self.tensors.iter().map(TensorLine::elements).sum()
    }

    pub(super) fn print(&self, full: bool, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{}: {}, {}, {} metadata entries, {} tensors, {} parameters",
            self.path,
            self.kind,
            size(self.bytes.into()),
            self.metadata.len(),
            self.tensors.len(),
            count(self.parameters()),
        )?;
        if !self.metadata.is_empty() {
            writeln!(out, "\nMETADATA")?;
        }
        let keys: Vec<String> = self.metadata.iter().map(|(key, _)| printable(key)).collect();
        let width = keys.iter().map(String::len).max().unwrap_or(0);
        for (key, (_, value)) in keys.iter().zip(&self.metadata) {
            writeln!(out, "{key:<width$}  {}", printable(&shown(value, full)))?;
        }
        writeln!(out, "\nTENSORS")?;
        let names: Vec<String> = self.tensors.iter().map(|t| printable(&t.name)).collect();
        let name_width = names.iter().map(String::len).max().unwrap_or(0);
        let shapes: Vec<String> = self.tensors.iter().map(|t| shape_text(&t.shape)).collect();
        let shape_width = shapes.iter().map(String::len).max().unwrap_or(0);
        for ((tensor, name), shape) in self.tensors.iter().zip(&names).zip(&shapes) {
            writeln!(
                out,
                "{name:<name_width$}  {shape:>shape_width$}  {:<7}  {:>9}",
                tensor.ty,
                size(tensor.bytes as u128)
            )?;
        }
        writeln!(out, "\nTOTALS")?;
        for (ty, total) in self.totals() {
            writeln!(
                out,
                "{ty:<7}  {:>5} tensors  {:>8} parameters  {:>9}",
                total.tensors,
                count(total.elements),
                size(total.bytes)
            )?;
        }
        Ok(())
    }

    pub(super) fn to_json(&self, full: bool) -> Json {
        let metadata: Map<String, Json> =
            self.metadata.iter().map(|(key, value)| (key.clone(), cut(value, full))).collect();
        let tensors: Vec<Json> = self
            .tensors
            .iter()
            .map(|t| {
                json!({
                    "name": t.name,
                    "shape": t.shape,
                    "type": t.ty,
                    "bytes": t.bytes,
                    "file": t.file,
                    "offset": t.offset,
                })
            })
            .collect();
        let totals: Map<String, Json> = self
            .totals()
            .into_iter()
            .map(|(ty, t)| {
                let total = json!({
                    "tensors": t.tensors,
                    "parameters": json_count(t.elements),
                    "bytes": json_count(t.bytes),
                });
                (ty.to_string(), total)
            })
            .collect();
        json!({
            "path": self.path,
            "kind": self.kind,
            "bytes": self.bytes,
            "parameters": json_count(self.parameters()),
            "metadata": metadata,
            "tensors": tensors,
            "totals": totals,
        })
    }
}

/// A count as JSON's number; a damaged file may claim more than 64 bits hold.
fn json_count(n: u128) -> Json {
    u64::try_from(n).map_or_else(|_| json!(n as f64), |n| json!(n))
}

/// A value, of a long array its first elements and its length.
fn cut(value: &Json, full: bool) -> Json {
    match value {
        Json::Array(elements) if elements.len() > LONG && !full => {
            json!({ "length": elements.len(), "first": elements[..LONG] })
        }
        other => other.clone(),
    }
}

fn shown(value: &Json, full: bool) -> String {
    match value {
        Json::Array(elements) if elements.len() > LONG && !full => {
            let first: Vec<String> = elements[..LONG].iter().map(Json::to_string).collect();
            format!("[{}, ... {} in all]", first.join(", "), elements.len())
        }
        other => other.to_string(),
    }
}

fn shape_text(shape: &[usize]) -> String {
    match shape {
        [] => "scalar".to_string(),
        dimensions => dimensions.iter().map(usize::to_string).collect::<Vec<_>>().join(" × "),
    }
}

fn size(bytes: u128) -> String {
    scaled(bytes, [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)])
}

fn count(n: u128) -> String {
    scaled(n, [("", 1.0), ("k", 1e3), ("M", 1e6), ("B", 1e9)])
}

/// Three significant digits and the unit.
fn scaled(n: u128, units: [(&str, f64); 4]) -> String {
    let n = n as f64;
    let unit = units.iter().rev().find(|(_, size)| n >= *size * 0.9995).unwrap_or(&units[0]);
    let value = n / unit.1;
    let decimals = match value {
        _ if unit.1 == 1.0 => 0,
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {}", unit.0).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::{count, size};

    #[test]
    fn three_digits_and_a_unit() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1000), "1.00 kB");
        assert_eq!(size(98_123_456), "98.1 MB");
        assert_eq!(size(999_999_999), "1.00 GB");
        assert_eq!(size(123_456_000_000), "123 GB");
        assert_eq!(count(134_515_008), "135 M");
        assert_eq!(count(0), "0");
    }
}
