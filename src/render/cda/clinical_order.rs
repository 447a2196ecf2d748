//! The order in which a clinician reads sections, and which kinds of section have coded entries as a rule.
//!
//! Not for: arranging a page by it (`view`).

use std::sync::OnceLock;

use serde::Deserialize;

use super::page::SectionPage;

const ORDER: &str = include_str!("../../../schemas/cda/clinical-order.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    section: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    codes: Vec<String>,
    /// For whoever reads the table.
    #[serde(rename = "name")]
    _name: String,
    coded: bool,
}

fn groups() -> &'static [Group] {
    static GROUPS: OnceLock<Vec<Group>> = OnceLock::new();
    GROUPS.get_or_init(|| toml::from_str(ORDER).map_or_else(|_| Vec::new(), |table: Table| table.section))
}

/// The place of a section in a clinician's reading; sections of other codes come last.
pub(super) fn rank(section: &SectionPage) -> usize {
    groups().iter().position(|group| group.codes.contains(&section.code)).unwrap_or(usize::MAX)
}

/// Whether a section says in words alone what such sections also say in coded entries.
pub(super) fn is_narrative_only(section: &SectionPage) -> bool {
    let is_coded = groups().iter().any(|group| group.coded && group.codes.contains(&section.code));
    is_coded && section.has_words && section.entries == 0 && section.sections.is_empty() && section.no_information.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads() {
        assert!(groups().len() > 15);
    }
}
