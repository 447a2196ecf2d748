//! Where everything lies: every path of an archive, as functions of typed names.
//!
//! Not for: creating or reading files.

use std::path::{Path, PathBuf};

use crate::model::AccessionId;

/// The folders of one archive.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn new(root: &Path) -> Layout {
        Layout { root: root.to_path_buf() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn catalogs(&self) -> PathBuf {
        self.root.join("catalog")
    }

    pub fn catalog(&self, number: u64) -> PathBuf {
        self.catalogs().join(format!("{number:08}.json"))
    }

    pub fn accessions(&self) -> PathBuf {
        self.root.join("accessions")
    }

    pub fn accession(&self, id: &AccessionId) -> PathBuf {
        self.accessions().join(id.as_str())
    }

    pub fn seal(&self, id: &AccessionId) -> PathBuf {
        self.accession(id).join("seal.json")
    }

    pub fn generation(&self, id: &AccessionId, generation: u32) -> Generation {
        Generation { dir: self.accession(id).join(format!("{generation:04}")) }
    }

    /// Where an accession is built before it is sealed; swept by the next ingest when left behind.
    pub fn building(&self) -> PathBuf {
        self.root.join("building")
    }

    pub fn indexes(&self) -> PathBuf {
        self.root.join("indexes")
    }

    pub fn index(&self, number: u64) -> PathBuf {
        self.indexes().join(format!("{number:04}"))
    }

    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Held by whoever changes the catalog.
    pub fn write_lock(&self) -> PathBuf {
        self.root.join("write.lock")
    }
}

/// Name of the code maps in a generation.
pub const TERMINOLOGY: &str = "terminology.json";

/// Name of the sensitivity labels in a generation.
pub const LABELS: &str = "labels.bin";

/// The files of one generation of an accession; `dir` may also be a draft under `building`.
#[derive(Clone, Debug)]
pub struct Generation {
    dir: PathBuf,
}

impl Generation {
    pub fn at(dir: PathBuf) -> Generation {
        Generation { dir }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn manifest(&self) -> PathBuf {
        self.dir.join("manifest.json")
    }

    pub fn charts(&self, part: u32) -> PathBuf {
        self.dir.join(format!("charts/p{part:04}.frames"))
    }

    pub fn shapes(&self) -> PathBuf {
        self.dir.join("charts/shapes.zst")
    }

    pub fn chart_dictionary(&self) -> PathBuf {
        self.dir.join("charts/dictionary")
    }

    pub fn documents(&self, part: u32) -> PathBuf {
        self.dir.join(format!("documents/p{part:04}.pack"))
    }

    pub fn document_dictionary(&self) -> PathBuf {
        self.dir.join("documents/dictionary")
    }

    pub fn tables(&self) -> PathBuf {
        self.dir.join("tables")
    }

    pub fn locator(&self) -> PathBuf {
        self.dir.join("locator/ids.loc")
    }

    pub fn directory(&self) -> PathBuf {
        self.dir.join("locator/patients.dir")
    }

    pub fn ledger(&self) -> PathBuf {
        self.dir.join("ledger/records.parquet")
    }

    pub fn ledger_files(&self) -> PathBuf {
        self.dir.join("ledger/files.json")
    }

    /// The code maps; not there when there are none.
    pub fn terminology(&self) -> PathBuf {
        self.dir.join(TERMINOLOGY)
    }

    /// The sensitivity labels; always there.
    pub fn labels(&self) -> PathBuf {
        self.dir.join(LABELS)
    }

    pub fn report_json(&self) -> PathBuf {
        self.dir.join("report.json")
    }

    pub fn report_html(&self) -> PathBuf {
        self.dir.join("report.html")
    }
}
