//! Whether the committed model can still be made: the first steps of its training again.

use std::error::Error;
use std::fs;

use rayon::ThreadPoolBuilder;
use serde_json::Value;

use super::{DOCUMENTS, beginning, documents, learn_tokenizer};

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/ulp/assets/default.json");

/// Takes as many steps as the record has exact losses, with one thread and with two.
#[test]
#[ignore = "trains for minutes without optimisation; run by `cargo xtask ci default-model`"]
fn the_first_steps_have_the_recorded_bits() -> Result<(), Box<dyn Error>> {
    let value: Value = serde_json::from_slice(&fs::read(RECORD)?)?;
    let losses = value["first_losses"].as_array().into_iter().flatten();
    let recorded: Vec<f64> = losses.filter_map(Value::as_f64).collect();
    assert!(!recorded.is_empty(), "{RECORD}: no first_losses");
    let data = documents(&learn_tokenizer()?, 0..DOCUMENTS);
    for threads in [1, 2] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
        let losses = pool.install(|| -> Result<Vec<f64>, String> {
            let mut trainer = beginning().map_err(|error| error.to_string())?;
            let step = |_| trainer.step(&data).map(|report| report.loss);
            (0..recorded.len()).map(step).collect::<Result<_, _>>().map_err(|e| e.to_string())
        })?;
        for (step, (recorded, now)) in recorded.iter().zip(&losses).enumerate() {
            assert_eq!(recorded.to_bits(), now.to_bits(), "step {step} with {threads} threads");
        }
    }
    Ok(())
}
