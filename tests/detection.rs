//! A small day of the made-up hospital's log with planted snooping: what must be found in any run of the tests. The large one,
//! with its figures, is `cargo bench --bench signals`.
//!
//! Not for: single signs (`src/oversight/signals/tests.rs`).

use crate::hospital::{Mix, Pattern, Size, found, simulate};

// Family, Neighbour, Colleague, Vip, ExPartner, OwnChart, Walking, Browsing, News, Deceased, Left
const SAMPLE: Mix = Mix { name: "sample", counts: [3, 2, 2, 1, 2, 2, 2, 2, 3, 2, 2] };
const SIZE: Size = Size { users: 800, patients: 30_000, acts: 60_000 };
const TOP: usize = 50;

#[test]
fn planted_snooping_stands_at_the_top_of_a_small_day() {
    let simulated = simulate(21, SIZE, &SAMPLE);
    let findings = simulated.judge(&simulated.day());
    let found = found(&simulated, &findings, TOP);
    let (planted, hit) = found.values().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    assert_eq!(planted, SAMPLE.counts.iter().sum::<usize>());
    assert!(hit * 10 >= planted * 6, "{}: {hit} of {planted}: {found:?}", SAMPLE.name);
    for sure in [Pattern::OwnChart, Pattern::Walking] {
        assert_eq!(found[&sure].0, found[&sure].1, "{sure:?}: {found:?}");
    }
    // Every flag says why, and none stands on one weak sign: same surname alone never flags.
    for flag in &findings.flags {
        let signs: Vec<_> = flag.evidence.iter().filter(|line| line.bits > 0.0).filter_map(|line| line.sign).collect();
        let is_strong =
            chartkeep::oversight::signals::weights().unwrap().signs.iter().any(|rule| !rule.weak && signs.contains(&rule.code));
        assert!(signs.len() > 1 || is_strong, "{flag:?}");
        assert!(flag.evidence.iter().all(|line| !line.words.is_empty()), "{flag:?}");
    }
}
