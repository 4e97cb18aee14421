//! What stands in the place of grammars where they are left out.

use std::sync::Arc;

use super::Grammar;
use crate::error::InferError;
use crate::tokenizer::Tokenizer;

/// Would compile grammars; the feature `grammar` is off.
#[derive(Debug, Clone)]
pub struct GrammarCompiler {}

/// There is none.
#[derive(Debug, Clone)]
pub enum CompiledGrammar {}

/// There is none.
#[derive(Debug)]
pub(crate) enum Constraint {}

impl GrammarCompiler {
    /// A compiler that refuses.
    pub fn new(_: Arc<Tokenizer>) -> Self {
        GrammarCompiler {}
    }

    /// Compiles nothing.
    ///
    /// # Errors
    ///
    /// [`InferError::NoGrammars`].
    pub fn compile(&self, _: &Grammar) -> Result<CompiledGrammar, InferError> {
        Err(InferError::NoGrammars)
    }
}

impl CompiledGrammar {
    pub(crate) fn constraint(&self) -> Constraint {
        match *self {}
    }

    pub(crate) fn vocabulary_size(&self) -> usize {
        match *self {}
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
