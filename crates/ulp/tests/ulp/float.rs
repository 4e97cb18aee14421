//! `ulp float`, run as a user runs it.

use crate::support::{Scratch, run, run_with_input};
use std::path::PathBuf;

fn float(words: &str) -> crate::support::Ran {
    run(["float"].into_iter().chain(words.split(' ')))
}

#[test]
fn a_number_is_taken_apart() {
    let out = float("0.1").good();
    assert!(out.contains("0.1000000000000000055511151231257827021181583404541015625"), "{out}");
    let out = float("-0.1 --format e4m3fn").good();
    assert!(out.contains("-0.1015625"), "{out}");
    let json = float("0x7e --format e4m3fn --json").json();
    assert_eq!((json["value"].as_str(), json["above"].as_str()), (Some("448"), None));
}

#[test]
fn a_sum_shows_why_its_last_digit_is_4() {
    let out = float("add 0.1 0.2 --format binary64").good();
    for line in [
        "align     shift a right by 1 place",
        "             0.1100110011001100110011001100110011001100110011001101     x 2^-3",
        "            10.0110011001100110011001100110011001100110011001100111     x 2^-3",
        "guard 1, round 0, sticky 0; exactly half, the last bit is odd: away from zero",
        "             1.0011001100110011001100110011001100110011001100110100     x 2^-2",
        "result    0.30000000000000004 (0x3fd3333333333334)",
        "flags     inexact",
    ] {
        assert!(out.contains(line), "no {line:?} in\n{out}");
    }
}

#[test]
fn every_operation_has_a_result() {
    for (words, result) in [
        ("add 1 2", "3 0x4008000000000000"),
        ("sub 1 -2", "3 0x4008000000000000"),
        ("mul -1.5 1.5 --format e5m2", "-2 0xc0"),
        ("div 1 3 --format binary16 --rounding up", "0.3335 0x3556"),
        ("rem 7 4 --format f32", "-1 0xbf800000"),
        ("sqrt 2 --format bf16", "1.414 0x3fb5"),
        ("fma 1.5 1.5 0x80 --format e4m3fn", "2.2 0x41"),
        ("round 2.5", "2 0x4000000000000000"),
        ("round 2.5 --rounding nearest-away", "3 0x4008000000000000"),
        ("convert 1e9 --to e4m3fn", "NaN 0x7f"),
        ("convert 1e9 --to e4m3fn --rounding toward-zero", "450 0x7e"),
        ("add 1 1 --format binary8p3se", "2 0x44"),
        ("to-int -2.5", "-2"),
        ("to-int 300 --to u8", "none"),
        ("from-int 16777217 --format f32", "16777216 0x4b800000"),
        ("compare 1 nan", "unordered"),
        ("compare -0 0", "equal"),
        ("min nan 1 --format f32", "NaN 0x7fc00000"),
        ("min-number nan 1 --format f32", "1 0x3f800000"),
        ("max-magnitude 1 -2 --format f16", "-2 0xc000"),
    ] {
        assert_eq!(float(&format!("{words} --quiet")).good().trim(), result, "{words}");
    }
    let json = float("div 1 0 --json --format e5m2").json();
    assert_eq!(json["result"]["shortest"], "inf");
    assert_eq!(json["result"]["flags"][0], "divide by zero");
    let random = |seed| {
        float(&format!("convert 1.3 --to e2m1 -q --rounding stochastic --seed {seed}")).good()
    };
    let drawn: Vec<String> = (0..12).map(random).collect();
    assert!(drawn.iter().any(|x| x != &drawn[0]), "{drawn:?}");
}

#[test]
fn wrong_words_are_refused() {
    for words in [
        "add 1",
        "add 1 x",
        "add 1 2 --format f31",
        "add 1 2 --rounding sideways",
        "sqrt 0x100 --format e4m3fn",
        "design 8 7",
        "verify f32_pow near_even x",
        "verify f32_add nearest x",
        "convert 1",
        "add 1 2 --random-bits 33",
        "to-int 1 --to i65",
        "to-int 1 --to int",
        "from-int 1.5",
    ] {
        float(words).bad(2);
    }
    float("verify f32_add near_even /nowhere").bad(1);
}

#[test]
fn formats_and_designs() {
    let out = float("formats").good();
    assert!(out.contains("e8m0") && out.contains("binary8p8uf"), "{out}");
    assert_eq!(float("formats --json").json().as_array().map(Vec::len), Some(46));
    let out = float("design 16 5").good();
    assert!(out.contains("2^(5-1) - 1 = 15") && out.contains("65504"), "{out}");
    assert_eq!(float("design 16 8 --json").json()["format"], "bfloat16");
}

