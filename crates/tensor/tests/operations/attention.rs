//! Attention and rotary embedding.

use ulp_tensor::{Float, attention, local_attention, local_attention_vjp, rope, rope_inverse};

use crate::definitions::{both, close, from_fn, real, softmax_of};

fn check_attention<T: Float>() {
    let cases = [(1, 1, 1, 1, 1, 1), (2, 3, 5, 4, 2, 3), (1, 67, 70, 2, 1, 5), (2, 0, 3, 2, 2, 4)];
    for (b, t, s, h, kv, d) in cases {
        let (q, wide_q) = real::<T>(&[b, t, h, d], 0);
        let (k, wide_k) = real::<T>(&[b, s, kv, d], 1);
        let (v, wide_v) = real::<T>(&[b, s, kv, d], 2);
        for causal in [false, true] {
            let expected = from_fn(&[b, t, h, d], |at| {
                let (b, i, h, c) = (at[0], at[1], at[2], at[3]);
                let (g, seen) = (h / (q.shape()[2] / kv), if causal { s - t + i + 1 } else { s });
                let score =
                    |j: usize| (0..d).map(|c| wide_q[[b, i, h, c]] * wide_k[[b, j, g, c]]).sum();
                let scores: Vec<f64> = (0..seen)
                    .map(|j| {
                        0.5 * {
                            let x: f64 = score(j);
                            x
                        }
                    })
                    .collect();
                softmax_of(&scores).iter().enumerate().map(|(j, p)| p * wide_v[[b, j, g, c]]).sum()
            });
            let got = attention(q.view(), k.view(), v.view(), T::HALF, causal);
            close(&got, &expected, 1.0, 32.0);
        }
    }
}
fn check_windows<T: Float>() {
    let (b, t, s, h, kv, d) = (2, 130, 135, 4, 2, 3);
    let (q, wide_q) = real::<T>(&[b, t, h, d], 0);
    let (k, wide_k) = real::<T>(&[b, s, kv, d], 1);
    let (v, wide_v) = real::<T>(&[b, s, kv, d], 2);
    for window in [1, 7, 64, 100] {
        let expected = from_fn(&[b, t, h, d], |at| {
            let (b, i, g, c) = (at[0], at[1], at[2] / 2, at[3]);
            let end = s - t + i + 1;
            let seen = end.saturating_sub(window)..end;
            let score = |j: usize| -> f64 {
                (0..d).map(|c| 0.5 * wide_q[[b, i, at[2], c]] * wide_k[[b, j, g, c]]).sum()
            };
            let scores: Vec<f64> = seen.clone().map(score).collect();
            softmax_of(&scores).iter().zip(seen).map(|(p, j)| p * wide_v[[b, j, g, c]]).sum()
        });
        let got = local_attention(q.view(), k.view(), v.view(), T::HALF, window);
        close(&got, &expected, 1.0, 32.0);
    }
    // A window that is no limit changes no bit.
    let all = attention(q.view(), k.view(), v.view(), T::HALF, true);
    assert_eq!(local_attention(q.view(), k.view(), v.view(), T::HALF, s), all);
    let gradients =
        |window| local_attention_vjp(q.view(), k.view(), v.view(), T::HALF, window, q.view());
    assert!(gradients(s) == gradients(usize::MAX));
}
both!(a_window_hides_what_is_far, check_windows);

both!(attention_is_softmax_of_scores_times_values, check_attention);

fn check_rope<T: Float>() {
    let (x, wide) = real::<T>(&[2, 3, 2, 4], 0);
    let (frequencies, positions) = ([T::ONE, T::from_f64(0.25)], [0, 5, 9, 2, 2, 100]);
    let expected = from_fn(&[2, 3, 2, 4], |at| {
        let (i, position) = (at[3] % 2, positions[at[0] * 3 + at[1]]);
        let angle = f64::from(position) * frequencies[i].to_f64();
        let (a, b) = (wide[[at[0], at[1], at[2], i]], wide[[at[0], at[1], at[2], i + 2]]);
        let (sin, cos) = angle.sin_cos();
        if at[3] < 2 { a * cos - b * sin } else { b * cos + a * sin }
    });
    let y = rope(x.view(), &positions, &frequencies);
    close(&y, &expected, 0.0, 4.0);
    close(&rope_inverse(y.view(), &positions, &frequencies), &wide, 0.0, 8.0);
}
both!(rope_rotates_pairs, check_rope);
