//! The identities, each as two sides to be computed.

use super::calculator::Calculator;
use crate::FpbitsError;
use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

/// An identity of the real numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// a + b = b + a. Holds in every format; kept as a control.
    Commutativity,
    /// (a + b) + c = a + (b + c)
    Associativity,
    /// (a x b) x c = a x (b x c)
    ProductAssociativity,
    /// a x (b + c) = a x b + a x c
    Distributivity,
    /// (a / b) x b = a, for b other than 0
    Division,
    /// a x (1 / b) = a / b, for b other than 0
    Reciprocal,
    /// (a + b) - b = a
    Cancellation,
    /// a - b = 0 if and only if a = b. Holds in every format with subnormal numbers.
    Difference,
    /// a + b = a only if b = 0
    Absorption,
    /// sqrt(a)^2 = a, for a not below 0
    RootSquared,
    /// sqrt(a^2) = |a|
    SquareRooted,
    /// (a + b) / 2 lies between a and b
    Midpoint,
    /// (a - b) x (a + b) = a^2 - b^2
    Squares,
    /// fma(a, b, c) = a x b + c
    Fusion,
}

/// The two sides of an identity at some operands.
pub(super) struct Sides {
    pub(super) left: u64,
    pub(super) right: u64,
}

impl Identity {
    /// All of them.
    pub const ALL: [Identity; 14] = [
        Identity::Commutativity,
        Identity::Associativity,
        Identity::ProductAssociativity,
        Identity::Distributivity,
        Identity::Division,
        Identity::Reciprocal,
        Identity::Cancellation,
        Identity::Difference,
        Identity::Absorption,
        Identity::RootSquared,
        Identity::SquareRooted,
        Identity::Midpoint,
        Identity::Squares,
        Identity::Fusion,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Identity::Commutativity => "commutativity",
            Identity::Associativity => "associativity",
            Identity::ProductAssociativity => "product-associativity",
            Identity::Distributivity => "distributivity",
            Identity::Division => "division",
            Identity::Reciprocal => "reciprocal",
            Identity::Cancellation => "cancellation",
            Identity::Difference => "difference",
            Identity::Absorption => "absorption",
            Identity::RootSquared => "root-squared",
            Identity::SquareRooted => "square-rooted",
            Identity::Midpoint => "midpoint",
            Identity::Squares => "squares",
            Identity::Fusion => "fusion",
        }
    }

    /// What it says.
    pub const fn statement(self) -> &'static str {
        match self {
            Identity::Commutativity => "a + b = b + a",
            Identity::Associativity => "(a + b) + c = a + (b + c)",
            Identity::ProductAssociativity => "(a x b) x c = a x (b x c)",
            Identity::Distributivity => "a x (b + c) = a x b + a x c",
            Identity::Division => "(a / b) x b = a",
            Identity::Reciprocal => "a x (1 / b) = a / b",
            Identity::Cancellation => "(a + b) - b = a",
            Identity::Difference => "a - b = 0 if and only if a = b",
            Identity::Absorption => "a + b = a only if b = 0",
            Identity::RootSquared => "sqrt(a)^2 = a",
            Identity::SquareRooted => "sqrt(a^2) = |a|",
            Identity::Midpoint => "(a + b) / 2 lies between a and b",
            Identity::Squares => "(a - b) x (a + b) = a^2 - b^2",
            Identity::Fusion => "fma(a, b, c) = a x b + c",
        }
    }

    /// How many operands it has.
    pub const fn operands(self) -> usize {
        match self {
            Identity::RootSquared | Identity::SquareRooted => 1,
            Identity::Associativity
            | Identity::ProductAssociativity
            | Identity::Distributivity
            | Identity::Fusion => 3,
            _ => 2,
        }
    }

    /// The sides at some finite operands; `None` where it says nothing.
    pub(super) fn sides(self, k: &Calculator, [a, b, c]: [u64; 3]) -> Option<Sides> {
        let sides = |left, right| Some(Sides { left, right });
        let zero = |x| k.is_zero(x);
        match self {
            Identity::Commutativity => sides(k.add(a, b), k.add(b, a)),
            Identity::Associativity => sides(k.add(k.add(a, b), c), k.add(a, k.add(b, c))),
            Identity::ProductAssociativity => {
                sides(k.multiply(k.multiply(a, b), c), k.multiply(a, k.multiply(b, c)))
            }
            Identity::Distributivity => {
                let sum = k.add(k.multiply(a, b), k.multiply(a, c));
                sides(k.multiply(a, k.add(b, c)), sum)
            }
            Identity::Division if zero(b) => None,
            Identity::Division => sides(k.multiply(k.divide(a, b), b), a),
            Identity::Reciprocal if zero(b) => None,
            Identity::Reciprocal => sides(k.multiply(a, k.divide(k.one(), b)), k.divide(a, b)),
            Identity::Cancellation => sides(k.subtract(k.add(a, b), b), a),
            Identity::Difference => {
                let difference = k.subtract(a, b);
                match k.compare(a, b) {
                    Some(Ordering::Equal) => sides(difference, 0),
                    _ if zero(difference) => sides(a, b), // they differ, their difference is 0
                    _ => sides(a, a),
                }
            }
            Identity::Absorption if zero(b) => None,
            Identity::Absorption => {
                let sum = k.add(a, b);
                // Equal sides would be the failure: compare with a neighbour that must differ.
                match k.compare(sum, a) {
                    Some(Ordering::Equal) => sides(sum, k.beside(a, b)),
                    _ => sides(sum, sum),
                }
            }
            Identity::RootSquared if k.is_negative(a) => None,
            Identity::RootSquared => {
                let root = k.square_root(a);
                sides(k.multiply(root, root), a)
            }
            Identity::SquareRooted => sides(k.square_root(k.multiply(a, a)), k.abs(a)),
            Identity::Midpoint => {
                let middle = k.divide(k.add(a, b), k.two());
                let (low, high) = match k.compare(a, b) {
                    Some(Ordering::Greater) => (b, a),
                    _ => (a, b),
                };
                match (k.compare(middle, low), k.compare(middle, high)) {
                    (Some(Ordering::Less), _) => sides(middle, low),
                    (_, Some(Ordering::Greater)) => sides(middle, high),
                    (None, _) => sides(middle, low),
                    _ => sides(middle, middle),
                }
            }
            Identity::Squares => {
                let left = k.multiply(k.subtract(a, b), k.add(a, b));
                sides(left, k.subtract(k.multiply(a, a), k.multiply(b, b)))
            }
            Identity::Fusion => sides(k.fma(a, b, c), k.add(k.multiply(a, b), c)),
        }
    }
}

impl FromStr for Identity {
    type Err = FpbitsError;

    fn from_str(text: &str) -> Result<Identity, FpbitsError> {
        let known = Identity::ALL.into_iter().find(|identity| identity.name() == text);
        known.ok_or(FpbitsError::UnknownIdentity)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
