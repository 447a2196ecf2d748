//! Files that are refused, each by its line and in words that help. Not for: what a good file decides.

use super::super::*;

const HEAD: &str = "schema = 1\nname = \"x\"\nversion = \"1\"\n";

/// The faults of a policy whose rules begin at line 4.
fn faults(rules: &str) -> Vec<Fault> {
    Policy::parse(&format!("{HEAD}{rules}")).err().unwrap_or_default()
}

/// A permit with these members; it begins at line 4, its id stands at line 5.
fn permit(members: &str) -> String {
    format!("[[rule]]\nid = \"one\"\neffect = \"permit\"\n{members}")
}

#[test]
fn faults_of_form_are_told_with_their_line() {
    for (rules, line, words) in [
        ("[[rule]]\nid = \"one\"\neffect = \"allow\"", 6, "allow"),
        ("[[rule]]\nid = \"one\"\neffect = \"deny\"\nroles = [\"nurse\"]", 7, "\"nurse\" is no role; there are clinician, him"),
        ("[[rule]]\nid = \"one\"\neffect = \"deny\"\nrights = [\"read\"]", 7, "\"read\" is no right; there are find-patients"),
        ("[[rule]]\nid = \"one\"\neffect = \"deny\"\npurposes = [\"treat\"]", 7, "\"treat\" is no purpose of use"),
        ("[[rule]]\nid = \"one\"\neffect = \"hide\"\nclasses = [\"SUD\"]", 7, "\"SUD\" is no class; there are restricted"),
        ("[[rule]]\nid = \"one\"\neffect = \"hide\"\nkinds = [\"Observaton\"]", 7, "\"Observaton\" is no kind of record"),
        ("[[rule]]\nid = \"one\"\neffect = \"deny\"\nrole = [\"him\"]", 7, "unknown field `role`"),
        ("[[rule]]\neffect = \"deny\"", 4, "missing field `id`"),
        ("[[rule]]\nid = \"One\"\neffect = \"deny\"", 5, "lower-case"),
        ("[[rule]]\nid = \"no-rule\"\neffect = \"deny\"", 5, "the program's own"),
        ("[[rule]]\nid = \"a\"\neffect = \"deny\"\n[[rule]]\nid = \"a\"\neffect = \"deny\"", 8, "stands further up"),
        ("[[rule]]\nid = \"a\"\neffect = \"hide\"", 5, "hides nothing"),
        ("[[rule]]\nid = \"a\"\neffect = \"deny\"\nroles = []", 5, "a list is empty"),
        ("[[rule]]\nid = \"a\"\neffect = \"deny\"\nfacilities = [\"west\"]", 5, "belong to a permit"),
        ("[[rule]]\nid = \"a\"\neffect = \"deny\"\nunless_relation = false", 5, "true or left out"),
        ("[[rule]]\nid = \"a\"\neffect = \"permit\"\nroles = [\"him\"]", 5, "names its roles, rights and purposes"),
        ("[[rule]]\nid = \"a\"\neffect = ", 6, ""),
    ] {
        let faults = faults(rules);
        assert!(faults.iter().any(|fault| fault.line == line && fault.text.contains(words)), "{rules}\n{faults:?}");
    }
    for (text, words) in
        [("schema = 2\nname = \"x\"\nversion = \"1\"", "schema 2 is not known"), ("", "schema"), ("a = \u{0}", "")]
    {
        let faults = Policy::parse(text).unwrap_err();
        assert!(faults[0].line == 1 && faults[0].text.contains(words), "{faults:?}");
    }
}

#[test]
fn what_no_file_can_loosen_is_refused() {
    let reads =
        |role: &str, more: &str| permit(&format!("roles = [\"{role}\"]\nrights = [\"chart\"]\npurposes = [\"TREAT\"]\n{more}"));
    let gives = |role: &str, right: &str| {
        permit(&format!("roles = [\"{role}\"]\nrights = [\"{right}\"]\npurposes = [\"RECORDMGT\"]\nchannels = [\"network\"]"))
    };
    for (rules, words) in [
        (reads("compliance", ""), "never see patients' records"),
        (reads("archivist", ""), "never see patients' records"),
        (reads("admin", ""), "never see patients' records"),
        (gives("admin", "identity-review"), "never see patients' records"),
        (gives("archivist", "find-patients"), "never see patients' records"),
        (
            format!("{}\nsees = [\"vip\"]", gives("archivist", "identity-review")),
            "the archivist reviews the identity of patients whose records carry no label",
        ),
        (reads("reviewer", ""), "never see patients' records"),
        (gives("admin", "audit-log"), "never read the access log"),
        (gives("archivist", "audit-log"), "never read the access log"),
        (gives("him", "export-everything"), "command-line"),
        (gives("him", "quarantine"), "command-line"),
        (reads("clinician", "sees = [\"unknown\"]"), "him alone sees the class unknown"),
        (
            reads("clinician", "sees = [\"psychotherapy-notes\"]\ndepartments = [\"x\"]"),
            "psychotherapy-notes are seen by him alone",
        ),
        (reads("clinician", "sees = [\"substance-use\"]"), "42 CFR Part 2"),
        (
            reads("clinician", "sees = [\"psychotherapy-notes\"]").replace("[\"chart\"", "[\"own-notes\", \"chart\""),
            "psychotherapy-notes are seen by him alone",
        ),
        (reads("clinician", "breaks = [{ classes = [\"psychotherapy-notes\"] }]"), "no break-glass opens psychotherapy-notes"),
        (reads("him", "breaks = [{ classes = [\"unknown\"], reasons = [\"x\"] }]"), "no break-glass opens"),
        (reads("clinician", "breaks = [{ classes = [\"substance-use\"] }]"), "for named reasons alone"),
        (gives("clinician", "find-patients") + "\nbreaks = [{ classes = [\"hiv\"] }]", "the right chart or record"),
        (gives("clinician", "find-patients") + "\nrelation = true", "a relation is to one person"),
        (permit("roles = [\"him\"]\nrights = [\"chart\"]\npurposes = [\"BTG\"]"), "BTG is no purpose"),
        (reads("service", ""), "scopes = \"system\" alone"),
    ] {
        let faults = faults(&rules);
        assert!(faults.len() == 1 && faults[0].line == 5 && faults[0].text.contains(words), "{rules}\n{faults:?}");
    }
    for good in [
        reads("clinician", "sees = [\"substance-use\"]\ndepartments = [\"x\"]"),
        reads("clinician", "relation = true\nsees = [\"vip\"]\nbreaks = [{ classes = [\"hiv\"] }]"),
        reads("him", "sees = [\"psychotherapy-notes\", \"unknown\"]"),
        reads("service", "scopes = \"system\""),
    ] {
        assert_eq!(faults(&good), [], "{good}");
    }
}

#[test]
fn a_file_is_refused_by_its_name_and_every_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    assert!(matches!(Policy::load(&path), Err(PolicyError::Unreadable { .. })));
    let two = format!("{}\n{}", permit("roles = [\"him\"]"), "[[rule]]\nid = \"two\"\neffect = \"hide\"");
    std::fs::write(&path, format!("{HEAD}{two}")).unwrap();
    let told = Policy::load(&path).unwrap_err().to_string();
    assert!(told.contains("site.toml is refused:\n  line 5: rule one:") && told.contains("\n  line 9: rule two:"), "{told}");
    std::fs::File::create(&path).unwrap().set_len(POLICY_BYTES_MAX + 1).unwrap();
    assert!(matches!(Policy::load(&path), Err(PolicyError::TooLarge { .. })));
}
