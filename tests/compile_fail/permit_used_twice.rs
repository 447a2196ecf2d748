//! Answering consumes the permit.

use chartkeep::access::{Permit, Shown};

fn twice(permit: Permit) {
    let _first = permit.answer("one chart", Shown::default());
    let _second = permit.answer("another chart", Shown::default());
}

fn main() {
    let _ = twice;
}
