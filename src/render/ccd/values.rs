//! FHIR data types as those of CDA: times, quantities, identifiers, names, addresses, telephones. Digits, precision and
//! words stay as archived.
//!
//! Not for: codes (`codes`).

use super::cda::{Address, Bound, Id, Name, Quantity, Telecom, Time, Ts, Value};
use super::ids::uuid_of_uri;
use crate::formats::code_systems::{is_oid, is_uuid, oid_of_uri};
use crate::formats::fhir::node::Node;
use crate::formats::ucum;

/// A FHIR date, dateTime or instant as HL7 writes it; `None` for what is no date.
pub fn ts(text: &str) -> Option<Ts> {
    let (date, clock) = text.trim().split_once('T').map_or((text.trim(), None), |(date, clock)| (date, Some(clock)));
    let digits = date_digits(date)?;
    let Some(clock) = clock else { return Some(Ts(digits)) };
    if digits.len() != 8 {
        return None;
    }
    let zone_at = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (time, zone) = clock.split_at(zone_at);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let parts: Vec<&str> = whole.split(':').collect();
    let is_time =
        (2..=3).contains(&parts.len()) && parts.iter().zip([23, 59, 60]).all(|(part, max)| number(part, 2, 0..=max).is_some());
    if !is_time || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut out = digits + &parts.concat();
    if parts.len() == 3 && !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out.push_str(&zone_digits(zone)?);
    Some(Ts(out))
}

/// `2014-03-12`, `2014-03` or `2014` without dashes.
fn date_digits(date: &str) -> Option<String> {
    let parts: Vec<&str> = date.split('-').collect();
    let is_date = match parts.as_slice() {
        [year, rest @ ..] if rest.len() <= 2 => {
            number(year, 4, 1..=9999).is_some() && rest.iter().zip([12, 31]).all(|(part, max)| number(part, 2, 1..=max).is_some())
        }
        _ => false,
    };
    is_date.then(|| parts.concat())
}

fn zone_digits(zone: &str) -> Option<String> {
    if zone.is_empty() {
        return Some(String::new());
    }
    if zone == "Z" {
        return Some("+0000".into());
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let is_zone = number(hours, 2, 0..=14).is_some() && number(minutes, 2, 0..=59).is_some();
    is_zone.then(|| format!("{}{hours}{minutes}", &zone[..1]))
}

fn number(text: &str, width: usize, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let is_digits = text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| is_digits && range.contains(n))
}

/// When something was, by the name of its element: `{name}DateTime`, `{name}Period`, `{name}Date`, `{name}Instant`, the first
/// event of `{name}Timing`, or `{name}` itself, a date or a Period. `None` when it has none that can be read.
pub fn time(root: Node<'_>, name: &str) -> Option<Time> {
    let at = |suffix: &str| root.at(&format!("{name}{suffix}"));
    let point = ["DateTime", "Instant", "Date", ""].iter().find_map(|suffix| at(suffix).text().and_then(|text| ts(&text)));
    if let Some(point) = point {
        return Some(Time::At(point));
    }
    let timing = at("Timing");
    span(at("Period"))
        .or_else(|| span(at("")))
        .or_else(|| timing.at("event").items().find_map(|event| ts(&event.text()?)).map(Time::At))
        .or_else(|| span(timing.at("repeat").at("boundsPeriod")))
}

/// A FHIR Period; bounds that it does not give are not there.
pub fn span(period: Node<'_>) -> Option<Time> {
    let bound = |name: &str| period.at(name).text().and_then(|text| ts(&text)).map(Bound::Given);
    let (low, high) = (bound("start"), bound("end"));
    (low.is_some() || high.is_some()).then_some(Time::Span { low, high })
}

/// The start of a time, or the point that it is.
pub fn start(time: &Time) -> Option<&Ts> {
    match time {
        Time::At(ts) => Some(ts),
        Time::Span { low: Some(Bound::Given(ts)), .. } => Some(ts),
        _ => None,
    }
}

/// A point or a span as a span with both bounds, as `effectiveTime` of an organizer wants it: what is not known is `UNK`.
pub fn both_bounds(time: Option<Time>) -> Time {
    let (low, high) = match time {
        Some(Time::At(ts)) => (Some(Bound::Given(ts.clone())), Some(Bound::Given(ts))),
        Some(Time::Span { low, high }) => (low, high),
        _ => (None, None),
    };
    let unknown = || Some(Bound::Null(super::cda::Null::Unknown));
    Time::Span { low: low.or_else(unknown), high: high.or_else(unknown) }
}

