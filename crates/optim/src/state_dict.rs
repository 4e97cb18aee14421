use std::collections::BTreeMap;

use ulp_tensor::ndarray::ArrayD;

/// An optimizer's state as named arrays and scalars, for a file.
///
/// | entry | what |
/// |---|---|
/// | scalar `group/I/NAME` | hyperparameter NAME of group I |
/// | scalar `step/PARAMETER` | steps taken |
/// | array `SLOT/PARAMETER` | what the rule keeps, such as `exp_avg` |
#[derive(Debug, Clone, PartialEq)]
pub struct StateDict<T> {
    /// The rule's name.
    pub kind: String,
    /// Hyperparameters and counts, exact in f64.
    pub scalars: BTreeMap<String, f64>,
    /// The state's arrays.
    pub arrays: BTreeMap<String, ArrayD<T>>,
}
