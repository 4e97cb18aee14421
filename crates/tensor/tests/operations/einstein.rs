//! `einsum` against sums over all indices.

use ulp_tensor::ndarray::{ArrayD, IxDyn};
use ulp_tensor::{Float, broadcast_to, einsum};

use crate::definitions::{both, close, real};

/// Lengths by name: a 2, b 3, c 4, ..
fn length(name: char) -> usize {
    name as usize - 'a' as usize + 2
}

fn check_einsum<T: Float>() {
    for names in [
        "ab->ab",
        "ab->ba",
        "ab->",
        "ab->a",
        "ab->b",
        "aa->a",
        "aa->",
        "a->aa",
        "aab->b",
        "ab,bc->ac",
        "ab,bc->ca",
        "ab,ab->",
        "ab,ab->ab",
        "ab,cb->abc",
        "a,b->ab",
        "a,b->",
        "dab,dbc->dac",
        "abd,cdb->ac",
        "ab,bc,ca->",
        "ab,bc,cd->ad",
        "aab,bc->acc",
        "ab,bc",
        "ba",
        "abc,ac->b",
        ",a->a",
    ] {
        let (left, right) = names.split_once("->").unwrap_or((names, ""));
        let inputs: Vec<Vec<char>> = left.split(',').map(|part| part.chars().collect()).collect();
        let output: Vec<char> = match names {
            "ab,bc" => vec!['a', 'c'],
            "ba" => vec!['a', 'b'],
            _ => right.chars().collect(),
        };
        let shape = |names: &[char]| names.iter().map(|&n| length(n)).collect::<Vec<_>>();
        let arrays: Vec<_> =
            inputs.iter().enumerate().map(|(i, n)| real::<T>(&shape(n), i as u64)).collect();
        let mut all: Vec<char> = inputs.concat();
        all.sort_unstable();
        all.dedup();
        let mut expected = ArrayD::zeros(IxDyn(&shape(&output)));
        let total: usize = all.iter().map(|&n| length(n)).product();
        for mut code in 0..total {
            let mut values = vec![0; all.len()];
            for (value, &name) in values.iter_mut().zip(&all) {
                *value = code % length(name);
                code /= length(name);
            }
            let at = |names: &[char]| -> Vec<usize> {
                names.iter().map(|n| values[all.iter().position(|m| m == n).unwrap()]).collect()
            };
            let factors = inputs.iter().zip(&arrays).map(|(n, (_, wide))| wide[&at(n)[..]]);
            expected[&at(&output)[..]] += factors.product::<f64>();
        }
        let views: Vec<_> = arrays.iter().map(|(x, _)| x.view()).collect();
        close(&einsum(names, &views), &expected, 1.0, 16.0);
    }
}
both!(products_by_names, check_einsum);

/// `...` is what its axes are called when they are spelled out, whatever letters there are.
fn check_ellipsis<T: Float>() {
    for (names, shapes, spelled) in [
        ("...", vec![vec![2, 3]], "xy->xy"),
        ("...i->i...", vec![vec![4, 2, 3]], "xyi->ixy"),
        ("i...i", vec![vec![3, 4, 3]], "ixi->x"),
        ("... a , a ... -> ...", vec![vec![4, 3], vec![3, 4]], "xa,ax->x"),
        ("...ij,...jk->...ik", vec![vec![5, 2, 2, 3], vec![2, 3, 4]], "xyij,yjk->xyik"),
        ("b...,...a", vec![vec![2, 3, 4], vec![3, 4, 5]], "bxy,xya->xyab"),
        ("A...,...B->", vec![vec![2, 3], vec![3, 2]], "Ax,xB->"),
        ("a...,a->...", vec![vec![3], vec![3]], "a,a->"),
        ("...,...", vec![vec![], vec![3, 2]], ",xy->xy"),
        ("...i,...i->...", vec![vec![0, 2], vec![0, 2]], "xi,xi->x"),
    ] {
        let arrays: Vec<_> =
            shapes.iter().enumerate().map(|(i, shape)| real::<T>(shape, i as u64).0).collect();
        let views: Vec<_> = arrays.iter().map(|x| x.view()).collect();
        assert_eq!(einsum(names, &views), einsum(spelled, &views), "{names}");
    }
    // One row for each of the others, and one for all.
    let ((x, _), (y, _)) = (real::<T>(&[4, 1, 3], 0), real::<T>(&[2, 3], 1));
    let z = einsum("...i,...i->...", &[x.view(), y.view()]);
    let whole = broadcast_to(x.view(), &[4, 2, 3]);
    assert_eq!(z, einsum("abi,bi->ab", &[whole.view(), y.view()]));
}
both!(axes_without_names, check_ellipsis);

#[test]
#[should_panic(expected = "einsum \"ab...c->...\" of arrays [[2, 3]]")]
fn more_names_than_axes_are_refused() {
    einsum("ab...c->...", &[ArrayD::<f32>::zeros(IxDyn(&[2, 3])).view()]);
}

#[test]
#[should_panic(expected = "axis b of einsum \"ab,bc->ac\" in arrays [[2, 3], [4, 2]]")]
fn two_lengths_of_one_axis_are_refused() {
    let (a, b) = (ArrayD::<f32>::zeros(IxDyn(&[2, 3])), ArrayD::zeros(IxDyn(&[4, 2])));
    einsum("ab,bc->ac", &[a.view(), b.view()]);
}
