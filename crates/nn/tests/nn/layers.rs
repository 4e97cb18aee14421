//! Every layer: its gradient against differences, its values against the formula written out.

use ulp_autograd::gradcheck::{gradcheck, gradcheck_projected};
use ulp_autograd::{Tape, Var};
use ulp_nn::{
    ArrayX, Attention, AttentionShape, DecoderLayer, Embedding, Init, LayerNorm, Linear, Llama,
    LlamaConfig, Mlp, Module, ParameterSpec, RmsNorm, Rope, SwiGlu, cross_entropy,
};
use ulp_tensor::ndarray::{Array2, ArrayD, array};
use ulp_tensor::random;

const WIDE: Init = Init::Normal { std: 0.5 };

fn noise(shape: &[usize], stream: u64) -> ArrayD<f64> {
    random::normal(shape, 99, stream)
}

/// Fresh weights, all of them random: a gain of one or a bias of zero hides mistakes.
fn weights<M: Module<Param = ParameterSpec>>(plan: &M) -> M::With<ArrayX<f64>> {
    let mut stream = 100;
    plan.map(|_, spec| {
        stream += 1;
        (noise(&spec.shape, stream) * 0.5).into_shared()
    })
}

/// The gradient of `f` with respect to the inputs and every parameter.
fn check<M: Module<Param = ArrayX<f64>>>(
    module: &M,
    inputs: &[ArrayD<f64>],
    f: impl for<'t> Fn(&M::With<Var<'t, f64>>, &[Var<'t, f64>]) -> Var<'t, f64>,
) {
    let (all, count) = all_arrays(module, inputs);
    let report = gradcheck(
        |vars| {
            let (xs, parameters) = vars.split_at(count);
            f(&bind_to(module, parameters), xs)
        },
        &all,
    );
    let report = report.unwrap_or_else(|mismatch| panic!("{mismatch}"));
    assert_eq!(report.checked + report.kinks.len(), all.iter().map(ArrayD::len).sum::<usize>());
    assert_eq!(report.kinks, [], "no layer here has a kink near these inputs");
}

fn all_arrays<M: Module<Param = ArrayX<f64>>>(
    module: &M,
    inputs: &[ArrayD<f64>],
) -> (Vec<ArrayD<f64>>, usize) {
    let mut all = inputs.to_vec();
    module.visit(|_, p| all.push(p.to_owned()));
    (all, inputs.len())
}

fn bind_to<'t, M: Module<Param = ArrayX<f64>>>(
    module: &M,
    parameters: &[Var<'t, f64>],
) -> M::With<Var<'t, f64>> {
    let mut next = parameters.iter();
    module.map(|_, _| *next.next().expect("as many variables as parameters"))
}

fn small_llama(tied: bool) -> LlamaConfig {
    let text = format!(
        r#"{{"model_type": "llama", "vocab_size": 7, "hidden_size": 8, "intermediate_size": 6,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "head_dim": 4, "attention_bias": true, "mlp_bias": true, "rms_norm_eps": 1e-5,
            "tie_word_embeddings": {tied}, "max_position_embeddings": 16}}"#
    );
    LlamaConfig::parse(text.as_bytes(), "config.json").expect("a correct configuration")
}

#[test]
fn linear() {
    let x = noise(&[2, 3, 4], 1);
    check(&weights(&Linear::spec(4, 5, true)), std::slice::from_ref(&x), |l, x| l.forward(x[0]));
    check(&weights(&Linear::spec(4, 5, false)), &[x], |l, x| l.forward(x[0]));
}

#[test]
fn embedding() {
    let ids = array![[3_u32, 0, 3], [1, 3, 0]].into_dyn();
    let table = weights(&Embedding::spec(5, 4, WIDE));
    check(&table, &[], |e, _| e.forward(ids.view()));
    let tape = Tape::new();
    let rows = table.bind(&tape).forward(ids.view()).value();
    assert_eq!(rows.shape(), [2, 3, 4]);
    for ((b, t), &id) in array![[3_u32, 0, 3], [1, 3, 0]].indexed_iter() {
        for c in 0..4 {
            assert_eq!(rows[[b, t, c]], table.weight[[id as usize, c]]);
        }
    }
}

#[test]
fn rms_norm() {
    let layer = weights(&RmsNorm::spec(6, 1e-5));
    let x = noise(&[2, 3, 6], 2);
    check(&layer, std::slice::from_ref(&x), |l, x| l.forward(x[0]));
    let tape = Tape::new();
    let y = layer.bind(&tape).forward(tape.constant(x.clone())).value();
    for (x, y) in x.rows().into_iter().zip(y.rows()) {
        let mean = x.iter().map(|x| x * x).sum::<f64>() / 6.0;
        for c in 0..6 {
            let expected = x[c] / (mean + 1e-5).sqrt() * layer.weight[[c]];
            assert!((y[c] - expected).abs() <= 1e-14 * expected.abs(), "{} {expected}", y[c]);
        }
    }
}

