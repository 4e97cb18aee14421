//! Directories in Hugging Face's form: `config.json` is the metadata, the weights are in one
//! safetensors file or several.

use super::listing::Listing;
use super::safetensors::tensor_lines;
use crate::cli::flags::read_text;
use crate::error::CliError;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use ulp_infer::Bytes;
use ulp_nn::{NnError, SafeTensorsHeader};

pub(super) fn list(directory: &Path) -> Result<Listing, CliError> {
    let files = weight_files(directory)?;
    let (mut bytes, mut tensors) = (0, Vec::new());
    for path in &files {
        let file = Bytes::map(path)?;
        bytes += file.len() as u64;
        let header = SafeTensorsHeader::parse(&file, &path.display().to_string())?;
        let name = path.file_name().and_then(|name| name.to_str());
        tensors.extend(tensor_lines(&header, name.filter(|_| files.len() > 1)));
    }
    Ok(Listing {
        path: directory.display().to_string(),
        kind: format!("directory of {} safetensors", files.len()),
        bytes,
        metadata: config(&directory.join("config.json"))?,
        tensors,
    })
}

fn weight_files(directory: &Path) -> Result<Vec<PathBuf>, CliError> {
    let entries = fs::read_dir(directory).map_err(|source| CliError::io(directory, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| CliError::io(directory, source))?.path();
        // A trainer's state lies beside the weights and is not part of the model.
        let is_state = path.file_stem().is_some_and(|stem| stem == "optimizer");
        if path.extension().is_some_and(|e| e == "safetensors") && !is_state {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn config(path: &Path) -> Result<Vec<(String, Json)>, CliError> {
    let text = read_text(path)?;
    let file = path.display().to_string();
    let json: Json = serde_json::from_str(&text).map_err(|source| NnError::Json {
        file: file.clone(),
        offset: 0,
        source,
    })?;
    match json {
        Json::Object(object) => Ok(object.into_iter().collect()),
        _ => Err(NnError::WrongType {
            file,
            field: "the whole text".to_string(),
            expected: "an object",
        }
        .into()),
    }
}
