//! Which type each tensor of a quantized model has.

use std::fmt;
use std::str::FromStr;

use crate::quant::TensorType::{self, *};

/// A recipe for a whole file: a type for most matrices, and better ones for those through which
/// errors spread far. The recipes, their names and numbers are llama.cpp's.
///
/// # Examples
///
/// ```
/// use ulp_infer::{Mix, TensorType};
///
/// let mix: Mix = "q4_k_m".parse()?;
/// assert_eq!((mix.name(), mix.base()), ("Q4_K_M", TensorType::Q4_K));
/// # Ok::<(), ulp_infer::UnknownMix>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix(&'static Recipe);

#[derive(Debug, PartialEq, Eq)]
struct Recipe {
    name: &'static str,
    /// llama.cpp's number of such files.
    file_type: u32,
    base: TensorType,
    /// The rest of the recipe.
    rule: Rule,
}

/// Where a recipe departs from its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Nowhere: a type that is not quantized.
    None,
    /// At the output matrix alone.
    Output,
    Q2K,
    Q3KM,
    Q3KL,
    Q4KS,
    /// More bits for values and for the feed-forward's end in half of the layers.
    Medium,
}

const fn recipe(name: &'static str, file_type: u32, base: TensorType, rule: Rule) -> Recipe {
    Recipe { name, file_type, base, rule }
}

static RECIPES: [Recipe; 20] = [
    recipe("F32", 0, F32, Rule::None),
    recipe("F16", 1, F16, Rule::None),
    recipe("BF16", 32, BF16, Rule::None),
    recipe("Q8_0", 7, Q8_0, Rule::Output),
    recipe("Q4_0", 2, Q4_0, Rule::Output),
    recipe("Q4_1", 3, Q4_1, Rule::Output),
    recipe("Q5_0", 8, Q5_0, Rule::Output),
    recipe("Q5_1", 9, Q5_1, Rule::Output),
    recipe("Q2_K", 10, Q2_K, Rule::Q2K),
    recipe("Q3_K_S", 11, Q3_K, Rule::Output),
    recipe("Q3_K_M", 12, Q3_K, Rule::Q3KM),
    recipe("Q3_K_L", 13, Q3_K, Rule::Q3KL),
    recipe("Q4_K_S", 14, Q4_K, Rule::Q4KS),
    recipe("Q4_K_M", 15, Q4_K, Rule::Medium),
    recipe("Q5_K_S", 16, Q5_K, Rule::Output),
    recipe("Q5_K_M", 17, Q5_K, Rule::Medium),
    recipe("Q6_K", 18, Q6_K, Rule::Output),
    // The plain names stand for what is recommended.
    recipe("Q3_K", 12, Q3_K, Rule::Q3KM),
    recipe("Q4_K", 15, Q4_K, Rule::Medium),
    recipe("Q5_K", 17, Q5_K, Rule::Medium),
];

/// What a recipe has to know of the model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// L
    pub(super) layers: usize,
    /// H / K
    pub(super) group: usize,
    /// The embedding is the output matrix, too.
    pub(super) tied: bool,
}

impl Mix {
    /// Every recipe.
    pub fn all() -> impl Iterator<Item = Mix> {
        RECIPES.iter().map(Mix)
    }

    /// Its name, such as `Q4_K_M`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The type that most matrices have.
    pub fn base(self) -> TensorType {
        self.0.base
    }

    /// What GGUF files say in `general.file_type`.
    pub fn file_type(self) -> u32 {
        self.0.file_type
    }

    /// The type of the matrix `tensor` with rows of `cols` elements. Rows that do not fill whole
    /// blocks get the nearest type whose blocks they fill.
    pub(super) fn tensor_type(self, tensor: &str, cols: usize, plan: &Plan) -> TensorType {
        let Recipe { base, rule, .. } = *self.0;
        if rule == Rule::None {
            return base;
        }
        let output = tensor == "output.weight" || plan.tied && tensor == "token_embd.weight";
        let ty = match output {
            true if !cols.is_multiple_of(base.block_elements()) || base == Q8_0 => Q8_0,
            true => Q6_K,
            false => rule.of(layer_and_part(tensor), base, plan),
        };
        filled(ty, cols)
    }
}

