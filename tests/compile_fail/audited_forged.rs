//! Only an answer whose entry is durable is `Audited`.

use chartkeep::access::Audited;

fn main() {
    let _unlogged = Audited("a chart");
}
