//! Whole packages: whatever is altered is named, others' readers open them, and processes of other zones and locales make the
//! same bytes.
//!
//! Not for: what goes into a package.

use std::io::Cursor;

use super::*;
use crate::durable;
use crate::release::package::manifest::Manifest;
use crate::release::package::{container, seal};
use crate::release::shelf::digest_of;

/// Members of a package, to be packed again.
fn members(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
    let mut found = BTreeMap::new();
    for at in 0..zip.len() {
        let mut member = zip.by_index(at).unwrap();
        let name = member.name().unwrap().split_once('/').unwrap().1.to_owned();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        found.insert(name, bytes);
    }
    found
}

fn packed(members: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let sizes = members.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect();
    let open = |name: &str| Ok(Cursor::new(members[name].clone()));
    container::write(Cursor::new(Vec::new()), &format!("ROI-{REQUEST}"), &sizes, open).unwrap().into_inner()
}

#[test]
fn whatever_is_altered_in_a_whole_package_is_named() {
    let world = World::new(3);
    let (_, package) = world.sealed(&world.plan(&world.selection(), ALL));
    let whole = world.shelf.get(&package.package_sha256).unwrap();
    let findings = |bytes: &[u8]| -> Vec<String> {
        let report = verify::verify(Cursor::new(bytes.to_vec()), &world.key.verifier()).unwrap();
        assert_eq!(report.holds(), report.findings.is_empty());
        report.findings.into_iter().map(|it| it.item).collect()
    };
    assert_eq!(findings(&whole), [""; 0]);
    assert_eq!(packed(&members(&whole)), whole);
    for at in (0..whole.len()).step_by(whole.len() / 40).chain(whole.len() - 30..whole.len()) {
        let mut other = whole.clone();
        other[at] ^= 0x20;
        assert!(!findings(&other).is_empty(), "byte {at}");
    }
    assert!([0, whole.len() / 2, whole.len() - 1].iter().all(|cut| !findings(&whole[..*cut]).is_empty()));
    let parts = members(&whole);
    for name in parts.keys() {
        let mut other = parts.clone();
        other.get_mut(name).unwrap().push(b' ');
        assert!(findings(&packed(&other)).iter().any(|it| it == name || name == "manifest.json"), "{name} longer");
        other.remove(name);
        assert!(findings(&packed(&other)).iter().any(|it| it == name), "{name} missing");
    }
    let mut more = parts.clone();
    more.insert("native/00001-9.pdf".into(), b"%PDF-1.7".to_vec());
    assert_eq!(findings(&packed(&more)), ["native/00001-9.pdf"]);
    // Two pages change places: the table of pages names them the other way round.
    let mut swapped = parts.clone();
    let pdf = swapped.get_mut("release.pdf").unwrap();
    let kids = b"/Kids [";
    let at = pdf.windows(kids.len()).position(|bytes| bytes == kids).unwrap() + kids.len();
    let text = String::from_utf8(pdf[at..at + 60].to_vec()).unwrap();
    let refs: Vec<&str> = text.split(" 0 R").collect();
    let pair = refs.windows(2).skip(1).find(|pair| pair[0].len() == pair[1].len()).unwrap();
    let (one, two) = (format!("{} 0 R", pair[0]), format!("{} 0 R", pair[1]));
    let other = text.replacen(&format!("{one}{two}"), &format!("{two}{one}"), 1);
    assert_ne!(other, text);
    pdf[at..at + 60].copy_from_slice(other.as_bytes());
    assert_eq!(findings(&packed(&swapped)), ["release.pdf", "release.pdf"]);
    // Their numbers tell which: also when whoever swapped them holds the key and signed the package anew.
    let first = refs.iter().position(|it| *it == pair[0]).unwrap() + 1;
    let mut manifest = Manifest::parse(&swapped["manifest.json"]).unwrap();
    let volume = manifest.files.iter_mut().find(|file| file.path == "release.pdf").unwrap();
    volume.sha256 = sha256_hex(&swapped["release.pdf"]);
    let (jws, signature) = seal::sign(&manifest.to_bytes(), &world.key);
    swapped.insert("manifest.json".into(), manifest.to_bytes());
    swapped.insert(seal::JWS.into(), jws.into_bytes());
    swapped.insert(seal::SIG.into(), signature.to_vec());
    let report = verify::verify(Cursor::new(packed(&swapped)), &world.key.verifier()).unwrap();
    let told: Vec<_> = report.findings.iter().map(|it| format!("{} {}", it.item, it.what)).collect();
    assert_eq!(told, [format!("release.pdf pages {first}, {} do not bear the numbers that they should", first + 1)]);
    // The manifest of another package of the same sender.
    let (_, second) = world.sealed(&world.plan(&world.selection(), Formats::default()));
    let others = members(&world.shelf.get(&second.package_sha256).unwrap());
    let mut mixed = parts.clone();
    for name in ["manifest.json", "manifest.jws", "manifest.sig"] {
        mixed.insert(name.into(), others[name].clone());
    }
    assert!(findings(&packed(&mixed)).iter().any(|it| it == "ccd.xml"));
}

