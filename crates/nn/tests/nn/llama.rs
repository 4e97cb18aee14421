//! What a Llama must do whatever its weights are.

use ulp_autograd::Tape;
use ulp_nn::{ArrayX, Llama, LlamaConfig, Module, next_tokens};
use ulp_tensor::ndarray::{Array2, ArrayD, Axis, s};

fn config(overrides: &str) -> LlamaConfig {
    let text = format!(
        r#"{{"model_type": "llama", "vocab_size": 19, "hidden_size": 24, "intermediate_size": 32,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "initializer_range": 0.3, "rms_norm_eps": 1e-5, "max_position_embeddings": 64
            {overrides}}}"#
    );
    LlamaConfig::parse(text.as_bytes(), "config.json").expect("a correct configuration")
}

fn ids(b: usize, t: usize, v: u32) -> Array2<u32> {
    Array2::from_shape_fn((b, t), |(b, t)| (7 * b + 5 * t + t * t) as u32 % v)
}

fn bits(a: &ArrayD<f32>) -> Vec<u32> {
    a.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn both_walks_go_the_same_way() {
    let mut model = Llama::<ArrayX<f32>>::new(config(r#", "attention_bias": true"#), 1);
    let shared: Vec<_> =
        model.named_parameters().into_iter().map(|(n, p)| (n, p.as_ptr())).collect();
    let mutable: Vec<_> =
        model.named_parameters_mut().into_iter().map(|(n, p)| (n, p.as_ptr())).collect();
    assert_eq!(shared, mutable);
}

#[test]
fn counts_agree_with_the_configuration() {
    let variants = [
        "",
        r#", "tie_word_embeddings": true"#,
        r#", "attention_bias": true, "mlp_bias": true, "head_dim": 10"#,
    ];
    for overrides in variants {
        let config = config(overrides);
        let count = config.parameter_count();
        assert_eq!(Llama::spec(config.clone()).parameter_count() as u128, count, "{overrides}");
        let model = Llama::<ArrayX<f32>>::new(config, 3);
        assert_eq!(model.parameter_count() as u128, count, "{overrides}");
    }
}

#[test]
fn first_values_depend_on_the_path_and_not_on_the_rest_of_the_model() {
    let small = Llama::<ArrayX<f32>>::new(config(""), 5);
    let large = Llama::<ArrayX<f32>>::new(config(r#", "num_hidden_layers": 3"#), 5);
    let other = Llama::<ArrayX<f32>>::new(config(""), 6);
    let q = |m: &Llama<ArrayX<f32>>, layer: usize| {
        bits(&m.model.layers[layer].self_attn.q_proj.weight.to_owned())
    };
    assert_eq!(q(&small, 1), q(&large, 1));
    assert_ne!(q(&small, 0), q(&small, 1));
    assert_ne!(q(&small, 1), q(&other, 1));
}

#[test]
fn a_later_token_never_changes_earlier_logits() {
    let model = Llama::<ArrayX<f32>>::new(config(""), 7);
    let before = ids(2, 12, 19);
    let mut after = before.clone();
    after.slice_mut(s![.., 8..]).mapv_inplace(|id| (id + 1) % 19);
    let [a, b] = [before, after].map(|ids| model.logits(ids.view()));
    let early = |x: &ArrayD<f32>| bits(&x.slice_axis(Axis(1), (..8).into()).to_owned());
    let late = |x: &ArrayD<f32>| bits(&x.slice_axis(Axis(1), (8..).into()).to_owned());
    assert_eq!(early(&a), early(&b));
    assert_ne!(late(&a), late(&b));
}

#[test]
fn batch_company_and_threads_change_no_bit() {
    let model = Llama::<ArrayX<f32>>::new(config(""), 8);
    let sequences = ids(5, 33, 19);
    let step = || {
        let (ids, targets) = next_tokens(sequences.view());
        let tape = Tape::new();
        let bound = model.bind(&tape);
        let loss = bound.loss(ids, targets, None);
        let mut gradients = loss.backward();
        let mut all = vec![loss.item().to_bits()];
        bound.visit(|_, p| all.extend(bits(&gradients.take(*p).expect("reached"))));
        all
    };
    let in_pool = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(step)
    };
    let one = in_pool(1);
    assert!(one == in_pool(2), "two threads changed a bit");
    assert!(one == in_pool(3), "three threads changed a bit");

    let together = model.logits(sequences.view());
    for (b, row) in together.axis_iter(Axis(0)).enumerate() {
        let alone = model.logits(sequences.slice(s![b..=b, ..]));
        assert_eq!(bits(&alone.index_axis(Axis(0), 0).to_owned()), bits(&row.to_owned()));
    }
}

#[test]
fn the_loss_ignores_what_it_is_told_to() {
    let model = Llama::<ArrayX<f64>>::new(config(""), 9);
    let sequences = ids(1, 9, 19);
    let (input, targets) = next_tokens(sequences.view());
    let loss = |input, targets, ignore| {
        let tape = Tape::new();
        model.bind(&tape).loss(input, targets, ignore).item()
    };
    let mut padded = targets.to_owned();
    padded.slice_mut(s![.., 5..]).fill(u32::MAX);
    let prefix = loss(input.slice(s![.., ..5]), targets.slice(s![.., ..5]), None);
    // The same five terms, summed in the same order; only the later logits' rows differ.
    let ignoring = loss(input, padded.view(), Some(u32::MAX));
    assert!((ignoring / prefix - 1.0).abs() < 1e-14, "{ignoring} {prefix}");
}

/// With four key and value heads, each repeated for the queries it serves, full attention is
/// grouped-query attention.
#[test]
fn grouped_queries_are_full_attention_with_repeated_heads() {
    let grouped = Llama::<ArrayX<f32>>::new(config(r#", "attention_bias": true"#), 10);
    let mut full = Llama::<ArrayX<f32>>::new(
        config(r#", "attention_bias": true, "num_key_value_heads": 4"#),
        10,
    );
    let head_dim = grouped.config.head_dim;
    let repeat = |w: &ArrayX<f32>| {
        let heads: Vec<_> = (0..4)
            .map(|h| w.slice_axis(Axis(0), (h / 2 * head_dim..(h / 2 + 1) * head_dim).into()))
            .collect();
        ulp_tensor::ndarray::concatenate(Axis(0), &heads).unwrap().into_shared()
    };
    for (f, g) in full.model.layers.iter_mut().zip(&grouped.model.layers) {
        for (f, g) in [
            (&mut f.self_attn.k_proj, &g.self_attn.k_proj),
            (&mut f.self_attn.v_proj, &g.self_attn.v_proj),
        ] {
            f.weight = repeat(&g.weight);
            f.bias = g.bias.as_ref().map(&repeat);
        }
    }
    let ids = ids(2, 17, 19);
    assert_eq!(bits(&full.logits(ids.view())), bits(&grouped.logits(ids.view())));
}

#[test]
fn a_tiny_llama_learns_a_batch_by_heart() {
    let mut model = Llama::<ArrayX<f32>>::new(config(r#", "initializer_range": 0.1"#), 11);
    let sequences = ids(4, 12, 19);
    let (ids, targets) = next_tokens(sequences.view());
    let mut first = None;
    let mut last = f32::INFINITY;
    for _ in 0..150 {
        let tape = Tape::new();
        let bound = model.bind(&tape);
        let loss = bound.loss(ids, targets, None);
        last = loss.item();
        first.get_or_insert(last);
        let mut gradients = loss.backward();
        let steps = bound.map(|_, p| gradients.take(*p).expect("the loss reaches every parameter"));
        drop(tape);
        let steps = steps.named_parameters().into_iter();
        for ((_, p), (_, g)) in model.named_parameters_mut().into_iter().zip(steps) {
            // Sign descent: enough for a test, and it needs no optimizer.
            p.zip_mut_with(g, |p, g| *p -= 0.003 * g.signum());
        }
    }
    let first = first.unwrap();
    assert!((first - 19f32.ln()).abs() < 0.5, "an untrained model knows nothing: {first}");
    assert!(last < 0.1, "150 steps end at {last}");
}
