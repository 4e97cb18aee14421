//! Weight formats and products with quantized weights.

mod bf16;
mod f16;
mod f32;
mod format;
#[allow(unsafe_code)]
mod kernels;
mod matrix;
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
mod tensor_type;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use format::Format;
pub use matrix::{Activations, Matrix, UnsupportedType};
pub use quantize::{dequantize, quantize};
pub use rows::{RowBuffer, Rows};
pub use tensor_type::{TensorType, UnknownTensorType};