#[test]
fn a_package_opens_with_the_readers_that_others_have() {
    let world = World::new(12);
    let (_, package) = world.sealed(&world.plan(&world.selection(), Formats::default()));
    let pdf = world.home.join("release.pdf");
    std::fs::write(&pdf, world.member(&package, "release.pdf")).unwrap();
    let run = |program: &str, args: &[&str]| {
        let done = std::process::Command::new(program).args(args).arg(&pdf).output().ok()?;
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        Some(String::from_utf8_lossy(&done.stdout).into_owned())
    };
    // As elsewhere: where a reader is not installed, `ops/test` brings it.
    if let Some(said) = run("qpdf", &["--check"]) {
        assert!(said.contains("No syntax or stream encoding errors"), "{said}");
    }
    if let Some(said) = run("pdfinfo", &[]) {
        let pages = said.lines().find_map(|line| line.strip_prefix("Pages:")).unwrap().trim().to_owned();
        assert_eq!(pages, package.pages.to_string());
    }
    if let Ok(done) = std::process::Command::new("pdftotext").args(["-raw"]).arg(&pdf).arg("-").output() {
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        for n in 0..12 {
            assert!(text.contains(&format!("visit {n}. Warfarin was stopped.")), "note {n}");
        }
        assert!(text.contains(&package.last_bates));
    }
}

/// What a process of its own is asked to do: the folder of the world, the build record, the number of threads.
const CHILD: &str = "CHARTKEEP_TEST_BUILD";

/// Started by the tests below in processes of their own; by itself it does nothing.
#[test]
fn child() {
    let Ok(asked) = std::env::var(CHILD) else { return };
    let mut asked = asked.split('\n');
    let mut next = || asked.next().unwrap();
    let world = World::at(Path::new(next()));
    let record: BuildRecord = serde_json::from_slice(&world.shelf.get(next()).unwrap()).unwrap();
    let package = seal(&world.shop(next().parse().unwrap()), &record, &world.key).unwrap();
    println!("made {}", package.package_sha256);
}

fn child_of(world: &World, record: &str, threads: usize, environment: &[(&str, &str)]) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "release::build::tests::whole::child", "--nocapture"])
        .env(CHILD, format!("{}\n{record}\n{threads}", world.home.display()))
        .envs(environment.iter().copied())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn processes_of_other_zones_locales_and_threads_give_the_same_bytes_and_a_killed_one_leaves_nothing() {
    let world = World::new(25);
    let made = preview(&world.shop(2), &world.plan(&world.selection(), ALL)).unwrap();
    let record = world.record(&made);
    let digest = world.shelf.put(&record.to_bytes()).unwrap();
    // Every file of the shelf, under its name; one that was not finished has another, which nothing asks for. Killed after the package was put there and before it said so, a process leaves a
    // whole package; it never leaves a part of one.
    let half = || {
        let folders = std::fs::read_dir(world.root().join("releases/files")).unwrap();
        let files =
            folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
        files
            .filter(|file| {
                let name = file.file_name().unwrap().to_str().unwrap();
                !durable::is_temporary(name) && digest_of(std::fs::File::open(file).unwrap()).unwrap() != name
            })
            .count()
    };
    for pause in [0, 40, 150, 400] {
        let mut child = child_of(&world, &digest, 2, &[]);
        std::thread::sleep(std::time::Duration::from_millis(pause));
        child.kill().unwrap();
        let done = child.wait_with_output().unwrap();
        assert_eq!(half(), 0, "what was killed after {pause} ms left a part of a file");
        if String::from_utf8_lossy(&done.stdout).contains("made ") {
            break;
        }
    }
    let environments: [&[(&str, &str)]; 3] = [
        &[("TZ", "Pacific/Auckland"), ("LANG", "de_DE.UTF-8"), ("LC_ALL", "de_DE.UTF-8")],
        &[("TZ", "America/Los_Angeles"), ("LANG", "C"), ("HOME", "/nowhere")],
        &[("TZ", "UTC"), ("LANG", "tr_TR.UTF-8"), ("SOURCE_DATE_EPOCH", "1")],
    ];
    let mut packages: Vec<String> = Vec::new();
    for (threads, environment) in (1..).zip(environments) {
        let done = child_of(&world, &digest, threads, environment).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        packages.push(said.split("made ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned());
    }
    assert!(packages.iter().all(|it| *it == packages[0]), "{packages:?}");
    assert_eq!(seal(&world.shop(5), &record, &world.key).unwrap().package_sha256, packages[0]);
    let making = std::fs::read_dir(world.root().join("releases/making")).unwrap();
    assert!(making.map(|it| it.unwrap().path()).all(|path| path.is_file()), "only locks stay");
}
