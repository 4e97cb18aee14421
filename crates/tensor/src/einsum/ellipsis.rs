//! `...` among the names of axes.

use std::ops::Range;

use crate::broadcast_shape;

/// The names of an [`einsum`](crate::einsum()) of arrays of these shapes, with letters of their own instead of
/// `...`, an arrow, and no spaces; and the shapes to which the arrays broadcast.
///
/// In each array `...` stands for the axes that have no name. They are aligned at their end and broadcast, as
/// all operations of two arrays do it. Without an arrow the result has them first.
///
/// # Panics
///
/// If there is not one part for each array, one names more axes than its array has, or what `...` stands
/// for does not broadcast.
///
/// # Examples
///
/// ```
/// use ulp_tensor::einsum_spelled_out;
///
/// let (names, shapes) = einsum_spelled_out("...ij, ...jk", &[&[5, 1, 2, 3], &[7, 3, 4]]);
/// assert_eq!(names, "ABij,Bjk->ABik");
/// assert_eq!(shapes, [vec![5, 7, 2, 3], vec![7, 3, 4]]);
/// ```
#[track_caller]
pub fn einsum_spelled_out(names: &str, shapes: &[&[usize]]) -> (String, Vec<Vec<usize>>) {
    let plain: String = names.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match plain.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (&plain[..], None),
    };
    let parts: Vec<&str> = left.split(',').collect();
    let unnamed: Vec<_> = parts.iter().zip(shapes).map(|(part, x)| axes(part, x.len())).collect();
    let fits = parts.len() == shapes.len() && unnamed.iter().all(Option::is_some);
    assert!(fits, "einsum {names:?} of arrays {shapes:?}");
    let unnamed: Vec<Range<usize>> = unnamed.into_iter().flatten().collect();
    let lengths = unnamed.iter().zip(shapes).map(|(axes, x)| &x[axes.clone()]);
    let common = lengths.fold(Vec::new(), |common, lengths| broadcast_shape(&common, lengths));
    let free = ('A'..='Z').chain('a'..='z').chain('\u{4e00}'..='\u{9fff}');
    let letters: Vec<char> = free.filter(|&c| !plain.contains(c)).take(common.len()).collect();

    let spelled = |part: &str, count: usize| {
        part.replacen("...", &String::from_iter(&letters[letters.len() - count..]), 1)
    };
    let inputs: Vec<String> =
        parts.iter().zip(&unnamed).map(|(part, axes)| spelled(part, axes.len())).collect();
    let output = match right {
        Some(right) => spelled(right, letters.len()),
        None => letters.iter().copied().chain(once(left)).collect(),
    };
    let repeated = shapes.iter().zip(&unnamed).map(|(x, axes)| {
        [&x[..axes.start], &common[common.len() - axes.len()..], &x[axes.end..]].concat()
    });
    (format!("{}->{output}", inputs.join(",")), repeated.collect())
}

/// The axes that `...` stands for in an array of `ndim`: none where it is not; `None` if there are too few.
fn axes(part: &str, ndim: usize) -> Option<Range<usize>> {
    let Some((before, behind)) = part.split_once("...") else { return Some(0..0) };
    let end = ndim.checked_sub(behind.chars().count())?;
    let start = before.chars().count();
    (start <= end).then_some(start..end)
}

/// The names that occur once, in alphabetical order.
fn once(left: &str) -> Vec<char> {
    let mut all: Vec<char> = left.chars().filter(|c| c.is_alphabetic()).collect();
    all.sort_unstable();
    all.chunk_by(|a, b| a == b).filter(|same| same.len() == 1).map(|same| same[0]).collect()
}
