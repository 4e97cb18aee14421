//! Traces: the same result as without, and steps that lead to it.

use fpbits::*;
use proptest::prelude::*;

/// The result that the last step stands for, if it is finite and not an overflow.
fn check(trace: &Trace, untraced: Rounded) {
    assert_eq!(trace.result, untraced, "{trace}");
    let text = trace.to_string();
    assert!(text.contains("result") && text.contains("flags"), "{text}");
    let Some(Step::Round(round)) = trace.steps.last() else { return };
    let (f, places) = (&trace.format, &round.places);
    let value = f.decode(trace.result.code);
    if trace.result.flags.contains(Flags::OVERFLOW) || value.is_nan() {
        return;
    }
    let magnitude = places.kept + u128::from(round.away);
    let expected = Exact::of(&value);
    let negative = round.negative;
    match magnitude {
        0 => assert!(matches!(value, Value::Zero { .. }), "{trace}"),
        significand => {
            let told = Unrounded { negative, significand, exponent: places.unit, sticky: false };
            // A flush to the smallest normal number is one step, not one place.
            if f.layout().subnormals {
                let again = f.round_with(&told, Context::NEAREST_EVEN);
                assert_eq!(Exact::of(&f.decode(again.code)), expected, "{trace}");
            }
        }
    }
    assert_eq!(trace.result.flags.contains(Flags::INEXACT), !places.below.is_zero(), "{trace}");
}

fn check_all(f: &Format, [a, b, c]: [u64; 3], rounding: Rounding) {
    let context = Context::new(rounding);
    check(&f.add_traced(a, b, context), f.add(a, b, context));
    check(&f.subtract_traced(a, b, context), f.subtract(a, b, context));
    check(&f.multiply_traced(a, b, context), f.multiply(a, b, context));
    check(&f.divide_traced(a, b, context), f.divide(a, b, context));
    check(&f.remainder_traced(a, b, context), f.remainder(a, b, context));
    check(&f.square_root_traced(a, context), f.square_root(a, context));
    check(&f.fma_traced(a, b, c, context), f.fma(a, b, c, context));
    let integral = f.round_to_integral_traced(a, context);
    assert_eq!(integral.result, f.round_to_integral(a, context));
    for integer in [Integer::I8, Integer::U64] {
        let trace = f.to_integer_traced(a, integer, context);
        let told = f.to_integer(a, integer, context);
        assert_eq!(trace.result.flags, told.flags);
        let text = told.value.map_or("none".to_string(), |value| value.to_string());
        assert_eq!(trace.result_text(), text, "{trace}");
    }
    let integer = i128::from(a as i64);
    check(&f.from_integer_traced(integer, context), f.from_integer(integer, context));
    for (traced, untraced) in [
        (f.minimum_traced(a, b), f.minimum(a, b)),
        (f.maximum_traced(a, b), f.maximum(a, b)),
        (f.minimum_number_traced(a, b), f.minimum_number(a, b)),
        (f.maximum_number_traced(a, b), f.maximum_number(a, b)),
        (f.minimum_magnitude_traced(a, b), f.minimum_magnitude(a, b)),
        (f.maximum_magnitude_traced(a, b), f.maximum_magnitude(a, b)),
        (f.minimum_magnitude_number_traced(a, b), f.minimum_magnitude_number(a, b)),
        (f.maximum_magnitude_number_traced(a, b), f.maximum_magnitude_number(a, b)),
    ] {
        check(&traced, untraced);
        assert!(traced.steps.len() > 2, "{traced}");
    }
    assert_eq!(f.compare_traced(a, b).result.flags, f.compare_quiet(a, b).flags);
    for (_, to) in Format::NAMED {
        check(&f.convert_traced(a, &to, context), to.encode_with(&f.decode(a), context));
    }
}

proptest! {
    #[test]
    fn traces_of_named_formats(
        which in 0..Format::NAMED.len(), codes: [u64; 3], mode in 0..6usize
    ) {
        let (_, f) = Format::NAMED[which];
        let codes = codes.map(|code| code & u64::MAX >> (64 - f.width()));
        check_all(&f, codes, Rounding::DETERMINISTIC[mode]);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))] // 5,000 digits each

    #[test]
    fn traces_of_the_widest_format(codes: [u64; 3], mode in 0..6usize) {
        let f = Format::new(Layout::ieee(15, 48)).unwrap();
        check_all(&f, codes, Rounding::DETERMINISTIC[mode]);
    }
}

#[test]
fn the_steps_of_a_sum() {
    let f = Format::BINARY64;
    let trace = f.add_traced(0.1f64.to_bits(), 0.2f64.to_bits(), Context::NEAREST_EVEN);
    let kinds: Vec<&str> = trace
        .steps
        .iter()
        .map(|step| match step {
            Step::Operand { .. } => "operand",
            Step::Align { shift: 1, name: 'a', .. } => "align",
            Step::Sum { subtracted: false, .. } => "sum",
            Step::Normalize { shift: 1, unit: -54 } => "normalize",
            Step::Round(_) => "round",
            _ => "?",
        })
        .collect();
    assert_eq!(kinds, ["operand", "operand", "align", "sum", "normalize", "round"]);
}

#[test]
fn special_rules() {
    let f = Format::BINARY32;
    let code = |text: &str| f.parse(text).unwrap();
    let even = Context::NEAREST_EVEN;
    for (trace, rule) in [
        (f.add_traced(code("inf"), code("-inf"), even), Rule::InfinityMinusInfinity),
        (f.subtract_traced(code("inf"), code("inf"), even), Rule::InfinityMinusInfinity),
        (f.subtract_traced(code("3"), code("3"), even), Rule::Cancellation),
        (f.multiply_traced(code("0"), code("inf"), even), Rule::ZeroTimesInfinity),
        (f.divide_traced(code("0"), code("0"), even), Rule::ZeroByZero),
        (f.divide_traced(code("1"), code("0"), even), Rule::DivisionByZero),
        (f.divide_traced(code("inf"), code("inf"), even), Rule::InfinityByInfinity),
        (f.square_root_traced(code("-1"), even), Rule::RootOfNegative),
        (f.remainder_traced(code("1"), code("0"), even), Rule::UndefinedRemainder),
        (f.fma_traced(code("0"), code("inf"), code("nan"), even), Rule::ZeroTimesInfinity),
        (f.fma_traced(code("inf"), code("1"), code("-inf"), even), Rule::InfinityMinusInfinity),
        (f.add_traced(code("nan"), code("1"), even), Rule::NanOperand),
        (f.add_traced(code("0"), code("1"), even), Rule::ZeroOperand),
        (f.minimum_traced(code("nan"), code("1")), Rule::NanOperand),
        (f.minimum_number_traced(code("nan"), code("1")), Rule::NumberOverNan),
        (f.maximum_traced(code("0"), code("-0")), Rule::SmallerZero),
        (f.compare_traced(code("0"), code("-0")), Rule::EqualZeros),
        (f.compare_traced(code("0"), code("nan")), Rule::Unordered),
        (f.to_integer_traced(code("-1"), Integer::U8, even), Rule::NoInteger),
        (f.from_integer_traced(0, even), Rule::ZeroOperand),
    ] {
        assert_eq!(trace.steps.last(), Some(&Step::Special(rule)), "{trace}");
    }
}
