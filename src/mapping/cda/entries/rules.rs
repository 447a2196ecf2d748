//! Which rule reads an entry: by its templates (of C-CDA R1.1 and R2.1 alike, of CCD and C32 before them), and without
//! one that is known by the section it stands in and what kind of act it is.
//!
//! Not for: what the rules make of it (the other files here).

use crate::formats::cda::Element;

/// What a section is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    Problems,
    PastIllness,
    Concerns,
    Diagnoses,
    Allergies,
    Medications,
    /// Given during a stay or a procedure.
    Administered,
    Immunizations,
    Results,
    Vitals,
    Procedures,
    Encounters,
    Social,
    Family,
    Functional,
    Mental,
    Exam,
    Directives,
    Plan,
    Goals,
    Payers,
    Equipment,
    Other,
}

const TOPICS: [(Topic, &[&str]); 22] = [
    (Topic::Problems, &["11450-4"]),
    (Topic::PastIllness, &["11348-0", "10153-2"]),
    (Topic::Concerns, &["75310-3"]),
    (
        Topic::Diagnoses,
        &["11535-2", "46241-6", "42347-5", "10219-4", "10218-6", "59769-0", "59768-2", "55109-3", "59776-5", "C-CDAV2-DDN"],
    ),
    (Topic::Allergies, &["48765-2", "10155-0"]),
    (Topic::Medications, &["10160-0", "10183-2", "75311-1", "42346-7"]),
    (Topic::Administered, &["29549-3", "59774-0"]),
    (Topic::Immunizations, &["11369-6"]),
    (Topic::Results, &["30954-2", "26436-6", "18725-2", "11502-2"]),
    (Topic::Vitals, &["8716-3"]),
    (Topic::Procedures, &["47519-4", "29554-3"]),
    (Topic::Encounters, &["46240-8"]),
    (Topic::Social, &["29762-2"]),
    (Topic::Family, &["10157-6"]),
    (Topic::Functional, &["47420-5"]),
    (Topic::Mental, &["10190-7"]),
    (Topic::Exam, &["29545-1", "8709-8", "8710-6", "61144-2", "10210-3", "11384-5"]),
    (Topic::Directives, &["42348-3"]),
    (Topic::Plan, &["18776-5", "51847-2", "69730-0", "62387-6", "42349-1", "59772-4"]),
    (Topic::Goals, &["61146-7"]),
    (Topic::Payers, &["48768-6"]),
    (Topic::Equipment, &["46264-8"]),
];

/// The topic of a section by its LOINC code.
pub fn topic(loinc: &str) -> Topic {
    TOPICS.iter().find(|(_, codes)| codes.contains(&loinc)).map_or(Topic::Other, |(topic, _)| *topic)
}

/// How an entry is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    ProblemConcern,
    Problem,
    AllergyConcern,
    Allergy,
    Medication,
    Immunization,
    Dispense,
    ResultOrganizer,
    /// Of observations that stand for themselves: vital signs, functional status.
    Organizer,
    Observation,
    Procedure,
    Encounter,
    Family,
    Planned,
    Goal,
    Team,
    Coverage,
    Supply,
    Note,
    /// Holds others and says nothing itself.
    Container,
    /// Says nothing of its own: a pointer to another entry, a remark about it.
    Nothing,
}

/// The root under which HL7 keeps its templates.
const HL7: &str = "2.16.840.1.113883.10.20.";

