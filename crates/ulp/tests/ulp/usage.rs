//! Help, versions, exit codes.

use crate::support::{Scratch, run};
use ulp_infer::{GgufWriter, TensorType};

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

/// Anybody writes the names in a file; a terminal gets them as text.
#[test]
fn no_file_commands_the_terminal() {
    let scratch = Scratch::new("controls");
    let mut writer = GgufWriter::new();
    writer.set("general.architecture", "llama");
    writer.set("key\u{1b}]0;title\u{7}", "value\u{9b}31m");
    let name = "tensor\u{1b}[31m\n";
    writer.tensor(name, &[1], TensorType::F32, 1f32.to_le_bytes().to_vec());
    let file = scratch.path("controls.gguf");
    writer.write_to_file(&file).unwrap();
    let file = file.to_str().unwrap();

    let listed = run(["inspect", file]).good();
    for shown in [r"key\u{1b}]0;title\u{7}", r"value\u{9b}31m", r"tensor\u{1b}[31m\n "] {
        assert!(listed.contains(shown), "{listed}");
    }
    let cut = scratch.path("cut.gguf");
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 32]).unwrap();
    let refused = run(["inspect", cut.to_str().unwrap()]).bad(1);
    assert!(refused.contains(r"tensor\u{1b}[31m"), "{refused}");
    for text in [listed, refused] {
        assert!(text.lines().all(|line| !line.contains(char::is_control)), "{text:?}");
    }
}

#[cfg(unix)]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let scratch = Scratch::new("help");
    let out = std::fs::File::create(scratch.path("help.txt")).unwrap();
    let ran = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" --help"])
        .arg(env!("CARGO_BIN_EXE_ulp"))
        .stdout(out)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("standard output"), "{ran:?}");
}
