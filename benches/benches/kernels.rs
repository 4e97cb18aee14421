//! Each kernel by itself, by criterion: what a change to one does, against the run before.
//!
//! `cargo bench -p ulp-benches --bench kernels [-- FORMAT]`, threads by `RAYON_NUM_THREADS`, the
//! instruction set by `ULP_ISA`. (How close a kernel is to the machine's limit is what `quant_matmul`
//! measures.)

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ulp_benches::product::{COLS, FORMATS, activations, weights};
use ulp_infer::{Activations, RowBuffer};

/// Rows of the weights: TinyLlama's projections of queries.
const ROWS: usize = 2048;

/// A product with one row of activations, with several sequences' rows, and with a prompt's.
fn products(criterion: &mut Criterion) {
    for ty in FORMATS {
        let mut group = criterion.benchmark_group(ty.name());
        let matrix = weights(ty, ROWS);
        for batch in [1, 8, 512] {
            let (x, mut out) = (activations(batch), vec![0.0; batch * ROWS]);
            let mut buffer = RowBuffer::new();
            group.throughput(Throughput::Elements((batch * ROWS * COLS) as u64));
            group.bench_function(BenchmarkId::new("rows", batch), |bencher| {
                bencher.iter(|| {
                    let x = &mut buffer.rows(&x, COLS, Activations::Quantized);
                    matrix.multiply(x, &mut out);
                });
            });
        }
        group.finish();
    }
}

criterion_group!(kernels, products);
criterion_main!(kernels);
