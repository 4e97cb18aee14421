//! Sums, differences, products and quotients, element by element.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::Float;
use crate::map::{map1, map1_into, map2, map2_in_place, map2_into};
use crate::simd::out::{Map1, Map2};

/// Gives a unit struct the function that [`map2`] applies to each pair.
macro_rules! pairwise {
    ($name:ident, $x:ident, $y:ident => $value:expr) => {
        #[derive(Clone, Copy)]
        struct $name;
        impl<T: Float> Map2<T> for $name {
            const MEMORY_BOUND: bool = true;
            #[inline(always)]
            fn at(self, $x: T, $y: T) -> T {
                $value
            }
        }
    };
}

pairwise!(Add, x, y => x + y);
pairwise!(Sub, x, y => x - y);
pairwise!(Mul, x, y => x * y);
pairwise!(Div, x, y => x / y);
pairwise!(Maximum, x, y => x.maximum(y));
pairwise!(Minimum, x, y => x.minimum(y));

/// `x + y`, broadcasting.
///
/// # Panics
///
/// If the shapes do not broadcast (as for all operations of two arrays).
///
/// # Examples
///
/// ```
/// use ulp_tensor::{add, ndarray::array};
///
/// let x = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// let y = array![10.0, 20.0].into_dyn();
/// assert_eq!(add(x.view(), y.view()), array![[11.0, 22.0], [13.0, 24.0]].into_dyn());
/// ```
#[track_caller]
pub fn add<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, y, Add)
}

/// [`add`] into `out`.
#[track_caller]
pub fn add_into<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map2_into(x, y, Add, out);
}

/// `x += y`, in place; `y` broadcasts to the shape of `x`.
///
/// # Panics
///
/// If `y` does not broadcast to the shape of `x`.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{add_assign, ndarray::array};
///
/// let mut x = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// add_assign(x.view_mut(), array![10.0, 20.0].into_dyn().view());
/// assert_eq!(x, array![[11.0, 22.0], [13.0, 24.0]].into_dyn());
/// ```
#[track_caller]
pub fn add_assign<T: Float>(x: ArrayViewMutD<'_, T>, y: ArrayViewD<'_, T>) {
    map2_in_place(x, y, Add);
}

/// `x - y`, broadcasting.
#[track_caller]
pub fn sub<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, y, Sub)
}

/// [`sub`] into `out`.
#[track_caller]
pub fn sub_into<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map2_into(x, y, Sub, out);
}

/// `x · y` element by element, broadcasting.
#[track_caller]
pub fn mul<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, y, Mul)
}

/// [`mul`] into `out`.
#[track_caller]
pub fn mul_into<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map2_into(x, y, Mul, out);
}

/// `x / y`, broadcasting.
#[track_caller]
pub fn div<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, y, Div)
}

/// [`div`] into `out`.
#[track_caller]
pub fn div_into<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map2_into(x, y, Div, out);
}

/// The larger of `x` and `y`, broadcasting; NaN where either is. 0 is larger than -0 (IEEE 754-2019).
#[track_caller]
pub fn maximum<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, y, Maximum)
}

/// [`maximum`] into `out`.
#[track_caller]
pub fn maximum_into<T: Float>(
    x: ArrayViewD<'_, T>,
    y: ArrayViewD<'_, T>,
    out: ArrayViewMutD<'_, T>,
) {
    map2_into(x, y, Maximum, out);
}

/// The smaller of `x` and `y`, broadcasting; NaN where either is. -0 is smaller than 0 (IEEE 754-2019).
#[track_caller]
pub fn minimum<T: Float>(x: ArrayViewD<'_, T>, y: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, y, Minimum)
}

/// [`minimum`] into `out`.
#[track_caller]
pub fn minimum_into<T: Float>(
    x: ArrayViewD<'_, T>,
    y: ArrayViewD<'_, T>,
    out: ArrayViewMutD<'_, T>,
) {
    map2_into(x, y, Minimum, out);
}

#[derive(Clone, Copy)]
struct Neg;
impl<T: Float> Map1<T> for Neg {
    const MEMORY_BOUND: bool = true;
    #[inline(always)]
    fn at(self, x: T) -> T {
        -x
    }
}

/// `-x`.
pub fn neg<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Neg)
}

