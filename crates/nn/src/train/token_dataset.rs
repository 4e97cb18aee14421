use ulp_tensor::Philox;
use ulp_tensor::ndarray::Array2;

use crate::NnError;

/// The random stream from which windows are drawn. Initial weights use streams of their own.
const STREAM: u64 = 0x6461_7461; // "data"

/// Where a training window may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Windows {
    /// At any token.
    #[default]
    AnyToken,
    /// At the first token of a document, as a prompt does. Windows run on into the documents that
    /// follow.
    DocumentStart,
}

impl Windows {
    /// The value in `trainer.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnyToken => "any_token",
            Self::DocumentStart => "document_start",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::AnyToken, Self::DocumentStart].into_iter().find(|windows| windows.name() == name)
    }
}

/// Token ids of many documents, one after the other.
///
/// What separates documents (a begin or end token) is part of the documents.
///
/// # Examples
///
/// ```
/// use ulp_nn::{TokenDataset, Windows};
///
/// let data = TokenDataset::from_documents([vec![1, 5, 6, 2], vec![1, 7, 2]]);
/// assert_eq!(data.tokens(), [1, 5, 6, 2, 1, 7, 2]);
/// let batch = data.batch(42, 0, 2, 3, Windows::DocumentStart)?;
/// assert_eq!(batch.dim(), (2, 3));
/// assert!(batch.column(0).iter().all(|id| *id == 1));
/// # Ok::<(), ulp_nn::NnError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenDataset {
    tokens: Vec<u32>,
    /// Where each document begins, ascending.
    starts: Vec<usize>,
}

impl TokenDataset {
    /// One stream without inner borders.
    pub fn from_tokens(tokens: Vec<u32>) -> Self {
        Self { tokens, starts: vec![0] }
    }

    /// The documents in order. Empty ones leave no trace.
    pub fn from_documents<D: AsRef<[u32]>>(documents: impl IntoIterator<Item = D>) -> Self {
        let mut dataset = Self::default();
        for document in documents {
            if !document.as_ref().is_empty() {
                dataset.starts.push(dataset.tokens.len());
                dataset.tokens.extend_from_slice(document.as_ref());
            }
        }
        dataset
    }

    /// All ids.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// How many documents there are.
    pub fn document_count(&self) -> usize {
        self.starts.len()
    }

    /// Checks that every id is one that a model of this vocabulary knows.
    ///
    /// # Errors
    ///
    /// [`NnError::TokenOutOfRange`] with the first that is not.
    pub fn check_vocabulary(&self, vocab_size: usize) -> Result<(), NnError> {
        match self.tokens.iter().position(|id| *id as usize >= vocab_size) {
            None => Ok(()),
            Some(position) => {
                Err(NnError::TokenOutOfRange { position, id: self.tokens[position], vocab_size })
            }
        }
    }

    /// The windows of one step: `[batch, length]`, a function of the arguments alone.
    ///
    /// # Errors
    ///
    /// [`NnError::DatasetTooShort`] if no window fits.
    pub fn batch(
        &self,
        seed: u64,
        step: u64,
        batch: usize,
        length: usize,
        windows: Windows,
    ) -> Result<Array2<u32>, NnError> {
        let places = self.places(length, windows)?;
        let random = Philox::new(seed, STREAM);
        let mut ids = Vec::with_capacity(batch * length);
        for row in 0..batch as u64 {
            let index = step.wrapping_mul(batch as u64).wrapping_add(row);
            let place = below(random.block(index), places);
            let start = match windows {
                Windows::AnyToken => place,
                Windows::DocumentStart => self.starts[place],
            };
            ids.extend_from_slice(&self.tokens[start..start + length]);
        }
        Ok(Array2::from_shape_vec((batch, length), ids).expect("each row has the length"))
    }

    /// Windows one after the other, the last token of one being the first of the next, so that
    /// each token but the first is predicted once: for evaluation.
    ///
    /// # Errors
    ///
    /// [`NnError::DatasetTooShort`] if no window fits.
    pub fn consecutive(&self, length: usize) -> Result<impl Iterator<Item = &[u32]>, NnError> {
        let places = self.places(length, Windows::AnyToken)?;
        let stride = length.saturating_sub(1).max(1);
        Ok((0..places).step_by(stride).map(move |start| &self.tokens[start..start + length]))
    }

    /// How many windows of this length there are.
    fn places(&self, length: usize, windows: Windows) -> Result<usize, NnError> {
        let too_short = NnError::DatasetTooShort { needed: length, available: self.tokens.len() };
        let last = self.tokens.len().checked_sub(length).ok_or(too_short)?;
        let places = match windows {
            Windows::AnyToken => last + 1,
            Windows::DocumentStart => self.starts.partition_point(|start| *start <= last),
        };
        if places == 0 {
            let available = self.tokens.len();
            return Err(NnError::DatasetTooShort { needed: length, available });
        }
        Ok(places)
    }
}

/// A number below `limit` from 64 random bits: the upper half of their product, which favours no
/// number by more than `limit / 2^64`.
fn below([low, high, ..]: [u32; 4], limit: usize) -> usize {
    let bits = u128::from(low) | u128::from(high) << 32;
    ((bits * limit as u128) >> 64) as usize
}
