//! Items that look the same, from one source or several, stand in one row with their count. This file is the rule of what
//! looks the same, and of when a row has to say that its sources differ. Nothing is merged: a group keeps all of its items,
//! each with its own record.
//!
//! Two items are alike when both of these hold:
//!
//! 1. *What.* They share a code (same system and same code), or their words are the same once case, punctuation, spaces and
//!    SNOMED's tag in brackets ("(disorder)") are left out. Words do not join what codes part: items with codes of the same
//!    system and none in common are not alike, whatever they are called. An item without words and codes is like no other.
//!    A list may part what it holds by sorts: a medication that was given is not like one that was ordered.
//! 2. *When* ([`Moment`]). Events (an immunization, a procedure, an encounter) happened on the same day. Spans (a problem)
//!    began on the same day, or are both still open. What is always so (an allergy, a medication) is not parted by days.
//!    Days agree when one is the beginning of the other: `2013-08` and `2013-08-02`. A day that is not recorded agrees only
//!    with another that is not recorded.
//!
//! A group's facts (status, severity, date) are compared item by item. Two that are both recorded and disagree are a
//! difference, and it is said with its sources; a fact that only one recorded is no contradiction, and stands in the list.
//!
//! Not for: drawing a group (`alike_row`), or deciding who is right.

use std::collections::HashMap;

use super::fhir::{self, Node};

/// When an item was, as far as that parts it from others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moment {
    /// It happened on a day, as written; `None`: not recorded.
    On(Option<String>),
    /// It began on a day, as written, and may be open still.
    Since { onset: Option<String>, is_open: bool },
    /// Days do not part it from others.
    Always,
}

/// What an item is called and coded as.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct What {
    words: String,
    codes: Vec<(String, String)>,
    /// What was done with it, where that parts it from others of the same name: given is not ordered.
    sort: &'static str,
}

/// What is compared of an item.
#[derive(Clone, Debug)]
pub struct Traits {
    pub what: What,
    pub moment: Moment,
    pub source: String,
    /// Name and value, the same names in the same order for all items of a list.
    pub facts: Vec<(&'static str, Option<String>)>,
}

/// Items that look the same, in the order in which they came; the first is the one that the row shows.
#[derive(Clone, Debug)]
pub struct Alike<T> {
    pub items: Vec<T>,
    /// Their source systems, each once, in the order of the items.
    pub sources: Vec<String>,
    pub differences: Vec<Difference>,
}

/// A fact in which items of a group disagree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    pub fact: &'static str,
    /// Each value with a source that has it, in the order of the items.
    pub values: Vec<(String, String)>,
    /// Whether two sources disagree, and not only records of one.
    pub is_between_sources: bool,
}

impl What {
    /// Of a CodeableConcept: its words and all of its codes.
    pub fn of(concept: Node<'_>) -> What {
        let mut what = What::named(fhir::concept(concept).as_deref());
        for coding in concept.at("coding").items() {
            if let (Some(system), Some(code)) = (coding.at("system").text(), coding.at("code").text()) {
                what.codes.push((system, code));
            }
        }
        what
    }

    /// Of words alone.
    pub fn named(words: Option<&str>) -> What {
        What { words: normal(words.unwrap_or_default()), ..What::default() }
    }

    /// The same, alike only with others of this sort.
    pub fn of_sort(self, sort: &'static str) -> What {
        What { sort, ..self }
    }

    fn is_like(&self, other: &What) -> bool {
        if self.sort != other.sort {
            return false;
        }
        if self.codes.iter().any(|code| other.codes.contains(code)) {
            return true;
        }
        let parted = self.codes.iter().any(|(system, _)| other.codes.iter().any(|(theirs, _)| theirs == system));
        !parted && !self.words.is_empty() && self.words == other.words
    }

