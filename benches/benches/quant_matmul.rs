//! Products with quantized weights beside the machine's limits.
//!
//! For each format, a product with one row (bound by reading the weights) and with 512 rows (bound
//! by multiplying), each taking turns with a measurement of its limit, and the share that is
//! reached. Best of some rounds, since a shared machine only slows down.
//!
//! `cargo bench --bench quant_matmul [-- FORMAT...]`, threads by `RAYON_NUM_THREADS`.

use std::time::Instant;

use ulp_benches::product::{COLS, FORMATS, activations, weights};
use ulp_infer::{Activations, LimitBuffer, Matrix, RowBuffer, TensorType};

/// Bytes of weights that one row is multiplied with: beyond the caches.
const STREAMED: usize = 1 << 28;
/// Rows of the weights that 512 rows are multiplied with: TinyLlama's feed-forward.
const ROWS: usize = 5632;
const ROUNDS: usize = 7;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let limits = LimitBuffer::new();
    println!("format   1 row: GB/s   of reading    512 rows: GOP/s   of multiplying");
    for ty in FORMATS {
        if asked.is_empty() || asked.iter().any(|name| name.eq_ignore_ascii_case(ty.name())) {
            let (rate, read) = one_row(ty, &limits);
            let (operations, peak) = many_rows(ty, &limits);
            println!(
                "{:<8} {:>12.1} {:>11.0}% {:>18.0} {:>15.0}%",
                ty.name(),
                rate / 1e9,
                100.0 * rate / read,
                operations / 1e9,
                100.0 * operations / peak
            );
        }
    }
}

/// Bytes of weights in a second and the limit.
fn one_row(ty: TensorType, limits: &LimitBuffer) -> (f64, f64) {
    let rows = STREAMED / ty.bytes_of(COLS).unwrap() / 64 * 64;
    let bytes = ty.bytes_of(rows * COLS).unwrap() as f64;
    let (rate, read) = best(&weights(ty, rows), 1, || limits.read_bytes(1));
    (rate * bytes, read)
}

/// Operations in a second and the limit.
fn many_rows(ty: TensorType, limits: &LimitBuffer) -> (f64, f64) {
    let operations = (2 * 512 * ROWS * COLS) as f64;
    let (rate, peak) = best(&weights(ty, ROWS), 512, || match ty {
        TensorType::F32 | TensorType::F16 => limits.f32_operations(1),
        TensorType::BF16 => limits.bf16_operations(1),
        _ => limits.int8_operations(1),
    });
    (rate * operations, peak)
}

/// Products in a second, and the limit, taking turns.
fn best(matrix: &Matrix, batch: usize, limit: impl Fn() -> f64) -> (f64, f64) {
    let (x, mut out) = (activations(batch), vec![0.0; batch * matrix.rows()]);
    let mut buffer = RowBuffer::new();
    let (mut rate, mut top) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        matrix.multiply(&mut buffer.rows(&x, COLS, Activations::Quantized), &mut out);
        rate = f64::max(rate, 1.0 / start.elapsed().as_secs_f64());
        top = f64::max(top, limit());
    }
    (rate, top)
}
