//! Every function and mode of Berkeley TestFloat's vectors, results and exceptions, where they are
//! at hand: set `ULP_TEST_DATA` to the directory that holds `testfloat/FUNCTION.MODE.txt.gz`.

use flate2::read::MultiGzDecoder;
use fpbits::*;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

fn vectors() -> Option<PathBuf> {
    let data = std::env::var_os("ULP_TEST_DATA").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"))
    });
    let folder = data.join("testfloat");
    if !folder.is_dir() {
        eprintln!("skipped: no {}", folder.display());
        return None;
    }
    Some(folder)
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Function and mode of a file name.
fn subject(path: &Path) -> Option<(&str, &str)> {
    path.file_name()?.to_str()?.strip_suffix(".txt.gz")?.split_once('.')
}

#[test]
fn every_vector() {
    let Some(folder) = vectors() else { return };
    let (mut files, mut lines) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Some((function, mode)) = subject(&path) else { continue };
        let test = TestFloat::new(function, Context::new(mode.parse().unwrap())).unwrap();
        for line in read(&path).lines() {
            assert_eq!(test.check(line), Ok(None), "{function} {mode}: {line}");
            lines += 1;
        }
        files += 1;
    }
    assert!(files > 0 && lines > files, "{files} files, {lines} lines");
    eprintln!("{files} files, {lines} vectors");
}

fn f32_of(code: u64) -> f32 {
    f32::from_bits(code as u32)
}

/// The scalar conversions on the vectors to nearest even.
#[test]
fn fast_conversions() {
    let Some(folder) = vectors() else { return };
    type Conversion = (&'static str, Format, fn(u64) -> u64);
    let conversions: [Conversion; 6] = [
        ("f32_to_f16", Format::BINARY16, |x| f16_from_f32(f32_of(x)).into()),
        ("f64_to_f16", Format::BINARY16, |x| f16_from_f64(f64::from_bits(x)).into()),
        ("f16_to_f32", Format::BINARY32, |x| f16_to_f32(x as u16).to_bits().into()),
        ("f16_to_f64", Format::BINARY64, |x| f16_to_f64(x as u16).to_bits()),
        ("f32_to_bf16", Format::BFLOAT16, |x| bf16_from_f32(f32_of(x)).into()),
        ("bf16_to_f32", Format::BINARY32, |x| bf16_to_f32(x as u16).to_bits().into()),
    ];
    for (function, to, convert) in conversions {
        for line in read(&folder.join(format!("{function}.near_even.txt.gz"))).lines() {
            let words: Vec<u64> =
                line.split(' ').map(|word| u64::from_str_radix(word, 16).unwrap()).collect();
            let got = convert(words[0]);
            let nan = to.is_nan(got) && to.is_nan(words[1]);
            assert!(nan || got == words[1], "{function} {line}: {got:x}");
        }
    }
}

#[test]
fn wrong_lines_and_names_are_refused() {
    let test = TestFloat::new("f16_sqrt", Context::NEAREST_EVEN).unwrap();
    for (line, offset) in [
        ("", 0),
        ("3C00 3C00", 9),
        ("3C00 3C00 00 00", 13),
        ("3C00 xyz 00", 5),
        ("13C00 3C00 00", 0),
        ("3C00 10000 00", 5),
        ("3C00 3C00 20", 10),
        ("3C00 +3C00 00", 5),
        ("3C00 0x3C00 00", 5),
    ] {
        match test.check(line) {
            Err(FpbitsError::NotANumber { offset: at, .. }) => assert_eq!(at, offset, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
    for name in ["", "f32", "f32_", "_add", "f32_pow", "i32_to_i64", "f32_to_", "f31_add"] {
        assert!(TestFloat::new(name, Context::NEAREST_EVEN).is_err(), "{name}");
    }
    for (name, bits) in [("extF80_add", 80), ("f128_mulAdd", 128), ("f32_to_extF80M", 80)] {
        let refused = TestFloat::new(name, Context::NEAREST_EVEN);
        assert_eq!(refused, Err(FpbitsError::TooWide { bits }), "{name}");
    }
}

/// Every function that testfloat_gen 3e has for formats of up to 64 bits.
#[test]
fn every_name_is_known() {
    let (floats, integers) = (["f16", "f32", "f64"], ["i32", "i64", "ui32", "ui64"]);
    let mut names = Vec::new();
    for float in floats {
        for integer in integers {
            names.push(format!("{integer}_to_{float}"));
            names.push(format!("{float}_to_{integer}"));
            names.push(format!("{float}_to_{integer}_r_minMag"));
        }
        let others = floats.iter().filter(|other| **other != float);
        names.extend(others.map(|other| format!("{float}_to_{other}")));
        for operation in [
            "roundToInt",
            "add",
            "sub",
            "mul",
            "mulAdd",
            "div",
            "rem",
            "sqrt",
            "eq",
            "le",
            "lt",
            "eq_signaling",
            "le_quiet",
            "lt_quiet",
        ] {
            names.push(format!("{float}_{operation}"));
        }
    }
    for mode in ["near_even", "near_maxMag", "minMag", "min", "max", "odd"] {
        let context = Context::new(mode.parse().unwrap());
        for name in &names {
            assert!(TestFloat::new(name, context).is_ok(), "{name} {mode}");
        }
    }
    // Its own rounding counts, whatever the mode.
    let up = Context::new(Rounding::Up);
    let test = TestFloat::new("f32_to_i32_r_minMag", up).unwrap();
    assert_eq!(test.check("3FC00000 00000001 01"), Ok(None)); // 1.5
    assert!(TestFloat::new("f32_add_r_minMag", up).is_err());
}

#[test]
fn wrong_results_are_found() {
    let differs = |function: &str, line: &str| {
        let test = TestFloat::new(function, Context::NEAREST_EVEN).unwrap();
        test.check(line).unwrap().is_some()
    };
    assert!(!differs("f32_mul", "40000000 40400000 40C00000 00"));
    assert!(differs("f32_mul", "40000000 40400000 40C00001 00"));
    assert!(differs("f32_mul", "40000000 40400000 40C00000 01"));
    assert!(!differs("f64_to_i32", "7FF0000000000000 80000000 10"));
    assert!(!differs("f64_to_ui32", "BFF0000000000000 FFFFFFFF 10"));
    assert!(!differs("f16_lt_quiet", "7E00 3C00 0 00"));
    assert!(differs("f16_lt", "7E00 3C00 0 00"));
    let not_exact = TestFloat::new("f16_roundToInt", Context::NEAREST_EVEN).unwrap().not_exact();
    assert_eq!(not_exact.check("3E00 4000 00"), Ok(None)); // 1.5
}