    /// What an equal one is looked up by.
    fn keys(&self) -> impl Iterator<Item = (String, String)> {
        let words = (!self.words.is_empty()).then(|| (String::new(), self.words.clone()));
        self.codes.iter().cloned().chain(words)
    }
}

impl Moment {
    fn agrees(&self, other: &Moment) -> bool {
        match (self, other) {
            (Moment::Always, Moment::Always) => true,
            (Moment::On(a), Moment::On(b)) => days_agree(a.as_deref(), b.as_deref()),
            (Moment::Since { onset: a, is_open: a_open }, Moment::Since { onset: b, is_open: b_open }) => {
                (*a_open && *b_open) || days_agree(a.as_deref(), b.as_deref())
            }
            _ => false,
        }
    }
}

impl<T> Alike<T> {
    /// The item that the row shows.
    pub fn lead(&self) -> Option<&T> {
        self.items.first()
    }

    pub fn is_single(&self) -> bool {
        self.items.len() == 1
    }
}

impl Difference {
    /// "status: active (Meridian), resolved (Harbor)"; of many values the first, and how many more.
    pub fn words(&self, badge: impl Fn(&str) -> String) -> String {
        const VALUES: usize = 4;
        let values = self.values.iter().take(VALUES).map(|(value, source)| format!("{value} ({})", badge(source)));
        let words = values.collect::<Vec<_>>().join(", ");
        match self.values.len().saturating_sub(VALUES) {
            0 => format!("{}: {words}", self.fact),
            more => format!("{}: {words} and {more} more", self.fact),
        }
    }
}

/// Puts items that look the same together, keeping the order of their first ones. Each item is in exactly one group.
pub fn group<T>(items: Vec<T>, traits: impl Fn(&T) -> Traits) -> Vec<Alike<T>> {
    let mut groups: Vec<(Alike<T>, Vec<Traits>)> = Vec::new();
    let mut by_key: HashMap<(String, String), Vec<usize>> = HashMap::new();
    for item in items {
        let own = traits(&item);
        let mut met: Vec<usize> = own.what.keys().filter_map(|key| by_key.get(&key)).flatten().copied().collect();
        met.sort_unstable();
        // It has to be like all of a group, so that no chain of likenesses joins what differs at its ends.
        let fits = |at: &&usize| {
            groups.get(**at).is_some_and(|(_, of)| of.iter().all(|t| t.what.is_like(&own.what) && t.moment.agrees(&own.moment)))
        };
        let at = met.iter().find(fits).copied().unwrap_or(groups.len());
        for key in own.what.keys() {
            let known = by_key.entry(key).or_default();
            if !known.contains(&at) {
                known.push(at);
            }
        }
        match groups.get_mut(at) {
            Some((group, of)) => {
                if !group.sources.contains(&own.source) {
                    group.sources.push(own.source.clone());
                }
                group.items.push(item);
                of.push(own);
            }
            None => {
                let group = Alike { items: vec![item], sources: vec![own.source.clone()], differences: Vec::new() };
                groups.push((group, vec![own]));
            }
        }
    }
    groups.into_iter().map(|(group, of)| Alike { differences: differences(&of), ..group }).collect()
}

fn differences(of: &[Traits]) -> Vec<Difference> {
    let Some(first) = of.first() else { return Vec::new() };
    let mut found = Vec::new();
    for (at, (fact, _)) in first.facts.iter().enumerate() {
        let mut values: Vec<(String, String)> = Vec::new();
        let mut is_between_sources = false;
        for own in of {
            let Some(value) = own.facts.get(at).and_then(|(_, value)| value.clone()) else { continue };
            if values.iter().any(|(known, _)| facts_agree(known, &value)) {
                continue;
            }
            is_between_sources |= values.iter().any(|(_, source)| *source != own.source);
            values.push((value, own.source.clone()));
        }
        if values.len() > 1 {
            found.push(Difference { fact, values, is_between_sources });
        }
    }
    found
}

