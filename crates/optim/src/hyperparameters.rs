//! What is the same for every rule: its hyperparameters as a list of named numbers, and back.

use crate::OptimError;

/// A type of hyperparameter that a saved state keeps as an f64, exactly.
pub(crate) trait Hyperparameter: Sized {
    fn to_f64(self) -> f64;
    fn from_f64(name: &'static str, value: f64) -> Result<Self, OptimError>;
}

impl Hyperparameter for f64 {
    fn to_f64(self) -> f64 {
        self
    }

    fn from_f64(_name: &'static str, value: f64) -> Result<Self, OptimError> {
        Ok(value)
    }
}

impl Hyperparameter for bool {
    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }

    fn from_f64(name: &'static str, value: f64) -> Result<Self, OptimError> {
        require(name, value, value == 0.0 || value == 1.0, "0 or 1")?;
        Ok(value == 1.0)
    }
}

/// The methods of [`Rule`](crate::Rule) that only go through the struct's fields.
macro_rules! hyperparameters {
    ($($name:ident),+ $(,)?) => {
        fn learning_rate(&self) -> f64 {
            self.learning_rate
        }

        fn set_learning_rate(&mut self, learning_rate: f64) {
            self.learning_rate = learning_rate;
        }

        fn hyperparameters(&self) -> Vec<(&'static str, f64)> {
            use $crate::hyperparameters::Hyperparameter;
            vec![$((stringify!($name), Hyperparameter::to_f64(self.$name))),+]
        }

        fn from_hyperparameters(
            get: &mut dyn FnMut(&'static str) -> Result<f64, $crate::OptimError>,
        ) -> Result<Self, $crate::OptimError> {
            use $crate::hyperparameters::Hyperparameter;
            Ok(Self {
                $($name: Hyperparameter::from_f64(stringify!($name), get(stringify!($name))?)?),+
            })
        }
    };
}
pub(crate) use hyperparameters;

/// A range check that a NaN fails.
pub(crate) fn require(
    name: &'static str,
    value: f64,
    holds: bool,
    rule: &'static str,
) -> Result<(), OptimError> {
    if holds { Ok(()) } else { Err(OptimError::Hyperparameter { name, value, rule }) }
}

/// [`require`] for lengths and penalties.
pub(crate) fn require_not_negative(named: &[(&'static str, f64)]) -> Result<(), OptimError> {
    named.iter().try_for_each(|&(name, value)| {
        require(name, value, value >= 0.0 && value.is_finite(), "finite and not negative")
    })
}

/// [`require`] for the share of a running mean that stays.
pub(crate) fn require_shares(named: &[(&'static str, f64)]) -> Result<(), OptimError> {
    named.iter().try_for_each(|&(name, value)| {
        require(name, value, (0.0..1.0).contains(&value), "in [0, 1)")
    })
}
