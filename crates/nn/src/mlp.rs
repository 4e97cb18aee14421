//! Multilayer perceptron: linear layers with ReLU between them.

use ulp_autograd::Var;
use ulp_tensor::Float;

use crate::init::{Init, ParameterSpec};
use crate::linear::Linear;
use crate::module::{ArrayX, Mapper, Module, VisitorMut, within};

/// Linear layers with `relu(z) = max(z, 0)` between them and nothing after the last: its outputs
/// are logits.
///
/// # Shapes
///
/// For widths `[n₀, n₁, .., nₖ]`: input `[.., n₀]`, output `[.., nₖ]`.
///
/// # Examples
///
/// A classifier of 28×28 pictures in ten classes:
///
/// ```
/// use ulp_autograd::Tape;
/// use ulp_nn::{ArrayX, Mlp, Module};
/// use ulp_tensor::ndarray::ArrayD;
///
/// let mlp = Mlp::<ArrayX<f32>>::new(&[784, 512, 512, 10], 42);
/// assert_eq!(mlp.parameter_count(), 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10);
///
/// let tape = Tape::new();
/// let pictures = tape.constant(ArrayD::zeros(vec![2, 784]).into_shared());
/// let logits = mlp.bind(&tape).forward(pictures);
/// assert_eq!(logits.shape(), [2, 10]);
/// ```
#[derive(Debug, Clone)]
pub struct Mlp<P> {
    /// The linear layers, first to last.
    pub layers: Vec<Linear<P>>,
}

impl Mlp<ParameterSpec> {
    /// The plan of a perceptron with these widths, inputs first: weights by He et al. for ReLU
    /// ([`Init::KaimingUniform`] with gain √2), biases 0.
    ///
    /// # Panics
    ///
    /// With fewer than two widths.
    #[track_caller]
    pub fn spec(widths: &[usize]) -> Self {
        assert!(widths.len() >= 2, "a perceptron needs an input and an output width: {widths:?}");
        let weight = Init::KaimingUniform { gain: std::f64::consts::SQRT_2 };
        let linear = |w: &[usize]| Linear::spec_with(w[0], w[1], weight, Some(Init::ZEROS));
        Self { layers: widths.windows(2).map(linear).collect() }
    }
}

impl<T: Float> Mlp<ArrayX<T>> {
    /// A perceptron with these widths and first values drawn from `seed`.
    ///
    /// # Panics
    ///
    /// With fewer than two widths.
    #[track_caller]
    pub fn new(widths: &[usize], seed: u64) -> Self {
        Mlp::spec(widths).initialize(seed)
    }
}

impl<'t, T: Float> Mlp<Var<'t, T>> {
    /// The logits.
    ///
    /// # Panics
    ///
    /// When the last extent of `x` is not the first width.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>) -> Var<'t, T> {
        let hidden = self.layers.len().checked_sub(1).expect("a perceptron has a layer");
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| {
            let y = within(&format!("layers.{i}"), x, |x| layer.forward(x));
            if i < hidden { y.relu() } else { y }
        })
    }
}

impl<P> Module for Mlp<P> {
    type Param = P;
    type With<Q> = Mlp<Q>;

    fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<Mlp<Q>, E> {
        Ok(Mlp { layers: m.list("layers", &self.layers)? })
    }

    fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
        v.list("layers", &mut self.layers);
    }
}
