//! A permit is made by the gate alone.

use chartkeep::access::{Allowed, Permit, Principal, RequestContext, Scope};
use chartkeep::audit::AuditLog;

fn forge(principal: Principal, context: RequestContext, log: AuditLog) -> Permit {
    let (allowed, policy) = (Allowed::default(), "".into());
    Permit { scope: Scope::Everything, allowed, policy, principal, context, log, answered: false }
}

fn main() {
    let _ = forge;
}
