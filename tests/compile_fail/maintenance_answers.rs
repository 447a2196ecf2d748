//! What is read for maintenance cannot be sent.

use chartkeep::access::{Maintenance, Shown};

fn main() {
    let _chart = Maintenance::for_command("verify").answer("a chart", Shown::default());
}
