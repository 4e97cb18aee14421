use std::fmt;

/// What an optimizer refuses. Every refusal leaves parameters and state as they were.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OptimError {
    /// A parameter got no gradient. An update that silently skips a parameter hides a loss that
    /// does not reach it, so this is an error; freeze a parameter by not handing it over.
    MissingGradient {
        /// The parameter's name.
        parameter: String,
    },
    /// A gradient has another shape than its parameter.
    GradientShape {
        /// The parameter's name.
        parameter: String,
        /// The parameter's shape.
        expected: Vec<usize>,
        /// The gradient's shape.
        found: Vec<usize>,
    },
    /// The update rule is not for parameters of this number of axes.
    ParameterShape {
        /// The parameter's name.
        parameter: String,
        /// The parameter's shape.
        shape: Vec<usize>,
        /// How many axes it should have.
        axes: usize,
    },
    /// Two parameters of one step have the same name, so they would share their state.
    DuplicateParameter {
        /// The name.
        parameter: String,
    },
    /// A parameter names a group that the optimizer does not have.
    UnknownGroup {
        /// The parameter's name.
        parameter: String,
        /// The group asked for.
        group: usize,
        /// How many groups there are.
        groups: usize,
    },
    /// A hyperparameter is outside the range where the update rule means something.
    Hyperparameter {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        rule: &'static str,
    },
    /// The norm of all gradients is infinite or not a number; nothing was scaled.
    NormNotFinite {
        /// The norm.
        norm: f64,
    },
    /// A saved state was made by another update rule.
    StateKind {
        /// The rule that should load it.
        expected: &'static str,
        /// The rule that made it.
        found: String,
    },
    /// A saved state lacks an entry.
    StateMissing {
        /// The entry's name.
        entry: String,
    },
    /// A saved state holds an entry that the update rule does not know.
    StateUnknown {
        /// The entry's name.
        entry: String,
    },
    /// A saved array, or a scalar, does not fit.
    StateValue {
        /// The entry's name.
        entry: String,
        /// The value found.
        value: f64,
        /// What it must be.
        rule: &'static str,
    },
    /// A saved array has another shape than the parameter, or its sibling, has.
    StateShape {
        /// The entry's name.
        entry: String,
        /// The shape needed.
        expected: Vec<usize>,
        /// The shape found.
        found: Vec<usize>,
    },
}

impl fmt::Display for OptimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingGradient { parameter } => {
                write!(f, "parameter {parameter} got no gradient")
            }
            Self::GradientShape { parameter, expected, found } => write!(
                f,
                "parameter {parameter} has shape {expected:?}, its gradient has shape {found:?}"
            ),
            Self::ParameterShape { parameter, shape, axes } => {
                write!(f, "parameter {parameter} has shape {shape:?}, the rule is for {axes} axes")
            }
            Self::DuplicateParameter { parameter } => {
                write!(f, "two parameters are named {parameter}")
            }
            Self::UnknownGroup { parameter, group, groups } => write!(
                f,
                "parameter {parameter} asks for group {group}, but there are {groups} groups"
            ),
            Self::Hyperparameter { name, value, rule } => {
                write!(f, "{name} is {value}, it must be {rule}")
            }
            Self::NormNotFinite { norm } => write!(f, "the norm of the gradients is {norm}"),
            Self::StateKind { expected, found } => {
                write!(f, "the saved state is of {found:?}, not of {expected:?}")
            }
            Self::StateMissing { entry } => write!(f, "the saved state lacks {entry}"),
            Self::StateUnknown { entry } => write!(f, "the saved state has an unknown {entry}"),
            Self::StateValue { entry, value, rule } => {
                write!(f, "in the saved state {entry} is {value}, it must be {rule}")
            }
            Self::StateShape { entry, expected, found } => {
                write!(f, "in the saved state {entry} has shape {found:?}, {expected:?} is needed")
            }
        }
    }
}

impl std::error::Error for OptimError {}