/// Templates by what follows [`HL7`] in their root, in the order in which they are asked: an entry that claims several
/// is read by the first of them here.
const TEMPLATES: [(Rule, &[&str]); 21] = [
    // Pointers, remarks, and what only qualifies the entry around it: statuses, priorities, ages, episodes.
    (
        Rule::Nothing,
        &[
            "22.4.122", "22.4.64", "1.40", "22.4.6", "22.4.28", "22.4.31", "22.4.53", "22.4.118", "22.4.123", "22.4.143",
            "22.4.145", "22.4.147", "22.4.8", "22.4.9", "1.38", "1.39", "1.41", "1.46", "1.47", "1.50", "1.54", "1.55", "1.57",
        ],
    ),
    (Rule::AllergyConcern, &["22.4.30"]),
    (Rule::Allergy, &["22.4.7", "1.18"]),
    // The act of CCD stands for both kinds of concern; the section tells them apart.
    (Rule::ProblemConcern, &["22.4.3", "1.27", "22.4.33", "22.4.34", "22.4.51", "22.4.65", "22.4.80"]),
    (Rule::Problem, &["22.4.4", "1.28", "22.4.68", "22.4.73", "22.4.19"]),
    (Rule::Immunization, &["22.4.52"]),
    (Rule::Medication, &["22.4.16", "22.4.42", "22.4.120", "1.24"]),
    (Rule::Dispense, &["22.4.17", "22.4.18"]),
    (Rule::Organizer, &["22.4.26", "1.35", "22.4.66", "22.4.75", "22.4.108"]),
    (Rule::ResultOrganizer, &["22.4.1", "1.32"]),
    (
        Rule::Observation,
        &[
            "22.4.2", "22.4.27", "1.31", "22.4.38", "22.4.78", "22.4.85", "22.4.200", "22.4.72", "22.4.109", "22.4.111", "1.33",
            "15.2.3.1", "15.3.8", "22.4.5", "22.4.67", "22.4.74", "22.4.69", "22.4.114", "22.4.124", "22.4.138", "22.4.144",
            "22.4.48", "1.17", "22.4.86", "22.4.110", "22.4.127", "22.4.128", "22.4.201", "22.4.501", "15.3.1",
        ],
    ),
    (Rule::Procedure, &["22.4.14", "22.4.12", "22.4.13", "1.29"]),
    (Rule::Encounter, &["22.4.49", "1.21"]),
    (Rule::Family, &["22.4.45", "1.23"]),
    (Rule::Planned, &["22.4.39", "22.4.40", "22.4.41", "22.4.43", "22.4.44", "22.4.20", "22.4.130", "22.4.140", "1.25", "1.49"]),
    (Rule::Goal, &["22.4.121"]),
    (Rule::Team, &["22.4.500"]),
    (Rule::Coverage, &["22.4.60", "1.20", "22.60", "22.4.61", "1.26"]),
    (Rule::Supply, &["22.4.50", "1.34"]),
    (Rule::Note, &["22.4.202"]),
    (Rule::Container, &["22.4.132", "22.4.136", "22.4.131", "22.4.146", "22.4.35", "22.4.36", "22.4.135"]),
];

/// Whether an entry claims one of these templates, named by what follows HL7's root.
pub fn has(entry: Element<'_>, templates: &[&str]) -> bool {
    let mut claimed = entry.children("templateId").filter_map(|t| t.attr("root").strip_prefix(HL7));
    claimed.any(|root| templates.contains(&root))
}

/// The acts of CDA.
pub fn is_act(element: Element<'_>) -> bool {
    matches!(
        element.name(),
        "act" | "observation" | "procedure" | "substanceAdministration" | "encounter" | "organizer" | "supply"
    )
}

/// Marks of data segmentation for privacy: they say how the entries beside them are to be treated, and become labels.
fn is_mark(entry: Element<'_>) -> bool {
    let roots = ["2.16.840.1.113883.3.445.", "2.16.840.1.113883.3.3251.1."];
    entry.children("templateId").any(|template| roots.iter().any(|root| template.attr("root").starts_with(root)))
}

/// Whether it is meant to happen, by its mood: intended, ordered, promised, proposed.
pub fn is_planned(entry: Element<'_>) -> bool {
    matches!(entry.attr("moodCode"), "INT" | "RQO" | "PRMS" | "PRP" | "ARQ" | "APT")
}

