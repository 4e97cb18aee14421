//! The operations: against their definitions, and bit against bit.

mod attention;
mod broadcasting;
mod convolution;
mod definitions;
mod einstein;
mod elementwise;
mod fp8;
mod half;
mod indexing;
mod into;
mod normalization;
mod products;
mod reductions;
mod same_bits;
mod shared_out;
mod table;
mod tables;
