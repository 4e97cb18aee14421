//! Prometheus' [text format](https://prometheus.io/docs/instrumenting/exposition_formats/).

use std::fmt::Write;

use super::histogram::{EDGES, Histogram};

/// A page of metrics, each with the model's name as a label.
pub(super) struct Page {
    text: String,
    label: String,
}

impl Page {
    pub(super) fn new(model: &str) -> Self {
        Page { text: String::new(), label: format!("model_name=\"{}\"", escaped(model)) }
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help, "gauge");
        self.line(name, "", value);
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help, "counter");
        self.line(name, "", value);
    }

    /// A gauge whose labels are what it says; its value is 1, or the time at which that was so.
    pub(super) fn info(&mut self, name: &str, help: &str, labels: &[(&str, String)], value: f64) {
        self.head(name, help, "gauge");
        let label = |(name, word): &(&str, String)| format!(",{name}=\"{}\"", escaped(word));
        let labels: String = labels.iter().map(label).collect();
        self.line(name, &labels, value);
    }

    /// One counter for each value of a label.
    pub(super) fn counters(&mut self, name: &str, help: &str, label: &str, values: &[(&str, f64)]) {
        self.head(name, help, "counter");
        for (word, value) in values {
            self.line(name, &format!(",{label}=\"{word}\""), *value);
        }
    }

    pub(super) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, help, "histogram");
        let (counts, total, sum) = histogram.cumulative();
        let bucket = format!("{name}_bucket");
        for (edge, count) in EDGES.iter().zip(counts) {
            self.line(&bucket, &format!(",le=\"{edge}\""), count as f64);
        }
        self.line(&bucket, ",le=\"+Inf\"", total as f64);
        self.line(&format!("{name}_sum"), "", sum);
        self.line(&format!("{name}_count"), "", total as f64);
    }

    pub(super) fn text(self) -> String {
        self.text
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.text, "{name}{{{}{labels}}} {value}", self.label);
    }
}

/// A label's value between its quotes.
fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_to_their_quotes() {
        let mut page = Page::new("a\"b");
        page.info("x", "Help", &[("y", "\\\n".to_string())], 2.0);
        let lines = "# HELP x Help\n# TYPE x gauge\nx{model_name=\"a\\\"b\",y=\"\\\\\\n\"} 2\n";
        assert_eq!(page.text(), lines);
    }
}
