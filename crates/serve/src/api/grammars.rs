//! Grammars are compiled where they hold up nobody else.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use ulp_infer::{CompiledGrammar, Grammar, GrammarCompiler};

use super::answer::of_interruption;
use super::blocking;
use super::error::ApiError;
use crate::engine_thread::Interruption;

/// Grammars that are compiled at once; further ones wait. The largest ones take seconds, and the
/// processor is for the model.
const AT_ONCE: usize = 2;

/// Compiles grammars on threads of their own, a few at once.
#[derive(Debug)]
pub(crate) struct Grammars {
    compiler: GrammarCompiler,
    turns: Arc<Semaphore>,
}

impl Grammars {
    pub(crate) fn new(compiler: GrammarCompiler) -> Self {
        Grammars { compiler, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Compiles what the parameter `param` says.
    ///
    /// # Errors
    ///
    /// 400 for what is no grammar or too large, 504 if it is not done by the deadline.
    pub(super) async fn compile(
        &self,
        grammar: Grammar,
        param: &str,
        deadline: Instant,
    ) -> Result<CompiledGrammar, ApiError> {
        let compiled = timeout_at(deadline, self.in_turn(grammar)).await;
        let compiled = compiled.map_err(|_| of_interruption(Interruption::TimedOut))??;
        compiled.map_err(|error| ApiError::of_engine(&error, param))
    }

    async fn in_turn(
        &self,
        grammar: Grammar,
    ) -> Result<Result<CompiledGrammar, ulp_infer::InferError>, ApiError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let compiler = self.compiler.clone();
        blocking(move || {
            let compiled = compiler.compile(&grammar);
            // Whoever asked may be gone: the turn ends with the work, not with the waiting for it.
            drop(turn);
            compiled
        })
        .await
    }
}