#[test]
fn layer_norm() {
    let layer = weights(&LayerNorm::spec(6, 1e-5));
    let x = noise(&[2, 3, 6], 3);
    check(&layer, std::slice::from_ref(&x), |l, x| l.forward(x[0]));
    let tape = Tape::new();
    let y = layer.bind(&tape).forward(tape.constant(x.clone())).value();
    for (x, y) in x.rows().into_iter().zip(y.rows()) {
        let mean = x.sum() / 6.0;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 6.0;
        for c in 0..6 {
            let unit = (x[c] - mean) / (variance + 1e-5).sqrt();
            let expected = unit * layer.weight[[c]] + layer.bias[[c]];
            assert!((y[c] - expected).abs() < 1e-14, "{} {expected}", y[c]);
        }
    }
}

#[test]
fn swiglu() {
    let x = noise(&[2, 3, 4], 4);
    for bias in [false, true] {
        let layer = weights(&SwiGlu::spec(4, 6, bias, WIDE));
        check(&layer, std::slice::from_ref(&x), |l, x| l.forward(x[0]));
        // The fused gate is the formula.
        let tape = Tape::new();
        let bound = layer.bind(&tape);
        let x = tape.constant(x.clone());
        let (gate, up) = (bound.gate_proj.forward(x), bound.up_proj.forward(x));
        let plain = bound.down_proj.forward(gate * gate.sigmoid() * up).value();
        for (a, b) in bound.forward(x).value().iter().zip(plain.iter()) {
            assert!((a - b).abs() < 1e-13, "{a} {b}");
        }
    }
}

#[test]
fn mlp() {
    let x = noise(&[3, 4], 5);
    check(&weights(&Mlp::spec(&[4, 5, 6, 3])), &[x], |m, x| m.forward(x[0]));
}

fn attention_shape(heads: usize, kv_heads: usize) -> AttentionShape {
    AttentionShape { width: 6, heads, kv_heads, head_dim: 4 }
}

#[test]
fn attention() {
    let rope = Rope::plain(4, 100.0);
    let x = noise(&[2, 5, 6], 6);
    for (heads, kv_heads) in [(2, 2), (4, 2), (3, 1)] {
        let plan = Attention::spec(attention_shape(heads, kv_heads), true, true, WIDE);
        check(&weights(&plan), std::slice::from_ref(&x), |a, x| a.forward(x[0], &rope));
    }
}

/// The definition, one query head and position at a time.
#[test]
fn attention_is_its_definition() {
    let (heads, kv_heads, head_dim, length) = (4, 2, 4, 5);
    let layer = weights(&Attention::spec(attention_shape(heads, kv_heads), true, true, WIDE));
    let rope = Rope::plain(head_dim, 100.0);
    let x = noise(&[1, length, 6], 7);
    let tape = Tape::new();
    let ours = layer.bind(&tape).forward(tape.constant(x.clone()), &rope).value();

    let project = |l: &Linear<ArrayX<f64>>, t: usize| -> Vec<f64> {
        let bias = l.bias.as_ref().expect("this layer has biases");
        let row = |o: usize| (0..6).map(|i| l.weight[[o, i]] * x[[0, t, i]]).sum::<f64>() + bias[o];
        (0..l.weight.shape()[0]).map(row).collect()
    };
    let turned = |head: &[f64], t: usize| -> Vec<f64> {
        let half = head_dim / 2;
        let at = |i: usize| {
            let (sin, cos) = (t as f64 * f64::from(rope.inverse_frequencies[i % half])).sin_cos();
            let partner = if i < half { -head[i + half] } else { head[i - half] };
            head[i] * cos + partner * sin
        };
        (0..head_dim).map(at).collect()
    };
    let head_of = |all: &[f64], h: usize| all[h * head_dim..(h + 1) * head_dim].to_vec();
    for t in 0..length {
        let mut mixed = Vec::new();
        for h in 0..heads {
            let kv = h * kv_heads / heads;
            let q = turned(&head_of(&project(&layer.q_proj, t), h), t);
            let score = |s: usize| -> f64 {
                let k = turned(&head_of(&project(&layer.k_proj, s), kv), s);
                q.iter().zip(&k).map(|(q, k)| q * k).sum::<f64>() / (head_dim as f64).sqrt()
            };
            let weight: Vec<f64> = (0..=t).map(|s| score(s).exp()).collect();
            let total: f64 = weight.iter().sum();
            for d in 0..head_dim {
                let value = |s: usize| head_of(&project(&layer.v_proj, s), kv)[d];
                mixed.push((0..=t).map(|s| weight[s] / total * value(s)).sum::<f64>());
            }
        }
        let bias = layer.o_proj.bias.as_ref().expect("this layer has biases");
        for c in 0..6 {
            let dot: f64 =
                mixed.iter().enumerate().map(|(i, m)| layer.o_proj.weight[[c, i]] * m).sum();
            let expected = dot + bias[c];
            assert!((ours[[0, t, c]] - expected).abs() < 1e-13, "{} {expected}", ours[[0, t, c]]);
        }
    }
}

