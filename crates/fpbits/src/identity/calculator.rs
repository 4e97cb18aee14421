//! The operations of a format, looked up in tables where it has so few codes that they fit.

use crate::{Context, Format, Value};
use alloc::vec::Vec;
use core::cell::OnceCell;
use core::cmp::Ordering;

/// Formats of at most this width get tables of all pairs.
const TABLE_WIDTH: u32 = 8;

type Operation = fn(&Format, u64, u64, Context) -> u64;

pub(super) struct Calculator {
    format: Format,
    context: Context,
    one: u64,
    two: u64,
    tables: [OnceCell<Vec<u8>>; 4],
}

impl Calculator {
    pub(super) fn new(format: &Format, context: Context) -> Calculator {
        let integer = |n| format.from_integer(n, Context::NEAREST_EVEN).code;
        Calculator {
            format: *format,
            context,
            one: integer(1),
            two: integer(2),
            tables: [const { OnceCell::new() }; 4],
        }
    }

    /// The result for a pair of codes, which have no bits above the format's.
    #[inline]
    fn look_up(&self, which: usize, operation: Operation, a: u64, b: u64) -> u64 {
        let width = self.format.width();
        if width > TABLE_WIDTH {
            return operation(&self.format, a, b, self.context);
        }
        let table = self.tables[which].get_or_init(|| {
            let codes = 1u64 << width;
            let pairs = (0..codes).flat_map(|a| (0..codes).map(move |b| (a, b)));
            pairs.map(|(a, b)| operation(&self.format, a, b, self.context) as u8).collect()
        });
        table[(a << width | b) as usize].into()
    }

    #[inline]
    pub(super) fn add(&self, a: u64, b: u64) -> u64 {
        self.look_up(0, |f, a, b, context| f.add(a, b, context).code, a, b)
    }

    #[inline]
    pub(super) fn subtract(&self, a: u64, b: u64) -> u64 {
        self.look_up(1, |f, a, b, context| f.subtract(a, b, context).code, a, b)
    }

    #[inline]
    pub(super) fn multiply(&self, a: u64, b: u64) -> u64 {
        self.look_up(2, |f, a, b, context| f.multiply(a, b, context).code, a, b)
    }

    #[inline]
    pub(super) fn divide(&self, a: u64, b: u64) -> u64 {
        self.look_up(3, |f, a, b, context| f.divide(a, b, context).code, a, b)
    }

    pub(super) fn fma(&self, a: u64, b: u64, c: u64) -> u64 {
        self.format.fma(a, b, c, self.context).code
    }

    pub(super) fn square_root(&self, a: u64) -> u64 {
        self.format.square_root(a, self.context).code
    }

    pub(super) fn abs(&self, a: u64) -> u64 {
        self.format.abs(a)
    }

    pub(super) fn one(&self) -> u64 {
        self.one
    }

    pub(super) fn two(&self) -> u64 {
        self.two
    }

    pub(super) fn compare(&self, a: u64, b: u64) -> Option<Ordering> {
        self.format.compare(a, b)
    }

    pub(super) fn is_zero(&self, a: u64) -> bool {
        matches!(self.format.decode(a), Value::Zero { .. })
    }

    pub(super) fn is_negative(&self, a: u64) -> bool {
        matches!(self.format.decode(a), Value::Finite(number) if number.negative)
    }

    /// The neighbour of a in the direction of b's sign; a itself at the end of the range.
    pub(super) fn beside(&self, a: u64, b: u64) -> u64 {
        let neighbour = match self.is_negative(b) {
            true => self.format.next_down(a),
            false => self.format.next_up(a),
        };
        neighbour.unwrap_or(a)
    }
}
