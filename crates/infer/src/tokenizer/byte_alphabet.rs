//! The alphabet of byte-level vocabularies: one printable character for each byte.
//!
//! GPT-2 wrote its vocabulary as text, and text cannot hold arbitrary bytes. So the 188 bytes that
//! are printable characters of Latin-1 stand for themselves, and the other 68, in ascending order,
//! are the characters from U+0100 on: a space is `Ġ`, a line feed `Ċ`
//! ([encoder.py](https://github.com/openai/gpt-2/blob/master/src/encoder.py)).

/// True for the bytes that stand for themselves.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// The character of each byte.
const CHARACTERS: [char; 256] = {
    let mut table = ['\0'; 256];
    let mut byte = 0;
    let mut next = 0x100;
    while byte < 256 {
        table[byte] = if is_printable(byte as u8) {
            byte as u8 as char
        } else {
            next += 1;
            match char::from_u32(next - 1) {
                Some(c) => c,
                None => unreachable!(),
            }
        };
        byte += 1;
    }
    table
};

/// One past the last character of the alphabet: 68 bytes are not printable.
const END: usize = 0x100 + 68;

/// The byte of each character below [`END`]; `NO_BYTE` where the character is not in the alphabet.
const BYTES: [u16; END] = {
    let mut table = [NO_BYTE; END];
    let mut byte = 0;
    while byte < 256 {
        table[CHARACTERS[byte] as usize] = byte as u16;
        byte += 1;
    }
    table
};
const NO_BYTE: u16 = u16::MAX;

/// The character that stands for `byte`.
pub(crate) const fn character(byte: u8) -> char {
    CHARACTERS[byte as usize]
}

/// The byte that `character` stands for.
pub(crate) fn byte(character: char) -> Option<u8> {
    BYTES.get(character as usize).and_then(|&byte| u8::try_from(byte).ok())
}

/// The text that stands for `bytes`.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| character(byte)).collect()
}

/// The bytes that `text` stands for; `None` if a character is not in the alphabet.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character() {
        for b in 0..=255 {
            assert_eq!(byte(character(b)), Some(b));
        }
        assert_eq!(text(b" a\n\xff"), "ĠaĊÿ");
        // The soft hyphen is not printable: its byte has a character above Latin-1.
        assert_eq!(byte('\u{AD}'), None);
        assert_eq!(bytes("a b"), None);
    }
}
