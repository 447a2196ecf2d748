//! The measures behind the signs: robust distance from peers, walking along record numbers, being in two places.
//!
//! Not for: what a measure weighs (`weights`).

/// Microseconds of a minute.
pub(super) const MINUTE: i64 = 60_000_000;

/// Median and median absolute deviation.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spread {
    pub median: f64,
    pub mad: f64,
}

impl Spread {
    pub fn of(values: &[u32]) -> Spread {
        let mut values: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        let median = median(&mut values);
        values.iter_mut().for_each(|value| *value = (*value - median).abs());
        Spread { median, mad: self::median(&mut values) }
    }

    /// For counts that are 0 for most: a deviation below 1 is taken for 1, so that how far a count lies off can be said.
    pub fn of_rare(values: &[u32]) -> Spread {
        let spread = Spread::of(values);
        Spread { mad: spread.mad.max(1.0), ..spread }
    }

    /// How far `x` lies above its peers when that is unusual (spec audit.md §8.5), in robust z.
    pub fn outlier(self, x: u32, least_z: f64) -> Option<f64> {
        match robust_z(f64::from(x), self.median, self.mad) {
            Some(z) => (z > least_z).then_some(z),
            // All peers alike: ten more than they have is unusual, and how unusual cannot be said.
            None => (f64::from(x) > self.median + 10.0).then_some(least_z),
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 { at(middle) } else { (at(middle.saturating_sub(1)) + at(middle)) / 2.0 }
}

/// `0.6745 · (x − median) / MAD`; `None` when the deviation is 0.
pub fn robust_z(x: f64, median: f64, mad: f64) -> Option<f64> {
    (mad > 0.0).then(|| 0.6745 * (x - median) / mad)
}

/// The longest walk along record numbers: how many different numbers of one row of neighbours (each at most `gap` from the
/// next) were opened within `window` microseconds. `seen` is (time, number) in any order; it is sorted here.
pub fn walk(seen: &mut [(i64, u64)], least: usize, gap: u64, window: i64) -> usize {
    seen.sort_unstable_by_key(|(at, number)| (*number, *at));
    let mut longest = 0;
    for row in seen.chunk_by_mut(|a, b| b.1 - a.1 <= gap.max(1)) {
        if row.len() < least || row.len() <= longest {
            continue;
        }
        row.sort_unstable();
        longest = longest.max(most_within(row, window));
    }
    if longest >= least { longest } else { 0 }
}

/// Most different numbers inside one window of time; `row` is in order of time.
fn most_within(row: &[(i64, u64)], window: i64) -> usize {
    let mut inside: ahash::AHashMap<u64, u32> = ahash::AHashMap::new();
    let (mut most, mut from) = (0, row.iter());
    for (at, number) in row {
        *inside.entry(*number).or_default() += 1;
        while let Some((start, left)) = from.as_slice().first()
            && at - start > window
        {
            from.next();
            if let Some(count) = inside.get_mut(left) {
                *count -= 1;
                if *count == 0 {
                    inside.remove(left);
                }
            }
        }
        most = most.max(inside.len());
    }
    most
}

/// Whether two acts at different sites lie within the hour. `seen` is (time, site), in order of time.
pub fn two_sites(seen: &[(i64, u32)], window: i64) -> Option<(u32, u32)> {
    let moves = seen.iter().zip(seen.iter().skip(1));
    // Between neighbours in time is the shortest time of any move.
    moves.filter(|(a, b)| a.1 != b.1 && b.0 - a.0 <= window).map(|(a, b)| (a.1, b.1)).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_robust_z_is_that_of_the_rule() {
        let spread = Spread::of(&[10, 12, 11, 13, 200, 12, 11]);
        assert_eq!(spread, Spread { median: 12.0, mad: 1.0 });
        for (x, unusual) in [(12, false), (17, false), (18, true), (3, false)] {
            assert_eq!(spread.outlier(x, 3.5).is_some(), unusual, "{x}");
        }
        assert!((robust_z(18.0, 12.0, 1.0).unwrap() - 4.047).abs() < 1e-9);
        // Deviation 0: more than ten above the median.
        let alike = Spread::of(&[5, 5, 5, 5, 90]);
        assert_eq!((alike.mad, alike.outlier(15, 3.5), alike.outlier(16, 3.5)), (0.0, None, Some(3.5)));
        assert_eq!(Spread::of(&[]), Spread::default());
        assert_eq!(
            (Spread::of_rare(&[0, 0, 0, 9]).outlier(5, 3.5), Spread::of_rare(&[0, 0, 0, 9]).outlier(6, 3.5).is_some()),
            (None, true)
        );
        assert_eq!(Spread::of(&[4, 8]).median, 6.0);
    }

    #[test]
    fn a_walk_is_twenty_neighbouring_numbers_in_ten_minutes() {
        let steps = |count: u64, by: u64, every: i64| (0..count).map(|i| (i as i64 * every, 5000 + i * by)).collect::<Vec<_>>();
        let found = |mut seen: Vec<(i64, u64)>| walk(&mut seen, 20, 3, 10 * MINUTE);
        let second = MINUTE / 60;
        let mut backwards = steps(25, 1, 10 * second);
        backwards.iter_mut().for_each(|step| step.1 = 10_000 - step.1);
        let mut among_others = steps(30, 2, 15 * second);
        among_others.extend((0..40).map(|i| (i * 15 * second + 7, 9_000_000 + i as u64 * 977)));
        let one_again_and_again = (0..50).map(|i| (i * second, 5000)).collect();
        let in_two_days_work = (0..19).map(|i| (i * second, 5000 + i as u64)).chain([(20 * MINUTE, 5019)]).collect();
        for (what, seen, steps) in [
            ("nineteen", steps(19, 1, second), 0),
            ("twenty", steps(20, 1, second), 20),
            ("twenty in ten minutes exactly", steps(20, 1, 10 * MINUTE / 19), 20),
            ("twenty in more than ten minutes", steps(20, 1, 10 * MINUTE / 19 + 1), 0),
            ("numbers that are not all given out", steps(20, 3, second), 20),
            ("too far apart", steps(40, 4, second), 0),
            ("backwards", backwards, 25),
            ("among other work", among_others, 30),
            ("one chart", one_again_and_again, 0),
            ("the last one later", in_two_days_work, 0),
            ("none", Vec::new(), 0),
        ] {
            assert_eq!(found(seen), steps, "{what}");
        }
    }

    #[test]
    fn two_sites_within_the_hour() {
        let hour = 60 * MINUTE;
        for (seen, expected) in [
            (vec![(0, 1), (hour, 2)], Some((1, 2))),
            (vec![(0, 1), (hour + 1, 2)], None),
            (vec![(0, 1), (5, 1), (3 * hour, 2), (6 * hour, 1)], None),
            (vec![(0, 1), (2 * hour, 1), (2 * hour + 9, 2)], Some((1, 2))),
            (vec![], None),
        ] {
            assert_eq!(two_sites(&seen, hour), expected, "{seen:?}");
        }
    }
}
