//! The table of operations: one line an operation (or a way to call it), from which all checks of
//! gradients are made.

use ulp_autograd::Var;
use ulp_tensor::ndarray::{ArrayD, IxDyn};
use ulp_tensor::{Conv, Philox};

/// From where the elements of an input are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Domain {
    /// -2 to 2, but no closer to 0 than 2⁻⁴.
    Real,
    /// 0.5 to 2.5.
    Positive,
}

/// An input: its domain and shape.
pub(crate) type Input = (Domain, &'static [usize]);

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) inputs: Vec<Input>,
    pub(crate) in_f64: for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    pub(crate) in_f32: for<'t> fn(&[Var<'t, f32>]) -> Var<'t, f32>,
}

impl Row {
    /// Sample inputs: multiples of 2⁻²⁰, exact in f32 too.
    pub(crate) fn samples(&self) -> Vec<ArrayD<f64>> {
        let sample = |(stream, &(domain, shape)): (usize, &Input)| {
            let philox = Philox::new(7, stream as u64);
            let mut index = 0;
            ArrayD::from_shape_simple_fn(IxDyn(shape), || {
                let u: f32 = philox.uniform(index);
                index += 1;
                let u = f64::from((u * 1048576.0).round()) / 1048576.0;
                match domain {
                    Domain::Positive => 0.5 + 2.0 * u,
                    Domain::Real => {
                        let x = 4.0 * u - 2.0;
                        if x.abs() < 0.0625 { x.signum() * 0.0625 + x } else { x }
                    }
                }
            })
        };
        self.inputs.iter().enumerate().map(sample).collect()
    }
}

/// The same formula in both precisions.
macro_rules! row {
    ($name:literal, [$($domain:ident $shape:tt),+], $f:expr) => {
        Row {
            name: $name,
            inputs: vec![$((Domain::$domain, &$shape)),+],
            in_f64: { let f: for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64> = $f; f },
            in_f32: { let f: for<'t> fn(&[Var<'t, f32>]) -> Var<'t, f32> = $f; f },
        }
    };
}

