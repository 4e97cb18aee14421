//! One pass over the elements of all parameters.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use ulp_tensor::ndarray::{ArrayD, ArrayViewMutD, CowArray, IxDyn};
use ulp_tensor::simd::{self, Kernel};
use ulp_tensor::{Float, pool, tasks};

use crate::{Param, Rule, Update};

/// Elements that one task updates: as many as leave each thread some tasks, between these. Long stretches are what
/// memory is fastest at, short ones do not outweigh a task's cost. It does not reach the result: rules are elementwise.
const STRETCH: RangeInclusive<usize> = 16 * 1024..=512 * 1024;

/// So many tasks for each thread level out what threads do not share evenly.
const TASKS: usize = 8;

/// What is kept for one parameter.
#[derive(Debug, Clone)]
pub(crate) struct ParamState<T> {
    /// Steps taken.
    pub(crate) step: u64,
    /// The rule's arrays by name; a step makes those that it lacks.
    pub(crate) slots: BTreeMap<&'static str, ArrayD<T>>,
}

/// One parameter's part of a step.
pub(crate) struct Work<'a, 'p, U, T> {
    update: U,
    value: &'a mut ArrayViewMutD<'p, T>,
    /// The values in standard order, if that is not how they lie.
    copied: Option<Vec<T>>,
    gradient: CowArray<'a, T, IxDyn>,
    slots: Vec<&'a mut [T]>,
}

/// What `rule` does to `param` in this step, which is counted in `state`.
pub(crate) fn work<'a, 'p, R: Rule, T: Float>(
    rule: &'a R,
    state: &'a mut ParamState<T>,
    param: &'a mut Param<'p, T>,
) -> Work<'a, 'p, impl Update<T>, T> {
    let needed = rule.slots();
    let Param { value, gradient, .. } = param;
    let mut first = false;
    for &slot in needed {
        state.slots.entry(slot).or_insert_with(|| {
            first = true;
            let zeros = pool::zeros(value.len());
            ArrayD::from_shape_vec(value.raw_dim(), zeros).expect("one for each element")
        });
    }
    state.step += 1;
    let gradient = gradient.as_ref().expect("checked before any update");
    Work {
        update: rule.prepare::<T>(state.step, first),
        copied: value.as_slice().is_none().then(|| value.iter().copied().collect()),
        value,
        gradient: gradient.as_standard_layout(),
        slots: slices_in_order(&mut state.slots, needed),
    }
}

impl<U: Update<T>, T: Float> Work<'_, '_, U, T> {
    /// The whole parameter as one, for a rule that is not elementwise.
    pub(crate) fn update_whole(&mut self) {
        let shape = self.value.shape().to_vec();
        let values = in_order(self.value, &mut self.copied);
        let gradient = self.gradient.as_slice().expect("standard layout");
        self.update.apply_whole(&shape, values, gradient, &mut self.slots);
    }

    /// Stretches of at most `stretch` elements.
    fn tasks<'b>(&'b mut self, stretch: usize) -> Vec<Task<'b, U, T>> {
        let values = in_order(self.value, &mut self.copied);
        let gradient = self.gradient.as_slice().expect("standard layout");
        let (update, slots) = (&self.update, self.slots.len());
        let stretches = values.chunks_mut(stretch).zip(gradient.chunks(stretch));
        let mut tasks: Vec<_> = stretches
            .map(|(values, gradient)| Task {
                update,
                values,
                gradient,
                slots: Vec::with_capacity(slots),
            })
            .collect();
        for slot in &mut self.slots {
            for (task, part) in tasks.iter_mut().zip(slot.chunks_mut(stretch)) {
                task.slots.push(part);
            }
        }
        tasks
    }

    /// Puts values that were copied back where they lie.
    pub(crate) fn put_back(&mut self) {
        let copied = self.copied.take().into_iter().flatten();
        self.value.iter_mut().zip(copied).for_each(|(place, value)| *place = value);
    }
}

/// The values in standard order: the copy, if there had to be one.
fn in_order<'a, T>(
    value: &'a mut ArrayViewMutD<'_, T>,
    copied: &'a mut Option<Vec<T>>,
) -> &'a mut [T] {
    match copied {
        Some(copied) => copied,
        None => value.as_slice_mut().expect("standard layout"),
    }
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

/// Updates every element, the stretches of all parameters shared out at once: most are too small to
/// wake a thread for.
pub(crate) fn update_all<U: Update<T>, T: Float>(works: &mut [Work<'_, '_, U, T>]) {
    let elements: usize = works.iter().map(|work| work.value.len()).sum();
    let threads = if elements <= *STRETCH.start() { 1 } else { rayon::current_num_threads() };
    let stretch = (elements / (TASKS * threads)).clamp(*STRETCH.start(), *STRETCH.end());
    let tasks = works.iter_mut().flat_map(|work| work.tasks(stretch));
    let tasks: Vec<_> = tasks.map(|task| Mutex::new(Some(task))).collect();
    tasks::for_each(tasks.len(), threads, |index| {
        let task = tasks[index].lock().unwrap_or_else(PoisonError::into_inner).take();
        simd::run(task.expect("a task is given out once"));
    });
}

/// One stretch of elements, on the widest registers that there are.
struct Task<'a, U, T> {
    update: &'a U,
    values: &'a mut [T],
    gradient: &'a [T],
    slots: Vec<&'a mut [T]>,
}

impl<T, U: Update<T>> Kernel for Task<'_, U, T> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        self.update.apply(self.values, self.gradient, &mut self.slots);
    }
}
