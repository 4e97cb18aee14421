//! Gradients of linear layers whose operands are rounded to bf16, against f64.
//!
//! A step smaller than half a unit of bf16 changes no rounded operand, and one of a few units mostly the
//! rounding: differences as [`ulp_autograd::gradcheck`] takes them say nothing here. Two other ways do. The
//! VJP is a product, which f64 has for the same rounded operands but for the order of an f32 sum. And since the
//! layer is linear in each operand, a difference may be taken over steps as large as we like, beside which
//! the unit is small.

use ulp_autograd::{LinearPrecision, Tape};
use ulp_tensor::ndarray::{ArrayD, s};
use ulp_tensor::{linear, linear_vjp_w, linear_vjp_x, random};

/// The unit of rounding to bf16, half an ulp of 1.
const U: f64 = 1.0 / 256.0;

const ROWS: usize = 7;
const INPUTS: usize = 40;
const OUTPUTS: usize = 9;

fn draw(shape: &[usize], stream: u64) -> ArrayD<f32> {
    random::normal(shape, 8, stream)
}

fn rounded(x: &ArrayD<f32>) -> ArrayD<f64> {
    x.mapv(|x| fpbits::bf16_to_f32(fpbits::bf16_from_f32(x)).into())
}

fn exact(x: &ArrayD<f32>) -> ArrayD<f64> {
    x.mapv(f64::from)
}

/// A layer of x [ROWS, INPUTS] and w [OUTPUTS, INPUTS], with the cotangent of its value.
#[derive(Clone)]
struct Layer {
    x: ArrayD<f32>,
    w: ArrayD<f32>,
    dy: ArrayD<f32>,
}

impl Layer {
    fn new() -> Self {
        let x = draw(&[ROWS, INPUTS], 0);
        let (w, dy) = (draw(&[OUTPUTS, INPUTS], 1), draw(&[ROWS, OUTPUTS], 2));
        Self { x, w, dy }
    }

    /// The value, dx and dw as the tape has them.
    fn run(&self) -> [ArrayD<f32>; 3] {
        let tape = Tape::new();
        tape.set_linear_precision(LinearPrecision::Bf16);
        let (x, w) = (tape.leaf(self.x.clone()), tape.leaf(self.w.clone()));
        let y = x.linear(w, None);
        let mut gradients = y.backward_with(self.dy.clone());
        [y.value().into_owned(), gradients.take(x).unwrap(), gradients.take(w).unwrap()]
    }

    /// The three products in f64, of operands that `read` has read, with the number of their terms.
    fn products(&self, read: fn(&ArrayD<f32>) -> ArrayD<f64>) -> [(ArrayD<f64>, usize); 3] {
        let [x, w, dy] = [&self.x, &self.w, &self.dy].map(read);
        [
            (linear(x.view(), w.view(), None), INPUTS),
            (linear_vjp_x(dy.view(), w.view()), OUTPUTS),
            (linear_vjp_w(dy.view(), x.view()), ROWS),
        ]
    }
}

/// How many elements are further from f64's than a sum of so many products can be, in the order of any
/// unit for bf16: (terms + 18) · 2⁻²⁴ of the sum of magnitudes (docs/numerics.md).
fn outside(found: &ArrayD<f32>, exact: &ArrayD<f64>, size: &ArrayD<f64>, terms: usize) -> usize {
    let bound = (terms + 18) as f64 * 2f64.powi(-24);
    let all = found.iter().zip(exact).zip(size);
    let far = |&((&found, exact), size): &((&f32, &f64), &f64)| {
        let error = (f64::from(found) - exact).abs();
        error.is_nan() || error > bound * size
    };
    all.filter(far).count()
}

