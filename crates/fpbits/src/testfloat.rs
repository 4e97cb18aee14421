//! Berkeley TestFloat's vectors: what a line of them asks, and whether this crate answers it.
//!
//! Each line holds the operands, the result and the exceptions of one operation, in hexadecimal, as
//! `testfloat_gen` writes them (<http://www.jhauser.us/arithmetic/TestFloat.html>).

use crate::{
    Comparison, Context, Flags, Format, FpbitsError, Integer, Rounded, Rounding, ToInteger,
};
use core::str::FromStr;

/// A function of TestFloat in a rounding mode, ready to check lines.
///
/// # Examples
/// ```
/// use fpbits::{Context, TestFloat};
/// let test = TestFloat::new("f32_add", Context::NEAREST_EVEN).unwrap();
/// assert_eq!(test.check("3F800000 33800000 3F800000 01"), Ok(None)); // 1 + 2^-24, inexact
/// let difference = test.check("3F800000 3F800000 40000001 00").unwrap().unwrap();
/// assert_eq!((difference.computed, difference.expected), (0x4000_0000, 0x4000_0001));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestFloat {
    function: Function,
    context: Context,
    exact: bool,
}

/// A line that this crate answers otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The result computed here.
    pub computed: u64,
    /// The exceptions signalled here.
    pub computed_flags: Flags,
    /// The line's result.
    pub expected: u64,
    /// The line's exceptions.
    pub expected_flags: Flags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Arithmetic(Format, Operation),
    Compare(Format, Predicate),
    Convert(Format, Format),
    ToInteger(Format, Integer),
    FromInteger(Integer, Format),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    SquareRoot,
    Fma,
    RoundToIntegral,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Predicate {
    less: bool,
    equal: bool,
    signalling: bool,
}

/// TestFloat's names of the operations.
const OPERATIONS: [(&str, Operation); 8] = [
    ("add", Operation::Add),
    ("sub", Operation::Subtract),
    ("mul", Operation::Multiply),
    ("div", Operation::Divide),
    ("rem", Operation::Remainder),
    ("sqrt", Operation::SquareRoot),
    ("mulAdd", Operation::Fma),
    ("roundToInt", Operation::RoundToIntegral),
];

/// TestFloat's names of the comparisons.
const PREDICATES: [(&str, Predicate); 6] = [
    ("eq", Predicate { less: false, equal: true, signalling: false }),
    ("le", Predicate { less: true, equal: true, signalling: true }),
    ("lt", Predicate { less: true, equal: false, signalling: true }),
    ("eq_signaling", Predicate { less: false, equal: true, signalling: true }),
    ("le_quiet", Predicate { less: true, equal: true, signalling: false }),
    ("lt_quiet", Predicate { less: true, equal: false, signalling: false }),
];

const INTEGERS: [(&str, Integer); 4] =
    [("i32", Integer::I32), ("i64", Integer::I64), ("ui32", Integer::U32), ("ui64", Integer::U64)];

impl FromStr for Function {
    type Err = FpbitsError;

    fn from_str(name: &str) -> Result<Function, FpbitsError> {
        let unknown = FpbitsError::UnknownFunction;
        if let Some((from, to)) = name.split_once("_to_") {
            return Ok(match (integer(from), integer(to)) {
                (None, None) => Function::Convert(from.parse()?, to.parse()?),
                (None, Some(integer)) => Function::ToInteger(from.parse()?, integer),
                (Some(integer), None) => Function::FromInteger(integer, to.parse()?),
                (Some(_), Some(_)) => return Err(unknown),
            });
        }
        let operand = |operation: &str| name.strip_suffix(operation)?.strip_suffix('_');
        for (operation_name, operation) in OPERATIONS {
            if let Some(format) = operand(operation_name) {
                return Ok(Function::Arithmetic(format.parse()?, operation));
            }
        }
        for (predicate_name, predicate) in PREDICATES {
            if let Some(format) = operand(predicate_name) {
                return Ok(Function::Compare(format.parse()?, predicate));
            }
        }
        Err(unknown)
    }
}

/// A name without the rounding it may end in (`f32_to_i32_r_minMag`, `..._rx_minMag`), and that.
fn own_rounding(name: &str) -> (&str, Option<Rounding>) {
    let ending = name.rsplit_once("_r_").or_else(|| name.rsplit_once("_rx_"));
    match ending.map(|(start, mode)| (start, mode.parse())) {
        Some((start, Ok(rounding))) => (start, Some(rounding)),
        _ => (name, None),
    }
}

fn integer(name: &str) -> Option<Integer> {
    INTEGERS.into_iter().find(|(known, _)| *known == name).map(|(_, integer)| integer)
}

impl TestFloat {
    /// The function of this name (`f32_mulAdd`, `f64_to_i32`, `ui64_to_f16`, `f16_le_quiet`, ...)
    /// in this rounding and tininess. The formats may be any that [`Format`] reads. A function that
    /// names its own rounding (`f32_to_i32_r_minMag`) keeps to it.
    ///
    /// # Errors
    /// If there is no such function or format; [`FpbitsError::TooWide`] for those of `extF80` and
    /// `f128`.
    pub fn new(function: &str, context: Context) -> Result<TestFloat, FpbitsError> {
        let (name, own) = own_rounding(function);
        let function: Function = name.parse()?;
        let context = match (own, function) {
            (None, _) => context,
            (Some(rounding), Function::ToInteger(..)) => Context { rounding, ..context },
            (Some(_), _) => return Err(FpbitsError::UnknownFunction),
        };
        Ok(TestFloat { function, context, exact: true })
    }

    /// The same for vectors made with `-notexact`: roundings to integers do not signal inexact.
    pub fn not_exact(self) -> TestFloat {
        TestFloat { exact: false, ..self }
    }

