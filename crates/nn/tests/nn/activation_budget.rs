//! A Llama whose activations have a budget: the gradients of one that keeps everything.

use ulp_autograd::Tape;
use ulp_nn::{ArrayX, Llama, LlamaConfig, Module};
use ulp_tensor::ndarray::{Array2, ArrayD};

const TEXT: &str = r#"{"model_type": "llama", "vocab_size": 19, "hidden_size": 24,
    "intermediate_size": 32, "num_hidden_layers": 5, "num_attention_heads": 4,
    "num_key_value_heads": 2, "attention_bias": true}"#;

/// The gradients, the bytes kept after the way there, and the most there ever were.
fn train(model: &Llama<ArrayX<f32>>, budget: Option<usize>) -> (Vec<ArrayD<f32>>, usize, usize) {
    let ids = Array2::from_shape_fn((2, 7), |(b, t)| ((7 * b + 5 * t + t * t) % 19) as u32);
    let targets = ids.mapv(|id| (id + 1) % 19);
    let tape = Tape::new();
    budget.inspect(|&bytes| tape.set_activation_budget(bytes));
    let bound = model.bind(&tape);
    let loss = bound.loss(ids.view(), targets.view(), None);
    let kept = tape.activation_bytes();
    let gradients = loss.backward();
    let parameters = bound.named_parameters();
    let gradient = |var| gradients.get(var).expect("reached").clone();
    let all = parameters.into_iter().map(|(_, &var)| gradient(var)).collect();
    (all, kept, tape.peak_activation_bytes())
}

#[test]
fn the_budget_of_a_llama_changes_no_bit() {
    let model = Llama::<ArrayX<f32>>::new(LlamaConfig::parse(TEXT.as_bytes(), "").unwrap(), 3);
    let (expected, none, _) = train(&model, None);
    assert_eq!(none, 0, "without a budget there are no segments");
    let (gradients, all, peak) = train(&model, Some(usize::MAX - 1));
    assert_eq!(gradients, expected);
    let (gradients, none, running) = train(&model, Some(0));
    assert_eq!((gradients == expected, none), (true, 0));
    assert!(4 * running < peak, "one layer of five: {running} of {peak} bytes");
    for layers in 1..5 {
        let budget = all * layers / 5 + running;
        let (gradients, kept, peak) = train(&model, Some(budget));
        assert_eq!(gradients, expected);
        assert!(peak <= budget && kept >= all * layers / 5, "{kept}, {peak} of {budget}");
    }
}
