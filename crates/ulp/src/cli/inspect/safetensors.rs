//! Safetensors files.

use super::listing::{Listing, TensorLine};
use crate::error::CliError;
use serde_json::Value as Json;
use std::path::Path;
use ulp_infer::Bytes;
use ulp_nn::SafeTensorsHeader;

pub(super) fn list(path: &Path) -> Result<Listing, CliError> {
    let bytes = Bytes::map(path)?;
    let header = SafeTensorsHeader::parse(&bytes, &path.display().to_string())?;
    let metadata = header.metadata().iter();
    Ok(Listing {
        path: path.display().to_string(),
        kind: "safetensors".to_string(),
        bytes: bytes.len() as u64,
        metadata: metadata.map(|(k, v)| (k.clone(), Json::from(v.as_str()))).collect(),
        tensors: tensor_lines(&header, None),
    })
}

pub(super) fn tensor_lines(header: &SafeTensorsHeader, file: Option<&str>) -> Vec<TensorLine> {
    header
        .tensors()
        .iter()
        .map(|t| TensorLine {
            name: t.name().to_string(),
            shape: t.shape().to_vec(),
            ty: t.dtype().name().to_string(),
            bytes: t.range().len(),
            file: file.map(str::to_string),
            offset: t.range().start,
        })
        .collect()
}
