//! What `synth --releases` plants in a chart, on its way to a package that answers the patient's own request: it stands on pages,
//! among the exceptions, or nowhere.
//!
//! Not for: why each of them is chosen, flagged or left out (`selection`).

use super::*;
use crate::access::{Gate, Policy, Principal, Purpose, RequestContext, Role};
use crate::release::basis::Rules;
use crate::release::package::manifest::Item as Packed;
use crate::release::request::{Request, Subject};
use crate::release::selection::RecordSets;

/// All that the patient may have of the chart that this world's permit opens.
fn chosen(world: &World) -> Selection {
    let keys = world.permit.scope().patients().iter().map(ToString::to_string).collect();
    let subjects = vec![Subject { keys, ..Subject::default() }];
    let request = Request { subjects, basis: "patient-access".into(), ..Request::default() };
    let (rules, sets) = (Rules::shipped().unwrap(), RecordSets::shipped().unwrap());
    selection::choose(&world.archive, &world.permit, &request, 0, REQUEST, &rules, &sets).unwrap()
}

#[test]
fn what_is_planted_in_a_chart_ends_where_the_spec_says() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = folder.path().join("delivery");
    let options = crate::synth::Options { patients: 2, seed: 11, damage: false, releases: true, ..Default::default() };
    let manifest = crate::synth::write(&delivery, &options).unwrap();
    SmallArchive::new(folder.path()).take("mer", &delivery);
    let planted = |what: &str| manifest.damage.iter().find(|it| it.what == what).and_then(|it| it.id.clone()).unwrap();
    let world = World::at(folder.path());
    let key = PatientKey::parse(&manifest.sample_patients[1].id).unwrap();
    let gate = Gate::new(world.log.clone(), Policy::built_in());
    let him = Principal::local("him", "Him", Role::Him, Purpose::PatientRequest, "00");
    let permit = gate.ask(&him, world.archive.chart_scope(&key), RequestContext::default()).unwrap();
    let world = World { permit, ..world };
    let selection = chosen(&world);
    let item = |what: &str| {
        let id = planted(what);
        selection.items.iter().find(|item| item.id == id).unwrap_or_else(|| panic!("{what} is no item"))
    };
    assert_eq!(item("legal hold").flags, ["legal-hold"], "whoever prepares it is told");

    let mut plan = world.plan(&selection, Formats { pdf: true, native: true, ..Formats::default() });
    // What a person decides of records that seem to be another's.
    let others = ["wrong-patient scan", "malicious C-CDA"];
    plan.excluded = others.iter().map(|what| item(what).n).collect();
    let exceptions = preview(&world.shop(2), &plan).unwrap().told.exceptions;
    let (_, package) = world.sealed(&plan);
    let report = world.check(&package);
    let packed = report.manifest.as_ref().unwrap();
    let volume = world.member(&package, "release.pdf");
    let page = |at: u64| crate::formats::pdf::page_text(&volume, at as usize).unwrap_or_default();
    let plain = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let all = plain((0..report.pages).map(page).collect::<Vec<_>>().join("\n"));
    let of = |what: &str| -> Option<&Packed> {
        let id = planted(what);
        packed.items.iter().find(|item| item.record.rsplit('/').next() == Some(id.as_str()))
    };
    let on_its_pages = |what: &str| {
        let item = of(what).unwrap_or_else(|| panic!("{what} is not in the package"));
        let number = |bates: &str| bates.strip_prefix("RIV26-").unwrap().parse::<u64>().unwrap();
        let first = number(item.bates_first.as_ref().unwrap()) - number(&packed.bates.as_ref().unwrap().first);
        plain((first..first + item.pages).map(page).collect::<Vec<_>>().join("\n"))
    };
    for (what, words) in [
        ("legal hold", "Keep everything of this patient: Doe v. Roe."),
        ("note under 42 CFR Part 2", "Attends the program weekly."),
        ("minor's record", "Came without the parents."),
        ("unsigned draft", "To be finished."),
        ("entered in error", "Wrong caller."),
        ("late-filed document", "Dictated later."),
        ("scan", "Dermatology report"),
        ("the same scan again", "Dermatology report"),
        ("corrected result", "4.1"),
    ] {
        assert!(on_its_pages(what).contains(words), "{what}: {}", on_its_pages(what));
    }
    assert!(!on_its_pages("corrected result").contains("7.9"), "the version that was corrected was not asked for");
    for what in ["corrupted PDF", "empty file"] {
        assert!(exceptions.iter().any(|it| it.item == item(what).n), "{what}: {exceptions:?}");
        assert!(of(what).is_some(), "{what} is named all the same");
    }
    for what in ["psychotherapy note", "incident report", "wrong-patient scan", "malicious C-CDA"] {
        assert!(of(what).is_none(), "{what} went out");
    }
    for words in ["Spoke of the father.", "Fell beside the bed.", "Cardiology report", "alert(", "203.0.113.9", "etc/passwd"] {
        assert!(!all.contains(words), "{words}");
    }
}
