//! A Bundle cut into its entries' resources and the envelope around them, each a byte range of the text.
//!
//! Not for: the meaning of bundle types; every entry is a record, whatever the Bundle was for.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// One resource of a Bundle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BundleEntry {
    pub full_url: Option<String>,
    /// Byte range of the resource in the Bundle's text.
    pub start: usize,
    pub end: usize,
}

/// The resources of a Bundle in their order; all bytes outside their ranges are the envelope.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BundleParts {
    pub entries: Vec<BundleEntry>,
}

#[derive(Deserialize)]
struct RawBundle<'a> {
    #[serde(borrow, default)]
    entry: Vec<RawEntry<'a>>,
}

#[derive(Deserialize)]
struct RawEntry<'a> {
    #[serde(rename = "fullUrl", borrow, default)]
    full_url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
}

/// Cuts a Bundle (FHIR R4 §2.36). `None` when its members are not of the form that R4 asks for; the caller keeps such
/// a Bundle whole.
pub fn split_bundle(text: &str) -> Option<BundleParts> {
    let bundle: RawBundle<'_> = serde_json::from_str(text).ok()?;
    let base = text.as_ptr() as usize;
    let entries = bundle
        .entry
        .into_iter()
        .filter_map(|entry| {
            let raw = entry.resource?.get();
            let start = raw.as_ptr() as usize - base;
            raw.starts_with('{').then(|| BundleEntry {
                full_url: entry.full_url.map(Cow::into_owned),
                start,
                end: start + raw.len(),
            })
        })
        .collect();
    Some(BundleParts { entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_byte_ranges_and_the_rest_is_envelope() {
        let text = r#"{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource": {"resourceType":"Patient"} },{"request":{}}]}"#;
        let parts = split_bundle(text).unwrap();
        assert_eq!(parts.entries.len(), 1);
        let e = &parts.entries[0];
        assert_eq!(&text[e.start..e.end], r#"{"resourceType":"Patient"}"#);
        assert_eq!(e.full_url.as_deref(), Some("urn:uuid:1"));
        assert!(split_bundle(r#"{"entry":7}"#).is_none());
    }
}
