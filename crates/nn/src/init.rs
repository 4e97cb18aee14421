//! Initial values of parameters, drawn from counter-based random numbers.
//!
//! Each parameter has a stream of its own, named by its path: number `i` of parameter `path` under
//! `seed` is always the same number. Adding a layer, reordering fields or running on more threads
//! changes nothing in the parameters that were there before.

use ulp_tensor::{Float, ndarray::ArrayD, random};

use crate::module::ArrayX;

/// The plan of a parameter: its shape and how its first values are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSpec {
    /// The extents, outermost first. A linear layer's weight is `[out, in]`, as in PyTorch.
    pub shape: Vec<usize>,
    /// The distribution of the first values.
    pub init: Init,
}

impl ParameterSpec {
    /// The plan of a parameter of this shape.
    pub fn new(shape: impl Into<Vec<usize>>, init: Init) -> Self {
        Self { shape: shape.into(), init }
    }
}

/// A distribution of first values.
///
/// `fan_in` and `fan_out` are the numbers of inputs and outputs that one weight of `[out, in, ..]`
/// connects: `in` and `out`, each times the product of the further (kernel) extents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Every value the same.
    Constant(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal {
        /// The standard deviation.
        std: f64,
    },
    /// Uniform on `[-bound, bound)`.
    Uniform {
        /// The end of the interval.
        bound: f64,
    },
    /// Uniform with bound `gain·√(6 / (fan_in + fan_out))`: variance is kept on average both
    /// forward and backward. Glorot and Bengio,
    /// [Understanding the difficulty of training deep feedforward neural networks](https://proceedings.mlr.press/v9/glorot10a.html), 2010.
    XavierUniform {
        /// 1 for linear and sigmoid units, √2 for ReLU.
        gain: f64,
    },
    /// Normal with standard deviation `gain·√(2 / (fan_in + fan_out))`; see
    /// [`Init::XavierUniform`].
    XavierNormal {
        /// 1 for linear and sigmoid units, √2 for ReLU.
        gain: f64,
    },
    /// Uniform with bound `gain·√(3 / fan_in)`: variance is kept forward. He et al.,
    /// [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852), 2015, with gain √2.
    KaimingUniform {
        /// 1 for linear units, √2 for ReLU.
        gain: f64,
    },
    /// Normal with standard deviation `gain / √fan_in`; see [`Init::KaimingUniform`].
    KaimingNormal {
        /// 1 for linear units, √2 for ReLU.
        gain: f64,
    },
}

impl Init {
    /// All zeros: biases.
    pub const ZEROS: Init = Init::Constant(0.0);

    /// All ones: gains of norms.
    pub const ONES: Init = Init::Constant(1.0);

    /// Normal with standard deviation 0.02, as GPT-2 and Llama begin
    /// (`initializer_range` in their configurations).
    pub const TRANSFORMER: Init = Init::Normal { std: 0.02 };

    /// The first values of the parameter at `path`.
    ///
    /// # Panics
    ///
    /// When the distribution needs fans and the shape has fewer than two axes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_nn::Init;
    ///
    /// let w = Init::TRANSFORMER.draw::<f32>(&[64, 64], 7, "lm_head.weight");
    /// let again = Init::TRANSFORMER.draw::<f32>(&[64, 64], 7, "lm_head.weight");
    /// let other = Init::TRANSFORMER.draw::<f32>(&[64, 64], 7, "model.norm.weight");
    /// assert_eq!(w, again);
    /// assert_ne!(w, other);
    /// ```
    #[track_caller]
    pub fn draw<T: Float>(self, shape: &[usize], seed: u64, path: &str) -> ArrayX<T> {
        let stream = stream_of(path);
        let values: ArrayD<T> = match self.resolve(shape) {
            Spread::Constant(value) => ArrayD::from_elem(shape, T::from_f64(value)),
            Spread::Normal(std) => {
                let std = T::from_f64(std);
                random::normal::<T>(shape, seed, stream).mapv_into(|z| z * std)
            }
            Spread::Uniform(bound) => {
                let (bound, width) = (T::from_f64(bound), T::from_f64(2.0 * bound));
                random::uniform::<T>(shape, seed, stream).mapv_into(|u| u * width - bound)
            }
        };
        values.into_shared()
    }

