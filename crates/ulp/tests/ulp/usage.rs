//! Help, versions, exit codes.

use crate::support::run;

#[test]
fn help_is_there_for_everything_and_has_examples() {
    let all = run(["--help"]).good();
    for name in ["generate", "chat", "score", "perplexity", "train", "tokenize", "inspect"] {
        assert!(all.contains(name), "{name}");
        let help = run([name, "--help"]).good();
        assert!(help.contains("Examples:"), "{name} --help has no examples");
    }
    assert_eq!(run(["--version"]).good(), format!("ulp {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_two() {
    for words in [&["no-such-command"][..], &["generate", "--no-such-flag"], &["float"], &[]] {
        let ran = run(words);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{words:?}");
        assert!(ran.err.contains("Usage:"), "{words:?}: {}", ran.err);
    }
}
