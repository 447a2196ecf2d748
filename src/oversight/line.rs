//! An entry of the log as oversight reads it: every member by name, texts cut in the log marked as such.
//!
//! Not for: writing entries (`audit::Entry`). What a later version adds is not lost: the log keeps it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::audit::parse_ranges;
use crate::model::{AccessionId, Place};

/// A text of an entry; one that was too long stands there by its beginning and the digest of the whole.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Text {
    pub text: String,
    /// SHA-256 of the whole, in hex, when this is its beginning.
    pub cut: Option<String>,
}

impl Text {
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `None` for what the entry did not say.
    pub fn some(&self) -> Option<String> {
        (!self.is_empty()).then(|| self.to_string())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.cut.as_ref().map_or(Ok(()), |digest| write!(f, "… [cut; SHA-256 of the whole {digest}]"))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or the beginning of one")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text { text: text.to_string(), cut: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Text, A::Error> {
                let mut text = Text::default();
                while let Some(name) = members.next_key::<String>()? {
                    match name.as_str() {
                        "text" => text.text = members.next_value()?,
                        "sha256" => text.cut = Some(members.next_value()?),
                        _ => drop(members.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(text)
            }
        }
        from.deserialize_any(Reader)
    }
}

/// One entry.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Line {
    pub v: u64,
    pub seq: u64,
    pub prev: String,
    pub id: String,
    /// RFC 3339, UTC, six digits of the second.
    pub ts: String,
    pub clock_back: bool,
    pub event: String,
    pub action: String,
    pub outcome: String,
    pub outcome_desc: Text,
    pub user: Who,
    pub client: Client,
    pub net: Net,
    pub patients: Vec<Patient>,
    pub shown: Vec<ShownGroup>,
    pub domains: Vec<String>,
    pub labels: Vec<String>,
    pub purpose: Vec<Purpose>,
    pub query: Question,
    pub req_id: Text,
    pub policy: Text,
    pub btg: BreakGlassUse,
    pub recipient: Receiver,
    pub detail: BTreeMap<String, Text>,
    pub build: String,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Who {
    pub iss: Text,
    pub sub: Text,
    pub name: Text,
    pub roles: Vec<Text>,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Client {
    pub client_id: Text,
    pub scope: Text,
    pub session: Text,
    pub token_jti: Text,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Net {
    pub ip: Text,
    pub ua: Text,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Patient {
    pub archive_id: String,
}

/// Records of one accession that were shown, their ordinals as ranges.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct ShownGroup {
    pub accession: String,
    pub generation: u32,
    pub count: u64,
    pub ordinals: String,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Purpose {
    pub code: String,
    pub system: String,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Question {
    pub method: Text,
    pub path: Text,
    pub clean: Text,
    pub hits: Option<u64>,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct BreakGlassUse {
    pub id: Text,
    pub reason_code: Text,
    pub reason_text: Text,
    pub expires: Text,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Receiver {
    pub name: Text,
    pub org: Text,
    pub address: Text,
    pub authority: Text,
}

/// Stands for an entry that is no JSON of ours, so that it is counted and not lost.
pub const UNREADABLE: &str = "unreadable";

impl Line {
    /// The entry of a payload. One that cannot be read has the event [`UNREADABLE`].
    pub fn parse(payload: &[u8], seq: u64) -> Line {
        let unreadable = || Line { seq, event: UNREADABLE.into(), outcome: "12".into(), ..Line::default() };
        serde_json::from_slice(payload).unwrap_or_else(|_| unreadable())
    }

    /// Microseconds since 1970 UTC.
    pub fn at(&self) -> i64 {
        self.ts.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_microsecond)
    }

    pub fn records(&self) -> u64 {
        self.shown.iter().map(|group| group.count).sum()
    }

    /// Where the records lie that were shown.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.shown.iter().flat_map(|group| {
            let accession = AccessionId::parse(&group.accession);
            let ordinals = parse_ranges(&group.ordinals).unwrap_or_default().into_iter().flatten();
            let generation = group.generation;
            accession.into_iter().flat_map(move |accession| {
                ordinals.clone().map(move |ordinal| Place { accession: accession.clone(), generation, ordinal })
            })
        })
    }

    pub fn role(&self) -> &str {
        self.user.roles.first().map_or("", Text::as_str)
    }

    pub fn purpose(&self) -> &str {
        self.purpose.first().map_or("", |purpose| &purpose.code)
    }

    pub fn outcome(&self) -> u8 {
        self.outcome.parse().unwrap_or(12)
    }

    /// A fact of the event, by its name.
    pub fn fact(&self, name: &str) -> Option<String> {
        self.detail.get(name).and_then(Text::some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_texts_and_what_is_no_entry_are_told() {
        let line =
            Line::parse(br#"{"event":"auth.login","net":{"ua":{"text":"abc","sha256":"00","truncated":true}},"x":[1]}"#, 3);
        assert_eq!(line.net.ua.to_string(), "abc… [cut; SHA-256 of the whole 00]");
        let broken = Line::parse(b"{", 4);
        assert_eq!((broken.event.as_str(), broken.seq, broken.outcome()), (UNREADABLE, 4, 12));
    }
}
