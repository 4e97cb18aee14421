//! A counter-based random number generator.

use crate::Float;

/// Multipliers and key increments of Philox 4x32: Salmon, Moraes, Dror and Shaw,
/// "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11.
const M0: u32 = 0xD251_1F53;
const M1: u32 = 0xCD9E_8D57;
const W0: u32 = 0x9E37_79B9;
const W1: u32 = 0xBB67_AE85;

/// Philox 4x32-10: number i of a stream is a function of (seed, stream, i), so that any part of a
/// stream can be made anywhere, in any order.
///
/// # Examples
///
/// ```
/// use ulp_tensor::Philox;
///
/// let random = Philox::new(42, 0);
/// let x: f32 = random.uniform(1_000_000);
/// assert!((0.0..1.0).contains(&x));
/// assert_eq!(x, Philox::new(42, 0).uniform(1_000_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Philox {
    seed: u64,
    stream: u64,
}

impl Philox {
    /// The generator of one stream of a seed.
    pub const fn new(seed: u64, stream: u64) -> Self {
        Philox { seed, stream }
    }

    /// Block `index` of the stream: 128 random bits. The seed is the key; the counter is the index
    /// (low half) and the stream (high half).
    #[inline(always)]
    pub const fn block(&self, index: u64) -> [u32; 4] {
        let counter =
            [index as u32, (index >> 32) as u32, self.stream as u32, (self.stream >> 32) as u32];
        philox4x32_10(counter, [self.seed as u32, (self.seed >> 32) as u32])
    }

    /// Number `index` of the stream's 32-bit words.
    #[inline(always)]
    pub const fn word(&self, index: u64) -> u32 {
        self.block(index / 4)[(index % 4) as usize]
    }

    /// Number `index` of the stream, uniform in [0, 1): a multiple of 2^-24 (`f32`) or
    /// 2^-53 (`f64`).
    #[inline(always)]
    pub fn uniform<T: Float>(&self, index: u64) -> T {
        let [a, b, c, d] = self.block(index / 2);
        let bits = if index.is_multiple_of(2) { pair(a, b) } else { pair(c, d) };
        T::from_f64(if size_of::<T>() == 4 { (bits >> 40) as f64 * EXP2_M24 } else { unit(bits) })
    }

    /// Number `index` of the stream, normal with mean 0 and variance 1 (Box and Muller, 1958),
    /// computed in `f64` and rounded.
    #[inline(always)]
    pub fn normal<T: Float>(&self, index: u64) -> T {
        let (u, v) = self.uniform_pair(index / 2);
        let (cos, sin) = box_muller(u, v);
        T::from_f64(if index.is_multiple_of(2) { cos } else { sin })
    }

    /// Block `index` of the stream as two numbers uniform in [0, 1).
    #[inline(always)]
    pub(crate) fn uniform_pair(&self, index: u64) -> (f64, f64) {
        let [a, b, c, d] = self.block(index);
        (unit(pair(a, b)), unit(pair(c, d)))
    }
}

/// Two independent normal numbers from two uniform ones.
#[inline(always)]
pub(crate) fn box_muller(u: f64, v: f64) -> (f64, f64) {
    // 1 - u lies in (0, 1], where the logarithm is finite.
    let radius = Float::sqrt(-2.0 * Float::log(1.0 - u));
    let (sin, cos) = Float::sin_cos(std::f64::consts::TAU * v);
    (radius * cos, radius * sin)
}

/// 2^-24.
const EXP2_M24: f64 = 1.0 / (1u64 << 24) as f64;
/// 2^-53.
const EXP2_M53: f64 = 1.0 / (1u64 << 53) as f64;

#[inline(always)]
fn pair(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The upper 53 bits as a number in [0, 1).
#[inline(always)]
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * EXP2_M53
}

#[inline(always)]
const fn philox4x32_10(mut c: [u32; 4], mut k: [u32; 2]) -> [u32; 4] {
    let mut round = 0;
    while round < 10 {
        let p0 = M0 as u64 * c[0] as u64;
        let p1 = M1 as u64 * c[2] as u64;
        c = [
            (p1 >> 32) as u32 ^ c[1] ^ k[0],
            p1 as u32,
            (p0 >> 32) as u32 ^ c[3] ^ k[1],
            p0 as u32,
        ];
        k = [k[0].wrapping_add(W0), k[1].wrapping_add(W1)];
        round += 1;
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published known answers (Random123's kat_vectors, philox4x32 with 10 rounds).
    #[test]
    fn known_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, answer) in cases {
            assert_eq!(philox4x32_10(counter, key), answer);
        }
    }

    #[test]
    fn normals_have_the_moments_of_the_normal_distribution() {
        let random = Philox::new(7, 3);
        let n = 100_000;
        let x: Vec<f64> = (0..n).map(|i| random.normal(i)).collect();
        let moment = |p: i32| x.iter().map(|x| x.powi(p)).sum::<f64>() / n as f64;
        // Standard errors: 1/√n, √2/√n, √15/√n, √96/√n; five of each.
        let e = 5.0 / (n as f64).sqrt();
        assert!(moment(1).abs() < e);
        assert!((moment(2) - 1.0).abs() < 1.5 * e);
        assert!(moment(3).abs() < 3.9 * e);
        assert!((moment(4) - 3.0).abs() < 9.8 * e);
    }
}
