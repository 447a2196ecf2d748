//! What the holder of an account owes before anything else opens: a password of his own, or a second factor.
//!
//! Not for: the pages where he does so (`pages::account`).

use crate::register::Session;

use super::call::Call;

pub const PASSWORD: &str = "/account/password";
pub const SECOND_FACTOR: &str = "/account/second-factor";

/// Where the holder of the account has to go first: to choose a password of his own, or to set up the second factor that
/// his account or his role needs.
pub fn owed(call: &Call) -> Option<&'static str> {
    let session = call.session.as_ref()?;
    let path = call.context.path.split('?').next().unwrap_or("");
    let owed = if session.must_change {
        PASSWORD
    } else if needs_second_factor(call, session) && !session.has_second_factor {
        SECOND_FACTOR
    } else {
        return None;
    };
    (path != owed && path != "/signout").then_some(owed)
}

/// Whether this account or its role must have one.
pub fn needs_second_factor(call: &Call, session: &Session) -> bool {
    session.second_factor_required || call.app.config.access.second_factor_roles.contains(&session.role)
}
