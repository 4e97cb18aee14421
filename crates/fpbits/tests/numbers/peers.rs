//! Other people's arithmetic on random operands: `rustc_apfloat` 0.2.3, LLVM's APFloat, which signals
//! exceptions, too.

use fpbits::*;
use proptest::prelude::*;
use rustc_apfloat::ieee::{BFloat, Double, Float8E4M3FN, Float8E5M2, Half, Single};
use rustc_apfloat::{Float, FloatConvert, Round, Status, StatusAnd};

const ROUNDINGS: [(Rounding, Round); 5] = [
    (Rounding::NearestEven, Round::NearestTiesToEven),
    (Rounding::NearestAway, Round::NearestTiesToAway),
    (Rounding::TowardZero, Round::TowardZero),
    (Rounding::Up, Round::TowardPositive),
    (Rounding::Down, Round::TowardNegative),
];

/// Its exceptions as ours. It calls a result tiny if it is subnormal *as rounded*, which is neither
/// of the standard's two choices: underflow is not compared.
fn flags(status: Status) -> Flags {
    [
        (Status::INVALID_OP, Flags::INVALID),
        (Status::DIV_BY_ZERO, Flags::DIVIDE_BY_ZERO),
        (Status::OVERFLOW, Flags::OVERFLOW),
        (Status::INEXACT, Flags::INEXACT),
    ]
    .into_iter()
    .filter(|(theirs, _)| status.contains(*theirs))
    .fold(Flags::NONE, |all, (_, ours)| all | ours)
}

fn same<F: Float>(f: &Format, ours: Rounded, theirs: StatusAnd<F>, what: &dyn Fn() -> String) {
    let overflow = ours.flags.contains(Flags::OVERFLOW);
    if overflow && f.infinity().is_none() {
        return; // it knows NaN or the largest number, by rules of its own
    }
    let code = theirs.value.to_bits() as u64;
    let equal = ours.code == code || f.is_nan(ours.code) && theirs.value.is_nan();
    assert!(equal, "{}: {:#x}, theirs {code:#x}", what(), ours.code);
    // It signals no overflow where the result stays the largest number.
    let stays = overflow && f.abs(code) == f.max_finite();
    let known = if stays { Flags::OVERFLOW } else { Flags::NONE } | Flags::UNDERFLOW;
    let ours = Flags::from_bits(ours.flags.bits() & !known.bits());
    assert_eq!(ours, flags(theirs.status), "{}", what());
}

fn check<F: Float>(f: &Format, codes: [u64; 3]) {
    let [a, b, c] = codes.map(|code| code & u64::MAX >> (64 - f.width()));
    let [x, y, z] = [a, b, c].map(|code| F::from_bits(code.into()));
    for (rounding, round) in ROUNDINGS {
        let context = Context::new(rounding);
        let what = |name| move || format!("{name} {a:#x} {b:#x} {c:#x} in {f} {rounding}");
        same(f, f.add(a, b, context), x.add_r(y, round), &what("add"));
        same(f, f.subtract(a, b, context), x.sub_r(y, round), &what("subtract"));
        same(f, f.multiply(a, b, context), x.mul_r(y, round), &what("multiply"));
        same(f, f.divide(a, b, context), x.div_r(y, round), &what("divide"));
        same(f, f.fma(a, b, c, context), x.mul_add_r(y, z, round), &what("fma"));
        same(f, f.round_to_integral(a, context), x.round_to_integral(round), &what("round"));
        for integer in [Integer::I8, Integer::I32, Integer::I64, Integer::U32, Integer::U64] {
            let ours = f.to_integer(a, integer, context);
            let width = integer.bits as usize;
            let mut exact = false;
            let (value, status) = match integer.signed {
                true => {
                    let StatusAnd { value, status } = x.to_i128_r(width, round, &mut exact);
                    (value, status)
                }
                false => {
                    let StatusAnd { value, status } = x.to_u128_r(width, round, &mut exact);
                    (value as i128, status)
                }
            };
            assert_eq!(ours.flags, flags(status), "{a:#x} {f} {rounding} {integer:?}");
            let there = !ours.flags.contains(Flags::INVALID);
            assert_eq!(ours.value, there.then_some(value), "{a:#x} {f} {rounding} {integer:?}");
        }
        let integer = a as i64;
        same(
            f,
            f.from_integer(integer.into(), context),
            F::from_i128_r(integer.into(), round),
            &|| format!("{integer} to {f} {rounding}"),
        );
    }
    assert_eq!(f.compare(a, b), x.partial_cmp(&y), "{a:#x} {b:#x} in {f}");
}

fn check_conversion<F: FloatConvert<G>, G: Float>(from: &Format, to: &Format, code: u64) {
    let code = code & u64::MAX >> (64 - from.width());
    for (rounding, round) in ROUNDINGS {
        let ours = to.encode_with(&from.decode(code), Context::new(rounding));
        let theirs: StatusAnd<G> = F::from_bits(code.into()).convert_r(round, &mut false);
        same(to, ours, theirs, &|| format!("{code:#x} from {from} to {to} {rounding}"));
    }
}

fn check_all(codes: [u64; 3]) {
    check::<Double>(&Format::BINARY64, codes);
    check::<Single>(&Format::BINARY32, codes);
    check::<Half>(&Format::BINARY16, codes);
    check::<BFloat>(&Format::BFLOAT16, codes);
    check::<Float8E5M2>(&Format::E5M2, codes);
    check::<Float8E4M3FN>(&Format::E4M3FN, codes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn operations_on_any_codes(codes: [u64; 3]) {
        check_all(codes);
    }

    #[test]
    fn conversions(code: u64, near in 800u64..1200) {
        let double = code & !(0x7ff << 52) | near << 52;
        for code in [code, double] {
            check_conversion::<Double, Single>(&Format::BINARY64, &Format::BINARY32, code);
            check_conversion::<Double, Half>(&Format::BINARY64, &Format::BINARY16, code);
            check_conversion::<Double, BFloat>(&Format::BINARY64, &Format::BFLOAT16, code);
            check_conversion::<Double, Float8E5M2>(&Format::BINARY64, &Format::E5M2, code);
            check_conversion::<Double, Float8E4M3FN>(&Format::BINARY64, &Format::E4M3FN, code);
        }
        check_conversion::<Single, Half>(&Format::BINARY32, &Format::BINARY16, code);
        check_conversion::<Half, Double>(&Format::BINARY16, &Format::BINARY64, code);
    }
}
