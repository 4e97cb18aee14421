use std::collections::{BTreeMap, BTreeSet};

use ulp_tensor::Float;
use ulp_tensor::ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::pass::{ParamState, Work, update_all, work};
use crate::{OptimError, Rule, StateDict};

/// One parameter as a step sees it.
#[derive(Debug)]
pub struct Param<'a, T> {
    /// The name under which its state is kept.
    pub name: &'a str,
    /// Its values, changed in place. Any strides.
    pub value: ArrayViewMutD<'a, T>,
    /// The loss's gradient; `None` is refused.
    pub gradient: Option<ArrayViewD<'a, T>>,
    /// Which group's hyperparameters hold for it.
    pub group: usize,
}

/// An update rule with its groups of hyperparameters and its state.
///
/// # Examples
///
/// Weight decay on matrices only:
///
/// ```
/// use ulp_tensor::ndarray::array;
/// use ulp_optim::{AdamW, Optimizer, Param};
///
/// let decayed = AdamW { learning_rate: 0.1, weight_decay: 0.1, ..AdamW::default() };
/// let mut optimizer = Optimizer::new(decayed.clone())?;
/// let bare = optimizer.add_group(AdamW { weight_decay: 0.0, ..decayed })?;
///
/// let (mut w, mut b) = (array![[1.0_f32, -1.0]].into_dyn(), array![1.0_f32].into_dyn());
/// let (dw, db) = (array![[0.5_f32, 0.5]].into_dyn(), array![0.0_f32].into_dyn());
/// optimizer.step(&mut [
///     Param { name: "w", value: w.view_mut(), gradient: Some(dw.view()), group: 0 },
///     Param { name: "b", value: b.view_mut(), gradient: Some(db.view()), group: bare },
/// ])?;
/// assert!(w[[0, 0]] < 1.0 && b[0] == 1.0);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Optimizer<R, T> {
    groups: Vec<R>,
    states: BTreeMap<String, ParamState<T>>,
}

impl<R: Rule, T: Float> Optimizer<R, T> {
    /// An optimizer with one group, number 0.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`].
    pub fn new(rule: R) -> Result<Self, OptimError> {
        rule.validate()?;
        Ok(Self { groups: vec![rule], states: BTreeMap::new() })
    }

    /// Adds a group and returns its number.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`].
    pub fn add_group(&mut self, rule: R) -> Result<usize, OptimError> {
        rule.validate()?;
        self.groups.push(rule);
        Ok(self.groups.len() - 1)
    }

    /// The groups' hyperparameters.
    pub fn groups(&self) -> &[R] {
        &self.groups
    }

    /// The groups' hyperparameters, to be changed between steps; the next step checks them.
    pub fn groups_mut(&mut self) -> &mut [R] {
        &mut self.groups
    }

