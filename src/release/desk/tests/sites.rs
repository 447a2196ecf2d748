//! A site's own bases and record sets: checked before they hold, and named by what was chosen by them.
//!
//! Not for: the definitions that ship (`selection`, `basis`).

use super::*;

#[tokio::test]
async fn a_sites_own_definitions_are_checked_and_named_by_what_was_chosen_by_them() {
    let world = world().await;
    let ours = |config: Config| {
        let World { desk, .. } = &world;
        let policy = Gate::new(desk.log().clone(), Policy::built_in());
        let archive =
            Archive::open(&desk.folder, KeyRing::load(&desk.folder).unwrap().verifiers(KeyPurpose::Seal), Default::default());
        Desk::new(archive.unwrap(), policy, desk.register.clone(), desk.folder.clone(), config, None)
    };
    let folder = tempfile::tempdir().unwrap();
    let shipped = include_str!("../../../../schemas/release/record-sets.toml");
    let with = |from: &str, to: &str| {
        assert!(shipped.contains(from), "{from}");
        let path = folder.path().join("record-sets.toml");
        std::fs::write(&path, shipped.replace(from, to)).unwrap();
        let mut config = Config::default();
        config.release.record_sets = Some(path);
        ours(config)
    };
    let lost = with("code = \"legal-health-record\"", "code = \"our-record\"").err().unwrap().to_string();
    assert!(lost.contains("no set is called"), "{lost}");
    assert!(matches!(with("late_days = 30", "late_days = \"long\""), Err(DeskError::Sets(SetsError::Form(_)))));
    let mut absent = Config::default();
    absent.release.bases = Some(folder.path().join("none.toml"));
    assert!(matches!(ours(absent), Err(DeskError::Rules(crate::release::basis::RulesError::In { .. }))));
    let own = with("late_days = 30", "late_days = 31").unwrap();
    let seen = world.scoped(request()).await;
    let who = world.who("ann");
    own.assemble(&seen, &who).await.unwrap();
    let selection = own.selection(&seen.number, 0, &who).await.unwrap().into_inner();
    let kept = String::from_utf8(own.shelf.get(&selection.record_sets_sha256).unwrap()).unwrap();
    assert!(kept.contains("late_days = 31"));
    assert_eq!(own.shelf.get(&selection.bases_sha256).unwrap(), include_bytes!("../../../../schemas/release/bases.toml"));
}
