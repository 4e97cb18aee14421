//! Values of a few elements: where those lie, and under which shape.

use std::num::NonZeroU8;
use std::ops::Range;

use ulp_tensor::ndarray::IxDyn;

/// The most elements of a small value. To allocate an array takes longer than sixteen additions.
pub(crate) const MOST: usize = 16;

/// The most axes.
const AXES: usize = 6;

/// The place of a small value among the [elements](crate::nodes::Nodes) of its tape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small {
    start: u32,
    shape: Shape,
}

/// Lengths of axes; zero past the last axis, so that equal shapes are equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    lengths: [u8; AXES],
    axes: u8,
    len: NonZeroU8,
}

impl Shape {
    /// No axes, one element.
    pub(crate) const SCALAR: Shape = Shape { lengths: [0; AXES], axes: 0, len: NonZeroU8::MIN };

    /// `shape`, if it has elements but few.
    pub(crate) fn of(shape: &[usize]) -> Option<Self> {
        let len = shape.iter().product::<usize>();
        if len > MOST || shape.len() > AXES {
            return None;
        }
        let len = NonZeroU8::new(len as u8)?;
        let mut lengths = [0; AXES];
        lengths.iter_mut().zip(shape).for_each(|(to, &length)| *to = length as u8);
        Some(Shape { lengths, axes: shape.len() as u8, len })
    }

    pub(crate) fn len(self) -> usize {
        usize::from(self.len.get())
    }

    pub(crate) fn dim(self) -> IxDyn {
        let lengths = self.lengths.map(usize::from);
        IxDyn(&lengths[..usize::from(self.axes)])
    }
}

impl Small {
    /// From element `start` of the tape on.
    ///
    /// # Panics
    ///
    /// Past 2^32 elements.
    pub(crate) fn new(start: usize, shape: Shape) -> Self {
        let start =
            u32::try_from(start).expect("a tape's small values hold less than 2^32 elements");
        Small { start, shape }
    }

    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    pub(crate) fn shape(self) -> Shape {
        self.shape
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start()..self.start() + self.shape.len()
    }
}
