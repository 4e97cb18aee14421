use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ulp_tensor::ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, IxDyn};

use ulp_tensor::Float;
use ulp_tensor::simd::{self, Kernel};

use crate::{OptimError, Rule, StateDict, Update};

/// Elements that one task updates. Large enough to outweigh a task's cost, small enough that four
/// f32 streams of it stay in the second-level cache. It does not reach the result: rules are
/// elementwise.
const CHUNK: usize = 16 * 1024;

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

#[derive(Debug, Clone)]
struct ParamState<T> {
    /// Steps taken.
    step: u64,
    /// The rule's arrays by name; a step makes those that it lacks.
    slots: BTreeMap<&'static str, ArrayD<T>>,
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
    /// threads. Everything is checked before anything is changed.
    ///
    /// # Errors
    ///
    /// [`OptimError::MissingGradient`], [`OptimError::GradientShape`],
    /// [`OptimError::StateShape`], [`OptimError::ParameterShape`],
    /// [`OptimError::DuplicateParameter`], [`OptimError::UnknownGroup`],
    /// [`OptimError::Hyperparameter`].
    pub fn step(&mut self, params: &mut [Param<'_, T>]) -> Result<(), OptimError> {
        self.check(params)?;
        for param in params {
            let rule = &self.groups[param.group];
            if !self.states.contains_key(param.name) {
                let state = ParamState { step: 0, slots: BTreeMap::new() };
                self.states.insert(param.name.to_owned(), state);
            }
            let state = self.states.get_mut(param.name).expect("inserted above");
            update(rule, state, param);
        }
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

fn update<R: Rule, T: Float>(rule: &R, state: &mut ParamState<T>, param: &mut Param<'_, T>) {
    let needed = rule.slots();
    let mut first = false;
    for &slot in needed {
        state.slots.entry(slot).or_insert_with(|| {
            first = true;
            ArrayD::from_elem(IxDyn(param.value.shape()), T::default())
        });
    }
    state.step += 1;
    let step = rule.prepare::<T>(state.step, first);
    let gradient = param.gradient.as_ref().expect("checked before any update");
    let gradient = gradient.as_standard_layout();
    let gradient = gradient.as_slice().expect("standard layout");
    let mut slots = slices_in_order(&mut state.slots, needed);
    let shape = param.value.shape().to_vec();
    let mut apply = |values: &mut [T]| {
        if R::ELEMENTWISE {
            update_slices(&step, values, gradient, &mut slots);
        } else {
            step.apply_whole(&shape, values, gradient, &mut slots);
        }
    };
    if let Some(values) = param.value.as_slice_mut() {
        return apply(values);
    }
    let mut values: Vec<T> = param.value.iter().copied().collect();
    apply(&mut values);
    param.value.iter_mut().zip(values).for_each(|(place, value)| *place = value);
}

/// The arrays of the state that the rule asks for, in its order.
fn slices_in_order<'a, T>(
    slots: &'a mut BTreeMap<&'static str, ArrayD<T>>,
    needed: &[&'static str],
) -> Vec<&'a mut [T]> {
    let place = |slot: &str| needed.iter().position(|name| *name == slot);
    let mut placed: Vec<_> = slots
        .iter_mut()
        .filter_map(|(slot, array)| Some((place(slot)?, array)))
        .map(|(place, array)| (place, array.as_slice_mut().expect("standard layout")))
        .collect();
    placed.sort_unstable_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, slice)| slice).collect()
}

fn update_slices<T: Float>(
    step: &impl Update<T>,
    values: &mut [T],
    gradient: &[T],
    slots: &mut [&mut [T]],
) {
    if values.len() <= CHUNK {
        return simd::run(Apply { step, values, gradient, slots });
    }
    let mut tasks: Vec<_> = values
        .chunks_mut(CHUNK)
        .zip(gradient.chunks(CHUNK))
        .map(|(values, gradient)| (values, gradient, Vec::with_capacity(slots.len())))
        .collect();
    for slot in slots {
        for (task, chunk) in tasks.iter_mut().zip(slot.chunks_mut(CHUNK)) {
            task.2.push(chunk);
        }
    }
    tasks.into_par_iter().for_each(|(values, gradient, mut slots)| {
        simd::run(Apply { step, values, gradient, slots: &mut slots });
    });
}

/// One stretch of elements, on the widest registers that there are.
struct Apply<'a, 's, U, T> {
    step: &'a U,
    values: &'a mut [T],
    gradient: &'a [T],
    slots: &'a mut [&'s mut [T]],
}

impl<T, U: Update<T>> Kernel for Apply<'_, '_, U, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.step.apply(self.values, self.gradient, self.slots);
    }
}