/// A FHIR Quantity as PQ or, with a comparator, IVL_PQ; a unit that is no UCUM makes it text.
pub fn quantity(node: Node<'_>) -> Option<Value> {
    let given = node.at("value").text()?;
    let comparator = node.at("comparator").text().unwrap_or_default();
    let Some(pq) = pq(node) else {
        let unit = node.at("unit").text().or_else(|| node.at("code").text()).unwrap_or_default();
        return Some(Value::Text(format!("{comparator} {given} {unit}").split_whitespace().collect::<Vec<_>>().join(" ")));
    };
    Some(match comparator.as_str() {
        "<" => Value::Range { low: None, high: Some((pq, false)) },
        "<=" => Value::Range { low: None, high: Some((pq, true)) },
        ">" => Value::Range { low: Some((pq, false)), high: None },
        ">=" => Value::Range { low: Some((pq, true)), high: None },
        "" => Value::Quantity(pq),
        other => Value::Text(format!("{other} {} {}", pq.value, pq.unit.unwrap_or_default()).trim_end().to_owned()),
    })
}

/// The number and UCUM unit of a FHIR Quantity, whatever its comparator; `None` when its unit is no UCUM.
pub fn pq(node: Node<'_>) -> Option<Quantity> {
    let value = node.at("value").text().filter(|text| is_decimal(text))?;
    let (unit, code) = (node.at("unit").text(), node.at("code").text());
    let is_ucum = node.at("system").text().is_none_or(|system| system == "http://unitsofmeasure.org");
    // The code is meant for machines; a unit in words counts when it is UCUM as it stands.
    let unit = match (code.filter(|_| is_ucum), unit) {
        (Some(code), _) if ucum::is_unit(&code) => Some(code),
        (_, Some(unit)) if ucum::is_unit_as_meant(&unit) => Some(unit),
        (None, None) => None,
        _ => return None,
    };
    Some(Quantity { value, unit: unit.filter(|unit| unit != "1") })
}

/// Whether a text is a number as CDA's schema takes it.
pub fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = |text: &str| text.strip_prefix(['-', '+']).unwrap_or(text).to_owned();
    let plain = unsigned(mantissa);
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, "0"));
    let is_mantissa = !whole.is_empty() && !fraction.is_empty() && digits(whole) && digits(fraction);
    is_mantissa && exponent.is_none_or(|e| (1..=4).contains(&unsigned(e).len()) && digits(&unsigned(e)))
}

/// A FHIR Identifier; `None` for one without a value. A system without an OID becomes a UUID that follows from its URI.
pub fn identifier(node: Node<'_>) -> Option<Id> {
    let value = node.at("value").text()?;
    let system = node.at("system").text().unwrap_or_default();
    if system.is_empty() || system == "urn:ietf:rfc:3986" {
        let root = value.strip_prefix("urn:oid:").or_else(|| value.strip_prefix("urn:uuid:"));
        if let Some(root) = root.filter(|root| is_oid(root) || is_uuid(root)) {
            return Some(Id::Given { root: root.to_owned(), extension: None });
        }
    }
    Some(Id::Given { root: root_of(&system), extension: Some(value) })
}

/// The root of ids of a system: its OID or UUID, else the UUID (version 5) of its URI.
pub fn root_of(system: &str) -> String {
    if let Some(oid) = oid_of_uri(system) {
        return oid.into_owned();
    }
    match system.strip_prefix("urn:uuid:").filter(|uuid| is_uuid(uuid)) {
        Some(uuid) => uuid.to_owned(),
        None => uuid_of_uri(system),
    }
}

/// A HumanName. Words alone are not cut into parts.
pub fn name(node: Node<'_>) -> Option<Name> {
    let parts = |key: &str| node.at(key).items().filter_map(|part| words(&part.text()?)).collect::<Vec<_>>();
    let (given, family) = (parts("given"), node.at("family").text().and_then(|text| words(&text)));
    if given.is_empty() && family.is_none() {
        return node.at("text").text().and_then(|text| words(&text)).map(Name::Whole);
    }
    let use_code = match node.at("use").text().as_deref() {
        Some("usual" | "official") => Some("L"),
        Some("nickname") => Some("P"),
        Some("anonymous") => Some("ANON"),
        Some("temp") => Some("ASGN"),
        _ => None,
    };
    Some(Name::Person { use_code, prefix: parts("prefix"), given, family, suffix: parts("suffix") })
}

