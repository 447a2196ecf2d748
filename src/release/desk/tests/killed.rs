//! Processes that are killed in the middle of a release: at each step of a request one is killed while it makes that step. After
//! each nothing is half there, no number is given twice, and whatever was handed out has its disclosure in the log.
//!
//! One release in every run; `ops/kill` takes as many as it takes for its kills (`CHARTKEEP_KILLS`).
//!
//! Not for: packages alone (`release::build`), servers under load (`tests/gate`).

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::release::shelf::digest_of;

/// What a process of its own is asked to do: the folder of the world and the number of the request.
const CHILD: &str = "CHARTKEEP_TEST_RELEASE";

/// Started by the test below in processes of their own; by itself it does nothing.
#[tokio::test]
async fn child() {
    let Ok(asked) = std::env::var(CHILD) else { return };
    let (home, number) = asked.split_once('\n').unwrap();
    let world = World::at(Path::new(home)).await;
    while let Some(step) = next(&world, number).await {
        say(&format!("at {step}"));
        go_on(&world, number, step).await;
    }
    say("over");
}

fn say(words: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\n{words}").unwrap();
    out.flush().unwrap();
}

/// The step that is next; `None` when the package left.
async fn next(world: &World, number: &str) -> Option<&'static str> {
    let case = world.desk.get(number, &world.who("ann")).await.unwrap().into_inner().case;
    Some(match case.state {
        State::Scoped => "assemble",
        State::Assembled if case.preview.is_none() => "preview",
        State::Assembled => "review",
        State::Reviewed => "approve",
        State::Approved => "seal",
        State::Sealed => "deliver",
        State::Delivered => return None,
        state => panic!("{state:?}"),
    })
}

async fn go_on(world: &World, number: &str, step: &str) {
    let (ann, ben) = (world.who("ann"), world.who("ben"));
    let view = world.desk.get(number, &ann).await.unwrap().into_inner();
    let mut seen = view.seen;
    match step {
        "assemble" => drop(world.desk.assemble(&seen, &ann).await.unwrap()),
        "preview" => {
            for (subject, item) in view.undecided {
                let decision = Decision::Include { reason: "looked at".into() };
                seen = world.desk.decide(&seen, subject, item, decision, &ann).await.unwrap();
            }
            world.done(world.desk.preview(&seen, &ann).await.unwrap()).await;
        }
        "review" => drop(world.step(&seen, Move::Review, "ann").await.unwrap()),
        "approve" => drop(world.step(&seen, world.approve(number).await, "ben").await.unwrap()),
        "seal" => drop(world.done(world.desk.seal(&seen, &ben).await.unwrap()).await),
        _ => {
            let handed = world.desk.deliver(&seen, portal(), &ann).await.unwrap().into_inner();
            say(&format!("handed {}", handed.files[0].sha256));
        }
    }
}

fn begun(home: &Path, number: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "release::desk::tests::killed::child", "--nocapture"])
        .env(CHILD, format!("{}\n{number}", home.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a process go on until it begins a step, and kills it so many milliseconds later; with `None` when it begins the next one
/// after that. The step, and everything that it said.
fn killed(home: &Path, number: &str, pause: Option<u64>) -> (String, String) {
    let mut child = begun(home, number);
    let (mut step, mut told) = (String::new(), String::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        told += &(line.clone() + "\n");
        let Some(now) = line.strip_prefix("at ") else { continue };
        let is_first = step.is_empty();
        if is_first {
            step = now.to_owned();
        }
        match pause {
            Some(pause) => std::thread::sleep(Duration::from_millis(pause)),
            None if is_first => continue,
            None => {}
        }
        child.kill().unwrap();
    }
    child.wait().unwrap();
    (step, told)
}

/// What holds after every kill.
async fn holds(home: &Path, number: &str, handed: bool) -> bool {
    let world = World::at(home).await;
    let half = |folder: std::fs::DirEntry| {
        // One that was not finished has a name of its own, which no step knows.
        let files = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let mut named = files.filter(|file| !crate::durable::is_temporary(&file.file_name().to_string_lossy()));
        named.any(|file| {
            let digest = digest_of(std::fs::File::open(file.path()).unwrap()).unwrap();
            file.file_name().to_str() != Some(digest.as_str())
        })
    };
    if let Ok(folders) = std::fs::read_dir(world.desk.folder.join("releases/files")) {
        assert!(!folders.map(Result::unwrap).any(half), "a part of a file lies on the shelf");
    }
    let case = world.desk.get(number, &world.who("ben")).await.unwrap().into_inner().case;
    let mut ranges = world.desk.register.bates_of(number).await.unwrap();
    ranges.sort_by_key(|range| range.first);
    assert!(ranges.windows(2).all(|pair| pair[0].last < pair[1].first), "a number was given twice");
    if !case.packages.is_empty() {
        let used: Vec<_> = ranges.iter().filter(|range| range.void_because.is_none()).collect();
        assert_eq!(used.len(), 1, "numbers that no package bears are void");
        assert_eq!((used[0].last - used[0].first + 1) as u64, case.packages[0].pages);
        let file = world.desk.shelf.open(&case.packages[0].package_sha256).unwrap();
        let keys = KeyRing::load(&world.desk.folder).unwrap().verifiers(KeyPurpose::Release);
        let report = crate::release::package::verify::verify_with(file, &keys, &[]).unwrap();
        assert!(report.holds(), "{:?}", report.findings);
    }
    let disclosures = world.events("disclosure");
    let disclosed = disclosures.iter().filter(|entry| entry["detail"]["request"] == number).count();
    let waiting = world.desk.register.pending_handovers(number).await.unwrap().len();
    assert!(case.handovers.len() <= disclosed && disclosed <= case.handovers.len() + waiting, "{disclosed} disclosures");
    assert!(!handed || disclosed > 0, "something left without its disclosure");
    world.desk.log().close();
    case.state == State::Delivered
}

/// Kills processes that bring a new request on until its package has left; how many, and in which steps.
async fn released(home: &Path, before: u64, steps: &mut BTreeSet<String>) -> u64 {
    let world = World::at(home).await;
    let number = world.scoped(request()).await.number;
    world.desk.log().close();
    drop(world);
    let (mut kills, mut handed) = (0, false);
    loop {
        // Three moments of a step, and then it is let go on, and is killed as it begins the next.
        let pause = (kills % 4 < 3).then_some(5 + (before + kills) * 37 % 400);
        let (step, told) = killed(home, &number, pause);
        handed |= told.contains("handed ");
        steps.insert(step);
        kills += 1;
        if holds(home, &number, handed).await {
            return kills;
        }
        assert!(kills < 100, "it does not come to its end: {steps:?}");
    }
}

#[tokio::test]
async fn a_release_that_is_killed_at_any_step_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    SmallArchive::new(folder.path()).take_lines("mer", &story());
    let wanted: u64 = std::env::var("CHARTKEEP_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (mut kills, mut steps) = (0, BTreeSet::new());
    while kills < wanted {
        kills += released(folder.path(), kills, &mut steps).await;
    }
    println!("{kills} kills while {steps:?}");
    assert!(steps.len() >= if wanted < 100 { 3 } else { 6 }, "{steps:?}");
}