#[test]
fn a_layers_products_are_those_of_rounded_operands_in_f64() {
    let layer = Layer::new();
    let sizes = layer.products(|x| rounded(x).mapv(f64::abs));
    let found = layer.run();
    for (i, (product, terms)) in layer.products(rounded).iter().enumerate() {
        assert_eq!(outside(&found[i], product, &sizes[i].0, *terms), 0, "product {i}");
    }
    // Those of the operands as they are, are others.
    for (i, (product, terms)) in layer.products(exact).iter().enumerate() {
        let others = outside(&found[i], product, &sizes[i].0, *terms);
        assert!(2 * others > product.len(), "product {i}: {others}");
    }
    // And one operand that is a single ulp off is found, in each product that reads it.
    let mut moved = layer.clone();
    moved.w[[4, 3]] *= 1.0 + 2.0 * U as f32;
    for (i, (product, terms)) in moved.products(rounded).iter().enumerate().take(2) {
        assert_ne!(outside(&found[i], product, &sizes[i].0, *terms), 0, "product {i}");
    }
}

/// Which operand is moved.
#[derive(Clone, Copy, Debug)]
enum Operand {
    X,
    W,
}

impl Operand {
    fn of(self, layer: &mut Layer) -> &mut ArrayD<f32> {
        match self {
            Operand::X => &mut layer.x,
            Operand::W => &mut layer.w,
        }
    }
}

/// Along how many of 32 random directions Σ dy · y does not change as `gradient` says, dy being numbers of
/// bf16.
///
/// With a step h, for each element v of the direction and g of the gradient, the two rounded operands
/// x + hv and x - hv are off by u of their size: the quotient by at most u · Σ |g| (|x| + h|v|) / h, which is
/// close to u · Σ |gv|, h being 64. Sums in f32, of at most 40 products three times, are within 2⁻¹⁶ of
/// their magnitudes, `size` for those of g.
fn contradicted(
    layer: &Layer,
    operand: Operand,
    gradient: &ArrayD<f64>,
    size: &ArrayD<f64>,
) -> usize {
    const STEP: f32 = 64.0;
    let start = operand.of(&mut layer.clone()).clone();
    let value = |moved: ArrayD<f32>| {
        let mut layer = layer.clone();
        *operand.of(&mut layer) = moved;
        let [y, ..] = layer.run();
        (exact(&y) * exact(&layer.dy)).sum()
    };
    let uncertain = gradient.mapv(f64::abs) * U + size * 2f64.powi(-16);
    let against = |number: &u64| {
        let direction: ArrayD<f32> = random::normal(start.shape(), 9, *number);
        let step = &direction * STEP;
        let slope = (value(&start + &step) - value(&start - &step)) / (2.0 * f64::from(STEP));
        let along = (gradient * &exact(&direction)).sum();
        let reach = start.mapv(f32::abs) / STEP + direction.mapv(f32::abs);
        (slope - along).abs() > (&uncertain * &exact(&reach)).sum()
    };
    (0..32).filter(against).count()
}

#[test]
fn large_steps_change_the_value_as_the_gradient_says() {
    let mut layer = Layer::new();
    layer.dy = rounded(&layer.dy).mapv(|dy| dy as f32);
    let [_, dx, dw] = layer.run();
    let [_, (x_size, _), (w_size, _)] = layer.products(|x| rounded(x).mapv(f64::abs));
    // Two rows of w, or of x, taken for one another: the VJP of another layer.
    let mut mistaken = layer.clone();
    for operand in [&mut mistaken.w, &mut mistaken.x] {
        let first = operand.slice(s![0, ..]).to_owned();
        let second = operand.slice(s![1, ..]).to_owned();
        operand.slice_mut(s![0, ..]).assign(&second);
        operand.slice_mut(s![1, ..]).assign(&first);
    }
    let [_, (wrong_dx, _), (wrong_dw, _)] = mistaken.products(rounded);
    let cases = [(Operand::X, dx, x_size, wrong_dx), (Operand::W, dw, w_size, wrong_dw)];
    for (operand, gradient, size, wrong) in cases {
        let gradient = exact(&gradient);
        let against = |gradient: &ArrayD<f64>| contradicted(&layer, operand, gradient, &size);
        assert_eq!(against(&gradient), 0, "{operand:?}");
        assert!(against(&wrong) > 16, "{operand:?}: rows exchanged");
        assert!(against(&(&gradient * 1.125)) > 8, "{operand:?}: an eighth too large");
        assert!(against(&ArrayD::zeros(gradient.raw_dim())) > 16, "{operand:?}: no gradient");
    }
}
