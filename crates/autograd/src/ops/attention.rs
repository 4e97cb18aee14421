//! Scaled dot-product attention.

use ulp_tensor::Float;

use crate::fused::{Fused, FusedOp};
use crate::op::Value;
use crate::var::Var;

use ulp_tensor::ndarray::Array2;

/// `y = softmax(scale q kᵀ + mask) v`, grouped-query.
struct Attention<T> {
    scale: T,
    causal: bool,
    /// How many keys a query sees at most.
    window: Option<usize>,
}

impl<T: Float> FusedOp<T> for Attention<T> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn forward(&self, inputs: &[&Value<T>]) -> Value<T> {
        let (q, k, v) = (inputs[0].view(), inputs[1].view(), inputs[2].view());
        match self.window {
            Some(window) => ulp_tensor::local_attention(q, k, v, self.scale, window),
            None => ulp_tensor::attention(q, k, v, self.scale, self.causal),
        }
        .into_shared()
    }

    fn backward(
        &self,
        inputs: &[&Value<T>],
        _output: &Value<T>,
        cotangent: &Value<T>,
        _wants: &[bool],
    ) -> Vec<Option<Value<T>>> {
        let (q, k, v) = (inputs[0].view(), inputs[1].view(), inputs[2].view());
        let (dy, scale) = (cotangent.view(), self.scale);
        let (dq, dk, dv) = match self.window {
            Some(window) => ulp_tensor::local_attention_vjp(q, k, v, scale, window, dy),
            None => ulp_tensor::attention_vjp(q, k, v, scale, self.causal, dy),
        };
        vec![Some(dq.into_shared()), Some(dk.into_shared()), Some(dv.into_shared())]
    }

    fn reference<'t>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let (q, k, v) = (inputs[0], inputs[1], inputs[2]);
        let (q_shape, k_shape) = (q.shape(), k.shape());
        let [b, t, h, d] = q_shape[..] else { panic!("q {q_shape:?} is not [B, T, H, D]") };
        let [_, s, kv, _] = k_shape[..] else { panic!("k {k_shape:?} is not [B, S, K, D]") };
        // Head h reads kv head h / (H / K): [B, K, H/K, T, D] against [B, K, 1, S, D].
        let q = q.reshape(&[b, t, kv, h / kv.max(1), d]).permute(&[0, 2, 3, 1, 4]);
        let k = k.reshape(&[b, s, kv, 1, d]).permute(&[0, 2, 3, 4, 1]);
        let v = v.reshape(&[b, s, kv, 1, d]).permute(&[0, 2, 3, 1, 4]);
        let mut scores = q.matmul(k) * self.scale;
        if self.causal {
            scores =
                scores + q.tape.constant(causal_mask::<T>(t, s, self.window.unwrap_or(usize::MAX)));
        }
        // The row maximum only guards against overflow: it is no part of the derivative.
        let e = scores.below_maximum(-1).exp();
        let probabilities = e / e.sum_keepdim(&[-1]);
        probabilities.matmul(v).permute(&[0, 3, 1, 2, 4]).reshape(&[b, t, h, d])
    }
}

/// `[T, S]`: 0 where query `t` sees key `s`, that is `t + S - T - window < s ≤ t + S - T`; else -∞.
fn causal_mask<T: Float>(t: usize, s: usize, window: usize) -> Array2<T> {
    let sees = |i: usize, j: usize| j + t <= i + s && i + s < (j + t).saturating_add(window);
    let seen = |(i, j)| if sees(i, j) { T::ZERO } else { T::NEG_INFINITY };
    Array2::from_shape_fn((t, s), seen)
}

impl<'t, T: Float> Var<'t, T> {
    /// `softmax(scale q kᵀ) v` for each head, `self` being `q`; query head h reads kv head
    /// h / (H / K) (Ainslie et al., [GQA](https://arxiv.org/abs/2305.13245)). If `causal`, query t
    /// sees the keys s ≤ t + S - T.
    ///
    /// # Shapes
    ///
    /// `self` [B, T, H, D], `k` and `v` [B, S, K, D] -> [B, T, H, D]
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or `causal` and T > S.
    #[track_caller]
    #[must_use]
    pub fn attention(self, k: Self, v: Self, scale: T, causal: bool) -> Self {
        self.tape.apply(Fused::new(Attention { scale, causal, window: None }), &[self, k, v])
    }

    /// Causal [`Var::attention`] in which a query sees `window` keys only, the last up to its own
    /// place: see [`ulp_tensor::local_attention`].
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, T > S, or `window` is 0.
    #[track_caller]
    #[must_use]
    pub fn local_attention(self, k: Self, v: Self, scale: T, window: usize) -> Self {
        let op = Attention { scale, causal: true, window: Some(window) };
        self.tape.apply(Fused::new(op), &[self, k, v])
    }
}
