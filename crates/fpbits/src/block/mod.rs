//! Blocks of numbers under one scale: the OCP microscaling (MX) formats and NVIDIA's NVFP4.
//!
//! A block holds `size` elements of few bits and a scale; a number is element x scale. The scale
//! follows the largest magnitude of the block, so that small numbers beside large ones lose bits,
//! and blocks of small numbers do not.
//!
//! - MX ([OCP Microscaling Formats Specification 1.0](https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf)):
//!   32 elements, scale E8M0, a power of two. The largest element's exponent becomes the element
//!   format's largest; what then lies above its largest number saturates.
//! - NVFP4: 16 elements E2M1, scale E4M3FN, which brings the largest magnitude to 6; above that a
//!   scale for the whole tensor in binary32, which brings the largest block scale to 448.

mod pack;
mod quantize;

pub use pack::{pack_codes, unpack_codes};

use crate::{Format, Layout, NanCodes, Overflow};

/// A block format.
///
/// # Examples
/// ```
/// use fpbits::BlockFormat;
/// let f = BlockFormat::MXFP4;
/// let values: Vec<f32> = (0..32).map(|i| (i as f32 - 10.0) / 10.0).collect();
/// let (mut codes, mut back) = ([0; 32], [0.0; 32]);
/// let scale = f.quantize(&values, &mut codes);
/// f.dequantize(scale, &codes, &mut back);
/// assert_eq!(scale, 126); // 2^-1: the largest magnitude, 2.1, has the exponent 1, E2M1's is 2
/// assert_eq!((values[31], back[31]), (2.1, 2.0));
/// assert_eq!(f.bits_per_value(), 4.25);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockFormat {
    element: Element,
    scale: Format,
    size: usize,
}

/// What the elements of a block are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Floating-point numbers.
    Float(Format),
    /// Integers of 8 bits in two's complement, in units of 2^-6: from -2 to 127 / 64.
    Int8,
}

/// The element saturates, whatever its format does otherwise.
const fn saturating(format: Format) -> Element {
    match format.with_overflow(Overflow::Clamp) {
        Ok(format) => Element::Float(format),
        Err(_) => unreachable!(),
    }
}

const fn mx(element: Element) -> BlockFormat {
    BlockFormat { element, scale: Format::E8M0, size: 32 }
}

impl BlockFormat {
    /// MXFP8 with E5M2 elements.
    pub const MXFP8_E5M2: BlockFormat = mx(saturating(Format::E5M2));
    /// MXFP8 with E4M3 elements (E4M3FN).
    pub const MXFP8_E4M3: BlockFormat = mx(saturating(Format::E4M3FN));
    /// MXFP6 with E3M2 elements.
    pub const MXFP6_E3M2: BlockFormat = mx(saturating(Format::E3M2));
    /// MXFP6 with E2M3 elements.
    pub const MXFP6_E2M3: BlockFormat = mx(saturating(Format::E2M3));
    /// MXFP4: E2M1 elements.
    pub const MXFP4: BlockFormat = mx(saturating(Format::E2M1));
    /// MXINT8: 8-bit integers in units of 2^-6.
    pub const MXINT8: BlockFormat = mx(Element::Int8);
    /// NVFP4: 16 E2M1 elements under an E4M3FN scale.
    pub const NVFP4: BlockFormat = BlockFormat {
        element: saturating(Format::E2M1),
        scale: match Format::E4M3FN.with_overflow(Overflow::Clamp) {
            Ok(format) => format,
            Err(_) => unreachable!(),
        },
        size: 16,
    };

    /// The block formats by name.
    pub const NAMED: [(&'static str, BlockFormat); 7] = [
        ("mxfp8_e5m2", BlockFormat::MXFP8_E5M2),
        ("mxfp8_e4m3", BlockFormat::MXFP8_E4M3),
        ("mxfp6_e3m2", BlockFormat::MXFP6_E3M2),
        ("mxfp6_e2m3", BlockFormat::MXFP6_E2M3),
        ("mxfp4", BlockFormat::MXFP4),
        ("mxint8", BlockFormat::MXINT8),
        ("nvfp4", BlockFormat::NVFP4),
    ];

    /// What the elements are.
    pub const fn element(&self) -> Element {
        self.element
    }

    /// The format of the scale.
    pub const fn scale(&self) -> &Format {
        &self.scale
    }

    /// How many elements a block has.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The width of an element in bits.
    pub const fn element_bits(&self) -> u32 {
        match self.element {
            Element::Float(format) => format.width(),
            Element::Int8 => 8,
        }
    }

    /// Bits for each value, its share of the scale included.
    pub const fn bits_per_value(&self) -> f64 {
        self.element_bits() as f64 + self.scale.width() as f64 / self.size as f64
    }

    /// The element format as a format to round to: MXINT8's is the sign and magnitude of an
    /// integer of 7 bits.
    const fn rounding_format(&self) -> Format {
        match self.element {
            Element::Float(format) => format,
            Element::Int8 => INT8_MAGNITUDES,
        }
    }
}

/// The multiples of 2^-6 up to 127 / 64, as floats of one binade: a subnormal range from 2^-6 and
/// one exponent above it.
const INT8_MAGNITUDES: Format = match Format::new(Layout {
    exponent_bits: 1,
    fraction_bits: 6,
    bias: 1,
    infinities: false,
    nan: NanCodes::None,
    overflow: Overflow::Clamp,
    ..Layout::ieee(1, 6)
}) {
    Ok(format) => format,
    Err(_) => unreachable!(),
};
