use std::path::PathBuf;

use super::*;
use crate::formats::sniff;

/// Draws the first pages of every paged document of the corpus; with `CHARTKEEP_CORPUS_OUT` they are written there.
#[test]
fn corpus_pages_are_drawn() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from) else {
        println!("not run: CHARTKEEP_CORPUS is not set");
        return;
    };
    let out = std::env::var_os("CHARTKEEP_CORPUS_OUT").map(PathBuf::from);
    let mut folders = vec![corpus.join("documents")];
    let mut drawn = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let kind = sniff(&bytes, None);
            let name = path.strip_prefix(&corpus).unwrap().display().to_string();
            let pages = match page_count(&bytes, kind) {
                Ok(pages) => pages,
                Err(RenderError::NotPaged) => continue,
                Err(e) => {
                    println!("{name}: {e}");
                    continue;
                }
            };
            for page in 0..pages.min(3) {
                let started = std::time::Instant::now();
                let png = page_png(&bytes, kind, page, 1000);
                let told = png.as_ref().map(|p| p.len()).map_err(|e| e.to_string());
                println!("{name}: page {page} of {pages} → {told:?} in {} ms", started.elapsed().as_millis());
                if let Ok(png) = png {
                    drawn += 1;
                    if let Some(out) = &out {
                        std::fs::write(out.join(format!("{}-{page}.png", name.replace('/', "__"))), png).unwrap();
                    }
                }
            }
        }
    }
    assert!(drawn > 30, "only {drawn} pages could be drawn");
}
