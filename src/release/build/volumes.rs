//! Where a package of many pages is split into volumes: between items, by the pages and bytes that the preview's items took.
//!
//! Not for: printing them (`print`).

use std::ops::Range;

use super::preview::Told;

/// Places of the items of each volume among those that go out; one volume at least. An item that is larger than a volume may
/// be has one of its own.
pub fn split(told: &Told, pages_max: u64, bytes_max: u64) -> Vec<Range<usize>> {
    let mut volumes = Vec::new();
    let mut start = 0;
    // What opens and closes the first volume counts in each: later ones have less of it.
    let (mut pages, mut bytes) = (told.around, told.shared_bytes);
    for (at, item) in told.items.iter().enumerate() {
        let (more, heavier) = (pages + item.pages, bytes + item.bytes);
        let is_full = (pages_max > 0 && more > pages_max) || (bytes_max > 0 && heavier > bytes_max);
        if is_full && at > start {
            volumes.push(start..at);
            start = at;
            (pages, bytes) = (told.around + item.pages, told.shared_bytes + item.bytes);
        } else {
            (pages, bytes) = (more, heavier);
        }
    }
    volumes.push(start..told.items.len());
    volumes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::build::Pages;

    #[test]
    fn volumes_end_between_items() {
        let item = |pages, bytes| Pages { n: 0, first: 1, pages, bytes };
        let told = Told {
            around: 2,
            shared_bytes: 10,
            items: vec![item(4, 5), item(4, 5), item(20, 5), item(1, 90)],
            ..Told::default()
        };
        let one = |volumes: Vec<Range<usize>>| (volumes.len(), volumes[0].clone());
        assert_eq!(one(split(&told, 0, 0)), (1, 0..4));
        assert_eq!(split(&told, 10, 0), [0..2, 2..3, 3..4]);
        assert_eq!(split(&told, 0, 100), [0..3, 3..4]);
        assert_eq!(split(&told, 3, 3), [0..1, 1..2, 2..3, 3..4]);
        assert_eq!(one(split(&Told::default(), 3, 3)), (1, 0..0));
    }
}
