//! What the answer must be.

use super::read_text;
use crate::error::CliError;
use clap::Args;
use std::path::Path;
use ulp_infer::Grammar;

/// Flags for the form of an answer.
#[derive(Args)]
pub(in crate::cli) struct FormFlags {
    /// The answer is JSON that this JSON schema describes: its text, or a file
    #[arg(short = 'j', long, value_name = "SCHEMA", group = "form")]
    json_schema: Option<String>,

    /// The answer is a text that this regular expression describes
    #[arg(long, value_name = "REGEX", group = "form", allow_hyphen_values = true)]
    regex: Option<String>,

    /// The answer follows the grammar in this file, in llguidance's variant of Lark
    #[arg(long, value_name = "FILE", group = "form")]
    lark: Option<String>,
}

impl FormFlags {
    pub(in crate::cli) fn resolve(self) -> Result<Option<Grammar>, CliError> {
        let FormFlags { json_schema, regex, lark } = self;
        let schema = json_schema.map(|schema| match schema.trim_start().starts_with('{') {
            true => Ok(schema),
            false => read_text(Path::new(&schema)),
        });
        let lark = lark.map(|file| read_text(Path::new(&file)));
        Ok(match (schema.transpose()?, regex, lark.transpose()?) {
            (Some(schema), ..) => Some(Grammar::JsonSchema(schema)),
            (_, Some(regex), _) => Some(Grammar::Regex(regex)),
            (_, _, Some(lark)) => Some(Grammar::Lark(lark)),
            (None, None, None) => None,
        })
    }
}
