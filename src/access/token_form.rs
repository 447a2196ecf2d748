//! The form of a signed token, read strictly: three segments of base64url, a header that names nothing to fetch, and JSON
//! in which no name stands twice.
//!
//! Not for: what the claims mean (`issuer_claims`), keys and signatures (`jwks`).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::TokenError;

/// Longest token that is looked at, in bytes.
pub(super) const TOKEN_BYTES_MAX: usize = 8 << 10;
/// Longest `kid`, in bytes.
const KID_BYTES_MAX: usize = 128;

/// Header members that would have us fetch a key, take the token's own, or read the rest otherwise than it stands (RFC 7515
/// §4.1, RFC 7516 §4.1.3, RFC 7797). A nested token (`cty`) is not unwrapped either.
const REFUSED: [&str; 8] = ["jku", "x5u", "jwk", "x5c", "crit", "zip", "b64", "cty"];

/// A token taken apart. Nothing in it is proven yet.
pub struct Parts<'t> {
    pub alg: String,
    pub typ: Option<String>,
    pub kid: Option<String>,
    pub claims: Map<String, Value>,
    /// What is signed: header and payload as they stand.
    pub(super) message: &'t str,
    pub(super) signature: &'t str,
}

/// Whether the token is of the form of a signed one. Whatever has it is read as one and never asked about instead.
pub(super) fn is_signed(token: &str) -> bool {
    token.bytes().filter(|b| *b == b'.').count() == 2
}

/// Takes a token apart.
///
/// # Errors
/// `Form`, `Header` or `Claims`, for what cannot be read or must not stand there.
pub fn parts(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Form);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Form)?;
    let (header, payload) = message.split_once('.').filter(|(_, payload)| !payload.contains('.')).ok_or(TokenError::Form)?;
    let decode = |segment: &str| URL_SAFE_NO_PAD.decode(segment).map_err(|_| TokenError::Form);
    if decode(signature)?.is_empty() {
        return Err(TokenError::Signature);
    }
    let header = object(&decode(header)?).ok_or(TokenError::Header)?;
    if REFUSED.iter().any(|name| header.contains_key(*name)) {
        return Err(TokenError::Header);
    }
    let text = |name: &str| match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::Header),
    };
    let kid = text("kid")?;
    if kid.as_deref().is_some_and(|kid| !is_kid(kid)) {
        return Err(TokenError::KeyName);
    }
    let alg = text("alg")?.ok_or(TokenError::Header)?;
    let typ = text("typ")?;
    let claims = object(&decode(payload)?).ok_or(TokenError::Claims)?;
    Ok(Parts { alg, typ, kid, claims, message, signature })
}

/// `kid` and `iss` of a token that may be anything, for the entry that says why it was refused.
pub fn hints(token: &str) -> (Option<String>, Option<String>) {
    if token.len() > TOKEN_BYTES_MAX {
        return (None, None);
    }
    let mut segments = token.split('.').map(|segment| URL_SAFE_NO_PAD.decode(segment).ok().and_then(|bytes| object(&bytes)));
    let mut text = |name: &str| {
        let object = segments.next().flatten()?;
        object.get(name).and_then(Value::as_str).map(str::to_string)
    };
    let kid = text("kid").filter(|kid| is_kid(kid));
    (kid, text("iss").filter(|iss| iss.len() <= 512 && !iss.chars().any(char::is_control)))
}

/// `jti` of a token that may be anything, unproven.
pub fn token_id(token: &str) -> Option<String> {
    let claims = parts(token).ok()?.claims;
    claims.get("jti").and_then(Value::as_str).filter(|id| !id.is_empty() && id.len() <= 512).map(str::to_string)
}

/// A name of a key is a name only: never a path, an address or a question to a database (spec access.md §2 step 5).
pub(super) fn is_kid(kid: &str) -> bool {
    (1..=KID_BYTES_MAX).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~+/=-".contains(&b))
}

/// The JSON object that the bytes are; `None` when they are anything else, or a name stands twice in any object of it.
pub(super) fn object(json: &[u8]) -> Option<Map<String, Value>> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = Strict.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Under this name serde_json, built with `arbitrary_precision`, hands over the text of a number.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads any JSON value and refuses a name that stands twice, which serde_json takes for one (RFC 8259 §4 leaves it open,
/// and two readers that choose differently are how a forged claim gets past a check).
#[derive(Clone, Copy)]
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON in which no name stands twice")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER {
                let text: String = members.next_value()?;
                return text.parse().map(Value::Number).map_err(A::Error::custom);
            }
            let value = members.next_value_seed(Strict)?;
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_makes_the_text_void_at_any_depth() {
        let read = object(br#"{"a":1,"b":[{"c":1.50,"d":null}],"e":true,"f":"x"}"#).unwrap();
        assert_eq!(Value::Object(read).to_string(), r#"{"a":1,"b":[{"c":1.50,"d":null}],"e":true,"f":"x"}"#);
        for twice in [r#"{"a":1,"a":1}"#, r#"{"a":[{"b":1,"b":2}]}"#, r#"{"aud":"x","\u0061ud":"y"}"#] {
            assert!(object(twice.as_bytes()).is_none(), "{twice}");
        }
        for other in ["[]", "1", "{} {}", "{", "", "\u{feff}{}"] {
            assert!(object(other.as_bytes()).is_none(), "{other}");
        }
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(object(format!("{{\"a\":{deep}}}").as_bytes()).is_none(), "depth is bounded");
    }
}
