//! One permit, one answer: it cannot be copied.

use chartkeep::access::Permit;

fn two(permit: Permit) -> [Permit; 2] {
    [permit.clone(), permit]
}

fn main() {
    let _ = two;
}
