//! Conversions against Berkeley TestFloat's vectors, where they are at hand.
//!
//! Set `ULP_TEST_DATA` to the directory that holds `testfloat/FUNCTION.near_even.txt.gz`.

use fpbits::*;
use std::path::PathBuf;
use std::process::Command;

fn vectors(function: &str) -> Option<String> {
    let data = std::env::var_os("ULP_TEST_DATA").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"))
    });
    let path = data.join(format!("testfloat/{function}.near_even.txt.gz"));
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    let output = Command::new("gzip").arg("-dc").arg(&path).output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
        _ => {
            eprintln!("skipped: gzip cannot read {}", path.display());
            None
        }
    }
}

/// Each line holds operand, result and flags. NaN is compared as NaN: payloads are the machine's.
fn check(function: &str, from: Format, to: Format, fast: Option<fn(u64) -> u64>) {
    let Some(text) = vectors(function) else { return };
    let mut checked = 0;
    for line in text.lines() {
        let words: Vec<u64> =
            line.split(' ').map(|word| u64::from_str_radix(word, 16).unwrap()).collect();
        let (operand, expected) = (words[0], words[1]);
        let soft = from.convert(operand, &to);
        let same = |code: u64| code == expected || to.is_nan(code) && to.is_nan(expected);
        assert!(same(soft), "{function} {line}: {soft:x}");
        if let Some(fast) = fast {
            assert!(same(fast(operand)), "{function} {line}: {:x}", fast(operand));
        }
        checked += 1;
    }
    assert!(checked > 0, "{function}: no vectors in the file");
}

const B16: Format = Format::BINARY16;
const B32: Format = Format::BINARY32;
const B64: Format = Format::BINARY64;

#[test]
fn f32_to_f16() {
    check("f32_to_f16", B32, B16, Some(|x| f16_from_f32(f32::from_bits(x as u32)).into()));
}

#[test]
fn f64_to_f16() {
    check("f64_to_f16", B64, B16, Some(|x| f16_from_f64(f64::from_bits(x)).into()));
}

#[test]
fn f16_to_wider() {
    check("f16_to_f32", B16, B32, Some(|x| f16_to_f32(x as u16).to_bits().into()));
    check("f16_to_f64", B16, B64, Some(|x| f16_to_f64(x as u16).to_bits()));
}

#[test]
fn bf16() {
    let bf16 = Format::BFLOAT16;
    check("f32_to_bf16", B32, bf16, Some(|x| bf16_from_f32(f32::from_bits(x as u32)).into()));
    check("bf16_to_f32", bf16, B32, Some(|x| bf16_to_f32(x as u16).to_bits().into()));
}

#[test]
fn f32_and_f64() {
    check("f32_to_f64", B32, B64, None);
    check("f64_to_f32", B64, B32, None);
}
