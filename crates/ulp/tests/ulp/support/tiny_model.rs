//! A model small enough to be made in a test.

use super::{Scratch, run};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A vocabulary of some words, a text that repeats itself, a few dozen steps: enough that the best
/// token is better than the second, and no more.
pub(crate) struct TinyModel {
    scratch: Scratch,
}

impl TinyModel {
    /// The model of this test program, made once.
    pub(crate) fn get() -> &'static TinyModel {
        static MODEL: OnceLock<TinyModel> = OnceLock::new();
        MODEL.get_or_init(|| {
            // Statics are not dropped: the directory has a name of its own that is used again.
            let scratch = Scratch::new(concat!("tiny-", env!("CARGO_CRATE_NAME")));
            let text = "the cat sat. the dog ran. the cat ran. the dog sat.\n".repeat(40);
            let text = scratch.write("text.txt", text);
            let (text, out) = (text.to_str().unwrap(), scratch.path("model"));
            let mut words = vec!["train", "--text", text, "--out", out.to_str().unwrap()];
            words
                .extend("--vocab-size 280 --layers 2 --width 32 --heads 4 --kv-heads 2".split(' '));
            words.extend("--steps 40 --batch 4 --context 64 --lr 0.01 --seed 3".split(' '));
            run(words).good();
            TinyModel { scratch }
        })
    }

    /// The model as a Hugging Face directory.
    pub(crate) fn directory(&self) -> PathBuf {
        self.scratch.path("model")
    }

    /// The same as a path that can be typed.
    pub(crate) fn name(&self) -> String {
        self.directory().to_str().expect("UTF-8").to_string()
    }

    /// A file of the model.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        Path::join(&self.directory(), name)
    }
}
