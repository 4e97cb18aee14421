//! `ulp audit`, run as a user runs it.

use crate::support::tiny_model::TinyModel;
use crate::support::{Scratch, run};

#[test]
fn every_tensor_and_every_layer_is_judged() {
    let scratch = Scratch::new("audit");
    let file = |mix: &str| {
        let out = scratch.path(&format!("{mix}.gguf")).display().to_string();
        run(["quantize", &TinyModel::get().name(), &out, "--type", mix]).good();
        out
    };
    let (reference, quantized) = (file("F32"), file("Q4_0"));
    let text = scratch.write("text.txt", "the cat sat. the dog ran. the cat ran.\n".repeat(8));
    let svg = scratch.path("audit.svg");
    let words = |model: &str, more: &[&str]| {
        let base = ["audit", model, "--against", &reference];
        run(base.iter().chain(more).map(|word| word.to_string()))
    };
    let (text, picture) = (text.to_str().unwrap(), svg.to_str().unwrap());
    let more = ["--text", text, "-c", "32", "--chunks", "1", "--svg", picture, "--json"];
    let audit = words(&quantized, &more).json();
    let tensors = audit["tensors"].as_array().unwrap();
    for tensor in tensors {
        let error = tensor["relative_error"].as_f64().unwrap();
        assert_eq!(error > 0.0, tensor["type"] != "F32", "{tensor}");
        assert!(error < 0.2, "{tensor}");
    }
    let layers = audit["layers"].as_array().unwrap();
    assert_eq!(layers.first().unwrap()["part"], "embedding");
    assert_eq!(layers.last().unwrap()["part"], "all");
    assert!(layers.iter().all(|layer| layer["kl_mean"].as_f64().unwrap() > 0.0));
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));

    // A model against itself loses nothing.
    let none = words(&reference, &["--text", text, "-c", "32", "--chunks", "1", "--json"]).json();
    let layers = none["layers"].as_array().unwrap();
    assert!(layers.iter().all(|layer| layer["kl_mean"] == 0.0));

    let directory = run(["audit", &TinyModel::get().name(), "--against", &reference]).bad(2);
    assert!(directory.contains("directory"), "{directory}");
}
