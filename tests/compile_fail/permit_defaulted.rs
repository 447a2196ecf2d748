//! There is no permit from nothing.

use chartkeep::access::Permit;

fn main() {
    let _permit: Permit = Default::default();
}
