//! The table of operations: one line an operation, from which the checks of strides, instruction
//! sets, threads and precision are made.

use ulp_tensor::ndarray::{ArrayD, ArrayViewD, IxDyn};
use ulp_tensor::{Float, Philox};

/// From where the elements of an input are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Domain {
    /// -2 to 2.
    Real,
    /// 0.5 to 2.5.
    Positive,
}

/// An input: its domain and shape.
pub(crate) type Input = (Domain, &'static [usize]);

/// An operation in one precision.
pub(crate) type Operation<T> = fn(&[ArrayViewD<'_, T>]) -> Vec<ArrayD<T>>;

/// A line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) inputs: Vec<Input>,
    pub(crate) in_f64: Operation<f64>,
    pub(crate) in_f32: Operation<f32>,
}

impl Row {
    /// Sample inputs: multiples of 2⁻²⁰, exact in f32 too.
    pub(crate) fn samples<T: Float>(&self) -> Vec<ArrayD<T>> {
        let inputs = self.inputs.iter().enumerate();
        inputs.map(|(stream, &(domain, shape))| sample(domain, shape, stream as u64)).collect()
    }
}

/// Random elements of a domain, multiples of 2⁻²⁰.
pub(crate) fn sample<T: Float>(domain: Domain, shape: &[usize], stream: u64) -> ArrayD<T> {
    let philox = Philox::new(11, stream);
    let mut index = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        let u: f64 = philox.uniform(index);
        index += 1;
        let u = (u * 1_048_576.0).round() / 1_048_576.0;
        T::from_f64(match domain {
            Domain::Positive => 0.5 + 2.0 * u,
            Domain::Real => 4.0 * u - 2.0,
        })
    })
}

