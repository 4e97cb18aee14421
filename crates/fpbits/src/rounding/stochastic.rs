//! Random bits for stochastic rounding, drawn by counter: the decision for element i of a stream is
//! a function of (seed, stream, i), whatever else is rounded before, after or at the same time.

use super::{Context, Rounding};

/// Multipliers and key increments of Philox 4x32: Salmon, Moraes, Dror and Shaw,
/// "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11.
const M0: u32 = 0xD251_1F53;
const M1: u32 = 0xCD9E_8D57;
const W0: u32 = 0x9E37_79B9;
const W1: u32 = 0xBB67_AE85;

/// A stream of decisions: Philox 4x32-10 under a seed, a fixed number of bits each.
///
/// # Examples
/// ```
/// use fpbits::{Format, StochasticRounding, Value};
/// let f = Format::E4M3FN;
/// let x = Value::of_f64(1.03125); // a quarter of the way from 1 to 1.125
/// let random = StochasticRounding::new(42, 0, 8);
/// let ups = (0..4096).filter(|&i| f.encode_with(&x, random.context(i)).code == 0x39).count();
/// assert!((900..1150).contains(&ups), "{ups} of 4096"); // 1024 expected
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StochasticRounding {
    seed: u64,
    stream: u64,
    bits: u32,
}

impl StochasticRounding {
    /// The decisions of a stream of a seed, by `bits` random bits each.
    ///
    /// # Panics
    /// If there are more than [`Rounding::MAX_RANDOM_BITS`].
    #[track_caller]
    pub const fn new(seed: u64, stream: u64, bits: u32) -> StochasticRounding {
        assert!(bits <= Rounding::MAX_RANDOM_BITS, "more random bits than 32");
        StochasticRounding { seed, stream, bits }
    }

    /// The rounding of element `index`.
    pub const fn at(&self, index: u64) -> Rounding {
        let random = match self.bits {
            0 => 0,
            bits => self.word(index) >> (32 - bits),
        };
        Rounding::Stochastic { bits: self.bits, random }
    }

    /// The context for element `index`, tininess after rounding.
    pub const fn context(&self, index: u64) -> Context {
        Context::new(self.at(index))
    }

    /// Number `index` of the stream's 64-bit words: the words of two stochastic roundings.
    #[cfg(feature = "alloc")]
    pub(crate) const fn bits_at(&self, index: u64) -> u64 {
        (self.word(2 * index) as u64) << 32 | self.word(2 * index + 1) as u64
    }

    /// Number `index` of the stream's 32-bit words: word `index % 4` of block `index / 4`, whose
    /// counter is the block's number (low half) and the stream (high half), and whose key is the
    /// seed.
    const fn word(&self, index: u64) -> u32 {
        let block = index / 4;
        let counter =
            [block as u32, (block >> 32) as u32, self.stream as u32, (self.stream >> 32) as u32];
        philox4x32_10(counter, [self.seed as u32, (self.seed >> 32) as u32])[(index % 4) as usize]
    }
}

const fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    let mut round = 0;
    while round < 10 {
        let (a, b) = (M0 as u64 * counter[0] as u64, M1 as u64 * counter[2] as u64);
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
        key = [key[0].wrapping_add(W0), key[1].wrapping_add(W1)];
        round += 1;
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::philox4x32_10;

    /// The known answers of Random123 1.14 (kat_vectors), for 4x32 with ten rounds.
    #[test]
    fn known_answers() {
        for (counter, key, expected) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([!0; 4], [!0; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }
}