#[test]
#[should_panic(expected = "4 query heads cannot share 3 key and value heads evenly")]
fn heads_must_share_evenly() {
    Attention::spec(attention_shape(4, 3), false, false, WIDE);
}

#[test]
fn decoder_layer() {
    let config = small_llama(true);
    let rope = Rope::new(config.rope_inverse_frequencies());
    let x = noise(&[1, 4, 8], 8);
    check(&weights(&DecoderLayer::spec(&config)), &[x], |l, x| l.forward(x[0], &rope));
}

#[test]
fn loss() {
    let logits = noise(&[2, 3, 5], 9);
    let targets = array![[4_u32, 0, 77], [2, 77, 2]].into_dyn();
    let report =
        gradcheck(|x| cross_entropy(x[0], targets.view(), Some(77)), std::slice::from_ref(&logits));
    assert_eq!(report.unwrap().checked, 30);

    let tape = Tape::new();
    let ours = cross_entropy(tape.constant(logits.clone()), targets.view(), Some(77)).item();
    let mut terms = Vec::new();
    for (index, &target) in targets.indexed_iter().filter(|(_, t)| **t != 77) {
        let row: Vec<f64> = (0..5).map(|v| logits[[index[0], index[1], v]]).collect();
        let total: f64 = row.iter().map(|x| x.exp()).sum();
        terms.push(total.ln() - row[target as usize]);
    }
    let expected = terms.iter().sum::<f64>() / 4.0;
    assert!((ours - expected).abs() < 1e-14, "{ours} {expected}");
}

#[test]
fn llama() {
    let ids = Array2::from_shape_fn((2, 5), |(b, t)| ((3 * b + 2 * t) % 7) as u32);
    let targets = Array2::from_shape_fn((2, 5), |(b, t)| ((b + 5 * t) % 7) as u32);
    for tied in [true, false] {
        let model = weights(&Llama::spec(small_llama(tied)));
        let (all, _) = all_arrays(&model, &[]);
        let report = gradcheck_projected(
            |vars| bind_to(&model, vars).loss(ids.view(), targets.view(), None),
            &all,
            8,
        );
        let report = report.unwrap_or_else(|mismatch| panic!("tied {tied}: {mismatch}"));
        assert_eq!(report.checked, 8);
    }
}

/// Two rings of points: no line separates them.
#[test]
fn a_perceptron_learns_rings() {
    let point = |i: usize| {
        let angle = i as f64 * 0.7;
        let radius = if i.is_multiple_of(2) { 0.5 } else { 1.5 };
        (radius * angle.cos(), radius * angle.sin())
    };
    let inputs = Array2::from_shape_fn((64, 2), |(i, axis)| {
        if axis == 0 { point(i).0 as f32 } else { point(i).1 as f32 }
    });
    let classes: Vec<u32> = (0..64).map(|i| i % 2).collect();
    let classes = ArrayD::from_shape_vec(vec![64], classes).unwrap();
    let mut mlp = Mlp::<ArrayX<f32>>::new(&[2, 16, 16, 2], 4);
    for _ in 0..200 {
        let tape = Tape::new();
        let bound = mlp.bind(&tape);
        let logits = bound.forward(tape.constant(inputs.clone()));
        let mut gradients = cross_entropy(logits, classes.view(), None).backward();
        let steps = bound.map(|_, p| gradients.take(*p).expect("reached"));
        drop(tape);
        let steps = steps.named_parameters();
        for ((_, p), (_, step)) in mlp.named_parameters_mut().into_iter().zip(steps) {
            p.scaled_add(-0.3, step);
        }
    }
    let tape = Tape::new();
    let logits = mlp.bind_constant(&tape).forward(tape.constant(inputs)).value();
    let right = logits.rows().into_iter().zip(&classes);
    let right = right.filter(|(row, class)| (row[1] > row[0]) == (**class == 1)).count();
    assert_eq!(right, 64);
}
