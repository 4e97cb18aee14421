//! Sums of products by the names of axes.

mod ellipsis;

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};

use crate::{Float, map, matmul, sum};

pub use ellipsis::einsum_spelled_out;

/// Einstein's convention: each array's axes have names, one letter each; arrays are multiplied along
/// equal names, and what is not named behind the arrow is summed. A name that an array has twice
/// means its diagonal; one that stands twice behind the arrow puts the result on a diagonal, zeros
/// beside it. Without an arrow, the names that occur once are kept, in alphabetical order. `...` stands for
/// axes without names, which broadcast: see [`einsum_spelled_out`].
///
/// Arrays are joined from left to right, each time by a batched [`matmul`], whose rounding is this
/// operation's.
///
/// # Panics
///
/// If the names do not fit the arrays, an axis has two lengths, or the result has an unknown name.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{einsum, ndarray::array};
///
/// let a = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// let b = array![[1.0, 0.0], [0.0, 2.0]].into_dyn();
/// assert_eq!(einsum("ij,jk->ik", &[a.view(), b.view()]), array![[1.0, 4.0], [3.0, 8.0]].into_dyn());
/// assert_eq!(einsum("ii->", &[a.view()]).first(), Some(&5.0));
/// assert_eq!(einsum("ij->ji", &[a.view()]), a.t());
/// assert_eq!(einsum("...i->...", &[a.view()]), array![3.0, 7.0].into_dyn());
/// ```
#[track_caller]
pub fn einsum<T: Float>(names: &str, arrays: &[ArrayViewD<'_, T>]) -> ArrayD<T> {
    let shapes: Vec<&[usize]> = arrays.iter().map(|x| x.shape()).collect();
    let (spelled_out, repeated) = einsum_spelled_out(names, &shapes);
    let (inputs, output) = parse(&spelled_out);
    let fits = inputs.iter().zip(&repeated).all(|(names, shape)| names.len() == shape.len());
    assert!(fits, "einsum {names:?} of arrays {shapes:?}");
    let repeated = arrays.iter().zip(repeated).map(|(x, shape)| x.broadcast(shape));
    let arrays: Vec<_> = repeated.map(|x| x.expect("it broadcasts")).collect();
    let mut lengths: Vec<(char, usize)> = Vec::new();
    for (&name, &length) in
        inputs.iter().zip(&arrays).flat_map(|(names, x)| names.iter().zip(x.shape()))
    {
        match lengths.iter().find(|(known, _)| *known == name) {
            Some(&(_, known)) => {
                let same = known == length;
                assert!(same, "axis {name} of einsum {names:?} in arrays {shapes:?}");
            }
            None => lengths.push((name, length)),
        }
    }
    let known = |name: &char| lengths.iter().any(|(other, _)| other == name);
    assert!(output.iter().all(known), "einsum {names:?} has an unknown name behind the arrow");
    let mut terms = inputs.iter().zip(&arrays).map(|(names, x)| Term::diagonal(names, x.view()));
    let mut joined = terms.next().expect("einsum of one array at least");
    for (at, next) in terms.enumerate() {
        let later = || inputs[at + 2..].iter().flatten();
        let needed = |name: &char| output.contains(name) || later().any(|other| other == name);
        joined = joined.times(next, needed);
    }
    joined.into_order(&output)
}

/// The names of each array's axes and those of the result, spelled out.
#[track_caller]
fn parse(names: &str) -> (Vec<Vec<char>>, Vec<char>) {
    let letters = |part: &str| -> Vec<char> {
        let letters = part.chars();
        letters.inspect(|c| assert!(c.is_alphabetic(), "{c:?} in einsum {names:?}")).collect()
    };
    let (left, right) = names.split_once("->").expect("names that are spelled out have an arrow");
    (left.split(',').map(letters).collect(), letters(right))
}

/// An array with names, each once.
struct Term<T> {
    names: Vec<char>,
    array: ArrayD<T>,
}

impl<T: Float> Term<T> {
    /// The diagonal along names that stand twice.
    fn diagonal(names: &[char], x: ArrayViewD<'_, T>) -> Self {
        let mut once: Vec<char> = Vec::new();
        names.iter().filter(|name| !contains(&mut once, **name)).count();
        if once.len() == names.len() {
            return Term { names: once, array: map::copy(x) };
        }
        let place = |name: &char| once.iter().position(|other| other == name).expect("known");
        let places: Vec<usize> = names.iter().map(place).collect();
        let mut shape = vec![0; once.len()];
        places.iter().zip(x.shape()).for_each(|(&place, &length)| shape[place] = length);
        let array = ArrayD::from_shape_fn(IxDyn(&shape), |index| {
            let index: Vec<usize> = places.iter().map(|&place| index[place]).collect();
            x[&index[..]]
        });
        Term { names: once, array }
    }

    /// The product, summed over the names that nobody needs.
    fn times(self, other: Term<T>, needed: impl Fn(&char) -> bool) -> Term<T> {
        let alone = |name: &char, term: &Term<T>| !term.names.contains(name) && !needed(name);
        let left = self.names.iter().filter(|name| alone(name, &other)).copied().collect();
        let right = other.names.iter().filter(|name| alone(name, &self)).copied().collect();
        let (left, right) = (self.summed(left), other.summed(right));
        let common = |kept: bool| {
            let both = left.names.iter().filter(|name| right.names.contains(name));
            both.filter(|name| needed(name) == kept).copied().collect::<Vec<char>>()
        };
        let (batch, along) = (common(true), common(false));
        let own = |term: &Term<T>, other: &Term<T>| -> Vec<char> {
            term.names.iter().filter(|name| !other.names.contains(name)).copied().collect()
        };
        let (rows, columns) = (own(&left, &right), own(&right, &left));
        let a = left.as_matrices(&batch, &rows, &along);
        let b = right.as_matrices(&batch, &along, &columns);
        let product = matmul(a.view(), b.view());
        let length = |name: &char| left.length(*name).or(right.length(*name)).expect("known");
        let names = [batch, rows, columns].concat();
        let shape: Vec<usize> = names.iter().map(length).collect();
        let array = product.into_shape_with_order(IxDyn(&shape)).expect("as many elements");
        Term { names, array }
    }

    fn length(&self, name: char) -> Option<usize> {
        self.names.iter().position(|&other| other == name).map(|axis| self.array.shape()[axis])
    }

    fn summed(self, over: Vec<char>) -> Self {
        if over.is_empty() {
            return self;
        }
        let axes: Vec<usize> =
            (0..self.names.len()).filter(|&axis| over.contains(&self.names[axis])).collect();
        let names = self.names.into_iter().filter(|name| !over.contains(name)).collect();
        Term { names, array: sum(self.array.view(), &axes, false) }
    }

    /// As [batch, rows, columns], each the product of some axes.
    fn as_matrices(&self, batch: &[char], rows: &[char], columns: &[char]) -> ArrayD<T> {
        let size = |names: &[char]| -> usize {
            names.iter().map(|&name| self.length(name).expect("known")).product()
        };
        let shape = [size(batch), size(rows), size(columns)];
        let turned = self.view_of(&[batch, rows, columns].concat());
        map::copy(turned).into_shape_with_order(IxDyn(&shape)).expect("as many elements")
    }

    /// The axes in this order.
    fn view_of(&self, names: &[char]) -> ArrayViewD<'_, T> {
        let place = |name: &char| self.names.iter().position(|other| other == name).expect("known");
        let order: Vec<usize> = names.iter().map(place).collect();
        self.array.view().permuted_axes(order)
    }

    /// The result: summed over what is not named, axes in order, repeated names as diagonals.
    fn into_order(self, output: &[char]) -> ArrayD<T> {
        let over = self.names.iter().filter(|name| !output.contains(name)).copied().collect();
        let term = self.summed(over);
        let mut once: Vec<char> = Vec::new();
        output.iter().filter(|name| !contains(&mut once, **name)).count();
        let result = map::copy(term.view_of(&once));
        if once.len() == output.len() {
            return result;
        }
        let place = |name: &char| once.iter().position(|other| other == name).expect("known");
        let places: Vec<usize> = output.iter().map(place).collect();
        let shape: Vec<usize> = places.iter().map(|&place| result.len_of(Axis(place))).collect();
        let mut spread = ArrayD::from_elem(IxDyn(&shape), T::ZERO);
        for (index, &x) in result.indexed_iter() {
            let index: Vec<usize> = places.iter().map(|&place| index[place]).collect();
            spread[&index[..]] = x;
        }
        spread
    }
}

/// Whether `names` has it; if not, now it has.
fn contains(names: &mut Vec<char>, name: char) -> bool {
    let known = names.contains(&name);
    if !known {
        names.push(name);
    }
    known
}
