//! Whether the committed model can still be made: the first steps of its training again.

use std::error::Error;
use std::fs;
use std::path::Path;

use rayon::ThreadPoolBuilder;
use serde_json::Value;

use super::{DOCUMENTS, beginning, documents, learn_tokenizer};

/// Takes as many steps as the record has exact losses, with one thread and with two.
pub(super) fn run(record: &Path) -> Result<(), Box<dyn Error>> {
    let text = fs::read(record).map_err(|error| format!("{}: {error}", record.display()))?;
    let value: Value = serde_json::from_slice(&text)?;
    let recorded: Vec<f64> =
        value["first_losses"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    if recorded.is_empty() {
        return Err(format!("{}: no first_losses", record.display()).into());
    }
    let data = documents(&learn_tokenizer()?, 0..DOCUMENTS);
    for threads in [1, 2] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
        let losses = pool.install(|| -> Result<Vec<f64>, String> {
            let mut trainer = beginning().map_err(|error| error.to_string())?;
            let step = |_| trainer.step(&data).map(|report| report.loss);
            (0..recorded.len()).map(step).collect::<Result<_, _>>().map_err(|e| e.to_string())
        })?;
        let differing = recorded.iter().zip(&losses).position(|(a, b)| a.to_bits() != b.to_bits());
        if let Some(step) = differing {
            let (recorded, now) = (recorded[step], losses[step]);
            return Err(format!(
                "step {step} with {threads} threads: the loss was {recorded:?}, now it is {now:?}"
            )
            .into());
        }
        println!("{} steps with {threads} threads: the same bits", losses.len());
    }
    Ok(())
}