/// Dates agree as far as both say, and words once their case and punctuation are left out.
fn facts_agree(a: &str, b: &str) -> bool {
    let is_date = |t: &str| t.len() >= 4 && t.bytes().take(4).all(|c| c.is_ascii_digit());
    if is_date(a) && is_date(b) { days_agree(Some(a), Some(b)) } else { normal(a) == normal(b) }
}

/// Whether two dates as written say the same day, as far as both say one.
pub fn days_agree(a: Option<&str>, b: Option<&str>) -> bool {
    let day = |text: &str| text.get(..10).unwrap_or(text).trim().to_string();
    match (a.map(day), b.map(day)) {
        (None, None) => true,
        (Some(a), Some(b)) => !a.is_empty() && !b.is_empty() && (a.starts_with(&b) || b.starts_with(&a)),
        _ => false,
    }
}

/// Words without case, punctuation, repeated spaces, and SNOMED's tag at the end.
fn normal(words: &str) -> String {
    const TAGS: [&str; 9] = [
        "disorder",
        "finding",
        "situation",
        "procedure",
        "event",
        "substance",
        "product",
        "morphologic abnormality",
        "regime/therapy",
    ];
    let mut words = words.trim().to_lowercase();
    if let Some(start) = words.rfind(" (").filter(|_| words.ends_with(')')) {
        let tag = words.get(start + 2..words.len() - 1).unwrap_or_default();
        if TAGS.contains(&tag) {
            words.truncate(start);
        }
    }
    // A sign between digits is part of a number: 0.5 is not 05, and 49/51 is not 4951.
    let chars: Vec<char> = words.chars().collect();
    let is_digit = |at: Option<&char>| at.is_some_and(char::is_ascii_digit);
    let keep = |at: usize, c: char| {
        c.is_alphanumeric()
            || c == '%'
            || c == '+'
            || (is_digit(chars.get(at + 1)) && is_digit(at.checked_sub(1).and_then(|b| chars.get(b))))
    };
    let plain: String = chars.iter().enumerate().map(|(at, c)| if keep(at, *c) { *c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(source: &str, concept: &serde_json::Value, onset: Option<&str>, status: &str) -> Traits {
        Traits {
            what: What::of(Node::new(concept)),
            moment: Moment::Since { onset: onset.map(str::to_string), is_open: status == "active" },
            source: source.into(),
            facts: vec![("status", Some(status.into())), ("since", onset.map(str::to_string))],
        }
    }

    fn event(words: &str, day: Option<&str>) -> Traits {
        let moment = Moment::On(day.map(str::to_string));
        Traits { what: What::named(Some(words)), moment, source: "MER".into(), facts: Vec::new() }
    }

    fn sizes(all: Vec<Traits>) -> Vec<usize> {
        group(all, Clone::clone).iter().map(|g| g.items.len()).collect()
    }

    #[test]
    fn what_is_alike_goes_by_codes_then_by_words() {
        let coded = |system: &str, code: &str, words: &str| json!({"coding":[{"system":system,"code":code}],"text":words});
        let words = |words: &str| json!({"text": words});
        let cases = [
            (coded("sct", "38341003", "Hypertension"), coded("sct", "38341003", "Essential hypertension"), true),
            (coded("sct", "38341003", "Hypertension"), words("hypertension (disorder)"), true),
            (coded("sct", "38341003", "Hypertension"), coded("icd10", "I10", "Hypertension"), true),
            (coded("icd10", "E11.9", "Diabetes"), coded("icd10", "E10.9", "Diabetes"), false),
            (words("Osteoarthritis,  left knee"), words("osteoarthritis left knee"), true),
            (words("Osteoarthritis, left knee"), words("Osteoarthritis, right knee"), false),
            (words("Insulin 0.5 units"), words("Insulin 05 units"), false),
            (words("Sacubitril 49/51 mg"), words("Sacubitril 49 51 mg"), false),
            (json!({}), json!({}), false),
            (json!({"coding":[{"code":"1"}]}), json!({"coding":[{"code":"1"}],"text":"One"}), false),
        ];
        for (a, b, alike) in cases {
            let pair = vec![problem("MER", &a, Some("2010"), "active"), problem("HBI", &b, Some("2010"), "active")];
            assert_eq!(sizes(pair).len() == 1, alike, "{a} and {b}");
        }
    }

    #[test]
    fn sorts_part_what_is_called_the_same_and_many_differences_are_counted() {
        let of = |sort| Traits { what: What::named(Some("Metformin")).of_sort(sort), ..event("Metformin", None) };
        assert_eq!(sizes(vec![of("ordered"), of("given"), of("ordered")]), [2, 1]);
        let values = (1..=6).map(|mg| (format!("{mg} mg"), "MER".to_string())).collect();
        let difference = Difference { fact: "dose", values, is_between_sources: false };
        assert_eq!(difference.words(str::to_string), "dose: 1 mg (MER), 2 mg (MER), 3 mg (MER), 4 mg (MER) and 2 more");
    }

    #[test]
    fn when_is_alike_goes_by_days_as_far_as_both_say() {
        let cases = [
            (Some("2013-08-02"), Some("2013-08-02T09:10:00Z"), true),
            (Some("2013-08"), Some("2013-08-02"), true),
            (Some("2013-08-01"), Some("2013-08-02"), false),
            (Some("2013-08-02"), None, false),
            (None, None, true),
            (Some(""), Some("2013"), false),
        ];
        for (a, b, alike) in cases {
            assert_eq!(sizes(vec![event("Flu shot", a), event("flu shot", b)]).len() == 1, alike, "{a:?} and {b:?}");
        }
    }

    #[test]
    fn two_episodes_stay_two_and_an_open_problem_of_two_sources_is_one_that_differs() {
        let bronchitis = json!({"text": "Acute bronchitis"});
        let episodes = ["2010-01", "2015-03"].map(|onset| problem("MER", &bronchitis, Some(onset), "resolved"));
        assert_eq!(sizes(episodes.to_vec()), [1, 1]);
        let open = [("MER", "2004"), ("HBI", "2006-05")].map(|(s, onset)| problem(s, &bronchitis, Some(onset), "active"));
        let groups = group(open.to_vec(), Clone::clone);
        assert_eq!((groups.len(), groups[0].sources.as_slice()), (1, ["MER".to_string(), "HBI".into()].as_slice()));
        assert_eq!(groups[0].differences.len(), 1, "the status agrees");
        assert!(groups[0].differences[0].is_between_sources);
        assert_eq!(groups[0].differences[0].words(str::to_string), "since: 2004 (MER), 2006-05 (HBI)");
    }

    #[test]
    fn a_fact_that_one_source_did_not_record_is_no_contradiction() {
        let mut a = event("Latex", None);
        let mut b = a.clone();
        (a.facts, b.facts) = (vec![("severity", None)], vec![("severity", Some("severe".into()))]);
        let groups = group(vec![a, b], Clone::clone);
        assert_eq!((groups.len(), groups[0].differences.len()), (1, 0));
    }

    #[test]
    fn no_chain_of_likenesses_joins_what_differs_and_no_item_is_lost() {
        let days = [Some("2013-08-01"), Some("2013-08"), Some("2013-08-02")];
        let groups = group(days.map(|d| event("Visit", d)).to_vec(), Clone::clone);
        assert_eq!(groups.iter().map(|g| g.items.len()).collect::<Vec<_>>(), [2, 1], "the month joins the first, not both");
        let many: Vec<Traits> = (0..500).map(|i| event(&format!("Item {}", i % 50), Some("2020-01-01"))).collect();
        let groups = group(many, Clone::clone);
        assert_eq!((groups.len(), groups.iter().map(|g| g.items.len()).sum::<usize>()), (50, 500));
    }
}
