//! Weight formats and products with quantized weights.

mod bf16;
mod bf16_rows;
mod f16;
mod f32;
mod format;
mod grids;
mod iq1_m;
mod iq1_s;
mod iq2_s;
mod iq2_xs;
mod iq2_xxs;
mod iq3_s;
mod iq3_xxs;
mod iq4_nl;
mod iq4_xs;
mod kernel_rates;
#[allow(unsafe_code)]
mod kernels;
mod least_squares;
mod limits;
mod matrix;
mod mxfp4;
mod nvfp4;
mod panel;
mod plain;
mod q2_k;
mod q3_k;
mod q4_0;
mod q4_1;
mod q4_k;
mod q5_0;
mod q5_1;
mod q5_k;
mod q6_k;
mod q8_0;
mod quantize;
mod quantized_rows;
mod rows;
mod sub_scales;
mod table;
mod tensor_type;
#[cfg(test)]
mod tests;
mod tile;
mod tq1_0;
mod tq2_0;

pub(crate) use format::Format;
pub use kernel_rates::KernelRates;
pub use limits::{LimitBuffer, MachineLimits};
pub(crate) use matrix::multiply_all;
pub use matrix::{Activations, Matrix, UnsupportedType};
pub(crate) use q8_0::round_q8_0;
pub(crate) use quantize::quantize_weighted;
pub use quantize::{dequantize, quantize};
pub use rows::{RowBuffer, Rows};
pub use tensor_type::{TensorType, UnknownTensorType};
