//! Modules as data: a layer is a struct of parameters, generic over what a parameter is.
//!
//! `Linear<P> { weight: P, bias: Option<P> }` is one shape with four uses:
//!
//! | `P` | what the struct is |
//! |---|---|
//! | [`ParameterSpec`] | the plan: shapes and initial distributions, no numbers |
//! | [`ArrayX<T>`] | the stored weights: what a checkpoint holds, what an optimizer changes |
//! | [`Var<'t, T>`](Var) | the weights bound to a tape: what `forward` is written on |
//! | anything else | names, gradients, decay flags, statistics: whatever [`Module::map`] makes |
//!
//! A layer says once what it consists of, in [`Module::map_with`] (and once more, by mutable
//! reference, in [`Module::visit_mut_with`]); binding, counting, naming, saving, loading and
//! initialising all follow from it. The order is that of declaration, and the names are those of
//! the checkpoints that Hugging Face's transformers writes.

use ulp_autograd::{Tape, Var};
use ulp_tensor::{Float, ndarray};

use crate::init::ParameterSpec;

/// A stored parameter: a reference-counted array of any rank.
///
/// Binding it to a tape shares the numbers instead of copying them; when the tape is gone the
/// array is the only owner again, and an optimizer updates it in place.
pub type ArrayX<T> = ndarray::ArcArray<T, ndarray::IxDyn>;

/// A struct of parameters that can be walked in declaration order.
///
/// To write a layer, implement the two required methods; each is one line a field.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use ulp_nn::{Init, Linear, Mapper, Module, ParameterSpec, VisitorMut};
///
/// /// Two linear layers that share an input.
/// struct Pair<P> {
///     left: Linear<P>,
///     right: Linear<P>,
/// }
///
/// impl<P> Module for Pair<P> {
///     type Param = P;
///     type With<Q> = Pair<Q>;
///
///     fn map_with<'a, Q, E>(&'a self, m: &mut Mapper<'_, 'a, P, Q, E>) -> Result<Pair<Q>, E> {
///         Ok(Pair { left: m.module("left", &self.left)?, right: m.module("right", &self.right)? })
///     }
///
///     fn visit_mut_with<'a>(&'a mut self, v: &mut VisitorMut<'_, 'a, P>) {
///         v.module("left", &mut self.left);
///         v.module("right", &mut self.right);
///     }
/// }
///
/// let plan = Pair { left: Linear::spec(4, 8, true), right: Linear::spec(4, 2, false) };
/// let names: Vec<String> = plan.named_parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["left.weight", "left.bias", "right.weight"]);
///
/// let weights = plan.initialize::<f32>(42);
/// assert_eq!(weights.parameter_count(), 4 * 8 + 8 + 4 * 2);
/// ```
pub trait Module: Sized {
    /// What a parameter of this module is.
    type Param;

    /// The same module with parameters of type `Q`.
    type With<Q>: Module<Param = Q>;

    /// Builds the same module with each parameter sent through the mapper, in declaration order.
    fn map_with<'a, Q, E>(
        &'a self,
        mapper: &mut Mapper<'_, 'a, Self::Param, Q, E>,
    ) -> Result<Self::With<Q>, E>;

    /// Shows the visitor a mutable reference to each parameter, in declaration order.
    fn visit_mut_with<'a>(&'a mut self, visitor: &mut VisitorMut<'_, 'a, Self::Param>);

    /// The module with every parameter replaced by `f(path, parameter)`, or the first error.
    fn try_map<'a, Q, E>(
        &'a self,
        mut f: impl FnMut(&str, &'a Self::Param) -> Result<Q, E>,
    ) -> Result<Self::With<Q>, E> {
        self.map_with(&mut Mapper { path: Path::default(), f: &mut f })
    }

    /// The module with every parameter replaced by `f(path, parameter)`.
    fn map<'a, Q>(&'a self, mut f: impl FnMut(&str, &'a Self::Param) -> Q) -> Self::With<Q> {
        let mapped: Result<_, std::convert::Infallible> = self.try_map(|path, p| Ok(f(path, p)));
        match mapped {
            Ok(module) => module,
        }
    }

    /// Calls `f(path, parameter)` for every parameter in declaration order.
    fn visit<'a>(&'a self, f: impl FnMut(&str, &'a Self::Param)) {
        self.map(f);
    }

    /// Calls `f(path, parameter)` with a mutable reference to every parameter in declaration order.
    fn visit_mut<'a>(&'a mut self, mut f: impl FnMut(&str, &'a mut Self::Param)) {
        self.visit_mut_with(&mut VisitorMut { path: Path::default(), f: &mut f });
    }

    /// Every parameter with its path, in declaration order.
    fn named_parameters(&self) -> Vec<(String, &Self::Param)> {
        let mut named = Vec::new();
        self.visit(|path, p| named.push((path.to_owned(), p)));
        named
    }

    /// A mutable reference to every parameter with its path, in declaration order.
    fn named_parameters_mut(&mut self) -> Vec<(String, &mut Self::Param)> {
        let mut named = Vec::new();
        self.visit_mut(|path, p| named.push((path.to_owned(), p)));
        named
    }

    /// How many numbers the parameters hold together.
    fn parameter_count(&self) -> usize
    where
        Self::Param: Extent,
    {
        let mut count = 0;
        self.visit(|_, p| count += p.extent());
        count
    }

    /// The parameters as leaves of `tape`: the form on which `forward` is written.
    ///
    /// The tape shares the arrays; nothing is copied. A tape that is [watched](Tape::watch) names the
    /// first parameter that holds NaN or an infinity.
    fn bind<'t, T: Float>(&self, tape: &'t Tape<T>) -> Self::With<Var<'t, T>>
    where
        Self: Module<Param = ArrayX<T>>,
    {
        self.map(|path, p| tape.within(path, || tape.leaf(p.clone())))
    }

    /// The parameters as constants of `tape`: `forward` computes values, and no gradient is kept.
    fn bind_constant<'t, T: Float>(&self, tape: &'t Tape<T>) -> Self::With<Var<'t, T>>
    where
        Self: Module<Param = ArrayX<T>>,
    {
        self.map(|_, p| tape.constant(p.clone()))
    }

    /// Draws the numbers that the plan describes.
    ///
    /// A parameter's numbers depend on `seed`, its path and its index: not on the order of
    /// declaration, the number of threads or what else the model contains.
    fn initialize<T: Float>(&self, seed: u64) -> Self::With<ArrayX<T>>
    where
        Self: Module<Param = ParameterSpec>,
    {
        self.map(|path, spec| spec.init.draw(&spec.shape, seed, path))
    }
}

