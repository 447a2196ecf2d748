//! The made-up hospital tells the same story in whatever form it arrives.
//!
//! Not for: single mappings, which have tests beside them.

mod differences;
mod facts;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chartkeep::synth::{Format, Manifest, Options};
use serde_json::json;

use self::differences::{Difference, apply};
use self::facts::{Facts, read};
use crate::sealed::text;
use crate::support::{Folder, Hospital, chartkeep, folder, init};

/// The hospital in one form, archived and exported.
struct Loaded {
    home: Folder,
    hospital: Hospital,
    archive: PathBuf,
    facts: Facts,
}

impl Loaded {
    /// Among these twelve patients are births and deaths, twins, restricted notes, corrected results and refused vaccines.
    /// `mapping` names a file of the delivery, or a mapping that comes with the program.
    fn new(format: Format, damage: bool, mapping: Option<&str>) -> Loaded {
        let hospital = Hospital::new(&Options { format, patients: 12, seed: 15, damage, ..Options::default() });
        let home = folder();
        let archive = init(&home);
        let delivery = hospital.delivery();
        let mut words = vec!["ingest", "--json", "--source-system", "mer", text(&archive), text(&delivery)];
        let beside = mapping.map(|name| delivery.join(name)).filter(|file| file.exists());
        if let Some(mapping) = beside.as_deref().map(text).or(mapping) {
            words.extend(["--mapping", mapping]);
        }
        chartkeep(words).expect(0);
        let out = home.path().join("export");
        chartkeep([Path::new("export"), &archive, &out]).expect(0);
        Loaded { facts: read(&out), home, hospital, archive }
    }

    /// Puts a code map of the delivery in force.
    fn with_codes(&mut self, name: &str) {
        let codes = self.hospital.delivery().join(name);
        chartkeep(["terminology", "apply", text(&self.archive), text(&codes)]).expect(0);
        let out = self.home.path().join("coded");
        chartkeep([Path::new("export"), &self.archive, &out]).expect(0);
        self.facts = read(&out);
    }

    fn manifest(&self) -> &Manifest {
        &self.hospital.manifest
    }

    fn counts(&self) -> std::collections::BTreeMap<String, u64> {
        facts::counts(&self.home.path().join("export"))
    }

    /// The ledger and the seal say what the manifest says, and the delivery can be made again from the archive.
    fn balances(&self) {
        let report = chartkeep(["report", text(&self.archive), "--json"]).expect(0).json();
        let ledger = json!(self.manifest().ledger);
        for (fate, count) in ledger.as_object().unwrap() {
            assert_eq!(report["records"].get(fate).unwrap_or(&json!(0)), count, "{fate}");
        }
        assert_eq!(report["by_kind"], json!(self.manifest().by_kind));
        let files = report["files"].as_array().unwrap();
        for (name, count) in &self.manifest().files {
            let file = files.iter().find(|file| file["name"] == json!(name)).unwrap();
            assert_eq!(file["items"], json!(count), "{name}");
        }
        let delivery = self.hospital.delivery();
        let checked = chartkeep(["verify", text(&self.archive), "--delivery", text(&delivery), "--json"]).expect(0).json();
        assert_eq!(checked["leftovers"], json!([]));
    }
}

fn fhir() -> &'static Facts {
    static FHIR: OnceLock<Loaded> = OnceLock::new();
    &FHIR.get_or_init(|| Loaded::new(Format::Fhir, false, None)).facts
}

/// Both tell the same but for the differences, and none of those is idle.
#[track_caller]
fn same(fhir: &Facts, other: &Facts, differences: &[Difference]) {
    let all: Vec<&Difference> = differences.iter().collect();
    let (left, right) = (apply(&all, fhir, true), apply(&all, other, false));
    for (mrn, facts) in &left {
        let others = right.get(mrn).map_or(&[][..], Vec::as_slice);
        let lost: Vec<_> = facts.iter().filter(|fact| !others.contains(fact)).take(3).collect();
        let new: Vec<_> = others.iter().filter(|fact| !facts.contains(fact)).take(3).collect();
        assert!(lost.is_empty() && new.is_empty(), "patient {mrn}\nonly as FHIR: {lost:#?}\nonly in the other form: {new:#?}");
        assert_eq!(facts.len(), others.len(), "patient {mrn} has things twice");
    }
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    let is_idle = |number: &usize| {
        let rest: Vec<&Difference> = all.iter().enumerate().filter(|(n, _)| n != number).map(|(_, d)| *d).collect();
        apply(&rest, fhir, true) == apply(&rest, other, false)
    };
    let idle: Vec<_> = (0..all.len()).filter(is_idle).map(|number| (number, all[number].what, all[number].why)).collect();
    assert!(idle.is_empty(), "not needed: {idle:#?}");
}

#[test]
fn hl7v2_tells_what_fhir_tells() {
    let loaded = Loaded::new(Format::Hl7v2, true, None);
    loaded.balances();
    assert_eq!(loaded.counts(), loaded.manifest().told);
    let mut facts = loaded.facts.clone();
    // Those who were registered twice.
    let mut merged = Vec::new();
    for planted in &loaded.manifest().damage {
        let mrn = planted.id.as_deref().unwrap();
        let double = facts.remove(mrn).expect("a double has a record of its own");
        assert_eq!(double.len(), 1);
        if !planted.what.contains("A37") {
            merged.push([mrn.replacen('9', "1", 1), mrn.to_owned()].map(|mrn| format!("mer.SOH.{mrn}")));
        }
    }
    assert_eq!((merged.len(), loaded.manifest().damage.len()), (2, 3));
    let people = chartkeep(["identity", "list", text(&loaded.archive), "--json"]).expect(0).json();
    assert_eq!(people, json!({ "people": merged, "conflicts": [] }));
    same(fhir(), &facts, differences::HL7V2);
}

#[test]
fn scans_are_the_documents_of_fhir() {
    let loaded = Loaded::new(Format::Scans, false, Some("mapping.toml"));
    loaded.balances();
    assert_eq!(loaded.counts(), loaded.manifest().told);
    same(fhir(), &loaded.facts, differences::SCANS);
}

#[test]
fn ccda_tells_what_fhir_tells() {
    let loaded = Loaded::new(Format::Ccda, false, None);
    loaded.balances();
    assert_eq!(loaded.counts(), loaded.manifest().told);
    same(fhir(), &loaded.facts, differences::CCDA);
}

#[test]
fn tables_tell_what_fhir_tells() {
    let mut loaded = Loaded::new(Format::Csv, false, Some("odile"));
    loaded.balances();
    assert_eq!(loaded.counts(), loaded.manifest().told);
    loaded.with_codes("odile-codes.csv");
    same(fhir(), &loaded.facts, differences::CSV);
}
