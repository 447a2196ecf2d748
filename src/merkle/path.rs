//! Making the paths of proofs (RFC 6962 §2.1.1 and §2.1.2) from the nodes of a tree.
//!
//! `node(height, index)` gives the root of the perfect subtree over the leaves from `index << height`; a path asks for at
//! most two nodes of each height. Not for: where nodes come from.

use super::{Hash, node_hash};

/// The path from leaf `index` to the root of the tree of `size` leaves; `index` must be below `size`.
pub fn inclusion_path<E>(index: u64, size: u64, mut node: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(root(middle, end, &mut node)?);
            end = middle;
        } else {
            path.push(root(start, middle, &mut node)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The path that shows the tree of `old` leaves to be the beginning of the tree of `new` leaves; `old` is from 1 to `new`.
pub fn consistency_path<E>(old: u64, new: u64, mut node: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(root(middle, end, &mut node)?);
            end = middle;
        } else {
            path.push(root(start, middle, &mut node)?);
            start = middle;
        }
    }
    // The old tree itself is known to whoever checks, unless the last part of it is only a part.
    if start > 0 {
        path.push(root(start, end, &mut node)?);
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// The root over the leaves from `start` to `end`, a range that the tree's own splitting makes.
fn root<E>(start: u64, end: u64, node: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let count = end - start;
    if count.is_power_of_two() {
        let height = count.trailing_zeros();
        return node(height, start >> height);
    }
    let middle = start + split(count);
    let left = root(start, middle, node)?;
    Ok(node_hash(&left, &root(middle, end, node)?))
}
