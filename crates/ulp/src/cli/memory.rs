//! What is refused because no memory holds it.

use super::plan::gib;
use super::proc_file::proc_bytes;
use crate::error::CliError;

/// More than machines have, for systems that do not say what this one has.
const MOST: u128 = 1 << 42;

/// Refuses what takes more memory than the machine has: to ask the system for it would end the
/// program. `what` is the subject of the sentence.
pub(super) fn refuse_more_than_all(
    argument: &'static str,
    what: &str,
    bytes: u128,
) -> Result<(), CliError> {
    let most = memory().unwrap_or(MOST);
    if bytes <= most {
        return Ok(());
    }
    let [bytes, most] = [bytes, most].map(|n| gib(usize::try_from(n).unwrap_or(usize::MAX)));
    Err(CliError::usage(argument, format!("{what} takes {bytes}, the machine has {most}")))
}

/// Bytes of memory and swap space, where the system says so.
fn memory() -> Option<u128> {
    let bytes = |key| proc_bytes("/proc/meminfo", key).map(|bytes| bytes as u128);
    Some(bytes("MemTotal")? + bytes("SwapTotal").unwrap_or(0))
}