/// The same operation in both precisions.
macro_rules! row {
    ($name:literal, [$($domain:ident $shape:tt),+], |$x:ident| [$($y:expr),+]) => {
        row!($name, [$($domain $shape),+], |$x| vec![$($y),+])
    };
    ($name:literal, [$($domain:ident $shape:tt),+], |$x:ident| $y:expr) => {{
        fn operation<T: Float>($x: &[ArrayViewD<'_, T>]) -> Vec<ArrayD<T>> {
            $y
        }
        Row {
            name: $name,
            inputs: vec![$((Domain::$domain, &$shape)),+],
            in_f64: operation::<f64>,
            in_f32: operation::<f32>,
        }
    }};
}

/// A constant of either precision.
fn t<T: Float>(x: f64) -> T {
    T::from_f64(x)
}

/// A slice of a view, whatever its strides.
fn flat<T: Float>(x: &ArrayViewD<'_, T>) -> Vec<T> {
    x.iter().copied().collect()
}

fn one<T: Float>(x: T) -> ArrayD<T> {
    ArrayD::from_elem(IxDyn(&[]), x)
}

fn pair<T>((a, b): (ArrayD<T>, ArrayD<T>)) -> Vec<ArrayD<T>> {
    vec![a, b]
}

fn three<T>((a, b, c): (ArrayD<T>, ArrayD<T>, ArrayD<T>)) -> Vec<ArrayD<T>> {
    vec![a, b, c]
}

/// Shapes are such that blocks (64 queries, 256 along K, 4096 terms of a sum) and what one thread
/// does at a time (32768 elements) are exceeded, and no length is a multiple of a register's.
#[rustfmt::skip]
pub(crate) fn table() -> Vec<Row> {
    use ulp_tensor::*;
    vec![
        row!("add",                 [Real [210, 213], Real [213]],          |x| [add(x[0].view(), x[1].view())]),
        row!("sub",                 [Real [7, 1, 5], Real [3, 1]],          |x| [sub(x[0].view(), x[1].view())]),
        row!("mul",                 [Real [210, 1], Real [210, 213]],       |x| [mul(x[0].view(), x[1].view())]),
        row!("div",                 [Real [21, 43], Positive [21, 43]],     |x| [div(x[0].view(), x[1].view())]),
        row!("maximum",             [Real [21, 43], Real [43]],             |x| [maximum(x[0].view(), x[1].view())]),
        row!("neg",                 [Real [21, 43]],                        |x| [neg(x[0].view())]),
        row!("scale",               [Real [21, 43]],                        |x| [scale(x[0].view(), t(0.3))]),
        row!("add_scalar",          [Real [21, 43]],                        |x| [add_scalar(x[0].view(), t(0.3))]),
        row!("broadcast_to",        [Real [210, 1]],                        |x| [broadcast_to(x[0].view(), &[2, 210, 113])]),
        row!("sum_to_shape",        [Real [5, 70, 123]],                    |x| [sum_to_shape(x[0].view(), &[70, 1]), sum_to_shape(x[0].view(), &[123])]),
        row!("exp",                 [Real [210, 213]],                      |x| [exp(x[0].view())]),
        row!("log",                 [Positive [21, 43]],                    |x| [log(x[0].view())]),
        row!("sqrt",                [Positive [21, 43]],                    |x| [sqrt(x[0].view())]),
        row!("rsqrt",               [Positive [21, 43]],                    |x| [rsqrt(x[0].view())]),
        row!("erf",                 [Real [21, 43]],                        |x| [erf(x[0].view())]),
        row!("pow",                 [Positive [21, 43]],                    |x| [pow(x[0].view(), t(2.0)), pow(x[0].view(), t(-0.5)), pow(x[0].view(), t(1.7))]),
        row!("tanh",                [Real [21, 43]],                        |x| [tanh(x[0].view())]),
        row!("tanh_vjp",            [Real [21, 43], Real [21, 43]],         |x| [tanh_vjp(x[0].view(), x[1].view())]),
        row!("sigmoid",             [Real [21, 43]],                        |x| [sigmoid(x[0].view())]),
        row!("sigmoid_vjp",         [Real [21, 43], Real [21, 43]],         |x| [sigmoid_vjp(x[0].view(), x[1].view())]),
        row!("relu",                [Real [21, 43]],                        |x| [relu(x[0].view())]),
        row!("relu_vjp",            [Real [21, 43], Real [21, 43]],         |x| [relu_vjp(x[0].view(), x[1].view())]),
        row!("silu",                [Real [21, 43]],                        |x| [silu(x[0].view())]),
        row!("silu_vjp",            [Real [21, 43], Real [21, 43]],         |x| [silu_vjp(x[0].view(), x[1].view())]),
        row!("gelu",                [Real [210, 213]],                      |x| [gelu(x[0].view())]),
        row!("gelu_vjp",            [Real [21, 43], Real [21, 43]],         |x| [gelu_vjp(x[0].view(), x[1].view())]),
        row!("gelu_tanh",           [Real [21, 43]],                        |x| [gelu_tanh(x[0].view())]),
        row!("gelu_tanh_vjp",       [Real [21, 43], Real [21, 43]],         |x| [gelu_tanh_vjp(x[0].view(), x[1].view())]),
        row!("silu_mul",            [Real [210, 213], Real [210, 213]],     |x| [silu_mul(x[0].view(), x[1].view())]),
        row!("silu_mul_vjp",        [Real [210, 213], Real [210, 213], Real [210, 213]], |x| pair(silu_mul_vjp(x[0].view(), x[1].view(), x[2].view()))),
        row!("sum of all",          [Real [13, 97, 113]],                   |x| [sum(x[0].view(), &[0, 1, 2], false)]),
        row!("sum of rows",         [Real [11, 13001]],                     |x| [sum(x[0].view(), &[1], true)]),
        row!("sum of columns",      [Real [9001, 11]],                      |x| [sum(x[0].view(), &[0], false)]),
        row!("sum in the middle",   [Real [3, 301, 50]],                    |x| [sum(x[0].view(), &[1], false), sum(x[0].view(), &[0, 2], false)]),
        row!("mean",                [Real [3, 301, 50]],                    |x| [mean(x[0].view(), &[0, 1], true)]),
        row!("max",                 [Real [3, 301, 50]],                    |x| [max(x[0].view(), &[1], false), max(x[0].view(), &[0, 2], true)]),
        row!("slices",              [Real [9001], Real [9001]],             |x| {
            let (a, mut b) = (flat(&x[0]), flat(&x[1]));
            let values = vec![one(dot(&a, &b)), one(sum_slice(&a)), one(max_slice(&a))];
            axpy(t(0.3), &a, &mut b);
            silu_mul_in_place(&mut b, &a);
            let n = b.len();
            values.into_iter().chain([ArrayD::from_shape_vec(IxDyn(&[n]), b).unwrap()]).collect()
        }),
        row!("matmul",              [Real [70, 300], Real [300, 90]],       |x| [matmul(x[0].view(), x[1].view())]),
        row!("matmul of a batch",   [Real [3, 1, 20, 31], Real [5, 31, 33]], |x| [matmul(x[0].view(), x[1].view())]),
        row!("matmul_nt",           [Real [1, 517], Real [90, 517]],        |x| [matmul_nt(x[0].view(), x[1].view())]),
        row!("matmul_tn",           [Real [257, 70], Real [257, 5]],        |x| [matmul_tn(x[0].view(), x[1].view())]),
        row!("linear",              [Real [2, 35, 61], Real [90, 61], Real [90]], |x| [linear(x[0].view(), x[1].view(), Some(x[2].view()))]),
        row!("linear_vjp",          [Real [2, 35, 90], Real [90, 61], Real [2, 35, 61]], |x| [
            linear_vjp_x(x[0].view(), x[1].view()), linear_vjp_w(x[0].view(), x[2].view()), linear_vjp_bias(x[0].view())]),
        row!("embedding",           [Real [50, 213]],                       |x| [embedding(x[0].view(), &ids(300, 50))]),
        row!("embedding_vjp",       [Real [300, 213]],                      |x| [embedding_vjp(x[0].view(), &ids(300, 50), 50)]),
        row!("concat",              [Real [50, 3, 213], Real [50, 2, 213]], |x| [concat(&[x[0].view(), x[1].view()], 1)]),
        row!("rms_norm",            [Real [3, 70, 213], Real [213]],        |x| [rms_norm(x[0].view(), x[1].view(), t(1e-5))]),
        row!("rms_norm_vjp",        [Real [3, 70, 213], Real [213], Real [3, 70, 213]], |x| pair(rms_norm_vjp(x[0].view(), x[1].view(), t(1e-5), x[2].view()))),
        row!("layer_norm",          [Real [3, 70, 213], Real [213], Real [213]], |x| [layer_norm(x[0].view(), x[1].view(), x[2].view(), t(1e-5))]),
        row!("layer_norm_vjp",      [Real [3, 70, 213], Real [213], Real [3, 70, 213]], |x| three(layer_norm_vjp(x[0].view(), x[1].view(), t(1e-5), x[2].view()))),
        row!("softmax",             [Real [5, 9001]],                       |x| [softmax(x[0].view(), 1)]),
        row!("softmax of axis 0",   [Real [70, 43]],                        |x| [softmax(x[0].view(), 0)]),
        row!("softmax_vjp",         [Positive [5, 9001], Real [5, 9001]],   |x| [softmax_vjp(x[0].view(), x[1].view(), 1)]),
        row!("log_softmax",         [Real [5, 9001]],                       |x| [log_softmax(x[0].view(), 1)]),
        row!("log_softmax_vjp",     [Real [70, 43], Real [70, 43]],         |x| [log_softmax_vjp(x[0].view(), x[1].view(), 0)]),
        row!("cross_entropy",       [Real [150, 301]],                      |x| [cross_entropy(x[0].view(), &ids(150, 301), Some(7))]),
        row!("cross_entropy_vjp",   [Real [150, 301]],                      |x| [cross_entropy_vjp(x[0].view(), &ids(150, 301), Some(7), t(0.5))]),
        row!("linear_cross_entropy", [Real [600, 43], Real [301, 43]],      |x| [linear_cross_entropy(x[0].view(), x[1].view(), &ids(600, 301), Some(7))]),
        row!("its gradients",       [Real [600, 43], Real [301, 43]],       |x| {
            let (y, gradients) = linear_cross_entropy_with_gradients(x[0].view(), x[1].view(), &ids(600, 301), Some(7), [true; 2]);
            [y].into_iter().chain(gradients.into_iter().flatten()).collect()
        }),
        row!("rope",                [Real [2, 70, 5, 62]],                  |x| [rope(x[0].view(), &ids(70, 4000), &frequencies(31)), rope_inverse(x[0].view(), &ids(140, 90), &frequencies(31))]),
        row!("attention",           [Real [2, 69, 4, 22], Real [2, 75, 2, 22], Real [2, 75, 2, 22]], |x| [attention(x[0].view(), x[1].view(), x[2].view(), t(0.2), true)]),
        row!("attention, all seen", [Real [1, 130, 2, 7], Real [1, 60, 2, 7], Real [1, 60, 2, 7]], |x| [attention(x[0].view(), x[1].view(), x[2].view(), t(0.4), false)]),
        row!("attention_vjp",       [Real [2, 69, 4, 22], Real [2, 75, 2, 22], Real [2, 75, 2, 22], Real [2, 69, 4, 22]], |x| three(
            attention_vjp(x[0].view(), x[1].view(), x[2].view(), t(0.2), true, x[3].view()))),
        row!("log1p",               [Positive [21, 43]],                    |x| [log1p(x[0].view()), expm1(x[0].view())]),
        row!("pow_each",            [Positive [21, 43], Real [43]],         |x| [pow_each(x[0].view(), x[1].view())]),
        row!("minimum",             [Real [21, 43], Real [43]],             |x| [minimum(x[0].view(), x[1].view()), abs(x[0].view()), sign(x[0].view())]),
        row!("clamp",               [Real [21, 43], Real [21, 43]],         |x| [clamp(x[0].view(), t(-1.0), t(0.5)), clamp_vjp(x[0].view(), t(-1.0), t(0.5), x[1].view())]),
        row!("leaky_relu",          [Real [21, 43], Real [21, 43]],         |x| [leaky_relu(x[0].view(), t(0.1)), leaky_relu_vjp(x[0].view(), t(0.1), x[1].view())]),
        row!("softplus",            [Real [210, 213]],                      |x| [softplus(x[0].view())]),
        row!("prod",                [Real [3, 301, 50]],                    |x| [prod(x[0].view(), &[1], false), prod(x[0].view(), &[2], false)]),
        row!("prod_vjp",            [Real [3, 31, 50], Real [3, 1, 50]],    |x| [prod_vjp(x[0].view(), 1, x[1].view())]),
        row!("min",                 [Real [3, 301, 50]],                    |x| [min(x[0].view(), &[1], false), min(x[0].view(), &[0, 2], true)]),
        row!("norms",               [Real [3, 301, 50]],                    |x| [norm_l1(x[0].view(), &[1], false), norm_l2(x[0].view(), &[0, 2], true), norm_max(x[0].view(), &[2], false)]),
        row!("var",                 [Real [3, 301, 50]],                    |x| [var(x[0].view(), &[1], 1, false), var(x[0].view(), &[0, 2], 0, true)]),
        row!("log_sum_exp",         [Real [3, 301, 50]],                    |x| [log_sum_exp(x[0].view(), &[1], false), log_sum_exp(x[0].view(), &[0, 2], true)]),
        row!("cum_sum",             [Real [3, 301, 50]],                    |x| [cum_sum(x[0].view(), 1, false), cum_sum(x[0].view(), 2, true)]),
        row!("gather",              [Real [9, 50], Real [9, 50]],           |x| { let i = arg_sort(x[1].view(), 0, false); vec![gather(x[0].view(), 0, i.view()), scatter_add(x[0].view(), 0, i.view(), x[1].view())] }),
        row!("sort",                [Real [9, 50]],                         |x| [sort(x[0].view(), 1, false).0, top_k(x[0].view(), 5, 0).0]),
        row!("pad",                 [Real [9, 50]],                         |x| [pad(x[0].view(), &[(1, 2), (0, 3)], t(0.5))]),
        row!("select",              [Real [9, 50], Real [50]],              |x| { let m = x[0].mapv(|x| x > t(0.3)); vec![select(m.view(), x[0].view(), x[1].view()), masked_fill(x[0].view(), m.view(), t(9.0))] }),
        row!("einsum",              [Real [9, 20, 31], Real [31, 9, 12]],   |x| [einsum("abc,cad->bda", x), einsum("abc,cad->", x)]),
        row!("conv2d",              [Real [2, 4, 13, 17], Real [6, 2, 3, 3], Real [6]], |x| [conv2d(x[0].view(), x[1].view(), Some(x[2].view()), conv())]),
        row!("conv2d_vjp",          [Real [2, 6, 7, 10], Real [6, 2, 3, 3], Real [2, 4, 13, 17]], |x| [
            conv2d_vjp_x(x[0].view(), x[1].view(), [13, 17], conv()), conv2d_vjp_w(x[0].view(), x[2].view(), [3, 3], conv())]),
        row!("conv2d by tiles",     [Real [2, 24, 20, 31], Real [20, 24, 3, 3], Real [20], Real [2, 20, 20, 33]], |x| [
            conv2d(x[0].view(), x[1].view(), Some(x[2].view()), tiles()), conv2d_vjp_x(x[3].view(), x[1].view(), [20, 31], tiles()), conv2d_vjp_w(x[3].view(), x[0].view(), [3, 3], tiles())]),
        row!("pooling",             [Real [2, 4, 13, 17]],                  |x| [max_pool2d(x[0].view(), [3, 4], Conv { groups: 1, ..conv() }).0, avg_pool2d(x[0].view(), [3, 2], Conv { groups: 1, ..conv() })]),
        row!("batch_norm",          [Real [20, 7, 13], Positive [7], Real [7]], |x| { let (m, v) = channel_statistics(x[0].view()); vec![batch_norm(x[0].view(), m.view(), v.view(), x[1].view(), x[2].view(), t(1e-5))] }),
        row!("group_norm",          [Real [20, 6, 13], Positive [6], Real [6]], |x| [group_norm(x[0].view(), 3, x[1].view(), x[2].view(), t(1e-5))]),
        row!("lstm_cell",           [Real [5, 9], Real [5, 11], Real [5, 11], Real [44, 9], Real [44, 11], Real [44]], |x| pair(
            lstm_cell(x[0].view(), (x[1].view(), x[2].view()), (x[3].view(), x[4].view()), Some(x[5].view())))),
        row!("local_attention",     [Real [2, 69, 4, 22], Real [2, 75, 2, 22], Real [2, 75, 2, 22]], |x| [local_attention(x[0].view(), x[1].view(), x[2].view(), t(0.2), 20)]),
        row!("local_attention_vjp", [Real [2, 69, 4, 22], Real [2, 75, 2, 22], Real [2, 75, 2, 22], Real [2, 69, 4, 22]], |x| three(
            local_attention_vjp(x[0].view(), x[1].view(), x[2].view(), t(0.2), 20, x[3].view()))),
    ]
}

/// 3 by 3 windows on enough channels: by Winograd's tiles.
fn tiles() -> ulp_tensor::Conv {
    ulp_tensor::Conv { padding: [1, 2], ..ulp_tensor::Conv::default() }
}

fn conv() -> ulp_tensor::Conv {
    ulp_tensor::Conv { stride: [2, 2], padding: [1, 2], dilation: [1, 1], groups: 2 }
}

/// Numbers below `bound` without an order.
pub(crate) fn ids(n: u32, bound: u32) -> Vec<u32> {
    (0..n).map(|i| i.wrapping_mul(2_654_435_761) % bound).collect()
}

fn frequencies<T: Float>(n: u32) -> Vec<T> {
    (0..n).map(|i| T::from_f64(Float::pow(10000.0, f64::from(i) / -f64::from(n)))).collect()
}