impl Rule {
    fn of(self, (layer, part): (usize, &str), base: TensorType, plan: &Plan) -> TensorType {
        let (layers, grouped) = (plan.layers, plan.group >= 4);
        let more = layer < layers / 8
            || layer >= 7 * layers / 8
            || layer.saturating_sub(layers / 8) % 3 == 2;
        match (self, part) {
            (Rule::Q2K, "attn_v") => {
                if grouped {
                    Q4_K
                } else {
                    Q3_K
                }
            }
            (Rule::Q2K, "ffn_down" | "attn_output") => Q3_K,
            (Rule::Q3KM, "attn_v") => {
                if layer < 2 {
                    Q5_K
                } else {
                    Q4_K
                }
            }
            (Rule::Q3KM, "ffn_down") => {
                if layer < layers / 16 {
                    Q5_K
                } else {
                    Q4_K
                }
            }
            (Rule::Q3KM, "attn_output") => Q4_K,
            (Rule::Q3KL, "attn_v" | "ffn_down" | "attn_output") => Q5_K,
            (Rule::Q4KS, "attn_v") if layer < 4 => Q5_K,
            (Rule::Q4KS, "ffn_down") if layer < layers / 8 => Q5_K,
            (Rule::Medium, "attn_v" | "ffn_down") if more => Q6_K,
            _ => base,
        }
    }
}

/// `blk.3.attn_v.weight` is (3, "attn_v"); other names have no layer and no part.
fn layer_and_part(tensor: &str) -> (usize, &str) {
    let mut words = tensor.split('.');
    match (words.next(), words.next().map(str::parse), words.next()) {
        (Some("blk"), Some(Ok(layer)), Some(part)) => (layer, part),
        _ => (usize::MAX, ""),
    }
}

/// A type near `ty` whose blocks rows of `cols` elements fill.
fn filled(ty: TensorType, cols: usize) -> TensorType {
    let fits = |ty: TensorType| cols.is_multiple_of(ty.block_elements());
    let smaller = match ty {
        Q2_K | Q3_K => Q4_0,
        Q4_K => Q5_0,
        Q5_K => Q5_1,
        Q6_K => Q8_0,
        other => other,
    };
    [ty, smaller].into_iter().find(|&ty| fits(ty)).unwrap_or(F16)
}

/// A name that no recipe bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMix(pub String);

impl fmt::Display for UnknownMix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Mix::all().map(Mix::name).collect();
        write!(f, "there is no type {:?}; the types are {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownMix {}

impl FromStr for Mix {
    type Err = UnknownMix;

    /// Accepts the names in either case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Mix::all().find(|mix| mix.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| UnknownMix(name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINYLLAMA: Plan = Plan { layers: 22, group: 8, tied: false };

    fn types(mix: &str, part: &str) -> Vec<TensorType> {
        let mix: Mix = mix.parse().unwrap();
        let name = |layer| format!("blk.{layer}.{part}.weight");
        (0..22).map(|layer| mix.tensor_type(&name(layer), 2048, &TINYLLAMA)).collect()
    }

    /// As llama.cpp's published Q4_K_M of this model has them.
    #[test]
    fn the_medium_mix_gives_half_of_the_layers_more() {
        let six: Vec<usize> = types("Q4_K_M", "ffn_down")
            .iter()
            .enumerate()
            .filter(|(_, ty)| **ty == Q6_K)
            .map(|(layer, _)| layer)
            .collect();
        assert_eq!(six, [0, 1, 4, 7, 10, 13, 16, 19, 20, 21]);
        assert_eq!(types("Q4_K_M", "attn_v"), types("Q4_K_M", "ffn_down"));
        assert!(types("Q4_K_M", "attn_q").iter().all(|&ty| ty == Q4_K));
        assert_eq!(types("Q3_K_M", "attn_v")[..3], [Q5_K, Q5_K, Q4_K]);
        assert!(types("Q2_K", "attn_v").iter().all(|&ty| ty == Q4_K));
    }

    #[test]
    fn output_matrices_are_better_and_blocks_are_filled() {
        let of = |mix: &str, tensor, cols, tied| {
            mix.parse::<Mix>().unwrap().tensor_type(tensor, cols, &Plan { tied, ..TINYLLAMA })
        };
        assert_eq!(of("Q4_0", "output.weight", 2048, false), Q6_K);
        assert_eq!(of("Q8_0", "output.weight", 2048, false), Q8_0);
        assert_eq!(of("Q4_0", "token_embd.weight", 2048, false), Q4_0);
        assert_eq!(of("Q4_0", "token_embd.weight", 2048, true), Q6_K);
        assert_eq!(of("Q4_K_M", "output.weight", 576, false), Q8_0);
        assert_eq!(of("Q4_K_M", "blk.0.attn_q.weight", 576, false), Q5_0);
        assert_eq!(of("Q4_K_M", "blk.0.attn_q.weight", 100, false), F16);
        assert_eq!(of("BF16", "output.weight", 2048, false), BF16);
    }
}
