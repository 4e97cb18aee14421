//! Files that are replaced, and what is not a file.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use ulp_nn::{NnError, replace_file};

/// An empty directory that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("ulp-nn-replace-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a place to write to");
        Scratch(path)
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("UTF-8")
        };
        let mut names: Vec<String> =
            fs::read_dir(&self.0).expect("it is there").map(name).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn replace(path: &Path, text: &str) -> Result<(), NnError> {
    replace_file(path, |out| out.write_all(text.as_bytes()))
}

#[test]
fn another_file_beside_stays() {
    let scratch = Scratch::new("beside");
    let (path, beside) = (scratch.0.join("a"), scratch.0.join("a.partial"));
    fs::write(&beside, "mine").unwrap();
    replace(&path, "new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(fs::read_to_string(&beside).unwrap(), "mine");
    assert_eq!(scratch.names(), ["a", "a.partial"]);
}

#[test]
fn writers_of_one_file_do_not_meet() {
    let scratch = Scratch::new("two");
    let path = scratch.0.join("a");
    replace_file(&path, |out| {
        out.write_all(b"outer")?;
        replace(&path, "inner").map_err(io::Error::other)?;
        assert_eq!(fs::read_to_string(&path)?, "inner");
        out.write_all(b" text")
    })
    .unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "outer text");
    assert_eq!(scratch.names(), ["a"]);
}

#[test]
fn a_failure_leaves_what_was_there() {
    let scratch = Scratch::new("failure");
    let path = scratch.0.join("a");
    replace(&path, "old").unwrap();
    let failed = replace_file(&path, |out| {
        out.write_all(b"half")?;
        Err(ErrorKind::StorageFull.into())
    });
    assert!(matches!(failed, Err(NnError::Io { path: named, .. }) if named == path));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(scratch.names(), ["a"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new("links");
    let at = |name: &str| scratch.0.join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("folder/target"), "old").unwrap();
    symlink("target", at("folder/second")).unwrap();
    symlink("folder/second", at("first")).unwrap();
    symlink("folder/none", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    replace(&at("first"), "new").unwrap();
    replace(&at("dangling"), "fresh").unwrap();
    for link in ["first", "folder/second", "dangling"] {
        assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
    }
    assert_eq!(fs::read_to_string(at("folder/target")).unwrap(), "new");
    assert_eq!(fs::read_to_string(at("folder/none")).unwrap(), "fresh");
    assert!(matches!(replace(&at("loop"), ""), Err(NnError::Io { .. })));
    assert_eq!(scratch.names(), ["dangling", "first", "folder", "loop"]);
}

#[cfg(unix)]
#[test]
fn what_is_not_a_file_is_written_to() {
    use std::os::unix::fs::FileTypeExt;
    let scratch = Scratch::new("pipe");
    let path = scratch.0.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("every Unix has mkfifo").success());
    let reader = std::thread::spawn({
        let path = path.clone();
        move || fs::read_to_string(path)
    });
    replace(&path, "through").unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
    assert_eq!(reader.join().unwrap().unwrap(), "through");
    assert_eq!(scratch.names(), ["pipe"]);
}
