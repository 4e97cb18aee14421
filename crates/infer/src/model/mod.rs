//! The model.
pub(crate) mod attention;
pub(crate) mod rope;
