//! Folders for one run of the tests. They lie below cargo's own folder for tests, never in a shared temporary folder.
//!
//! Not for: what lies in them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own, removed when dropped, unless the test is failing: then it is left to be looked at.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// A new, empty folder.
pub fn folder() -> Folder {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let path = of_this_run().join(format!("{:03}", NEXT.fetch_add(1, Ordering::Relaxed)));
    std::fs::create_dir(&path).expect("the folder can be made");
    Folder(path)
}

/// The folder of this process. What a process that is gone left behind goes first: statics are never dropped.
fn of_this_run() -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for entry in std::fs::read_dir(all).expect("cargo made it").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_gone = name.strip_prefix("run-").is_some_and(|pid| !Path::new("/proc").join(pid).exists());
            if is_gone {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let own = all.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&own).expect("the folder can be made");
        own
    })
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder reads") {
        let path = entry.expect("listed").path();
        let target = to.join(path.file_name().expect("below a folder"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("the file is copied");
        }
    }
}
