//! Learning a vocabulary from text.

mod byte_bpe;

pub use byte_bpe::{ByteBpeTrainer, train_byte_bpe};
