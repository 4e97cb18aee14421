/// `cos πx` for x in [0, 1], by multiplications and additions only: a system's cosine may differ
/// in the last bit between systems, and the learning rate reaches every weight.
pub(crate) fn cos_pi(x: f64) -> f64 {
    if x > 0.5 {
        return -cos_pi(1.0 - x);
    }
    // Taylor's series on [0, π/4]: the first term left out is below 2^-58.
    let series = |y: f64, first: u32| {
        let square = y * y;
        (0..9_u32).rev().fold(1.0, |sum, k| {
            let n = f64::from(2 * k + first);
            1.0 - square / (n * (n + 1.0)) * sum
        })
    };
    if x <= 0.25 {
        series(std::f64::consts::PI * x, 1)
    } else {
        let y = std::f64::consts::PI * (0.5 - x);
        y * series(y, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cos_pi_is_the_cosine() {
        for i in 0..=1000 {
            let x = f64::from(i) / 1000.0;
            let error = (cos_pi(x) - (std::f64::consts::PI * x).cos()).abs();
            // Half an ulp of one for the argument's and each side's rounding.
            assert!(error <= 4.0 * f64::EPSILON, "{x}: {error}");
        }
    }
}
