//! A tiny Llama against PyTorch in f64 (golden/make_tiny_llama.py): logits, loss, every gradient,
//! and ten AdamW steps with clipping and decay on matrices only.

use std::collections::BTreeMap;

use ulp_autograd::Tape;
use ulp_nn::{ArrayX, Llama, LlamaConfig, Module, SafeTensors};
use ulp_optim::{AdamW, Optimizer, Param, clip_global_norm};
use ulp_tensor::ndarray::{Array2, ArrayD, Ix2};

/// Stands for the fixture's target −1.
const IGNORE: u32 = u32::MAX;

struct Fixture<'a> {
    file: SafeTensors<'a>,
    model: Llama<ArrayX<f64>>,
}

impl<'a> Fixture<'a> {
    fn new(config: &str, bytes: &'a [u8]) -> Self {
        let config = LlamaConfig::parse(config.as_bytes(), "config.json").expect("a config");
        let file = SafeTensors::parse(bytes, "fixture").expect("the committed fixture");
        let model = Llama::spec(config)
            .map(|path, _| floats(&file, &format!("weight.{path}")).into_shared());
        Self { file, model }
    }

    fn ids(&self, name: &str) -> Array2<u32> {
        let ids = self.file.required(name).and_then(|t| t.to_i64()).expect("integers");
        let ids = ids.into_dimensionality::<Ix2>().expect("[B, T]");
        ids.mapv(|id| u32::try_from(id).unwrap_or(IGNORE))
    }
}

fn floats(file: &SafeTensors<'_>, name: &str) -> ArrayD<f64> {
    file.required(name).and_then(|t| t.to_f64()).unwrap_or_else(|error| panic!("{error}"))
}

/// Each element within `ulps` units of the largest one's last place: sums are taken in another
/// order than PyTorch's, so an element that cancels keeps the error of its terms.
#[track_caller]
fn assert_close(name: &str, ours: &ArrayD<f64>, theirs: &ArrayD<f64>, ulps: f64) {
    assert_eq!(ours.shape(), theirs.shape(), "{name}");
    let largest = theirs.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let bound = ulps * f64::EPSILON * largest;
    for (index, ours) in ours.indexed_iter() {
        let error = (ours - theirs[&index]).abs();
        assert!(error <= bound, "{name}{index:?}: off by {error:e}, allowed {bound:e}");
    }
}

/// The loss and its gradients by path.
fn backward(
    model: &Llama<ArrayX<f64>>,
    ids: &Array2<u32>,
    targets: &Array2<u32>,
) -> (f64, BTreeMap<String, ArrayD<f64>>) {
    let tape = Tape::new();
    let bound = model.bind(&tape);
    let loss = bound.loss(ids.view(), targets.view(), Some(IGNORE));
    let mut gradients = loss.backward();
    let mut named = BTreeMap::new();
    bound.visit(|path, p| {
        let gradient = gradients.take(*p).unwrap_or_else(|| panic!("{path} got no gradient"));
        named.insert(path.to_owned(), gradient);
    });
    (loss.item(), named)
}

fn check(config: &str, bytes: &[u8]) {
    let Fixture { file, mut model } = Fixture::new(config, bytes);
    let fixture = Fixture { file, model: model.clone() };
    let (ids, targets) = (fixture.ids("ids"), fixture.ids("targets"));
    assert_eq!(targets.iter().filter(|t| **t == IGNORE).count(), 3);
    let file = &fixture.file;

    // About thirty roundings lie on the longest way through the network, mostly of opposite signs.
    assert_close("logits", &fixture.model.logits(ids.view()), &floats(file, "logits"), 32.0);

    let mut optimizer = Optimizer::new(AdamW {
        learning_rate: 0.01,
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.1,
    })
    .expect("legal");
    let bare = AdamW { weight_decay: 0.0, ..optimizer.groups()[0].clone() };
    let bare = optimizer.add_group(bare).expect("legal");
    let (losses, norms) = (floats(file, "losses"), floats(file, "norms"));
    assert_eq!(losses.len(), 10);

    for step in 0..10 {
        let (loss, mut gradients) = backward(&model, &ids, &targets);
        // Each later step starts from weights that carry the errors of all before it, and Adam
        // divides a gradient by its own size. Ten steps at a rate of 0.01 turn even a relative
        // error of some hundred ulps in a gradient into a tenth of that in a weight.
        let ulps = if step == 0 { 16.0 } else { 64.0 };
        let single = |x: f64| ArrayD::from_elem(vec![], x);
        assert_close("loss", &single(loss), &single(losses[step]), ulps);
        if step == 0 {
            assert_eq!(gradients.len(), fixture.model.named_parameters().len());
            for (path, gradient) in &gradients {
                let theirs = floats(file, &format!("gradient.{path}"));
                // Forward and backward, and sums over B·T: twice the way, and cancellation.
                assert_close(path, gradient, &theirs, 64.0);
            }
        }
        let mut views: Vec<_> = gradients.values_mut().map(|g| g.view_mut()).collect();
        let norm = clip_global_norm(&mut views, 1.7).expect("finite");
        assert_close("norm", &single(norm), &single(norms[step]), 64.0);
        let mut named = model.named_parameters_mut();
        let mut params: Vec<_> = named
            .iter_mut()
            .map(|(path, p)| Param {
                name: path,
                gradient: gradients.get(path.as_str()).map(|g| g.view()),
                group: if p.ndim() == 2 { 0 } else { bare },
                value: p.view_mut(),
            })
            .collect();
        optimizer.step(&mut params).expect("every parameter has a gradient");
    }
    model.visit(|path, p| {
        assert_close(path, &p.to_owned(), &floats(file, &format!("final.{path}")), 64.0);
    });
}

#[test]
fn an_untied_llama_trains_as_in_pytorch() {
    let config = include_str!("../golden/tiny_llama_untied.json");
    check(config, include_bytes!("../golden/tiny_llama_untied.safetensors"));
}

#[test]
fn a_tied_llama_trains_as_in_pytorch() {
    let config = include_str!("../golden/tiny_llama_tied.json");
    check(config, include_bytes!("../golden/tiny_llama_tied.safetensors"));
}
