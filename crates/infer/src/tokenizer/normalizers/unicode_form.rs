//! The four normal forms of Unicode ([UAX #15](https://www.unicode.org/reports/tr15/)).

use std::borrow::Cow;

use unicode_normalization::{
    IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfd_quick, is_nfkc_quick, is_nfkd_quick,
};

/// A normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnicodeForm {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

impl UnicodeForm {
    /// The name in tokenizer.json.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            UnicodeForm::Nfc => "NFC",
            UnicodeForm::Nfd => "NFD",
            UnicodeForm::Nfkc => "NFKC",
            UnicodeForm::Nfkd => "NFKD",
        }
    }

    pub(super) fn apply(self, text: Cow<'_, str>) -> Cow<'_, str> {
        // Nearly all text is ASCII or in normal form already.
        if text.is_ascii() || self.check(&text) == IsNormalized::Yes {
            return text;
        }
        Cow::Owned(match self {
            UnicodeForm::Nfc => text.nfc().collect(),
            UnicodeForm::Nfd => text.nfd().collect(),
            UnicodeForm::Nfkc => text.nfkc().collect(),
            UnicodeForm::Nfkd => text.nfkd().collect(),
        })
    }

    fn check(self, text: &str) -> IsNormalized {
        match self {
            UnicodeForm::Nfc => is_nfc_quick(text.chars()),
            UnicodeForm::Nfd => is_nfd_quick(text.chars()),
            UnicodeForm::Nfkc => is_nfkc_quick(text.chars()),
            UnicodeForm::Nfkd => is_nfkd_quick(text.chars()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let apply = |form: UnicodeForm, text| form.apply(Cow::Borrowed(text)).into_owned();
        assert_eq!(apply(UnicodeForm::Nfc, "e\u{301}"), "é");
        assert_eq!(apply(UnicodeForm::Nfd, "é"), "e\u{301}");
        assert_eq!(apply(UnicodeForm::Nfkc, "ﬁ"), "fi");
        assert_eq!(apply(UnicodeForm::Nfkd, "½"), "1\u{2044}2");
    }
}