/// A name in words.
pub fn name_words(name: &Name) -> String {
    match name {
        Name::Person { prefix, given, family, suffix, .. } => {
            let parts = prefix.iter().chain(given).chain(family).chain(suffix);
            parts.map(String::as_str).collect::<Vec<_>>().join(" ")
        }
        Name::Whole(words) => words.clone(),
        Name::Null(_) => String::new(),
    }
}

/// An Address; `None` when it says nothing. Its words stand as its line where it has no other.
pub fn address(node: Node<'_>) -> Option<Address> {
    let part = |key: &str| node.at(key).text().and_then(|text| words(&text));
    let mut lines: Vec<String> = node.at("line").items().filter_map(|line| words(&line.text()?)).collect();
    let (city, county, state) = (part("city"), part("district"), part("state"));
    let (postal_code, country) = (part("postalCode"), part("country").map(country));
    let has_parts = city.is_some() || state.is_some() || postal_code.is_some();
    if lines.is_empty() && !has_parts {
        lines.extend(part("text"));
    }
    if lines.is_empty() && !has_parts && country.is_none() && county.is_none() {
        return None;
    }
    // An address has four lines at most; the words of a fifth belong to the fourth.
    if lines.len() > 4 {
        let rest = lines.split_off(3).join(", ");
        lines.push(rest);
    }
    let use_code = match (node.at("use").text().as_deref(), node.at("type").text().as_deref()) {
        (Some("home"), _) => Some("HP"),
        (Some("work"), _) => Some("WP"),
        (Some("temp"), _) => Some("TMP"),
        (Some("old"), _) => Some("BAD"),
        (_, Some("postal")) => Some("PST"),
        _ => None,
    };
    Some(Address::Given { use_code, lines, city, county, state, postal_code, country })
}

/// The code of ISO 3166 for the ways to write the United States; other countries as they are written.
fn country(text: String) -> String {
    const UNITED_STATES: [&str; 6] = ["US", "USA", "U.S.", "U.S.A.", "UNITED STATES", "UNITED STATES OF AMERICA"];
    if UNITED_STATES.contains(&text.to_ascii_uppercase().as_str()) { "US".into() } else { text }
}

/// A ContactPoint; `None` for one without a value.
pub fn telecom(node: Node<'_>) -> Option<Telecom> {
    let value = node.at("value").text().and_then(|text| words(&text))?;
    let system = node.at("system").text().unwrap_or_default();
    let has_scheme = |schemes: &[&str]| schemes.iter().any(|s| value.get(..s.len()).is_some_and(|v| v.eq_ignore_ascii_case(s)));
    let value = match system.as_str() {
        "email" if !has_scheme(&["mailto:"]) => format!("mailto:{value}"),
        "fax" if !has_scheme(&["fax:"]) => format!("fax:{}", dialled(&value)),
        "phone" | "pager" | "sms" if !has_scheme(&["tel:", "sms:"]) => format!("tel:{}", dialled(&value)),
        "phone" | "pager" | "sms" | "fax" | "email" | "url" => value,
        _ if has_scheme(&["tel:", "fax:", "mailto:", "http:", "https:", "ftp:", "sms:"]) => value,
        _ if value.contains('@') => format!("mailto:{value}"),
        _ => format!("tel:{}", dialled(&value)),
    };
    let use_code = match node.at("use").text().as_deref() {
        Some("home") => Some("HP"),
        Some("work") => Some("WP"),
        Some("mobile") => Some("MC"),
        Some("temp") => Some("TMP"),
        Some("old") => Some("BAD"),
        _ => None,
    };
    Some(Telecom::Given { value: as_uri(&value), use_code })
}

