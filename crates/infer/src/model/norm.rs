//! Norms of rows.

use ulp_tensor::{dot, rms_norm_row, sum_slice};

/// The parameters of a norm: w, and b where it has one.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    /// There for a layer norm, absent for an RMS norm.
    pub(crate) bias: Option<Vec<f32>>,
}

impl Norm {
    /// The norm of a row, `[C]` -> `[C]`.
    pub(crate) fn row(&self, x: &[f32], eps: f32, out: &mut [f32]) {
        match &self.bias {
            None => rms_norm_row(x, &self.weight, eps, out),
            Some(bias) => layer_norm_row(x, &self.weight, bias, eps, out),
        }
    }
}

/// (x − mean) / √(variance + eps) · w + b.
fn layer_norm_row(x: &[f32], w: &[f32], b: &[f32], eps: f32, out: &mut [f32]) {
    let count = x.len() as f32;
    let mean = sum_slice(x) / count;
    for (out, &x) in out.iter_mut().zip(x) {
        *out = x - mean;
    }
    let r = 1.0 / (dot(out, out) / count + eps).sqrt();
    for (out, (&w, &b)) in out.iter_mut().zip(w.iter().zip(b)) {
        *out = *out * r * w + b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_norm_is_its_definition() {
        let x = [1.0, 3.0, -2.0, 6.0];
        let norm = Norm { weight: vec![1.0, 2.0, 0.5, 1.0], bias: Some(vec![0.0, 1.0, 0.0, -1.0]) };
        let mut out = [0.0; 4];
        norm.row(&x, 0.0, &mut out);
        // Mean 2, variance (1 + 1 + 16 + 16) / 4.
        let r = 1.0 / 8.5f64.sqrt();
        let expected = [-r, 1.0 + 2.0 * r, -2.0 * r, 4.0 * r - 1.0];
        for (x, e) in out.iter().zip(expected) {
            assert!((f64::from(*x) - e).abs() < 1e-6, "{out:?}");
        }
    }
}
