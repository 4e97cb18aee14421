use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

use super::*;
use crate::{Float, Philox};

/// The definition: along K in ascending order, fused, in blocks of [`KC`].
fn naive<T: Float>(
    a: &ArrayView2<'_, T>,
    b: &ArrayView2<'_, T>,
    c: Option<&Array2<T>>,
) -> Array2<T> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| {
        let mut total = c.map(|c| c[[i, j]]);
        for k0 in (0..a.ncols()).step_by(KC) {
            let mut sum = T::ZERO;
            for k in k0..(k0 + KC).min(a.ncols()) {
                sum = a[[i, k]].mul_add(b[[k, j]], sum);
            }
            total = Some(total.map_or(sum, |total| total + sum));
        }
        total.unwrap_or(T::ZERO)
    })
}

fn random<T: Float>(rows: usize, columns: usize, stream: u64) -> Array2<T> {
    let random = Philox::new(1, stream);
    Array2::from_shape_fn((rows, columns), |(i, j)| random.normal((i * columns + j) as u64))
}

/// Every instruction set, every layout of the operands, plain and accumulating.
fn check<T: Float>(m: usize, n: usize, k: usize) {
    let (a, b, c) = (random::<T>(m, k, 0), random::<T>(k, n, 1), random::<T>(m, n, 2));
    let (at, bt) =
        (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
    let mut wide = Array2::from_elem((2 * m, 3 * k), T::NAN);
    wide.slice_mut(s![..;-2, ..;3]).assign(&a);
    let strided = wide.slice(s![..;-2, ..;3]);
    let (plain, accumulated) =
        (naive(&a.view(), &b.view(), None), naive(&a.view(), &b.view(), Some(&c)));
    let stride = n + 3;
    for isa in Isa::available() {
        for a in [a.view(), at.t(), strided] {
            for b in [b.view(), bt.t()] {
                for (start, expected) in [(None, &plain), (Some(&c), &accumulated)] {
                    let mut out = vec![T::ZERO; m * stride];
                    for (out, c) in out.chunks_mut(stride).zip(c.rows()) {
                        for (x, &y) in out.iter_mut().zip(c) {
                            *x = if start.is_some() { y } else { T::NAN };
                        }
                    }
                    gemm_on(
                        isa,
                        Matrix::new(&a),
                        Matrix::new(&b),
                        &mut out,
                        stride,
                        start.is_some(),
                    );
                    for (row, expected) in out.chunks(stride).zip(expected.rows()) {
                        let (row, beside) = row.split_at(n);
                        assert!(beside.iter().all(|&x| x == T::ZERO), "{isa:?} wrote past a row");
                        for (&x, &y) in row.iter().zip(expected) {
                            assert!(
                                fpbits::ulp_distance(x, y) == 0,
                                "{isa:?} {m}x{n}x{k}: {x} {y}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_instruction_set_gives_the_bits_of_the_definition() {
    for (m, n, k) in [(0, 3, 2), (3, 0, 2), (2, 3, 0), (1, 1, 1), (6, 16, 256), (13, 33, 257)] {
        check::<f32>(m, n, k);
        check::<f64>(m, n, k);
    }
    check::<f32>(70, 130, 300);
    check::<f32>(1, 300, 513);
    check::<f32>(300, 1, 513);
    check::<f32>(13, 600, 520);
    check::<f64>(40, 50, 300);
}

/// All that is small, and the first that is not, in each direction.
#[test]
fn small_products_give_the_bits_of_the_definition() {
    for m in [1, 2, 3, 4, 5, 8, 15, 16, 17, 32, 33] {
        for n in [1, 2, 3, 4, 7, 15, 16, 17] {
            for k in [1, 2, 3, 4, 5, 8, 31, 32, 33] {
                check::<f32>(m, n, k);
                check::<f64>(m, n, k);
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (a, b) = (random::<f32>(150, 520, 0), random::<f32>(520, 210, 1));
    let product = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut out = vec![0.0; 150 * 210];
        pool.install(|| gemm(Matrix::new(&a.view()), Matrix::new(&b.view()), &mut out, 210, false));
        out
    };
    let one = product(1);
    for threads in [2, 3, 5] {
        assert_eq!(one, product(threads));
    }
}

/// A product by [`Tiled`] of operands arranged as it wants them.
fn tiled<T: Float>(a: &Array2<T>, b: &Array2<T>, c: Option<&[T]>) -> Vec<T> {
    let ([most, columns], (m, k), n) = (tile_size::<T>(), a.dim(), b.ncols());
    let tiles = even_tiles(m, most);
    let mut packed = vec![T::NAN; tiles.clone().count() * most * k];
    for ((i, rows), packed) in tiles.zip(packed.chunks_mut(most * k)) {
        pack(Matrix::new(&a.view()).rows(i, rows), most, packed);
    }
    let plus: Option<Vec<T>> =
        c.map(|c| c.iter().flat_map(|&c| std::iter::repeat_n(c, columns)).collect());
    let mut out = vec![T::NAN; m * n];
    let mut product = Tiled::new(Memory::of(&mut out), [m, n, k], &packed, plus.as_deref());
    for j in (0..n).step_by(columns) {
        let mut panel = vec![T::NAN; k * columns];
        pack(Matrix::new(&b.view()).t().rows(j, columns.min(n - j)), columns, &mut panel);
        product.push(Part { elements: &panel, across: 1, step: columns });
    }
    product.finish();
    out
}

#[test]
fn an_output_made_of_tiles_has_the_bits_of_the_definition() {
    fn check<T: Float>(m: usize, n: usize, k: usize) {
        let (a, b) = (random::<T>(m, k, 0), random::<T>(k, n, 1));
        let terms = random::<T>(m, 1, 2).into_raw_vec_and_offset().0;
        let wide = Array2::from_shape_fn((m, n), |(i, _)| terms[i]);
        for (terms, start) in [(None, None), (Some(&terms[..]), Some(&wide))] {
            if start.is_some() && k > KC {
                continue;
            }
            let expected = naive(&a.view(), &b.view(), start);
            let found = tiled(&a, &b, terms);
            for (&x, &y) in found.iter().zip(&expected) {
                assert!(fpbits::ulp_distance(x, y) == 0, "{m}x{n}x{k}: {x} {y}");
            }
        }
    }
    for (m, n, k) in [(1, 1, 1), (4, 64, 9), (32, 70, 9), (13, 31, 256), (25, 33, 257), (7, 5, 513)]
    {
        check::<f32>(m, n, k);
        check::<f64>(m, n, k);
    }
}

#[test]
#[should_panic(expected = "columns from 32 on are missing")]
fn an_output_is_not_finished_before_all_its_tiles() {
    let [most, columns] = tile_size::<f32>();
    let (a, b) = (vec![1_f32; most], vec![1.0; columns]);
    let mut out = vec![0.0; 33];
    let mut product = Tiled::new(Memory::of(&mut out), [1, 33, 1], &a, None);
    for _ in 0..32 / columns {
        product.push(Part { elements: &b, across: 1, step: columns });
    }
    product.finish();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_shape(m in 0usize..40, n in 0usize..80, k in 0usize..40) {
        check::<f32>(m, n, k);
        check::<f64>(m, n, k);
    }

    #[test]
    fn any_vector(m in 0usize..100, k in 0usize..600) {
        for (m, n) in [(m, 1), (1, m)] {
            check::<f32>(m, n, k);
            check::<f64>(m, n, k);
        }
    }
}