#[test]
fn identities_break() {
    let out = float("break associativity --format e4m3fn").good();
    assert!(out.contains("(a + b) + c = a + (b + c) in e4m3fn"), "{out}");
    assert!(out.contains("tried      16194277 (all tuples of finite numbers)"), "{out}");
    assert!(out.contains("smallest") && out.contains("ulp apart"), "{out}");
    let json = float("break difference --format e2m3 --json").json();
    assert_eq!((json[0]["failed"].as_u64(), json[0]["smallest"].is_null()), (Some(0), true));
    let json = float("break difference --format e3m4 --no-subnormals --json").json();
    assert!(json[0]["failed"].as_u64() > Some(0));
    let out = float("break division --format f64 --samples 1000 --from 1 --to 2").good();
    assert!(out.contains("tried      1000 (samples)"), "{out}");
    float("break truth").bad(2);
}

#[test]
fn number_lines() {
    let svg = float("line --format e2m1").good();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    let ticks = |svg: &str, class: &str| svg.matches(&format!("<line class=\"{class}\"")).count();
    // Two axes: 12 normal and 2 subnormal numbers, and zero.
    let counted = ["normal", "subnormal", "zero"].map(|class| ticks(&svg, class));
    assert_eq!(counted, [24, 4, 2]);
    let scratch = Scratch::new("line");
    let file = scratch.path("line.svg");
    let words = format!("line --format f16 --from 1 --to 1.25 -o {}", file.display());
    assert_eq!(float(&words).good(), "");
    assert_eq!(ticks(&std::fs::read_to_string(&file).unwrap(), "normal"), 2 * 257);
    assert!(float("line --format f16").bad(2).contains("63487 values"));
}

#[test]
fn vectors_are_verified() {
    let scratch = Scratch::new("vectors");
    let good = "3F800000 33800000 3F800000 01\n3F800000 40000000 40400000 00\n";
    let file = scratch.write("good.txt", good);
    let words = ["float", "verify", "f32_add", "near_even", file.to_str().unwrap()];
    assert_eq!(run(words).good(), "2 checked, 0 differ\n");

    let words = ["float", "verify", "f32_add", "near_even", "-"];
    let ran = run_with_input(words, "3F800000 33800000 3F800000 00\n");
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.out,
        "-:1: 3F800000 33800000 3F800000 00: 3F800000 (inexact) instead of 3F800000 (none)\n\
         1 checked, 1 differ\n"
    );

    let ran = run_with_input(words, "3F800000 33800000 3F800000 01\n3F800000 0x3F\n");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("-:2:10: expected operands"), "{}", ran.err);
    for (input, at) in [
        ("3F800000\n", "-:1:9: "),
        ("\u{fffd}\n", "-:1:1: "),
        ("\n\n0 0 0 0 0\n", "-:3:9: "),
        (&"0".repeat(5000), "-:1:1025: expected the end of the line"),
    ] {
        let ran = run_with_input(words, input);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{input:.20}");
        assert!(ran.err.contains(at), "{input:.20}: {}", ran.err);
    }
    // A file that is cut off in the middle of its compressed data.
    let cut = scratch.write("cut.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x33]);
    let err = run(["float", "verify", "f32_add", "odd", cut.to_str().unwrap()]).bad(1);
    assert!(err.contains("cut.gz"), "{err}");
    for name in ["f128_add", "extF80_to_f32"] {
        let err = run(["float", "verify", name, "odd", "-"]).bad(2);
        assert!(err.contains(name) && err.contains("at most 64"), "{err}");
    }
}

/// Compressed files, all modes of one function.
#[test]
fn testfloat_files() {
    let data = std::env::var_os("ULP_TEST_DATA").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"))
    });
    for mode in ["near_even", "near_maxMag", "minMag", "min", "max", "odd"] {
        let file = data.join(format!("testfloat/f32_mulAdd.{mode}.txt.gz"));
        if !file.exists() {
            eprintln!("skipped: no {}", file.display());
            return;
        }
        let words = ["float", "verify", "f32_mulAdd", mode, file.to_str().unwrap()];
        let out = run(words).good();
        assert!(out.ends_with(" checked, 0 differ\n") && !out.starts_with("0 "), "{out}");
    }
}
