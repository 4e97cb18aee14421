//! How keys and values are stored.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ulp_infer::CacheType;

/// `--kv`, as typed.
#[derive(Args)]
pub(in crate::cli) struct KvFlag {
    /// The type in which keys and values are cached: f16 takes half of the memory, q8_0 a bit over a
    /// quarter
    #[arg(long = "kv", alias = "cache-type", value_name = "TYPE", default_value_t)]
    #[arg(ignore_case = true, value_parser = cache_type())]
    pub(in crate::cli) ty: CacheType,
}

fn cache_type() -> impl TypedValueParser<Value = CacheType> {
    PossibleValuesParser::new(CacheType::ALL.map(CacheType::name))
        .map(|name| name.parse().expect("one of the names"))
}