    /// Sets the learning rate of every group.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.groups.iter_mut().for_each(|group| group.set_learning_rate(learning_rate));
    }

    /// One update of every parameter given, in parallel, with the same bits at any number of
    /// threads. Everything is checked before anything is changed, but for the numbers: a gradient that is NaN or
    /// infinite makes its parameter and its state so, as in PyTorch. [`clip_global_norm`](crate::clip_global_norm)
    /// and [`LossScale`](crate::LossScale) find it before.
    ///
    /// # Errors
    ///
    /// [`OptimError::MissingGradient`], [`OptimError::GradientShape`],
    /// [`OptimError::StateShape`], [`OptimError::ParameterShape`],
    /// [`OptimError::DuplicateParameter`], [`OptimError::UnknownGroup`],
    /// [`OptimError::Hyperparameter`].
    pub fn step(&mut self, params: &mut [Param<'_, T>]) -> Result<(), OptimError> {
        self.check(params)?;
        for param in params.iter() {
            if !self.states.contains_key(param.name) {
                let state = ParamState { step: 0, slots: BTreeMap::new() };
                self.states.insert(param.name.to_owned(), state);
            }
        }
        let mut by_name: BTreeMap<_, _> =
            params.iter_mut().map(|param| (param.name, param)).collect();
        let mut works: Vec<_> = (self.states.iter_mut())
            .filter_map(|(name, state)| Some((by_name.remove(name.as_str())?, state)))
            .map(|(param, state)| work(&self.groups[param.group], state, param))
            .collect();
        if R::ELEMENTWISE {
            update_all(&mut works);
        } else {
            works.iter_mut().for_each(Work::update_whole);
        }
        works.iter_mut().for_each(Work::put_back);
        Ok(())
    }

    fn check(&self, params: &[Param<'_, T>]) -> Result<(), OptimError> {
        self.groups.iter().try_for_each(Rule::validate)?;
        let mut names = BTreeSet::new();
        for param in params {
            let parameter = || param.name.to_owned();
            if !names.insert(param.name) {
                return Err(OptimError::DuplicateParameter { parameter: parameter() });
            }
            if param.group >= self.groups.len() {
                return Err(OptimError::UnknownGroup {
                    parameter: parameter(),
                    group: param.group,
                    groups: self.groups.len(),
                });
            }
            let Some(gradient) = &param.gradient else {
                return Err(OptimError::MissingGradient { parameter: parameter() });
            };
            if let Some(axes) = self.groups[param.group].needed_axes()
                && axes != param.value.ndim()
            {
                return Err(OptimError::ParameterShape {
                    parameter: parameter(),
                    shape: param.value.shape().to_vec(),
                    axes,
                });
            }
            if gradient.shape() != param.value.shape() {
                return Err(OptimError::GradientShape {
                    parameter: parameter(),
                    expected: param.value.shape().to_vec(),
                    found: gradient.shape().to_vec(),
                });
            }
            if let Some(state) = self.states.get(param.name) {
                check_shapes(param.name, &state.slots, param.value.shape())?;
            }
        }
        Ok(())
    }

    /// Everything that is needed to continue with the same bits.
    pub fn state_dict(&self) -> StateDict<T> {
        let mut dict = StateDict {
            kind: R::KIND.to_owned(),
            scalars: BTreeMap::new(),
            arrays: BTreeMap::new(),
        };
        for (index, group) in self.groups.iter().enumerate() {
            for (name, value) in group.hyperparameters() {
                dict.scalars.insert(format!("group/{index}/{name}"), value);
            }
        }
        for (name, state) in &self.states {
            // Steps stay far below 2^53, so the scalar is exact.
            dict.scalars.insert(format!("step/{name}"), state.step as f64);
            for (slot, array) in &state.slots {
                dict.arrays.insert(format!("{slot}/{name}"), array.clone());
            }
        }
        dict
    }

    /// Replaces groups and state by saved ones; on an error nothing is changed.
    ///
    /// # Errors
    ///
    /// [`OptimError::StateKind`], [`OptimError::StateMissing`], [`OptimError::StateUnknown`],
    /// [`OptimError::StateValue`], [`OptimError::StateShape`], [`OptimError::Hyperparameter`].
    pub fn load_state_dict(&mut self, mut dict: StateDict<T>) -> Result<(), OptimError> {
        if dict.kind != R::KIND {
            return Err(OptimError::StateKind { expected: R::KIND, found: dict.kind });
        }
        let groups = take_groups::<R, T>(&mut dict)?;
        let mut states = BTreeMap::new();
        while let Some((entry, value)) = dict.scalars.pop_first() {
            let Some(name) = entry.strip_prefix("step/") else {
                return Err(OptimError::StateUnknown { entry });
            };
            let name = name.to_owned();
            let whole = (0.0..=9_007_199_254_740_992.0).contains(&value) && value.fract() == 0.0;
            if !whole {
                let rule = "a whole number up to 2^53";
                return Err(OptimError::StateValue { entry, value, rule });
            }
            let slots = take_slots::<R, T>(&mut dict, &name)?;
            states.insert(name, ParamState { step: value as u64, slots });
        }
        if let Some((entry, _)) = dict.arrays.pop_first() {
            return Err(OptimError::StateUnknown { entry });
        }
        *self = Self { groups, states };
        Ok(())
    }
}

fn take_groups<R: Rule, T>(dict: &mut StateDict<T>) -> Result<Vec<R>, OptimError> {
    let mut groups = Vec::new();
    loop {
        let prefix = format!("group/{}/", groups.len());
        let more = dict.scalars.keys().any(|key| key.starts_with(&prefix));
        if !more && !groups.is_empty() {
            return Ok(groups);
        }
        let group = R::from_hyperparameters(&mut |name| {
            let entry = format!("{prefix}{name}");
            dict.scalars.remove(&entry).ok_or(OptimError::StateMissing { entry })
        })?;
        group.validate()?;
        groups.push(group);
    }
}

fn take_slots<R: Rule, T: Float>(
    dict: &mut StateDict<T>,
    name: &str,
) -> Result<BTreeMap<&'static str, ArrayD<T>>, OptimError> {
    let mut slots = BTreeMap::new();
    for &slot in R::SLOTS {
        let entry = format!("{slot}/{name}");
        match dict.arrays.remove(&entry) {
            Some(array) => {
                slots.insert(slot, array.as_standard_layout().into_owned());
            }
            None if R::ALWAYS.contains(&slot) => return Err(OptimError::StateMissing { entry }),
            None => {}
        }
    }
    if let Some(first) = slots.values().next() {
        check_shapes(name, &slots, first.shape())?;
    }
    Ok(slots)
}

fn check_shapes<T>(
    name: &str,
    slots: &BTreeMap<&'static str, ArrayD<T>>,
    shape: &[usize],
) -> Result<(), OptimError> {
    match slots.iter().find(|(_, array)| array.shape() != shape) {
        None => Ok(()),
        Some((slot, array)) => Err(OptimError::StateShape {
            entry: format!("{slot}/{name}"),
            expected: shape.to_vec(),
            found: array.shape().to_vec(),
        }),
    }
}
