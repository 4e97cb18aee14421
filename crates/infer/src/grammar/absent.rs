//! What stands in the place of grammars where they are left out.

use super::Grammar;
use crate::error::InferError;
use crate::tokenizer::Tokenizer;

/// No grammars.
#[derive(Debug, Default)]
pub(crate) struct Grammars {}

/// There is none.
#[derive(Debug)]
pub(crate) enum Constraint {}

impl Grammars {
    pub(crate) fn compile(&mut self, _: &Grammar, _: &Tokenizer) -> Result<Constraint, InferError> {
        Err(InferError::NoGrammars)
    }
}

impl Constraint {
    pub(crate) fn allow(&self, _: &mut [f32], _: &[u32]) -> Result<(), InferError> {
        match *self {}
    }

    pub(crate) fn closing(&self, _: u32, _: usize) -> Option<u32> {
        match *self {}
    }

    pub(crate) fn push(&mut self, _: u32) -> Result<bool, InferError> {
        match *self {}
    }
}
