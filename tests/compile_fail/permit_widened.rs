//! A permit given for one chart cannot be widened.

use chartkeep::access::{Permit, Scope};

fn widen(permit: &mut Permit) {
    permit.scope = Scope::Everything;
}

fn main() {
    let _ = widen;
}
