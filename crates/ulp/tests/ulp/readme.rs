//! Every command line of the README that needs no downloaded model runs.

use crate::support::{Scratch, ulp};
use std::process::Command;

/// A word of a command line.
#[derive(Debug, PartialEq)]
enum Word {
    Text(String),
    Pipe,
}

/// The words of a line as a shell has them: quotes, pipes and comments, and no more.
fn words(line: &str) -> Vec<Word> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            ('|' | ' ', None) => {
                words.extend(word.take().map(Word::Text));
                words.extend((c == '|').then_some(Word::Pipe));
            }
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.map(Word::Text));
    words
}

/// What `echo TEXT` and `printf TEXT` write.
fn printed(words: &[String]) -> String {
    match words {
        [echo, text] if echo == "echo" => format!("{text}\n"),
        [printf, text] if printf == "printf" => text.replace("\\n", "\n"),
        other => panic!("{other:?} is not known to this test"),
    }
}

#[test]
fn the_examples_run() {
    let scratch = Scratch::new("readme");
    scratch.write("book.txt", "Once there was a fox who met a hen. ".repeat(200));
    let readme = include_str!("../../README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("$ "));
    let mut ran = 0;
    for line in lines.filter(|line| !line.contains("models/") && !line.starts_with("cargo")) {
        let mut parts: Vec<Vec<String>> = vec![Vec::new()];
        for word in words(line) {
            match word {
                Word::Text(text) => parts.last_mut().expect("one at least").push(text),
                Word::Pipe => parts.push(Vec::new()),
            }
        }
        let command = parts.pop().expect("one at least");
        let input = parts.pop().map_or(String::new(), |words| printed(&words));
        let input = scratch.write("input", input);
        assert_eq!(command[0], "ulp", "{line}");
        let output = Command::new(ulp().get_program())
            .args(&command[1..])
            .current_dir(scratch.path(""))
            .stdin(std::fs::File::open(input).expect("written"))
            .output()
            .expect("the command runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {error}");
        assert!(command[1] == "train" || command.len() == 2 || !output.stdout.is_empty(), "{line}");
        ran += 1;
    }
    assert!(ran > 15, "{ran}");
}

#[test]
fn lines_as_a_shell_reads_them() {
    let text = |text: &str| Word::Text(text.to_string());
    assert_eq!(
        words("a 'b  c'|d \"\" # e"),
        [text("a"), text("b  c"), Word::Pipe, text("d"), text("")]
    );
}
