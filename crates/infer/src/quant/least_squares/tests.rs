//! The search in lanes on every instruction set against the search group by group.

use ulp_tensor::Philox;
use ulp_tensor::simd::Isa;

use super::{SUPER, affine, oracle, symmetric};

fn numbers(stream: u64) -> Vec<f32> {
    (0..SUPER as u64).map(|i| Philox::new(11, stream).normal(i)).collect()
}

/// Blocks like those of models, and blocks that are hard to scale.
fn blocks() -> Vec<Vec<f32>> {
    let mut blocks: Vec<Vec<f32>> = (0..12).map(numbers).collect();
    let at = |f: fn(usize) -> f32| (0..SUPER).map(f).collect::<Vec<f32>>();
    blocks.extend([
        at(|_| 0.0),
        at(|_| -0.0),
        at(|_| -2.5),
        at(|_| 1e-30),
        at(|_| 1e30),
        at(|i| if i == 77 { 3.0 } else { 0.0 }),
        at(|i| if i == 77 { -3.0 } else { 1.0 }),
        at(|i| if i < 100 { 0.0 } else { i as f32 - 170.0 }),
        at(|i| 1.3f32.powi(i as i32 % 60 - 30)),
        // Ties of rounding.
        at(|i| (i % 16) as f32 - 7.5),
        at(|i| if i == 5 { f32::NAN } else { 1.0 }),
        at(|i| if i == 5 { f32::INFINITY } else { 1.0 }),
        at(|_| f32::MAX),
    ]);
    // A group far smaller than the others, as in the first rows of an embedding.
    blocks.push(numbers(50).iter().enumerate().map(|(i, x)| x * [1e-6, 1.0][i / 32 % 2]).collect());
    blocks
}

fn weights() -> [Vec<f32>; 3] {
    let squares = numbers(40).iter().map(|x| x * x).collect();
    let some = (0..SUPER).map(|i| (i % 3) as f32).collect();
    [vec![1.0; SUPER], squares, some]
}

fn assert_affine<const N: usize>(x: &[f32], w: &[f32], levels: u8, top: u8) {
    let expected = oracle::Affine::<N>::new(x, w, levels, top);
    for isa in Isa::available() {
        let fit = isa.run(affine::Search::<N>::new(x, w, levels, top));
        let bits = [fit.d, fit.dmin].map(f32::to_bits);
        assert_eq!(bits, [expected.d, expected.dmin].map(f32::to_bits), "{isa:?} {x:?}");
        assert_eq!(fit.scales, expected.scales, "{isa:?} {x:?}");
        assert_eq!(fit.minimums, expected.minimums, "{isa:?} {x:?}");
        assert_eq!(fit.q, expected.q, "{isa:?} {x:?}");
    }
}

#[test]
fn lanes_with_minimums_equal_the_search_group_by_group() {
    for x in blocks() {
        for w in weights() {
            assert_affine::<16>(&x, &w, 3, 15);
            assert_affine::<8>(&x, &w, 15, 63);
            assert_affine::<8>(&x, &w, 31, 63);
        }
    }
}

#[test]
fn lanes_without_minimums_equal_the_search_group_by_group() {
    for x in blocks() {
        for w in weights() {
            for (levels, top) in [(4, 32), (32, 128)] {
                let expected = oracle::Symmetric::new(&x, &w, levels, top);
                for isa in Isa::available() {
                    let fit = isa.run(symmetric::Search::new(&x, &w, levels, top));
                    assert_eq!(fit.d.to_bits(), expected.d.to_bits(), "{isa:?} {x:?}");
                    assert_eq!(fit.scales, expected.scales, "{isa:?} {x:?}");
                    assert_eq!(fit.q, expected.q, "{isa:?} {x:?}");
                }
            }
        }
    }
}