#[rustfmt::skip]
pub(crate) fn table() -> Vec<Row> {
    vec![
        row!("add",                   [Real [2, 3], Real [2, 3]],            |x| x[0] + x[1]),
        row!("add broadcasting",      [Real [2, 3], Real [3]],               |x| x[0] + x[1]),
        row!("add broadcasting both", [Real [2, 1, 3], Real [4, 1]],         |x| x[0] + x[1]),
        row!("add scalar",            [Real [2, 3]],                         |x| x[0] + 0.5),
        row!("add itself",            [Real [2, 3]],                         |x| x[0] + x[0]),
        row!("sub",                   [Real [2, 3], Real [2, 1]],            |x| x[0] - x[1]),
        row!("sub scalar",            [Real [2, 3]],                         |x| x[0] - 0.5),
        row!("mul",                   [Real [2, 3], Real [2, 3]],            |x| x[0] * x[1]),
        row!("mul broadcasting",      [Real [3, 1], Real [2, 1, 4]],         |x| x[0] * x[1]),
        row!("mul scalar",            [Real [2, 3]],                         |x| x[0] * 0.75),
        row!("mul itself",            [Real [2, 3]],                         |x| x[0] * x[0]),
        row!("div",                   [Real [2, 3], Positive [2, 3]],        |x| x[0] / x[1]),
        row!("div broadcasting",      [Real [3], Positive [2, 1]],           |x| x[0] / x[1]),
        row!("div scalar",            [Real [2, 3]],                         |x| x[0] / 3.0),
        row!("neg",                   [Real [2, 3]],                         |x| -x[0]),
        row!("exp",                   [Real [2, 3]],                         |x| x[0].exp()),
        row!("log",                   [Positive [2, 3]],                     |x| x[0].log()),
        row!("sqrt",                  [Positive [2, 3]],                     |x| x[0].sqrt()),
        row!("rsqrt",                 [Positive [2, 3]],                     |x| x[0].rsqrt()),
        row!("erf",                   [Real [2, 3]],                         |x| x[0].erf()),
        row!("pow 3",                 [Real [2, 3]],                         |x| x[0].pow(3.0)),
        row!("pow 2",                 [Real [2, 3]],                         |x| x[0].pow(2.0)),
        row!("pow 1",                 [Real [2, 3]],                         |x| x[0].pow(1.0)),
        row!("pow 0",                 [Real [2, 3]],                         |x| x[0].pow(0.0)),
        row!("pow 0.5",               [Positive [2, 3]],                     |x| x[0].pow(0.5)),
        row!("pow -1.5",              [Positive [2, 3]],                     |x| x[0].pow(-1.5)),
        row!("tanh",                  [Real [2, 3]],                         |x| x[0].tanh()),
        row!("sigmoid",               [Real [2, 3]],                         |x| x[0].sigmoid()),
        row!("relu",                  [Real [2, 3]],                         |x| x[0].relu()),
        row!("silu",                  [Real [2, 3]],                         |x| x[0].silu()),
        row!("silu_mul",              [Real [2, 3], Real [2, 3]],            |x| x[0].silu_mul(x[1])),
        row!("gelu",                  [Real [2, 3]],                         |x| x[0].gelu()),
        row!("gelu_tanh",             [Real [2, 3]],                         |x| x[0].gelu_tanh()),
        row!("maximum",               [Real [2, 3], Real [3]],               |x| x[0].maximum(x[1])),
        row!("maximum broadcasting",  [Real [3, 1], Real [4]],               |x| x[0].maximum(x[1])),
        row!("sum",                   [Real [2, 3, 4]],                      |x| x[0].sum(&[0, -1])),
        row!("sum_keepdim",           [Real [2, 3, 4]],                      |x| x[0].sum_keepdim(&[1])),
        row!("sum_all",               [Real [2, 3]],                         |x| x[0].sum_all()),
        row!("mean",                  [Real [2, 3, 4]],                      |x| x[0].mean(&[1])),
        row!("mean_keepdim",          [Real [2, 3, 4]],                      |x| x[0].mean_keepdim(&[0, 2])),
        row!("mean_all",              [Real [2, 3]],                         |x| x[0].mean_all()),
        row!("max",                   [Real [2, 3, 4]],                      |x| x[0].max(&[0, 2])),
        row!("max_keepdim",           [Real [2, 3]],                         |x| x[0].max_keepdim(&[-1])),
        row!("broadcast_to",          [Real [3, 1]],                         |x| x[0].broadcast_to(&[2, 3, 4])),
        row!("sum_to",                [Real [2, 3, 4]],                      |x| x[0].sum_to(&[3, 1])),
        row!("reshape",               [Real [2, 3, 2]],                      |x| x[0].reshape(&[4, 3])),
        row!("permute",               [Real [2, 3, 4]],                      |x| x[0].permute(&[2, 0, 1])),
        row!("swap_axes",             [Real [2, 3, 4]],                      |x| x[0].swap_axes(0, -1)),
        row!("slice",                 [Real [4, 5]],                         |x| x[0].slice(-1, 1..4)),
        row!("slice by a step",       [Real [5, 2]],                         |x| x[0].slice(0, ulp_tensor::ndarray::Slice::new(0, None, -2))),
        row!("concat",                [Real [2, 2], Real [2, 3], Real [2, 1]], |x| ulp_autograd::concat(x, 1)),
        row!("concat of four",        [Real [1], Real [2], Real [1], Real [3]], |x| ulp_autograd::concat(x, 0)),
        row!("matmul",                [Real [2, 3], Real [3, 4]],            |x| x[0].matmul(x[1])),
        row!("matmul of a batch",     [Real [2, 2, 3], Real [2, 3, 2]],      |x| x[0].matmul(x[1])),
        row!("matmul broadcasting",   [Real [2, 1, 2, 3], Real [3, 3, 2]],   |x| x[0].matmul(x[1])),
        row!("linear",                [Real [2, 2, 3], Real [4, 3]],         |x| x[0].linear(x[1], None)),
        row!("linear with bias",      [Real [2, 3], Real [4, 3], Real [4]],  |x| x[0].linear(x[1], Some(x[2]))),
        row!("linear of a vector",    [Real [3], Real [4, 3], Real [4]],     |x| x[0].linear(x[1], Some(x[2]))),
        row!("embedding",             [Real [4, 3]],                         |x| x[0].embedding(ids().view())),
        row!("rms_norm",              [Real [2, 2, 5], Real [5]],            |x| x[0].rms_norm(x[1], 1e-5)),
        row!("layer_norm",            [Real [3, 5], Real [5], Real [5]],     |x| x[0].layer_norm(x[1], x[2], 1e-5)),
        row!("softmax",               [Real [2, 4]],                         |x| x[0].softmax(-1)),
        row!("softmax of axis 0",     [Real [3, 2]],                         |x| x[0].softmax(0)),
        row!("log_softmax",           [Real [2, 4]],                         |x| x[0].log_softmax(-1)),
        row!("log_softmax of axis 1", [Real [2, 3, 2]],                      |x| x[0].log_softmax(1)),
        row!("cross_entropy",         [Real [3, 4]],                         |x| x[0].cross_entropy(&[1, 3, 0], None)),
        row!("cross_entropy ignoring", [Real [4, 3]],                        |x| x[0].cross_entropy(&[1, 9, 0, 9], Some(9))),
        row!("linear_cross_entropy",  [Real [3, 2], Real [4, 2]],            |x| x[0].linear_cross_entropy(x[1], &[1, 9, 3], Some(9))),
        row!("rope",                  [Real [2, 3, 2, 4]],                   |x| x[0].rope(&[1.0, 0.1], 5)),
        row!("rope_at",               [Real [2, 2, 1, 4]],                   |x| x[0].rope_at(&[0, 7, 3, 3], &[1.0, 0.25])),
        row!("attention",             [Real [2, 2, 2, 3], Real [2, 3, 2, 3], Real [2, 3, 2, 3]], |x| x[0].attention(x[1], x[2], 0.5, false)),
        row!("attention causal",      [Real [1, 3, 1, 2], Real [1, 3, 1, 2], Real [1, 3, 1, 2]], |x| x[0].attention(x[1], x[2], 0.7, true)),
        row!("attention grouped",     [Real [1, 2, 4, 2], Real [1, 4, 2, 2], Real [1, 4, 2, 2]], |x| x[0].attention(x[1], x[2], 0.5, true)),
        row!("attention to itself",   [Real [1, 3, 1, 2]],                   |x| x[0].attention(x[0], x[0], 0.5, true)),
        row!("dropout",               [Real [4, 4]],                         |x| x[0].dropout(0.25, 42, 1)),
        row!("log1p",                 [Positive [2, 3]],                     |x| x[0].log1p()),
        row!("expm1",                 [Real [2, 3]],                         |x| x[0].expm1()),
        row!("abs",                   [Real [2, 3]],                         |x| x[0].abs()),
        row!("sign",                  [Real [2, 3]],                         |x| x[0].sign()),
        row!("softplus",              [Real [2, 3]],                         |x| x[0].softplus()),
        row!("leaky_relu",            [Real [2, 3]],                         |x| x[0].leaky_relu(0.25)),
        row!("clamp",                 [Real [2, 5]],                         |x| x[0].clamp(-0.75, 1.125)),
        row!("minimum",               [Real [2, 3], Real [3]],               |x| x[0].minimum(x[1])),
        row!("select",                [Real [2, 3], Real [3]],               |x| x[0].select(mask().view(), x[1])),
        row!("masked_fill",           [Real [2, 3]],                         |x| x[0].masked_fill(mask().view(), 0.5)),
        row!("pow_each",              [Positive [2, 3], Real [3]],           |x| x[0].pow_each(x[1])),
        row!("prod",                  [Real [2, 3, 2]],                      |x| x[0].prod(&[0, 1])),
        row!("prod of five",          [Real [5, 2]],                         |x| x[0].prod(&[0])),
        row!("min",                   [Real [2, 3, 4]],                      |x| x[0].min(&[0, 2])),
        row!("variance",              [Real [2, 3, 4]],                      |x| x[0].variance(&[0, 2], 1)),
        row!("log_sum_exp",           [Real [2, 3, 4]],                      |x| x[0].log_sum_exp(&[0, 2])),
        row!("norm_l1",               [Real [2, 3]],                         |x| x[0].norm_l1(&[1])),
        row!("norm_l2",               [Real [2, 3, 2]],                      |x| x[0].norm_l2(&[0, 2])),
        row!("norm_max",              [Real [2, 3]],                         |x| x[0].norm_max(&[1])),
        row!("cum_sum",               [Real [2, 3, 2]],                      |x| x[0].cum_sum(1)),
        row!("gather",                [Real [2, 3]],                         |x| x[0].gather(1, index().view())),
        row!("scatter_add",           [Real [2, 3], Real [2, 4]],            |x| x[0].scatter_add(1, index().view(), x[1])),
        row!("sort",                  [Real [2, 4]],                         |x| x[0].sort(1, false).0),
        row!("top_k",                 [Real [4, 2]],                         |x| x[0].top_k(2, 0).0),
        row!("split",                 [Real [2, 5]],                         |x| { let p = x[0].split(1, &[2, 1, 2]); p[0] * p[2] + p[1] }),
        row!("pad",                   [Real [2, 3]],                         |x| x[0].pad(&[(1, 0), (0, 2)], 0.5)),
        row!("einsum",                [Real [2, 3], Real [3, 4], Real [4, 2]], |x| ulp_autograd::einsum("ab,bc,cd->ad", x)),
        row!("einsum of one",         [Real [2, 3, 2]],                      |x| ulp_autograd::einsum("aba->b", x)),
        row!("einsum summed alone",   [Real [2, 3], Real [2, 4]],            |x| ulp_autograd::einsum("ab,ac->aa", x)),
        row!("einsum with ellipsis",  [Real [1, 2, 3], Real [4, 3, 2]],      |x| ulp_autograd::einsum("...ab,...bc->...ca", x)),
        row!("conv2d",                [Real [2, 4, 4, 5], Real [2, 2, 3, 2], Real [2]], |x| x[0].conv2d(x[1], Some(x[2]), conv())),
        row!("conv2d_transposed",     [Real [2, 2, 3, 3], Real [2, 2, 2, 2], Real [4]], |x| x[0].conv2d_transposed(x[1], Some(x[2]), [1, 0], conv())),
        row!("conv1d",                [Real [2, 2, 5], Real [3, 2, 3]],      |x| x[0].conv1d(x[1], None, Conv { padding: [0, 1], ..Conv::default() })),
        row!("max_pool2d",            [Real [1, 2, 4, 5]],                   |x| x[0].max_pool2d([2, 2], Conv { stride: [2, 1], ..Conv::default() })),
        row!("avg_pool2d",            [Real [1, 2, 4, 5]],                   |x| x[0].avg_pool2d([2, 2], Conv { stride: [2, 1], padding: [0, 1], ..Conv::default() })),
        row!("max_pool2d padded",     [Real [2, 1, 5, 6]],                   |x| x[0].max_pool2d([3, 2], Conv { stride: [2, 3], padding: [1, 0], dilation: [1, 2], groups: 1 })),
        row!("avg_pool2d overlapping", [Real [2, 1, 5, 6]],                  |x| x[0].avg_pool2d([3, 2], Conv { stride: [1, 2], padding: [1, 1], ..Conv::default() })),
        row!("scatter_add along axis 0", [Real [3, 4], Real [2, 4]],         |x| x[0].scatter_add(0, index().view(), x[1])),
        row!("gather along axis 0",   [Real [3, 4]],                         |x| x[0].gather(0, index().view())),
        row!("sort descending",       [Real [5, 3]],                         |x| x[0].sort(0, true).0),
        row!("clamp from both sides", [Real [3, 5]],                         |x| x[0].clamp(-1.5, -0.5)),
        row!("select broadcasting",   [Real [1, 3], Real [2, 1]],            |x| x[0].select(mask().view(), x[1])),
        row!("batch_norm",            [Real [3, 2, 2], Real [2], Real [2]],  |x| x[0].batch_norm(x[1], x[2], 1e-3)),
        row!("group_norm",            [Real [2, 4, 2], Real [4], Real [4]],  |x| x[0].group_norm(2, x[1], x[2], 1e-3)),
        row!("lstm_cell",             [Real [2, 3], Real [2, 2], Real [2, 2], Real [8, 3], Real [8, 2], Real [8]], |x| {
            let (h, c) = x[0].lstm_cell((x[1], x[2]), (x[3], x[4]), Some(x[5]));
            h * c
        }),
        row!("local_attention",       [Real [1, 4, 2, 2], Real [1, 5, 1, 2], Real [1, 5, 1, 2]], |x| x[0].local_attention(x[1], x[2], 0.5, 2)),
        row!("a chain",               [Real [3, 2], Real [2, 2], Real [2]],  |x| (x[0].linear(x[1], Some(x[2])).tanh() * x[0]).softmax(-1)),
    ]
}

fn conv() -> Conv {
    Conv { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 }
}

fn mask() -> ArrayD<bool> {
    ArrayD::from_shape_vec(IxDyn(&[2, 1]), vec![true, false]).expect("two of them")
}

fn index() -> ArrayD<usize> {
    ArrayD::from_shape_vec(IxDyn(&[2, 4]), vec![2, 0, 2, 1, 0, 0, 0, 1]).expect("eight of them")
}

fn ids() -> ArrayD<u32> {
    ArrayD::from_shape_vec(IxDyn(&[2, 2]), vec![3, 0, 3, 1]).expect("four ids")
}
