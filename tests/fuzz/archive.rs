//! The files of an archive, damaged: what opens them must refuse, or go on with what can be read, and never fall over.
//! Digests find any damage; here the readers are asked without them.
//!
//! Not for: that `verify` finds damage (`tests/verify.rs`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use chartkeep::model::Kind;
use chartkeep::signing::{KeyPurpose, KeyRing, verify_note};
use chartkeep::store::codec::Decoded;
use chartkeep::store::framed::Framed;
use chartkeep::store::layout::Layout;
use chartkeep::store::manifest::{Catalog, Manifest, Seal};
use chartkeep::store::{Accession, catalog, ledger};

use super::dice::Dice;
use super::seeds::Seed;

/// An archive of a few records of all sorts, made once per process.
struct Home {
    dir: tempfile::TempDir,
    seal: Seal,
    manifest: Manifest,
}

/// Runs the built binary, which must do its work.
pub fn chartkeep(args: &[&Path]) {
    let output = Command::new(env!("CARGO_BIN_EXE_chartkeep")).args(args).output().expect("the binary starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn home() -> &'static Home {
    static HOME: OnceLock<Home> = OnceLock::new();
    HOME.get_or_init(|| {
        let dir = tempfile::tempdir_in(super::worker::home()).expect("a folder");
        let (archive, delivery) = (dir.path().join("archive"), dir.path().join("delivery"));
        super::mutation::write(&delivery, &super::mutation::delivery());
        let mapping = super::mutation::mapping(dir.path());
        chartkeep(&[Path::new("init"), &archive]);
        let words = ["ingest", "--source-system", "old", "--mapping"].map(Path::new);
        chartkeep(&[&words[..], &[&mapping, &archive, &delivery]].concat());
        let accession = open(dir.path()).expect("it opens");
        Home { seal: accession.seal.clone(), manifest: accession.manifest.clone(), dir }
    })
}

/// The accession, checked.
fn open(home: &Path) -> Result<Accession, chartkeep::store::StoreError> {
    let layout = Layout::new(&home.join("archive"));
    let keys = KeyRing::load(layout.root()).expect("the keys read").verifiers(KeyPurpose::Seal);
    let (catalog, _) = catalog::current(&layout, &keys)?;
    Accession::open(&layout, &catalog.accessions[0], &keys)
}

/// The same without a look at digests.
fn open_unchecked(home: &Home) -> Result<Accession, chartkeep::store::StoreError> {
    let layout = Layout::new(&home.dir.path().join("archive"));
    let (catalog, id) = (&home.seal, home.seal.accession.as_str());
    let id = chartkeep::model::AccessionId::parse(id).expect("a name");
    Accession::open_parts(id.clone(), layout.generation(&id, 1), catalog.clone(), home.manifest.clone())
}

/// All files below a folder.
fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { below(&path, files) } else { files.push(path) }
    }
}

/// The files of the archive, by their path below it.
pub fn files() -> Vec<Seed> {
    let archive = home().dir.path().join("archive");
    let mut paths = Vec::new();
    ["accessions", "catalog", "keys", "audit", "statements"].iter().for_each(|folder| below(&archive.join(folder), &mut paths));
    paths.sort();
    let read = |path: PathBuf| {
        // Space reserved behind the end of a log is left out.
        let mut bytes = std::fs::read(&path).expect("it reads");
        let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| (at + 9).min(bytes.len()));
        bytes.truncate(if path.extension().is_some_and(|e| e == "log") { end } else { bytes.len() });
        Seed { name: path.strip_prefix(&archive).expect("below").to_string_lossy().into_owned(), bytes }
    };
    paths.into_iter().map(read).collect()
}

/// Puts a damaged file in its place, reads all that there is, and puts the good one back.
pub fn read(input: &Seed, dice: &mut Dice) {
    let path = home().dir.path().join("archive").join(&input.name);
    let good = std::fs::read(&path).expect("it reads");
    std::fs::write(&path, &input.bytes).expect("it is written");
    let all = std::panic::catch_unwind(|| everything(&path, &input.bytes));
    let is_checked = dice.once_in(8);
    let checked = std::panic::catch_unwind(|| {
        if is_checked {
            verify()
        }
    });
    std::fs::write(&path, &good).expect("it is written");
    for end in [all, checked] {
        if let Err(panic) = end {
            std::panic::resume_unwind(panic);
        }
    }
}

