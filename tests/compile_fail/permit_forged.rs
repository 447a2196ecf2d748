//! A permit is made by the gate alone.

use chartkeep::access::{Filter, Permit, Principal, RequestContext, Scope};
use chartkeep::audit::AuditLog;

fn forge(principal: Principal, context: RequestContext, log: AuditLog) -> Permit {
    Permit { scope: Scope::Everything, filter: Filter::default(), principal, context, log, answered: false }
}

fn main() {
    let _ = forge;
}
