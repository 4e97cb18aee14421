//! Which identities hold, which break, and whether what the search reports is so.

use fpbits::*;

fn search(format: &Format, identity: Identity) -> Report {
    Search::new(format, identity).run()
}

/// A report's counterexamples are counterexamples.
fn check(format: &Format, identity: Identity, report: &Report) {
    assert!(report.failed <= report.tried && report.not_finite <= report.failed);
    assert_eq!(report.failed > 0, report.smallest.is_some(), "{format} {identity}");
    assert_eq!(report.failed > 0, report.worst.is_some(), "{format} {identity}");
    for found in report.smallest.iter().chain(&report.worst) {
        assert_ne!(format.compare(found.left, found.right), Some(core::cmp::Ordering::Equal));
        assert_eq!(found.ulps, format.ulp_distance(found.left, found.right));
    }
}

#[test]
fn what_holds_and_what_breaks() {
    use Identity::*;
    for f in [Format::E4M3FN, Format::E5M2, Format::E3M4] {
        for identity in Identity::ALL {
            // Three operands take a while: six bits are enough.
            let f = if identity.operands() == 3 { Format::E3M2 } else { f };
            let report = search(&f, identity);
            assert!(report.exhaustive);
            check(&f, identity, &report);
            let holds = matches!(identity, Commutativity | Difference);
            assert_eq!(report.failed == 0, holds, "{f} {identity}: {report:?}");
        }
        let abrupt = f.without_subnormals().unwrap();
        let report = search(&abrupt, Difference);
        assert!(report.failed > 0, "{f}");
        check(&abrupt, Difference, &report);
    }
}

/// Counted again, without tables.
#[test]
fn associativity_of_e2m1_counted_by_hand() {
    let f = Format::E2M1;
    let even = Context::NEAREST_EVEN;
    let codes: Vec<u64> = f.finite_values().collect();
    let add = |a, b| f.add(a, b, even).code;
    let mut failed = 0;
    for &a in &codes {
        for &b in &codes {
            for &c in &codes {
                let (left, right) = (add(add(a, b), c), add(a, add(b, c)));
                failed += u64::from(f.compare(left, right) != Some(core::cmp::Ordering::Equal));
            }
        }
    }
    let report = search(&f, Identity::Associativity);
    assert_eq!((report.tried, report.failed), (15 * 15 * 15, failed));
}

#[test]
fn samples_of_wide_formats() {
    let f = Format::BINARY64;
    let near = |identity| {
        let (low, high) = (f.parse("0.5").unwrap(), f.parse("2").unwrap());
        Search::new(&f, identity).samples(20_000, 7).magnitudes(low, high).run()
    };
    for identity in Identity::ALL {
        let report = near(identity);
        assert!(!report.exhaustive);
        check(&f, identity, &report);
        assert_eq!(report, near(identity), "the same seed draws the same samples");
    }
    assert_eq!(near(Identity::Commutativity).failed, 0);
    assert_eq!(near(Identity::Difference).failed, 0);
    assert!(near(Identity::Associativity).failed > 1000);
    assert_eq!(near(Identity::Associativity).not_finite, 0);
}

#[test]
fn names() {
    for identity in Identity::ALL {
        assert_eq!(identity.name().parse(), Ok(identity));
    }
    assert_eq!("truth".parse::<Identity>(), Err(FpbitsError::UnknownIdentity));
}

#[test]
fn ranges_may_be_given_from_either_end() {
    let f = Format::E5M2;
    let search = |one, other| Search::new(&f, Identity::Division).magnitudes(one, other).run();
    assert_eq!(search(0x3c, 0x44), search(0x44, 0x3c));
    assert_eq!(search(0x3c, 0x44).tried, 18 * 18);
}
