//! The same bits: whatever the strides, the instruction set and the number of threads.

use std::process::Command;

use ulp_tensor::ndarray::{ArrayD, ArrayViewD, Axis, Slice};
use ulp_tensor::simd::Isa;
use ulp_tensor::{Float, random};

use crate::table::{Operation, Row, table};

pub(crate) fn bits<T: Float>(values: &[ArrayD<T>]) -> Vec<u64> {
    values.iter().flatten().map(|x| x.to_f64().to_bits()).collect()
}

/// The same elements, with other strides: the first axis fastest; all strides negative; each second
/// element of something larger.
pub(crate) fn layouts<T: Float>(x: &ArrayD<T>) -> [ArrayD<T>; 3] {
    let turned = x.t().as_standard_layout().into_owned().reversed_axes();
    let axes = || (0..x.ndim()).map(Axis);
    let mut backwards = x.clone();
    axes().for_each(|axis| backwards.invert_axis(axis));
    let mut backwards = backwards.as_standard_layout().into_owned();
    axes().for_each(|axis| backwards.invert_axis(axis));
    let larger: Vec<usize> = x.shape().iter().map(|n| 2 * n + 1).collect();
    let mut spread = ArrayD::from_elem(larger, T::NAN);
    axes().for_each(|axis| spread.slice_axis_inplace(axis, Slice::new(1, None, 2)));
    spread.assign(x);
    [turned, backwards, spread]
}

fn check_strides<T: Float>(row: &Row, operation: Operation<T>) {
    let inputs = row.samples::<T>();
    let of = |inputs: &[ArrayViewD<'_, T>]| bits(&operation(inputs));
    let expected = of(&inputs.iter().map(|x| x.view()).collect::<Vec<_>>());
    let all: Vec<[ArrayD<T>; 3]> = inputs.iter().map(layouts).collect();
    for layout in 0..3 {
        // All inputs so, and only the first.
        let turned: Vec<_> = all.iter().map(|x| x[layout].view()).collect();
        assert!(of(&turned) == expected, "{}: layout {layout} gives other bits", row.name);
        let mut mixed: Vec<_> = inputs.iter().map(|x| x.view()).collect();
        mixed[0] = all[0][layout].view();
        assert!(of(&mixed) == expected, "{}: layout {layout} of the first input", row.name);
    }
}

#[test]
fn strides_change_no_bit() {
    for row in table() {
        check_strides(&row, row.in_f32);
        check_strides(&row, row.in_f64);
    }
}

/// FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn hash(bits: &[u64]) -> u64 {
    let bytes = bits.iter().flat_map(|x| x.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// One line an operation: its name and the hash of its bits, in f32 and f64.
fn digest() -> Vec<String> {
    fn of<T: Float>(row: &Row, operation: Operation<T>) -> u64 {
        let inputs = row.samples::<T>();
        hash(&bits(&operation(&inputs.iter().map(|x| x.view()).collect::<Vec<_>>())))
    }
    let line = |row: &Row| {
        format!("{}: {:016x} {:016x}", row.name, of(row, row.in_f32), of(row, row.in_f64))
    };
    let mut lines: Vec<_> = table().iter().map(line).collect();
    let drawn = [random::normal::<f32>(&[200, 211], 3, 4), random::uniform(&[200, 211], 3, 4)];
    lines.push(format!("random: {:016x}", hash(&bits(&drawn))));
    lines
}

const MARK: &str = "digest ";

/// The bits that every machine gives. Where a reduction's tree or a function is changed on purpose,
/// `cargo test -p ulp-tensor --test operations -- --ignored --nocapture` prints the new ones.
#[test]
fn the_bits_are_those_of_every_machine() {
    let expected: Vec<_> = include_str!("golden/bits.txt").lines().map(String::from).collect();
    assert_eq!(digest(), expected);
}

/// Not a test: what the processes below are made to run.
#[test]
#[ignore = "run by neither_instruction_set_nor_threads_change_a_bit, in processes of its own"]
fn print_digest() {
    println!("\n{MARK}on {}", Isa::best().name());
    digest().iter().for_each(|line| println!("{MARK}{line}"));
}

/// The lines that another process of this program finds.
fn digest_of(isa: Isa, threads: usize) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "same_bits::print_digest",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("ULP_ISA", isa.name())
        .env("RAYON_NUM_THREADS", threads.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(MARK)).collect();
    assert_eq!(lines.remove(0), format!("on {}", isa.name()));
    lines.into_iter().map(String::from).collect()
}

#[test]
fn neither_instruction_set_nor_threads_change_a_bit() {
    let expected = digest();
    for isa in Isa::available() {
        for threads in [1, 2, 5] {
            assert_eq!(digest_of(isa, threads), expected, "{isa:?}, {threads} threads");
        }
    }
}
