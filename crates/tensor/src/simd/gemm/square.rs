//! Squares of four by four elements, rows turned into columns.
//!
//! Left to itself the compiler moves element by element, four times as many instructions. SSE2 is
//! part of every x86-64 and NEON of every 64-bit Arm, so nothing has to be found out when the program
//! runs.

/// See [`Element::turn_square`](super::Element::turn_square).
///
/// # Safety
///
/// The rows must be readable and the places writable.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn turn_f32(from: *const f32, row_stride: isize, to: *mut f32, to_stride: usize) {
    use std::arch::x86_64::{
        _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    // SAFETY: passed on to the caller; the processor has SSE2.
    unsafe {
        let row = |r: isize| _mm_loadu_ps(from.offset(r * row_stride));
        let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3));
        let (low01, low23) = (_mm_unpacklo_ps(r0, r1), _mm_unpacklo_ps(r2, r3));
        let (high01, high23) = (_mm_unpackhi_ps(r0, r1), _mm_unpackhi_ps(r2, r3));
        _mm_storeu_ps(to, _mm_movelh_ps(low01, low23));
        _mm_storeu_ps(to.add(to_stride), _mm_movehl_ps(low23, low01));
        _mm_storeu_ps(to.add(2 * to_stride), _mm_movelh_ps(high01, high23));
        _mm_storeu_ps(to.add(3 * to_stride), _mm_movehl_ps(high23, high01));
    }
}

/// As [`turn_f32`], in four squares of two by two.
///
/// # Safety
///
/// As there.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn turn_f64(from: *const f64, row_stride: isize, to: *mut f64, to_stride: usize) {
    use std::arch::x86_64::{_mm_loadu_pd, _mm_storeu_pd, _mm_unpackhi_pd, _mm_unpacklo_pd};
    for (r, c) in [(0, 0), (0, 2), (2, 0), (2, 2)] {
        // SAFETY: passed on to the caller; the processor has SSE2.
        unsafe {
            let from = from.offset(r * row_stride + c);
            let to = to.add(c as usize * to_stride + r as usize);
            let (r0, r1) = (_mm_loadu_pd(from), _mm_loadu_pd(from.offset(row_stride)));
            _mm_storeu_pd(to, _mm_unpacklo_pd(r0, r1));
            _mm_storeu_pd(to.add(to_stride), _mm_unpackhi_pd(r0, r1));
        }
    }
}

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub(super) use crate::simd::neon::{turn_square_f32 as turn_f32, turn_square_f64 as turn_f64};

#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little")
)))]
pub(super) use self::{turn_any as turn_f32, turn_any as turn_f64};

/// The definition.
///
/// # Safety
///
/// As [`Element::turn_square`](super::Element::turn_square).
#[inline(always)]
pub(crate) unsafe fn turn_any<T: Copy>(
    from: *const T,
    row_stride: isize,
    to: *mut T,
    to_stride: usize,
) {
    for r in 0..4 {
        for c in 0..4 {
            // SAFETY: passed on to the caller.
            unsafe { *to.add(c * to_stride + r) = *from.offset(r as isize * row_stride).add(c) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_as_the_definition_has_it() {
        let x: Vec<f32> = (0..40).map(|i| i as f32).collect();
        let wide: Vec<f64> = x.iter().map(|&x| x.into()).collect();
        // The second walks upwards, from the last row.
        for (start, stride) in [(1, 9), (28, -9)] {
            let (mut a, mut b, mut c) = ([0.0f32; 24], [0.0f32; 24], [0.0f64; 24]);
            // SAFETY: the last element read is number 1 + 3 * 9 + 3, the last written 3 * 6 + 3.
            unsafe {
                turn_any(x[start..].as_ptr(), stride, a.as_mut_ptr(), 6);
                turn_f32(x[start..].as_ptr(), stride, b.as_mut_ptr(), 6);
                turn_f64(wide[start..].as_ptr(), stride, c.as_mut_ptr(), 6);
            }
            assert_eq!(a[6 + 2] as isize, start as isize + 2 * stride + 1);
            assert_eq!((a, a.map(f64::from)), (b, c));
        }
    }
}
