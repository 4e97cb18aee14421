//! The operations: against their definitions, and bit against bit.

mod attention;
mod broadcasting;
mod definitions;
mod elementwise;
mod normalization;
mod products;
mod reductions;
mod same_bits;
mod table;
mod tables;