/// [`neg`] into `out`.
#[track_caller]
pub fn neg_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Neg, out);
}

#[derive(Clone, Copy)]
struct Scale<T>(T);
impl<T: Float> Map1<T> for Scale<T> {
    const MEMORY_BOUND: bool = true;
    #[inline(always)]
    fn at(self, x: T) -> T {
        x * self.0
    }
}

/// `x · factor`.
pub fn scale<T: Float>(x: ArrayViewD<'_, T>, factor: T) -> ArrayD<T> {
    map1(x, Scale(factor))
}

/// [`scale`] into `out`.
#[track_caller]
pub fn scale_into<T: Float>(x: ArrayViewD<'_, T>, factor: T, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Scale(factor), out);
}

#[derive(Clone, Copy)]
struct AddScalar<T>(T);
impl<T: Float> Map1<T> for AddScalar<T> {
    const MEMORY_BOUND: bool = true;
    #[inline(always)]
    fn at(self, x: T) -> T {
        x + self.0
    }
}

/// `x + term`.
pub fn add_scalar<T: Float>(x: ArrayViewD<'_, T>, term: T) -> ArrayD<T> {
    map1(x, AddScalar(term))
}

/// [`add_scalar`] into `out`.
#[track_caller]
pub fn add_scalar_into<T: Float>(x: ArrayViewD<'_, T>, term: T, out: ArrayViewMutD<'_, T>) {
    map1_into(x, AddScalar(term), out);
}

#[derive(Clone, Copy)]
struct Abs;
impl<T: Float> Map1<T> for Abs {
    const MEMORY_BOUND: bool = true;
    #[inline(always)]
    fn at(self, x: T) -> T {
        x.abs()
    }
}

/// |x|.
pub fn abs<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Abs)
}

/// [`abs`] into `out`.
#[track_caller]
pub fn abs_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Abs, out);
}

#[derive(Clone, Copy)]
struct Sign;
impl<T: Float> Map1<T> for Sign {
    #[inline(always)]
    fn at(self, x: T) -> T {
        let positive = if x > T::ZERO { T::ONE } else { x };
        if x < T::ZERO { -T::ONE } else { positive }
    }
}

/// 1, -1, or x itself where it is zero or NaN.
pub fn sign<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Sign)
}

#[derive(Clone, Copy)]
struct Clamp<T>(T, T);
impl<T: Float> Clamp<T> {
    #[track_caller]
    fn new(least: T, most: T) -> Self {
        assert!(least <= most, "clamp between {least} and {most}");
        Clamp(least, most)
    }
}
impl<T: Float> Map1<T> for Clamp<T> {
    const MEMORY_BOUND: bool = true;
    #[inline(always)]
    fn at(self, x: T) -> T {
        let above = if x < self.0 { self.0 } else { x };
        if above > self.1 { self.1 } else { above }
    }
}

/// x, but at least `least` and at most `most`; NaN stays.
///
/// # Panics
///
/// Unless `least <= most`.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{clamp, ndarray::array};
///
/// let x = array![-3.0, 0.5, 3.0].into_dyn();
/// assert_eq!(clamp(x.view(), -1.0, 1.0), array![-1.0, 0.5, 1.0].into_dyn());
/// ```
#[track_caller]
pub fn clamp<T: Float>(x: ArrayViewD<'_, T>, least: T, most: T) -> ArrayD<T> {
    map1(x, Clamp::new(least, most))
}

/// [`clamp`] into `out`.
#[track_caller]
pub fn clamp_into<T: Float>(x: ArrayViewD<'_, T>, least: T, most: T, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Clamp::new(least, most), out);
}

#[derive(Clone, Copy)]
struct ClampVjp<T>(T, T);
impl<T: Float> Map2<T> for ClampVjp<T> {
    #[inline(always)]
    fn at(self, x: T, dy: T) -> T {
        if (x >= self.0) & (x <= self.1) { dy } else { T::ZERO }
    }
}

/// `dy` where [`clamp`] changes nothing, else 0.
#[track_caller]
pub fn clamp_vjp<T: Float>(
    x: ArrayViewD<'_, T>,
    least: T,
    most: T,
    dy: ArrayViewD<'_, T>,
) -> ArrayD<T> {
    map2(x, dy, ClampVjp(least, most))
}