/// `f(x)`, the value of the part `name` of a module: what goes wrong there is reported under the path
/// of its parameters ([`Tape::within`]).
pub(crate) fn within<'t, T: Float>(
    name: &str,
    x: Var<'t, T>,
    f: impl FnOnce(Var<'t, T>) -> Var<'t, T>,
) -> Var<'t, T> {
    x.tape().within(name, || f(x))
}

/// A parameter that knows how many numbers it holds.
pub trait Extent {
    /// The number of elements.
    fn extent(&self) -> usize;
}

impl<T> Extent for ArrayX<T> {
    fn extent(&self) -> usize {
        self.len()
    }
}

impl<T: Float> Extent for Var<'_, T> {
    fn extent(&self) -> usize {
        self.shape().iter().product()
    }
}

impl Extent for ParameterSpec {
    fn extent(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The dotted path of the parameter being visited.
#[derive(Default)]
struct Path(String);

impl Path {
    /// Appends `.name` and returns the length to give to [`Path::leave`].
    fn enter(&mut self, name: &str) -> usize {
        let length = self.0.len();
        if length > 0 {
            self.0.push('.');
        }
        self.0.push_str(name);
        length
    }

    fn leave(&mut self, length: usize) {
        self.0.truncate(length);
    }
}

/// Walks a module by shared reference and builds its image under a function of (path, parameter).
pub struct Mapper<'f, 'a, P, Q, E> {
    path: Path,
    f: &'f mut dyn FnMut(&str, &'a P) -> Result<Q, E>,
}

impl<'a, P, Q, E> Mapper<'_, 'a, P, Q, E> {
    /// The image of the parameter `name`.
    pub fn parameter(&mut self, name: &str, parameter: &'a P) -> Result<Q, E> {
        let outer = self.path.enter(name);
        let image = (self.f)(&self.path.0, parameter);
        self.path.leave(outer);
        image
    }

    /// The image of a parameter that may be absent.
    pub fn optional(&mut self, name: &str, parameter: &'a Option<P>) -> Result<Option<Q>, E> {
        parameter.as_ref().map(|p| self.parameter(name, p)).transpose()
    }

    /// The image of the part `name`.
    pub fn module<M: Module<Param = P>>(
        &mut self,
        name: &str,
        module: &'a M,
    ) -> Result<M::With<Q>, E> {
        let outer = self.path.enter(name);
        let image = module.map_with(self);
        self.path.leave(outer);
        image
    }

    /// The image of a part that may be absent.
    pub fn optional_module<M: Module<Param = P>>(
        &mut self,
        name: &str,
        module: &'a Option<M>,
    ) -> Result<Option<M::With<Q>>, E> {
        module.as_ref().map(|m| self.module(name, m)).transpose()
    }

    /// The image of a list of parts: `name.0`, `name.1`, ...
    pub fn list<M: Module<Param = P>>(
        &mut self,
        name: &str,
        modules: &'a [M],
    ) -> Result<Vec<M::With<Q>>, E> {
        let outer = self.path.enter(name);
        let images =
            modules.iter().enumerate().map(|(i, m)| self.module(&i.to_string(), m)).collect();
        self.path.leave(outer);
        images
    }
}

/// Walks a module by mutable reference.
pub struct VisitorMut<'f, 'a, P> {
    path: Path,
    f: &'f mut dyn FnMut(&str, &'a mut P),
}

impl<'a, P> VisitorMut<'_, 'a, P> {
    /// Shows the parameter `name`.
    pub fn parameter(&mut self, name: &str, parameter: &'a mut P) {
        let outer = self.path.enter(name);
        (self.f)(&self.path.0, parameter);
        self.path.leave(outer);
    }

    /// Shows a parameter that may be absent.
    pub fn optional(&mut self, name: &str, parameter: &'a mut Option<P>) {
        if let Some(p) = parameter {
            self.parameter(name, p);
        }
    }

    /// Shows the part `name`.
    pub fn module<M: Module<Param = P>>(&mut self, name: &str, module: &'a mut M) {
        let outer = self.path.enter(name);
        module.visit_mut_with(self);
        self.path.leave(outer);
    }

    /// Shows a part that may be absent.
    pub fn optional_module<M: Module<Param = P>>(&mut self, name: &str, module: &'a mut Option<M>) {
        if let Some(m) = module {
            self.module(name, m);
        }
    }

    /// Shows a list of parts: `name.0`, `name.1`, ...
    pub fn list<M: Module<Param = P>>(&mut self, name: &str, modules: &'a mut [M]) {
        let outer = self.path.enter(name);
        for (i, m) in modules.iter_mut().enumerate() {
            self.module(&i.to_string(), m);
        }
        self.path.leave(outer);
    }
}
