//! What is trained.

use std::error::Error;

use ndarray::{Array1, ArrayD};
use ulp_autograd::{Tape, Var};
use ulp_nn::{
    ArrayX, LinearPrecision, LlamaConfig, Mlp, Module, TokenDataset, Trainer, TrainingConfig,
    cross_entropy,
};
use ulp_optim::{Adam, AdamW, Optimizer, Param};
use ulp_tensor::{Conv, pool, random};

pub(crate) type Step = Box<dyn FnMut() -> Result<(), Failure> + Send>;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

pub(crate) fn mlp() -> Result<Step, Failure> {
    const BATCH: usize = 128;
    let mut model = Mlp::<ArrayX<f32>>::new(&[784, 512, 512, 10], 42);
    let mut optimizer = Optimizer::new(Adam::default())?;
    let pictures: ArrayD<f32> = random::uniform(&[BATCH, 784], 42, 100);
    let pictures = pictures.into_shared();
    let classes = Array1::from_iter((0..BATCH as u32).map(|i| i % 10)).into_dyn();
    Ok(Box::new(move || {
        let tape = Tape::new();
        let bound = model.bind(&tape);
        let logits = bound.forward(tape.constant(pictures.clone()));
        let mut gradients = cross_entropy(logits, classes.view(), None).backward();
        let mut taken = Vec::new();
        bound.visit(|_, p| taken.extend(gradients.take(*p)));
        drop(tape);
        update(&mut optimizer, model.named_parameters_mut(), taken)
    }))
}

/// Weights and biases by name, as PyTorch's layers draw them (uniform, of variance 1 / (3 inputs)).
fn drawn(layers: &[(&'static str, &[usize])]) -> Vec<(String, ArrayX<f32>)> {
    let mut parameters = Vec::new();
    for &(name, shape) in layers {
        let bound = (shape[1..].iter().product::<usize>() as f32).sqrt().recip();
        for (kind, shape) in [("weight", shape), ("bias", &shape[..1])] {
            let share = random::uniform(shape, 42, parameters.len() as u64);
            let values = share.mapv(|x: f32| (2.0 * x - 1.0) * bound).into_shared();
            parameters.push((format!("{name}.{kind}"), values));
        }
    }
    parameters
}

pub(crate) fn convnet() -> Result<Step, Failure> {
    const BATCH: usize = 64;
    let mut model = drawn(&[
        ("conv1", &[32, 1, 3, 3]),
        ("conv2", &[64, 32, 3, 3]),
        ("fc1", &[128, 64 * 12 * 12]),
        ("fc2", &[10, 128]),
    ]);
    let mut optimizer = Optimizer::new(Adam::default())?;
    let images: ArrayD<f32> = random::uniform(&[BATCH, 1, 28, 28], 42, 100);
    let images = images.into_shared();
    let classes: Vec<u32> = (0..BATCH as u32).map(|i| i % 10).collect();
    Ok(Box::new(move || {
        let tape = Tape::new();
        let leaves: Vec<Var<'_, f32>> = model.iter().map(|(_, p)| tape.leaf(p.clone())).collect();
        let [w1, b1, w2, b2, w3, b3, w4, b4] = leaves[..] else { unreachable!("four layers") };
        let x = tape.constant(images.clone());
        let x = x.conv2d(w1, Some(b1), Conv::default()).relu();
        let x = x.conv2d(w2, Some(b2), Conv::default()).relu();
        let x = x.max_pool2d([2, 2], Conv { stride: [2, 2], ..Conv::default() });
        let x = x.reshape(&[BATCH, 64 * 12 * 12]).linear(w3, Some(b3)).relu();
        let mut gradients = x.linear(w4, Some(b4)).cross_entropy(&classes, None).backward();
        let taken = leaves.iter().filter_map(|leaf| gradients.take(*leaf)).collect();
        drop(tape);
        update(&mut optimizer, model.iter_mut().map(|(name, p)| (name.clone(), p)).collect(), taken)
    }))
}

/// One step of the optimizer; the gradients' memory goes to the next ones.
fn update(
    optimizer: &mut Optimizer<Adam, f32>,
    mut parameters: Vec<(String, &mut ArrayX<f32>)>,
    gradients: Vec<ArrayD<f32>>,
) -> Result<(), Failure> {
    let pairs = parameters.iter_mut().zip(&gradients);
    let mut params: Vec<_> = pairs
        .map(|((name, p), gradient)| Param {
            name,
            gradient: Some(gradient.view()),
            value: p.view_mut(),
            group: 0,
        })
        .collect();
    optimizer.step(&mut params)?;
    gradients.into_iter().for_each(pool::recycle);
    Ok(())
}

pub(crate) fn adamw() -> Result<Step, Failure> {
    let names: Vec<String> = (0..25).map(|i| format!("w{i}")).collect();
    let mut values = vec![ArrayD::<f32>::from_elem(vec![1000, 1000], 0.5); names.len()];
    let gradients = vec![ArrayD::<f32>::from_elem(vec![1000, 1000], 0.25); names.len()];
    let mut optimizer = Optimizer::new(AdamW::default())?;
    Ok(Box::new(move || {
        let pairs = names.iter().zip(&mut values).zip(&gradients);
        let mut params: Vec<_> = pairs
            .map(|((name, value), gradient)| Param {
                name,
                value: value.view_mut(),
                gradient: Some(gradient.view()),
                group: 0,
            })
            .collect();
        Ok(optimizer.step(&mut params)?)
    }))
}

pub(crate) fn llama_b() -> Result<Step, Failure> {
    llama(LLAMA_B, 8, 256, LinearPrecision::Full)
}

pub(crate) fn llama_b_bf16() -> Result<Step, Failure> {
    llama(LLAMA_B, 8, 256, LinearPrecision::Bf16)
}

const LLAMA_B: &str = r#"{"model_type": "llama", "vocab_size": 4096, "hidden_size": 256,
        "intermediate_size": 688, "num_hidden_layers": 6, "num_attention_heads": 8,
        "num_key_value_heads": 8, "tie_word_embeddings": false}"#;

pub(crate) fn llama_default() -> Result<Step, Failure> {
    let config = r#"{"model_type": "llama", "vocab_size": 1280, "hidden_size": 192,
        "intermediate_size": 512, "num_hidden_layers": 5, "num_attention_heads": 6,
        "num_key_value_heads": 2, "tie_word_embeddings": true}"#;
    llama(config, 8, 384, LinearPrecision::Full)
}

fn llama(
    config: &str,
    batch_size: usize,
    sequence_length: usize,
    precision: LinearPrecision,
) -> Result<Step, Failure> {
    let config = LlamaConfig::parse(config.as_bytes(), "config.json")?;
    let vocabulary = config.vocab_size as u32;
    // Any ids do: a step costs the same whatever it learns.
    let tokens = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) % vocabulary);
    let data = TokenDataset::from_tokens(tokens.collect());
    let training =
        TrainingConfig { batch_size, sequence_length, precision, ..TrainingConfig::default() };
    let mut trainer = Trainer::new(config, training)?;
    Ok(Box::new(move || Ok(trainer.step(&data).map(drop)?)))
}