fn verify() {
    let layout = Layout::new(&home().dir.path().join("archive"));
    if let Ok((ring, _)) = KeyRing::check(layout.root()) {
        let keys = ring.verifiers(KeyPurpose::Seal);
        let _ = chartkeep::store::verify::verify(&layout, &keys, chartkeep::store::verify::Depth::Everything, 1, &|_| {});
        let _ = (chartkeep::audit::verify(layout.root(), &ring), chartkeep::statements::verify(layout.root(), &ring));
    }
}

fn everything(path: &Path, bytes: &[u8]) {
    let home = home();
    if let Ok(text) = std::str::from_utf8(bytes) {
        let keys =
            KeyRing::load(&home.dir.path().join("archive")).map(|ring| ring.verifiers(KeyPurpose::Seal)).unwrap_or_default();
        let _ = verify_note(text, &keys);
        let _ = (
            serde_json::from_str::<Seal>(text).is_ok(),
            serde_json::from_str::<Manifest>(text).is_ok(),
            serde_json::from_str::<Catalog>(text).is_ok(),
        );
    }
    if path.extension().is_some_and(|e| e == "parquet") {
        let _ = ledger::read_rows(path, |_| {});
        let _ = (ledger::rows_of_item(path, 1), ledger::items_of_ordinal(path, 0, 10));
    }
    let Ok(accession) = open_unchecked(home) else { return };
    let mut out = Vec::new();
    for number in 0..accession.frames().min(100) {
        let Ok(frame) = accession.frame(number, false) else { continue };
        for index in 0..frame.len().min(200) {
            let _ = (frame.kind(index), frame.names(index), frame.label(index), frame.date(index), frame.original(index));
            frame.served(index, "x", &mut out);
            out.clear();
            let _ = frame.attachment(index, 0);
        }
    }
    for frame in 0..accession.directory().frames().min(100) {
        for patient in accession.directory().frame(frame, false).unwrap_or_default() {
            let _ = accession.frame_of(patient.count());
        }
    }
    let patient = Kind::from_name("Patient").expect("a type of FHIR");
    let _ = (accession.find(patient, "p1"), accession.alias("urn:uuid:1"), accession.kept(0));
    for file in accession.files.iter().take(50) {
        let _ = accession.kept_bytes(file, 0, 16);
    }
    let _ = chartkeep::store::unmapped::survey(&accession);
}

/// The unpacked chart frames, with their side bytes behind: what the codec reads.
pub fn payloads() -> Vec<Seed> {
    let accession = open_unchecked(home()).expect("it opens");
    let dictionary = std::fs::read(accession.paths().chart_dictionary()).expect("it reads");
    let dictionary = (!dictionary.is_empty()).then(|| std::sync::Arc::new(zstd::dict::DecoderDictionary::copy(&dictionary)));
    let mut seeds = Vec::new();
    for part in 0..home().manifest.parts.len() as u32 {
        let charts = Framed::open(&accession.paths().charts(part), dictionary.clone()).expect("it opens");
        for number in 0..charts.frames().len() {
            let (payload, side) = charts.read(number, true).expect("it reads");
            seeds.push(Seed { name: format!("{part} {number} {}", side.len()), bytes: [payload, side].concat() });
        }
    }
    seeds
}

/// Reads a damaged frame as one of the archive's shapes.
pub fn decode(input: &Seed, _: &mut Dice) {
    let accession = open_unchecked(home()).expect("it opens");
    let shapes = chartkeep::store::shapes::ShapeTable::open(&accession.paths().shapes()).expect("it opens");
    let side: usize = input.name.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let (payload, side) = input.bytes.split_at(input.bytes.len().saturating_sub(side));
    let Ok(decoded) = Decoded::read(payload.to_vec(), side, &|shape| shapes.leaves(shape)) else { return };
    for record in 0..decoded.len().min(2000) {
        let leaves = shapes.leaves(decoded.shape(record)).unwrap_or(1).min(200);
        let _ = (0..leaves).filter_map(|leaf| decoded.leaf(record, leaf)).map(<[u8]>::len).sum::<usize>();
        let _ = decoded.place(record);
    }
    let _ = decoded.groups().map(|group| group.rows()).sum::<usize>();
}
