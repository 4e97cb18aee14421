//! What holds for all samplers together.

use proptest::prelude::*;

use super::*;

/// Numbers from outside: mostly sensible, some at the limits, some nonsense.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => -2.0f32..2.0,
        1 => prop::sample::select(vec![0.0, 1.0, -0.0, 0.5, 1e-45, 1e-8, 100.0, 1e30, f32::MAX]),
        1 => any::<u32>().prop_map(f32::from_bits),
    ]
}

fn params() -> impl Strategy<Value = SamplerParams> {
    let dry = (number(), number(), 0usize..5, 0usize..50, prop::collection::vec(0u32..9, 0..3))
        .prop_map(|(multiplier, base, allowed_length, window, breakers)| Dry {
            multiplier,
            base,
            allowed_length,
            window,
            breakers,
        });
    let xtc =
        (number(), number()).prop_map(|(probability, threshold)| Xtc { probability, threshold });
    let mirostat = (number(), number()).prop_map(|(surprise, rate)| Mirostat { surprise, rate });
    let penalties = (number(), number(), number(), 0usize..9).prop_map(
        |(repeat, frequency, presence, window)| Penalties { repeat, frequency, presence, window },
    );
    let parts = (
        prop::option::of(dry),
        prop::option::of(xtc),
        prop::option::weighted(0.2, mirostat),
        prop_oneof![Just(Penalties::default()), penalties],
        prop::collection::vec((0u32..12, number()), 0..3),
    );
    ((number(), 0usize..12, number(), number(), number()), parts, any::<u64>()).prop_map(
        |((temperature, top_k, top_p, min_p, typical_p), parts, seed)| {
            let (dry, xtc, mirostat, penalties, logit_bias) = parts;
            SamplerParams {
                temperature,
                top_k,
                top_p,
                min_p,
                typical_p,
                xtc,
                mirostat,
                penalties,
                dry,
                logit_bias,
                seed,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Parameters and logits of any bits: an error or a token, never a panic. With valid
    /// parameters and a possible token the choice is possible.
    #[test]
    fn any_numbers(
        params in params(),
        logits in prop::collection::vec(
            prop_oneof![4 => -30f32..30.0, 1 => Just(f32::NEG_INFINITY), 1 => number()], 1..10),
        history in prop::collection::vec(0u32..12, 0..30),
        position: u64,
    ) {
        let mut state = SamplerState::default();
        for _ in 0..3 {
            let before = state;
            let chosen = params.sample_after(&logits, &history, &mut state, 1, position);
            let Ok(token) = chosen else { break };
            prop_assert!((token as usize) < logits.len());
            if params.validate().is_ok() {
                prop_assert!(logits[token as usize] > f32::NEG_INFINITY);
                // The same place and state, the same token.
                let mut state = before;
                let again = params.sample_after(&logits, &history, &mut state, 1, position);
                prop_assert_eq!(again.unwrap(), token);
            }
        }
    }

    /// All filters wide open leave the distribution as it is.
    #[test]
    fn open_filters_change_nothing(seed: u64, position in 0u64..1000) {
        let plain = SamplerParams { temperature: 1.0, seed, ..SamplerParams::greedy() };
        let open = SamplerParams {
            xtc: Some(Xtc { probability: 0.0, threshold: 0.1 }),
            dry: Some(Dry { multiplier: 0.0, ..Dry::default() }),
            penalties: Penalties { presence: 0.0, window: 9, ..Penalties::default() },
            logit_bias: vec![(1, 0.0)],
            ..plain.clone()
        };
        let logits = [0.5, -1.0, 2.0, 1.9];
        let mut state = SamplerState::default();
        let history = [2, 2, 2, 2];
        prop_assert_eq!(
            open.sample_after(&logits, &history, &mut state, 3, position).unwrap(),
            plain.sample(&logits, 3, position).unwrap()
        );
    }
}

#[test]
fn draws_follow_the_temperature() {
    // Probabilities in the ratio 1 : 2 : 4 at temperature 1, so 1 : 4 : 16 at 0.5.
    let logits = [1f32, 2.0, 4.0].map(f32::ln);
    let params = SamplerParams { temperature: 0.5, seed: 5, ..SamplerParams::greedy() };
    let mut counts = [0.0; 3];
    let draws = 20_000;
    for position in 0..draws {
        counts[params.sample(&logits, 0, position).unwrap() as usize] += 1.0;
    }
    let expected = [1.0, 4.0, 16.0].map(|share| share / 21.0 * draws as f64);
    let chi_square: f64 =
        counts.iter().zip(expected).map(|(n, e): (&f64, f64)| (n - e) * (n - e) / e).sum();
    // Two degrees of freedom: above 20 once in 20,000 seeds, and this one is fixed.
    assert!(chi_square < 20.0, "{counts:?} for {expected:?}");
}

#[test]
fn mirostat_holds_the_surprise() {
    // Zipf's law over 1000 tokens: 7.5 bits without a limit.
    let logits: Vec<f32> = (1..=1000).map(|rank| -(rank as f32).ln()).collect();
    for aim in [2.0, 4.0] {
        let mirostat = Some(Mirostat { surprise: aim, rate: 0.1 });
        let params = SamplerParams { temperature: 1.0, mirostat, ..SamplerParams::greedy() };
        let mut state = SamplerState::default();
        let (mut sum, draws) = (0.0, 2000);
        for position in 0..draws {
            let before = state.limit;
            params.sample_after(&logits, &[], &mut state, 0, position).unwrap();
            // From the rule of the limit, how surprising the token was.
            let moved = before.unwrap_or(2.0 * f64::from(aim)) - state.limit.unwrap();
            sum += moved / f64::from(0.1f32) + f64::from(aim);
        }
        let mean = sum / draws as f64;
        assert!((mean - f64::from(aim)).abs() < 0.05, "{mean} bits for {aim}");
    }
}

#[test]
fn a_filter_may_take_the_best_at_any_temperature() {
    // XTC takes all but the last; typical keeps two equals, of which each comes even when it is cold.
    let logits = [100.0, 50.0, 50.0];
    let xtc = Some(Xtc { probability: 1.0, threshold: 0.0 });
    let params = SamplerParams { temperature: 1e-3, xtc, ..SamplerParams::greedy() };
    let ids: Vec<u32> = (0..50).map(|n| params.sample(&logits, 0, n).unwrap()).collect();
    assert!(ids.iter().all(|&id| id == 2), "{ids:?}");
    let typical = SamplerParams { temperature: 1e-3, typical_p: 0.3, ..SamplerParams::greedy() };
    let logits = [0.4f32, 0.2, 0.2, 0.2].map(f32::ln);
    let ids: Vec<u32> = (0..50).map(|n| typical.sample(&logits, 0, n).unwrap()).collect();
    assert!(ids.contains(&1) && ids.contains(&2), "{ids:?}");
}
