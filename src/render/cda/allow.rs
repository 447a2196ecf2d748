//! What narrative may bring onto a page, as `schemas/cda/elements.toml` says: element by element, attribute by attribute.
//!
//! Not for: style codes (`styles`), what an element becomes in detail (`narrative`, `tables`).

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::styles::Styles;

const TABLE: &str = include_str!("../../../schemas/cda/elements.toml");

/// What an element of narrative is read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    Paragraph,
    Content,
    Inserted,
    Deleted,
    Break,
    Rule,
    Sub,
    Sup,
    Preformatted,
    Heading,
    /// Ordered or not, as its `listType` says.
    List,
    Ordered,
    Unordered,
    Item,
    Caption,
    Table,
    Columns,
    Head,
    Body,
    Foot,
    Row,
    HeadingCell,
    Cell,
    Link,
    Footnote,
    FootnoteMark,
    Media,
    Picture,
}

/// One element of the list.
#[derive(Debug)]
pub(super) struct Rule {
    pub role: Role,
    /// The style that the element stands for.
    pub style: Styles,
    attributes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    element: Vec<Element>,
    common: Vec<String>,
    looks: Vec<String>,
    html: Html,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Element {
    name: String,
    becomes: Role,
    #[serde(default)]
    style: String,
    #[serde(default)]
    attributes: Vec<String>,
}

/// What the writer of HTML may write; read by tests, and by people.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), allow(dead_code, reason = "the writer's own words are held against it in tests"))]
pub(super) struct Html {
    pub any: Vec<String>,
    pub elements: HashMap<String, Vec<String>>,
    pub addresses: Addresses,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Addresses {
    pub schemes: Vec<String>,
}

/// The whole list.
#[derive(Debug)]
pub(super) struct Allowed {
    rules: HashMap<String, Rule, ahash::RandomState>,
    common: Vec<String>,
    looks: Vec<String>,
    pub html: Html,
}

/// The list, read at its first use. It is compiled in, and a test reads it: it cannot fail here.
pub(super) fn allowed() -> &'static Allowed {
    static ALLOWED: OnceLock<Allowed> = OnceLock::new();
    ALLOWED.get_or_init(|| match toml::from_str(TABLE) {
        Ok(table) => Allowed::of(table),
        // Nothing is allowed, then: words stay, everything else goes.
        Err(_) => Allowed {
            rules: HashMap::default(),
            common: Vec::new(),
            looks: Vec::new(),
            html: Html { any: Vec::new(), elements: HashMap::new(), addresses: Addresses { schemes: Vec::new() } },
        },
    })
}

impl Allowed {
    fn of(table: Table) -> Allowed {
        let rule = |element: Element| {
            let style = Styles::parse(&element.style, |_| {});
            (element.name, Rule { role: element.becomes, style, attributes: element.attributes })
        };
        let rules = table.element.into_iter().map(rule).collect();
        Allowed { rules, common: table.common, looks: table.looks, html: table.html }
    }

    /// The rule for an element; HTML is written in any case.
    pub(super) fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.get(name).or_else(|| {
            let is_upper = name.len() <= 10 && name.bytes().any(|b| b.is_ascii_uppercase());
            is_upper.then(|| self.rules.get(&name.to_ascii_lowercase())).flatten()
        })
    }

    /// The rule for an element with its name as the list has it.
    pub(super) fn named(&self, name: &str) -> Option<(&str, &Rule)> {
        self.rules.get_key_value(name).map(|(name, rule)| (name.as_str(), rule))
    }

    /// Whether an attribute of such an element is read.
    pub(super) fn reads(&self, rule: &Rule, attribute: &str) -> bool {
        let holds = |list: &[String]| list.iter().any(|known| known == attribute);
        holds(&self.common) || holds(&rule.attributes)
    }

    /// Whether an attribute that is not read is left out without a word.
    pub(super) fn is_looks(&self, attribute: &str) -> bool {
        self.looks.iter().any(|known| known == attribute)
    }

    /// Whether a link may lead to addresses of this scheme, in any case.
    pub(super) fn takes_scheme(&self, scheme: &str) -> bool {
        self.html.addresses.schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_reads_and_names_no_element_that_acts() {
        let table: Table = toml::from_str(TABLE).expect("the list reads");
        assert!(table.element.len() > 50);
        for element in &table.element {
            let style = Styles::parse(&element.style, |token| panic!("{token} is no style"));
            assert_eq!(style.is_empty(), element.style.is_empty());
        }
        let acting = ["script", "style", "iframe", "object", "embed", "form", "input", "svg", "math", "link", "meta", "base"];
        for name in acting {
            assert!(allowed().rule(name).is_none() && !allowed().html.elements.contains_key(name), "{name}");
        }
        let attributes = allowed().html.elements.values().flatten().chain(&allowed().html.any);
        for name in attributes {
            assert!(!name.starts_with("on") && !["style", "srcdoc", "action", "formaction"].contains(&name.as_str()), "{name}");
        }
        assert!(allowed().takes_scheme("HTTPS") && !allowed().takes_scheme("javascript"));
        assert_eq!(allowed().rule("TD").map(|rule| rule.role), Some(Role::Cell));
    }
}