    /// Computes what a line asks for: `None` if result and exceptions are the line's.
    ///
    /// Any NaN is as good as any other. Where there is no integer, the result expected is x86's
    /// (the smallest signed, the largest unsigned one).
    ///
    /// # Errors
    /// If the line does not hold the words that the function needs; the offset is that of the first
    /// word that is wrong.
    pub fn check(&self, line: &str) -> Result<Option<Difference>, FpbitsError> {
        let words = self.words(line)?;
        let (operands, result) = (&words[..3], &words[3..]);
        let flags = Flags::from_bits(result[1] as u8);
        let rounded = self.compute(operands);
        let same = match self.result_format() {
            Some(format) => {
                rounded.code == result[0] || format.is_nan(rounded.code) && format.is_nan(result[0])
            }
            None => rounded.code == result[0],
        };
        if same && rounded.flags == flags {
            return Ok(None);
        }
        Ok(Some(Difference {
            computed: rounded.code,
            computed_flags: rounded.flags,
            expected: result[0],
            expected_flags: flags,
        }))
    }

    /// Three operands (those that are not there are 0), result, flags.
    fn words(&self, line: &str) -> Result<[u64; 5], FpbitsError> {
        let (operands, operand_bits, result_bits) = self.shape();
        let widths = [operand_bits, operand_bits, operand_bits, result_bits, 5];
        let mut words = [0; 5];
        let mut places = (0..operands).chain([3, 4]);
        for word in line.split_ascii_whitespace() {
            let offset = word.as_ptr() as usize - line.as_ptr() as usize;
            let refuse = |expected| FpbitsError::NotANumber { offset, expected };
            let place = places.next().ok_or(refuse("the end of the line"))?;
            words[place] =
                hexadecimal(word).ok_or(refuse("operands, result and flags in hexadecimal"))?;
            if words[place].checked_shr(widths[place]).unwrap_or(0) != 0 {
                return Err(refuse(match place {
                    4 => "flags of five bits",
                    _ => "no more bits than the function's format has",
                }));
            }
        }
        match places.next() {
            None => Ok(words),
            Some(_) => Err(FpbitsError::NotANumber {
                offset: line.len(),
                expected: "as many words as the function has operands, result and flags",
            }),
        }
    }

    /// How many operands there are, their width, and the result's.
    fn shape(&self) -> (usize, u32, u32) {
        match self.function {
            Function::Arithmetic(format, operation) => {
                let operands = match operation {
                    Operation::Fma => 3,
                    Operation::SquareRoot | Operation::RoundToIntegral => 1,
                    _ => 2,
                };
                (operands, format.width(), format.width())
            }
            Function::Compare(format, _) => (2, format.width(), 1),
            Function::Convert(from, to) => (1, from.width(), to.width()),
            Function::ToInteger(from, integer) => (1, from.width(), integer.bits),
            Function::FromInteger(integer, to) => (1, integer.bits, to.width()),
        }
    }

    /// The format of the result, if it is a float.
    fn result_format(&self) -> Option<Format> {
        match self.function {
            Function::Arithmetic(format, _)
            | Function::Convert(_, format)
            | Function::FromInteger(_, format) => Some(format),
            Function::Compare(..) | Function::ToInteger(..) => None,
        }
    }

    fn compute(&self, operands: &[u64]) -> Rounded {
        let context = self.context;
        let [a, b, c] = [operands[0], operands[1], operands[2]];
        match self.function {
            Function::Arithmetic(f, operation) => match operation {
                Operation::Add => f.add(a, b, context),
                Operation::Subtract => f.subtract(a, b, context),
                Operation::Multiply => f.multiply(a, b, context),
                Operation::Divide => f.divide(a, b, context),
                Operation::Remainder => f.remainder(a, b, context),
                Operation::SquareRoot => f.square_root(a, context),
                Operation::Fma => f.fma(a, b, c, context),
                Operation::RoundToIntegral => self.quieten(f.round_to_integral(a, context)),
            },
            Function::Compare(f, predicate) => predicate.compute(&f, a, b),
            Function::Convert(from, to) => to.encode_with(&from.decode(a), context),
            Function::ToInteger(from, integer) => {
                let ToInteger { value, flags } = from.to_integer(a, integer, context);
                self.quieten(Rounded { code: integer_code(value, integer), flags })
            }
            Function::FromInteger(integer, to) => {
                let value = match integer.signed {
                    true => i128::from((a as i64) << (64 - integer.bits) >> (64 - integer.bits)),
                    false => i128::from(a),
                };
                to.from_integer(value, context)
            }
        }
    }

    fn quieten(&self, rounded: Rounded) -> Rounded {
        match rounded.flags == Flags::INEXACT && !self.exact {
            true => Rounded { flags: Flags::NONE, ..rounded },
            false => rounded,
        }
    }
}

/// The number that digits, and nothing but digits, stand for.
fn hexadecimal(word: &str) -> Option<u64> {
    let digits = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u64::from_str_radix(word, 16).ok() } else { None }
}

/// The bits of an integer, or x86's for none.
fn integer_code(value: Option<i128>, integer: Integer) -> u64 {
    let code = match (value, integer.signed) {
        (Some(value), _) => value as u64,
        (None, true) => 1 << (integer.bits - 1),
        (None, false) => u64::MAX,
    };
    code & u64::MAX >> (64 - integer.bits)
}

impl Predicate {
    fn compute(self, format: &Format, a: u64, b: u64) -> Rounded {
        let Comparison { order, flags } = match self.signalling {
            true => format.compare_signalling(a, b),
            false => format.compare_quiet(a, b),
        };
        let holds =
            order.is_some_and(|order| self.less && order.is_lt() || self.equal && order.is_eq());
        Rounded { code: holds.into(), flags }
    }
}