    /// The distribution with its spread worked out for a shape.
    #[track_caller]
    fn resolve(self, shape: &[usize]) -> Spread {
        match self {
            Init::Constant(value) => Spread::Constant(value),
            Init::Normal { std } => Spread::Normal(std),
            Init::Uniform { bound } => Spread::Uniform(bound),
            Init::XavierUniform { gain } => {
                Spread::Uniform(gain * (6.0 / fans(shape).sum()).sqrt())
            }
            Init::XavierNormal { gain } => Spread::Normal(gain * (2.0 / fans(shape).sum()).sqrt()),
            Init::KaimingUniform { gain } => {
                Spread::Uniform(gain * (3.0 / fans(shape).r#in).sqrt())
            }
            Init::KaimingNormal { gain } => Spread::Normal(gain / fans(shape).r#in.sqrt()),
        }
    }
}

/// What is left of an [`Init`] once the fans are known.
enum Spread {
    Constant(f64),
    Normal(f64),
    Uniform(f64),
}

struct Fans {
    r#in: f64,
    out: f64,
}

impl Fans {
    fn sum(&self) -> f64 {
        self.r#in + self.out
    }
}

#[track_caller]
fn fans(shape: &[usize]) -> Fans {
    let [out, r#in, kernel @ ..] = shape else {
        panic!("a parameter of shape {shape:?} has no fans: its shape must be [out, in, ..]");
    };
    let field: usize = kernel.iter().product();
    Fans { r#in: (r#in * field) as f64, out: (out * field) as f64 }
}

/// The random stream of a parameter: the 64-bit FNV-1a hash of its path.
///
/// [FNV-1a](http://www.isthe.com/chongo/tech/comp/fnv/index.html) is two lines and fixed for all
/// time, unlike the standard library's hasher.
fn stream_of(path: &str) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    path.bytes().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_fnv_1a() {
        // The published test vectors of FNV-1a, 64 bits.
        assert_eq!(stream_of(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(stream_of("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(stream_of("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn spreads_are_what_the_papers_say() {
        let moments = |init: Init, shape: &[usize]| {
            let w = init.draw::<f64>(shape, 3, "w");
            let n = w.len() as f64;
            let mean = w.sum() / n;
            let variance = w.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            let peak = w.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            (mean, variance, peak)
        };
        let shape = [200, 300];
        // The variance of 60000 draws has a relative standard deviation below √(2/60000) = 0.6%:
        // 3% is five of them. The mean's is std/245.
        let cases = [
            (Init::Normal { std: 0.02 }, 0.0004, f64::INFINITY),
            (Init::Uniform { bound: 0.3 }, 0.03, 0.3),
            (Init::XavierUniform { gain: 1.0 }, 2.0 / 500.0, (6.0f64 / 500.0).sqrt()),
            (Init::XavierNormal { gain: 2.0 }, 8.0 / 500.0, f64::INFINITY),
            (Init::KaimingUniform { gain: 2.0f64.sqrt() }, 2.0 / 300.0, (6.0f64 / 300.0).sqrt()),
            (Init::KaimingNormal { gain: 1.0 }, 1.0 / 300.0, f64::INFINITY),
        ];
        for (init, variance, bound) in cases {
            let (mean, v, peak) = moments(init, &shape);
            assert!(mean.abs() < 5.0 * variance.sqrt() / 245.0, "{init:?}: mean {mean}");
            assert!((v / variance - 1.0).abs() < 0.03, "{init:?}: variance {v}, want {variance}");
            assert!(peak <= bound, "{init:?}: {peak} is beyond {bound}");
            assert!(peak > variance.sqrt(), "{init:?}: {peak} is too small");
        }
    }

    #[test]
    fn kernels_count_in_the_fans() {
        let f = fans(&[8, 4, 3, 3]);
        assert_eq!((f.r#in, f.out), (36.0, 72.0));
    }

    #[test]
    #[should_panic(expected = "[5] has no fans")]
    fn a_vector_has_no_fans() {
        Init::XavierUniform { gain: 1.0 }.draw::<f32>(&[5], 0, "b");
    }
}
