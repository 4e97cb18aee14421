//! The logits of `infer` against those of `nn` on the same f32 weights.

use crate::test_models::{Scratch, all_logits, reference_data, tiny_config};
use ulp_infer::{Activations, Model};
use ulp_nn::{ArrayX, Llama};
use ulp_tensor::Philox;
use ulp_tensor::ndarray::Array2;

/// The largest difference of a row in ulps of the row's largest logit, the largest of all rows.
///
/// An ulp of a single logit would say nothing: a logit near 0 is the difference of large numbers.
fn ulps(ours: &[f32], theirs: &[f32], vocabulary: usize) -> f32 {
    let rows = ours.chunks_exact(vocabulary).zip(theirs.chunks_exact(vocabulary));
    let row = |(ours, theirs): (&[f32], &[f32])| {
        let largest = theirs.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        let ulp = f32::from_bits(largest.to_bits() + 1) - largest;
        crate::test_models::largest_difference(ours, theirs) / ulp
    };
    rows.map(row).fold(0.0, f32::max)
}

fn random_ids(n: usize, vocabulary: usize) -> Vec<u32> {
    let random = Philox::new(5, 0);
    (0..n as u64).map(|i| (random.uniform::<f64>(i) * vocabulary as f64) as u32).collect()
}

/// Both compute the same function in f32 with the same products (fused multiply-adds along K in
/// blocks of 256), the same norms, rotations and exponentials. They differ in attention alone:
/// here a softmax block by block, there one over the whole row.
///
/// The bound is 32 ulp of the row's largest logit. It is a fraction of what rounding to f32 costs
/// either of them: the random model's scores are large (weights of standard deviation 0.3), and
/// both are some 90 ulp from its logits in f64.
#[test]
fn infer_and_nn_agree() {
    let folder = Scratch::new("logits");
    Llama::<ArrayX<f32>>::new(tiny_config(512), 3).save_dir(&folder.0).unwrap();
    let mut cases = vec![(folder.0.clone(), 300)];
    cases.extend(reference_data("babyllama").map(|data| (data.join("hf"), 200)));
    for (path, len) in cases {
        let model = Model::load(&path).unwrap();
        let v = model.vocab_size();
        let ids = random_ids(len, v);
        let ours = all_logits(&model, &ids, Activations::Exact);
        let ids = Array2::from_shape_vec((1, len), ids).unwrap();
        let nn = Llama::<ArrayX<f32>>::load_dir(&path).unwrap().logits(ids.view());
        let exact = Llama::<ArrayX<f64>>::load_dir(&path).unwrap().logits(ids.view());
        let exact: Vec<f32> = exact.iter().map(|&x| x as f32).collect();
        let nn = nn.as_slice().unwrap();
        let between = ulps(&ours, nn, v);
        let (our_error, nn_error) = (ulps(&ours, &exact, v), ulps(nn, &exact, v));
        eprintln!(
            "{}: {between} ulp apart; from f64: infer {our_error}, nn {nn_error}",
            path.display()
        );
        assert!(between <= 32.0, "{between} ulp");
        assert!(our_error <= 1.5 * nn_error, "{our_error} ulp from f64, nn {nn_error}");
    }
}
