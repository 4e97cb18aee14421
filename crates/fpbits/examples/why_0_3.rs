//! Why 0.1 + 0.2 is not 0.3: the sum, step by step.
//!
//! `cargo run -p fpbits --example why_0_3`

use fpbits::{Context, Format};

fn main() {
    let f = Format::BINARY64;
    print!("{}", f.add_traced(0.1f64.to_bits(), 0.2f64.to_bits(), Context::NEAREST_EVEN));

    // The same sum in a format of 8 bits, where it happens to come out right.
    let f = Format::E4M3FN;
    let (a, b) = (f.parse("0.1").unwrap(), f.parse("0.2").unwrap());
    print!("\n{}", f.add_traced(a, b, Context::NEAREST_EVEN));
}