/// The rule for an entry of a section on `topic`.
pub fn rule(entry: Element<'_>, topic: Topic) -> Option<Rule> {
    if is_mark(entry) {
        return Some(Rule::Nothing);
    }
    let roots: Vec<&str> = entry.children("templateId").filter_map(|t| t.attr("root").strip_prefix(HL7)).collect();
    let claimed =
        TEMPLATES.iter().find(|(_, templates)| roots.iter().any(|root| templates.contains(root))).map(|(rule, _)| *rule);
    let rule = claimed.or_else(|| by_shape(entry, topic))?;
    let name = entry.name();
    Some(match rule {
        Rule::ProblemConcern if topic == Topic::Allergies => Rule::AllergyConcern,
        Rule::Problem if topic == Topic::Allergies && name == "observation" => Rule::Allergy,
        // Some put the template of the concern on the observation, and the other way round.
        Rule::ProblemConcern if name == "observation" => Rule::Problem,
        Rule::Problem if name == "act" => Rule::ProblemConcern,
        Rule::AllergyConcern if name == "observation" => Rule::Allergy,
        Rule::Allergy if name == "act" => Rule::AllergyConcern,
        Rule::Medication if topic == Topic::Immunizations => immunization(entry),
        Rule::Immunization => immunization(entry),
        Rule::Planned if name == "substanceAdministration" => Rule::Medication,
        Rule::Observation | Rule::Planned | Rule::Problem if entry.attr("moodCode") == "GOL" => Rule::Goal,
        Rule::Planned if topic == Topic::Goals && name == "observation" => Rule::Goal,
        Rule::Planned if !is_planned(entry) && name == "encounter" => Rule::Encounter,
        Rule::Planned if !is_planned(entry) && name == "procedure" => Rule::Procedure,
        Rule::Observation | Rule::Procedure | Rule::Encounter | Rule::Problem if is_planned(entry) => Rule::Planned,
        rule => rule,
    })
}

fn immunization(entry: Element<'_>) -> Rule {
    if is_planned(entry) { Rule::Medication } else { Rule::Immunization }
}

/// A known kind of act in a section that tells what it is about. What claims to be some other statement of HL7's is not
/// taken for it.
fn by_shape(entry: Element<'_>, topic: Topic) -> Option<Rule> {
    let mut roots = entry.children("templateId").filter_map(|t| t.attr("root").strip_prefix(HL7));
    let is_other =
        matches!(entry.name(), "act" | "observation") && roots.any(|root| root.starts_with("22.4.") || root.starts_with("1."));
    if is_other {
        return None;
    }
    Some(match (entry.name(), topic) {
        ("substanceAdministration", Topic::Immunizations) => Rule::Immunization,
        ("substanceAdministration", _) => Rule::Medication,
        ("procedure", _) => Rule::Procedure,
        // An encounter of which only the id stands there is a pointer to it.
        ("encounter", _) if entry.child("code").is_none() && entry.child("effectiveTime").is_none() => Rule::Nothing,
        ("encounter", _) => Rule::Encounter,
        ("supply", Topic::Medications) => Rule::Dispense,
        ("supply", _) => Rule::Supply,
        ("observation", _) if entry.attr("moodCode") == "GOL" => Rule::Goal,
        ("act" | "observation", _) if is_planned(entry) => Rule::Planned,
        ("act", Topic::Problems | Topic::PastIllness | Topic::Concerns | Topic::Diagnoses) => Rule::ProblemConcern,
        ("observation", Topic::Problems | Topic::PastIllness | Topic::Concerns | Topic::Diagnoses) => Rule::Problem,
        ("act", Topic::Allergies) => Rule::AllergyConcern,
        ("observation", Topic::Allergies) => Rule::Allergy,
        ("act", Topic::Procedures) => Rule::Procedure,
        ("act", Topic::Payers) => Rule::Coverage,
        ("organizer", Topic::Results) => Rule::ResultOrganizer,
        ("organizer", Topic::Family) => Rule::Family,
        ("organizer", Topic::Vitals | Topic::Functional | Topic::Mental | Topic::Exam | Topic::Directives) => Rule::Organizer,
        (
            "observation",
            Topic::Results | Topic::Vitals | Topic::Social | Topic::Functional | Topic::Mental | Topic::Exam | Topic::Directives,
        ) => Rule::Observation,
        _ => return None,
    })
}