/// What cannot stand in a URI is percent-encoded.
fn as_uri(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A number to dial as a URI holds it: no white space, a dash where it parted digits.
fn dialled(number: &str) -> String {
    let mut out = String::with_capacity(number.len());
    for part in number.split_whitespace() {
        let parts_digits = out.ends_with(|c: char| c.is_alphanumeric()) && part.starts_with(|c: char| c.is_alphanumeric());
        if parts_digits {
            out.push('-');
        }
        out.push_str(part);
    }
    out
}

/// White space in order; `None` for nothing else.
fn words(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_keep_their_precision() {
        for (fhir, hl7) in [
            ("2014", Some("2014")),
            ("2014-03", Some("201403")),
            ("2014-03-12", Some("20140312")),
            ("2014-03-12T09:30:00-05:00", Some("20140312093000-0500")),
            ("2014-03-12T09:30:00.125Z", Some("20140312093000.125+0000")),
            ("2014-03-12T09:30", Some("201403120930")),
            ("2014-13", None),
            ("2014-3-1", None),
            ("2014-03T09:30:00Z", None),
            ("2014-03-12T24:30:00Z", None),
            ("2014-03-12T09:30:00+5", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(ts(fhir).map(|ts| ts.0).as_deref(), hl7, "{fhir}");
        }
        let record =
            json!({"onsetDateTime":"bad","performedPeriod":{"end":"2014"},"period":{"start":"2013"},"authoredOn":"2012-01"});
        let root = Node::new(&record);
        assert_eq!(time(root, "onset"), None);
        assert_eq!(time(root, "performed"), Some(Time::Span { low: None, high: Some(Bound::Given(Ts("2014".into()))) }));
        assert_eq!(time(root, "period"), Some(Time::Span { low: Some(Bound::Given(Ts("2013".into()))), high: None }));
        assert_eq!(time(root, "authoredOn"), Some(Time::At(Ts("201201".into()))));
    }

    #[test]
    fn quantities_keep_their_digits_and_units() {
        let of = |value: serde_json::Value| quantity(Node::new(&value));
        let pq = |value: &str, unit: Option<&str>| Quantity { value: value.into(), unit: unit.map(str::to_owned) };
        let ten: serde_json::Value = serde_json::from_str("10.0").unwrap();
        let ucum = "http://unitsofmeasure.org";
        assert_eq!(
            of(json!({"value":ten,"unit":"mmHg","system":ucum,"code":"mm[Hg]"})),
            Some(Value::Quantity(pq("10.0", Some("mm[Hg]"))))
        );
        assert_eq!(of(json!({"value":5,"unit":"K/uL"})), Some(Value::Text("5 K/uL".into())));
        assert_eq!(of(json!({"value":5,"unit":"K/uL","code":"mg","system":"urn:local"})), Some(Value::Text("5 K/uL".into())));
        let below = Value::Range { low: None, high: Some((pq("5", Some("pg/mL")), false)) };
        assert_eq!(of(json!({"comparator":"<","value":5,"code":"pg/mL","system":ucum})), Some(below));
        assert_eq!(of(json!({"value":5})), Some(Value::Quantity(pq("5", None))));
        assert_eq!(of(json!({"unit":"mg"})), None);
    }

    #[test]
    fn people_and_places() {
        let id = |value: serde_json::Value| identifier(Node::new(&value));
        let given =
            |root: &str, extension: Option<&str>| Id::Given { root: root.into(), extension: extension.map(str::to_owned) };
        assert_eq!(
            id(json!({"system":"http://hl7.org/fhir/sid/us-npi","value":"1"})),
            Some(given("2.16.840.1.113883.4.6", Some("1")))
        );
        assert_eq!(id(json!({"system":"urn:ietf:rfc:3986","value":"urn:oid:1.2"})), Some(given("1.2", None)));
        assert!(id(json!({"system":"urn:ietf:rfc:3986","value":"urn:oid:1..2"})).is_some());
        assert_eq!(id(json!({"system":"http://h.example"})), None);

        let phone = |value: &str| match telecom(Node::new(&json!({"system":"phone","value":value}))) {
            Some(Telecom::Given { value, .. }) => value,
            other => panic!("{other:?}"),
        };
        assert_eq!(phone("+1 (555) 555-2003"), "tel:+1(555)555-2003");
        assert_eq!(phone("tel:1"), "tel:1");
        assert_eq!(phone("]]> ä"), "tel:%5D%5D%3E%C3%A4");
        assert_eq!(phone("555 2003 ext 5"), "tel:555-2003-ext-5");

        let place = json!({"line":["1","2","3","4","5"],"city":"Boston","country":"usa"});
        let Some(Address::Given { lines, country, .. }) = address(Node::new(&place)) else { panic!() };
        assert_eq!((lines.len(), lines[3].as_str(), country.as_deref()), (4, "4, 5", Some("US")));
        assert_eq!(address(Node::new(&json!({"use":"home","line":[" "]}))), None);
        assert_eq!(name(Node::new(&json!({"text":" A  B "}))), Some(Name::Whole("A B".into())));
    }
}
