//! Under which heading a vaccine stands: its group by CVX code, as `schemas/vaccine-groups.toml` has it.
//!
//! Not for: rows of immunizations (`immunizations`), or which doses are due.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::super::fhir::Node;

/// The heading of vaccines whose code stands in no group, or that have none.
pub const OTHER: &str = "Other vaccines";

const CVX: [&str; 2] = ["http://hl7.org/fhir/sid/cvx", "urn:oid:2.16.840.1.113883.12.292"];

#[derive(Deserialize)]
struct File {
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    cvx: Vec<String>,
}

static GROUPS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let groups = read().map(|file| file.group).unwrap_or_default();
    groups.into_iter().flat_map(|group| group.cvx.into_iter().map(move |cvx| (plain(&cvx), group.name.clone()))).collect()
});

fn read() -> Result<File, toml::de::Error> {
    toml::from_str(include_str!("../../../../schemas/vaccine-groups.toml"))
}

/// A code without the noughts that some systems put before it and others do not.
fn plain(code: &str) -> String {
    code.trim().trim_start_matches('0').to_string()
}

/// The group of a `vaccineCode`.
pub fn group_of(code: Node<'_>) -> &'static str {
    let is_cvx = |coding: &Node<'_>| coding.at("system").text().is_some_and(|system| CVX.contains(&system.as_str()));
    let codes = code.at("coding").items().filter(is_cvx).filter_map(|coding| coding.at("code").text());
    codes.map(|code| plain(&code)).find_map(|code| GROUPS.get(&code)).map_or(OTHER, String::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_file_can_be_read_and_no_code_stands_in_two_groups() {
        let all: Vec<String> = read().unwrap().group.into_iter().flat_map(|group| group.cvx).map(|cvx| plain(&cvx)).collect();
        assert_eq!(all.len(), GROUPS.len());
        assert!(all.len() > 200, "{}", all.len());
    }

    #[test]
    fn a_vaccine_stands_under_its_group_or_among_the_others() {
        let of = |system: &str, code: &str| {
            let value =
                json!({"coding": [{"system": "http://example.org/local", "code": "88"}, {"system": system, "code": code}]});
            group_of(Node::new(&value))
        };
        assert_eq!(of("http://hl7.org/fhir/sid/cvx", "140"), "Influenza");
        assert_eq!(of("http://hl7.org/fhir/sid/cvx", "3"), "Measles, mumps, rubella, varicella");
        assert_eq!(of("urn:oid:2.16.840.1.113883.12.292", "08"), "Hepatitis B");
        assert_eq!(of("http://hl7.org/fhir/sid/cvx", "999"), OTHER);
        assert_eq!(of("http://example.org/other", "140"), OTHER);
    }
}
