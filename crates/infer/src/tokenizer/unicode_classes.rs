//! The three classes of characters that the patterns of pre-tokenizers ask about: `\p{L}`, `\p{N}`
//! and `\s`.
//!
//! The standard library's `is_alphabetic` is not `\p{L}`: it also takes vowel signs and circled
//! letters. The tables here are made once from those of the pattern compiler, so that a scanner
//! written by hand and a compiled pattern cannot disagree about a character.

use std::sync::OnceLock;

use regex_syntax::hir::{Class as HirClass, HirKind};

/// The class of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// None of the three.
    Other,
    /// `\p{L}`
    Letter,
    /// `\p{N}`
    Number,
    /// `\s`
    Space,
}

/// Characters a page.
const PAGE: usize = 256;

/// A two-stage table: most of the 4352 pages are equal and stored once.
struct Table {
    /// For each 256 characters, the number of their page.
    pages: Box<[u16]>,
    classes: Vec<[Class; PAGE]>,
}

/// The class of `c`.
#[inline]
pub(crate) fn class(c: char) -> Class {
    if c.is_ascii() {
        return ASCII[c as usize];
    }
    static TABLE: OnceLock<Table> = OnceLock::new();
    let table = TABLE.get_or_init(Table::new);
    let code = c as usize;
    table.classes[usize::from(table.pages[code / PAGE])][code % PAGE]
}

/// The classes of ASCII, which most text is made of.
const ASCII: [Class; 128] = {
    let mut table = [Class::Other; 128];
    let mut code = 0;
    while code < 128 {
        table[code] = match code as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Number,
            b' ' | 9..=13 => Class::Space,
            _ => Class::Other,
        };
        code += 1;
    }
    table
};

impl Table {
    fn new() -> Self {
        let mut all = vec![Class::Other; char::MAX as usize + 1];
        for (pattern, class) in
            [(r"\p{L}", Class::Letter), (r"\p{N}", Class::Number), (r"\s", Class::Space)]
        {
            for (first, last) in ranges(pattern) {
                all[first as usize..=last as usize].fill(class);
            }
        }
        let mut table = Table { pages: vec![0; all.len() / PAGE].into(), classes: Vec::new() };
        for (number, page) in all.as_chunks::<PAGE>().0.iter().enumerate() {
            let place = table.classes.iter().position(|other| other == page);
            let place = place.unwrap_or_else(|| {
                table.classes.push(*page);
                table.classes.len() - 1
            });
            table.pages[number] = u16::try_from(place).expect("at most 4352 pages");
        }
        table
    }
}

/// The ranges of characters in a class, as the pattern compiler knows them.
fn ranges(pattern: &str) -> Vec<(char, char)> {
    let hir = regex_syntax::parse(pattern).expect("a constant pattern");
    match hir.kind() {
        HirKind::Class(HirClass::Unicode(class)) => {
            class.ranges().iter().map(|range| (range.start(), range.end())).collect()
        }
        _ => unreachable!("{pattern} is one class of characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_the_class_of_the_pattern_compiler() {
        let mut expected = vec![Class::Other; char::MAX as usize + 1];
        for (pattern, class) in
            [(r"\p{L}", Class::Letter), (r"\p{N}", Class::Number), (r"\s", Class::Space)]
        {
            for (first, last) in ranges(pattern) {
                let range = first as usize..=last as usize;
                let free = expected[range.clone()].iter().all(|&other| other == Class::Other);
                assert!(free, "classes overlap within {first:?}..={last:?}");
                expected[range].fill(class);
            }
        }
        for c in '\0'..=char::MAX {
            assert_eq!(class(c), expected[c as usize], "{c:?}");
        }
        // Where the standard library's notion differs.
        assert_eq!(class('\u{0903}'), Class::Other);
        assert!('\u{0903}'.is_alphabetic());
    }
}
