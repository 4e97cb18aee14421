//! A number that is none is found in the layer that it comes from.

use ulp_autograd::{Anomaly, AnomalyKind, Tape, Var};
use ulp_nn::{ArrayX, Llama, LlamaConfig, Mlp, Module};
use ulp_tensor::ndarray::{Array2, array};

fn llama(tied: bool) -> Llama<ArrayX<f32>> {
    let text = format!(
        r#"{{"model_type": "llama", "vocab_size": 7, "hidden_size": 12, "intermediate_size": 16,
            "num_hidden_layers": 4, "num_attention_heads": 3, "num_key_value_heads": 1,
            "attention_bias": true, "mlp_bias": true, "tie_word_embeddings": {tied}}}"#
    );
    Llama::new(LlamaConfig::parse(text.as_bytes(), "config.json").unwrap(), 1)
}

fn logits<'t>(llama: &Llama<Var<'t, f32>>) -> Var<'t, f32> {
    llama.forward(Array2::from_shape_fn((2, 5), |(b, t)| ((3 * b + 2 * t) % 7) as u32).view())
}

fn perceptron<'t>(mlp: &Mlp<Var<'t, f32>>) -> Var<'t, f32> {
    mlp.forward(mlp.layers[0].weight.tape().constant(array![[1.0, -1.0]]))
}

/// Each parameter's path, and what is found when it holds nothing but `value`. The tape is watched
/// from before the parameters are bound, or only from then on.
fn found<M: Module<Param = ArrayX<f32>>>(
    module: &mut M,
    value: f32,
    before: bool,
    forward: impl for<'t> Fn(&M::With<Var<'t, f32>>),
) -> Vec<(String, Anomaly)> {
    let names: Vec<String> = module.named_parameters().into_iter().map(|(name, _)| name).collect();
    let mut found_in = |index: usize, name: String| {
        let kept = module.named_parameters()[index].1.clone();
        module.named_parameters_mut()[index].1.fill(value);
        let tape = Tape::new();
        if before {
            tape.watch();
        }
        let bound = module.bind(&tape);
        tape.watch();
        forward(&bound);
        *module.named_parameters_mut()[index].1 = kept;
        let anomaly = tape.anomaly();
        (name.clone(), anomaly.unwrap_or_else(|| panic!("nothing found in {name}")))
    };
    names.into_iter().enumerate().map(|(index, name)| found_in(index, name)).collect()
}

fn check<M: Module<Param = ArrayX<f32>>>(
    module: &mut M,
    forward: impl for<'t> Fn(&M::With<Var<'t, f32>>),
) {
    for (name, anomaly) in found(module, f32::NAN, true, &forward) {
        assert_eq!((anomaly.kind, anomaly.operation), (AnomalyKind::Nan, "leaf"), "{name}");
        assert_eq!((anomaly.path, anomaly.element), (name, 0));
    }
    for (name, anomaly) in found(module, f32::NAN, false, &forward) {
        let (layer, _) = name.rsplit_once('.').unwrap();
        assert_eq!((anomaly.kind, &anomaly.path[..]), (AnomalyKind::Nan, layer), "{name}");
    }
}

#[test]
fn a_nan_in_a_parameter_is_found_by_the_parameters_path() {
    check(&mut llama(false), |model| {
        logits(model);
    });
    check(&mut llama(true), |model| {
        logits(model);
    });
    check(&mut Mlp::new(&[2, 5, 3], 1), |model| {
        perceptron(model);
    });
}

#[test]
fn the_message_names_the_parameter() {
    let mut model = llama(false);
    model.model.layers[3].self_attn.q_proj.weight[[2, 5]] = f32::NAN;
    let tape = Tape::new();
    tape.watch();
    model.bind(&tape);
    let message = tape.anomaly().unwrap().to_string();
    let place = "model.layers.3.self_attn.q_proj.weight";
    assert_eq!(message, format!("NaN in leaf in {place}, element 29 of [12, 12]"));
}

#[test]
fn an_overflow_is_found_in_the_layer_where_it_happens() {
    let mut model = llama(false);
    model.model.layers[2].mlp.up_proj.weight.fill(f32::MAX);
    let tape = Tape::new();
    tape.watch();
    logits(&model.bind(&tape));
    let anomaly = tape.anomaly().unwrap();
    assert_eq!((anomaly.operation, anomaly.kind), ("linear", AnomalyKind::Infinity));
    assert_eq!(anomaly.path, "model.layers.2.mlp.up_proj");
}

#[test]
fn a_sound_model_has_none_forwards_or_backwards() {
    let tape = Tape::new();
    tape.watch();
    let _ = logits(&llama(false).bind(&tape)).sum_all().backward();
    assert_eq!(tape.anomaly(), None);
}
