//! The cryptography behind the JWT library: named once, and proven before anything is served.
//!
//! Not for: tokens and their keys (`token`, `jwks`).

use jsonwebtoken::{Algorithm, DecodingKey};

use super::token_error::TokenError;

/// Names the cryptography behind the JWT library once for the process: without, it may panic at its first use.
pub fn install_backend() {
    // An error only says that it is installed already.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

/// Proves at start-up that the JWT library verifies what it should and refuses what it must, on the published vector of
/// RFC 8037 appendix A.4.
///
/// # Errors
/// `SelfTest`: the process must not serve.
pub fn token_self_test() -> Result<(), TokenError> {
    const KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const MESSAGE: &[u8] = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const SIGNATURE: &str = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    install_backend();
    let key = DecodingKey::from_ed_components(KEY).map_err(|_| TokenError::SelfTest)?;
    let verifies = |message: &[u8]| jsonwebtoken::crypto::verify(SIGNATURE, message, &key, Algorithm::EdDSA).unwrap_or(false);
    let forged = [MESSAGE, b"x"].concat();
    if verifies(MESSAGE) && !verifies(&forged) { Ok(()) } else { Err(TokenError::SelfTest) }
}
