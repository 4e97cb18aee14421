//! Codes of fewer than eight bits, one behind the other.

/// Packs codes of `bits` bits into bytes, the first code in the lowest bits of the first byte.
///
/// # Panics
/// If the width is not within 1 to 8, the bytes are not exactly as many as the codes need, or a
/// code has more bits.
///
/// # Examples
/// ```
/// use fpbits::{pack_codes, unpack_codes};
/// let mut bytes = [0; 3];
/// pack_codes(6, &[0x01, 0x02, 0x03, 0x3f], &mut bytes);
/// assert_eq!(bytes, [0x81, 0x30, 0xfc]);
/// let mut codes = [0; 4];
/// unpack_codes(6, &bytes, &mut codes);
/// assert_eq!(codes, [0x01, 0x02, 0x03, 0x3f]);
/// ```
#[track_caller]
pub fn pack_codes(bits: u32, codes: &[u8], bytes: &mut [u8]) {
    check(bits, codes.len(), bytes.len());
    let (mut held, mut count) = (0u32, 0);
    let mut out = bytes.iter_mut();
    for &code in codes {
        assert!(u32::from(code) >> bits == 0, "the code {code:#x} has more than {bits} bits");
        held |= u32::from(code) << count;
        count += bits;
        if count >= 8 {
            *out.next().expect("as many bytes as checked") = held as u8;
            held >>= 8;
            count -= 8;
        }
    }
    if let Some(last) = out.next() {
        *last = held as u8;
    }
}

/// The codes that [`pack_codes`] packed.
///
/// # Panics
/// If the width is not within 1 to 8, or the bytes are not exactly as many as the codes need.
///
/// # Examples
/// ```
/// let mut codes = [0; 2];
/// fpbits::unpack_codes(4, &[0x7d], &mut codes);
/// assert_eq!(codes, [0xd, 0x7]); // the lower half is the first
/// ```
#[track_caller]
pub fn unpack_codes(bits: u32, bytes: &[u8], codes: &mut [u8]) {
    check(bits, codes.len(), bytes.len());
    let (mut held, mut count) = (0u32, 0);
    let mut input = bytes.iter();
    for code in codes {
        if count < bits {
            held |= u32::from(*input.next().expect("as many bytes as checked")) << count;
            count += 8;
        }
        *code = (held & ((1 << bits) - 1)) as u8;
        held >>= bits;
        count -= bits;
    }
}

#[track_caller]
fn check(bits: u32, codes: usize, bytes: usize) {
    assert!((1..=8).contains(&bits), "codes of {bits} bits, 1 to 8 are possible");
    let needed = (codes * bits as usize).div_ceil(8);
    assert!(bytes == needed, "{codes} codes of {bits} bits need {needed} bytes, not {bytes}");
}
