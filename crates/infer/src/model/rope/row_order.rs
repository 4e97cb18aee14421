//! Where the rows of a query or key matrix are stored.
//!
//! Which two elements of a head turn together is a matter of how a file has its rows. Hugging Face's
//! have the halves of a head, (i, i + D/2); GGUF files of the architecture `llama` have neighbours,
//! (2i, 2i + 1), as the first Llama's own files had. One is the other with whole rows exchanged, and
//! whole rows can be exchanged in every format. They are when a file is read: afterwards there is one
//! order, in which the sums q·k run over a head, and both files give the same bits.

use super::Rope;
use crate::model::config::{ModelConfig, Positions};

/// How the rows of a matrix come from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowOrder {
    /// As they are stored.
    Stored,
    /// Of each `head_dim` rows, the first `width` are stored in pairs of neighbours.
    Neighbours { head_dim: usize, width: usize },
}

impl RowOrder {
    /// That of the query and key matrices of a GGUF file; `neighbours_turn` if its architecture has them
    /// in pairs of neighbours.
    pub(crate) fn of_gguf(config: &ModelConfig, neighbours_turn: bool) -> Self {
        match &config.positions {
            Positions::Rotary { rope, .. } if neighbours_turn => {
                RowOrder::neighbours(config.head_dim, rope)
            }
            _ => RowOrder::Stored,
        }
    }

    fn neighbours(head_dim: usize, rope: &Rope) -> Self {
        RowOrder::Neighbours { head_dim, width: rope.width }
    }

    /// Which stored row is row `row`.
    pub(crate) fn stored(self, row: usize) -> usize {
        self.within_head(row, |row, half| row % half * 2 + row / half)
    }

    /// Which row stored row `stored` is: the inverse of [`RowOrder::stored`].
    pub(crate) fn row(self, stored: usize) -> usize {
        self.within_head(stored, |stored, half| stored / 2 + stored % 2 * half)
    }

    fn within_head(self, row: usize, place: impl FnOnce(usize, usize) -> usize) -> usize {
        match self {
            RowOrder::Neighbours { head_dim, width } if row % head_dim < width => {
                row - row % head_dim + place(row % head_dim, width / 2)
            }
            _ => row,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_come_from_both_halves() {
        // Two heads of six rows, of which four turn.
        let order = RowOrder::Neighbours { head_dim: 6, width: 4 };
        let stored: Vec<usize> = (0..12).map(|row| order.stored(row)).collect();
        assert_eq!(stored, [0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]);
        let order = RowOrder::neighbours(6, &Rope::plain(6, 10_000.0));
        let stored: Vec<usize> = (0..6).map(|row| order.stored(row)).collect();
        assert_eq!(stored, [0, 2, 4, 1, 3, 5]);
        for row in 0..18 {
            assert_eq!((order.row(order.stored(row)), RowOrder::Stored.stored(row)), (row, row));
        }
    }
}
