//! A plan with the files that it names, opened and checked, and the reading of its items from the archive.
//!
//! Not for: making pages (`print`), or anything that only approval brings (`sealing`).

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{BuildFault, Plan, VERSION, Workshop, generator};
use crate::merkle::Hash;
use crate::model::{AccessionId, ArchiveId, DocumentId, Place};
use crate::query::{QueryError, Sealed, TakenWith};
use crate::release::package::hex;
use crate::release::paper::Setting;
use crate::release::paper::front::{Chosen, section_title};
use crate::release::redaction::{Redactions, Redactor};
use crate::release::selection::{self, Attachment, Item, Selection};
use crate::render::pdf::content::Bates;

/// A plan that can be worked on.
pub struct Job<'w> {
    pub shop: Workshop<'w>,
    pub plan: Plan,
    pub plan_sha256: String,
    /// As frozen.
    pub selection: Selection,
    /// The same as it may be printed: words that are redacted are gone from titles and authors.
    pub printed: Selection,
    pub redactions: Redactions,
    /// The site's notices and certificate, as they were.
    pub texts: Chosen,
    /// Items that go out, by their place in the selection.
    pub out: Vec<usize>,
    pub threads: usize,
    /// Seals of the accessions that the items lie in.
    pub seals: BTreeMap<String, Sealed>,
}

/// What the package says of a record beyond its pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Salt and leaf.
    pub leaf: Option<(Hash, Hash)>,
}

/// A frozen file of the shelf, of the form `T`.
pub fn frozen<T: DeserializeOwned>(shop: &Workshop<'_>, digest: &str, what: &'static str) -> Result<T, BuildFault> {
    serde_json::from_slice(&shop.shelf.get(digest)?).map_err(|_| BuildFault::Form(what))
}

impl<'w> Job<'w> {
    /// Opens what a plan names.
    ///
    /// # Errors
    /// Files that are missing, changed or of another request; a plan of another release of this software.
    pub fn open(shop: &Workshop<'w>, plan: Plan) -> Result<Job<'w>, BuildFault> {
        let now = generator();
        if plan.generator != now {
            let named = |it: &crate::release::package::manifest::Generator| format!("{} {}", it.name, it.version);
            return Err(BuildFault::OtherSoftware { made: named(&plan.generator), now: named(&now) });
        }
        let selection: Selection = frozen(shop, &plan.selection_sha256, "selection")?;
        if plan.v != VERSION || selection.v != selection::VERSION {
            return Err(BuildFault::Form("plan"));
        }
        if selection.request != plan.request || selection.subject != plan.subject {
            return Err(BuildFault::Foreign("the selection"));
        }
        let redactions = match &plan.redactions_sha256 {
            Some(digest) => frozen(shop, digest, "redactions")?,
            None => Redactions::default(),
        };
        if plan.redactions_sha256.is_some() && redactions.selection_sha256 != plan.selection_sha256 {
            return Err(BuildFault::Foreign("the redactions"));
        }
        let texts = Chosen::of(&plan, |digest| shop.shelf.get(digest).map_err(BuildFault::from))?;
        let mut printed = selection.clone();
        printed.items.iter_mut().for_each(|item| redact(item, &redactions));
        let out: Vec<usize> = (0..selection.items.len()).filter(|at| !plan.excluded.contains(at)).collect();
        let seals = seals(shop, &selection, &out)?;
        let threads = match shop.threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            threads => threads,
        };
        Ok(Job { shop: *shop, plan_sha256: plan.digest(), plan, selection, printed, redactions, texts, out, threads, seals })
    }

    pub fn item(&self, at: usize) -> Result<&Item, BuildFault> {
        self.selection.items.get(at).ok_or(BuildFault::Form("selection"))
    }

    /// The items that go out, as they may be printed.
    pub fn items(&self) -> Vec<&Item> {
        self.out.iter().filter_map(|at| self.printed.items.get(*at)).collect()
    }

    pub fn redactor(&self, item: &Item) -> Redactor<'_> {
        Redactor::new(&self.redactions, item.n)
    }

    /// Whether bytes of the item may leave as they are.
    pub fn may_go_native(&self, item: &Item) -> bool {
        self.redactor(item).is_idle()
    }

    /// What stands on every page.
    pub fn setting(&self, standing: &str, as_of: &str, bates: Option<u64>) -> Setting {
        let bates = self.plan.bates.as_ref().zip(bates);
        let plan = &self.plan;
        let imported = plan.provenance.iter().filter_map(|it| Some((it.accession.clone(), it.sealed.get(..10)?.to_owned())));
        let items = self.items();
        let begins =
            |at: &usize| *at == 0 || items.get(at - 1).map(|item| &item.section) != items.get(*at).map(|item| &item.section);
        let sections = (0..items.len()).filter(begins).filter_map(|at| items.get(at));
        Setting {
            request: plan.request.clone(),
            patient: self.printed.patient.clone(),
            custodian: plan.custodian.name.clone(),
            as_of: as_of.to_owned(),
            standing: standing.to_owned(),
            notices: self.texts.short_lines(),
            bates: bates.map(|((prefix, digits), first)| Bates {
                prefix: prefix.clone(),
                first,
                digits: *digits,
                is_of_file: true,
            }),
            volume: None,
            sections: sections.map(|item| (item.n, section_title(&item.section))).collect(),
            names: plan.frozen.names.clone(),
            imported: imported.collect(),
        }
    }

    /// Items that go out in runs that are read together: neighbours lie together, and no run is large.
    pub fn runs(&self, of: Range<usize>) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut bytes = 0;
        for at in of {
            let item = self.out.get(at).and_then(|at| self.selection.items.get(*at));
            let more: u64 = item.map_or(0, |item| item.attachments.iter().map(|file| file.bytes).sum());
            match runs.last_mut().filter(|run| run.len() < RUN_ITEMS && bytes + more < RUN_BYTES) {
                Some(run) => run.end = at + 1,
                None => {
                    bytes = 0;
                    runs.push(at..at + 1);
                }
            }
            bytes += more;
        }
        runs
    }

    /// The records of a run of items, with their files when those are wanted. Each has to be the one that was chosen. A file that
    /// could not be read when it was chosen has no digest and is left out: its page says so.
    ///
    /// # Errors
    /// `Changed` when one is not there any more, or is another.
    pub fn taken(&self, run: Range<usize>, with_files: bool) -> Result<Vec<(&Item, TakenWith)>, BuildFault> {
        let places = self.out.get(run).unwrap_or_default();
        let items = places.iter().map(|at| self.item(*at)).collect::<Result<Vec<_>, _>>()?;
        let wanted = items.iter().map(|item| self.wanted(item, with_files)).collect::<Result<Vec<_>, _>>()?;
        let found = self.shop.archive.taken_run(self.shop.permit, &wanted);
        let check = |(item, found): (&'_ Item, Result<TakenWith, QueryError>)| match found {
            Ok(found) if is_it(item, &found, with_files) => Ok(found),
            Ok(_) | Err(QueryError::NotFound) => Err(BuildFault::Changed(item.n)),
            Err(error) => Err(error.into()),
        };
        items.into_iter().zip(found).map(|(item, found)| Ok((item, check((item, found))?))).collect()
    }

    /// Where an item lies, and its files.
    fn wanted(&self, item: &Item, with_files: bool) -> Result<(Place, Vec<DocumentId>), BuildFault> {
        let changed = || BuildFault::Changed(item.n);
        let accession = AccessionId::parse(&item.accession).ok_or_else(changed)?;
        // An accession that was packed anew holds the same records in the same order.
        let generation = self.seals.get(&item.accession).map_or(item.generation, |seal| seal.generation);
        let files = item.attachments.iter().filter(|file| with_files && !file.sha256.is_empty());
        let ids = files.map(|file| ArchiveId::parse(&file.id).map(DocumentId).ok_or_else(changed));
        Ok((Place { accession, generation, ordinal: item.ordinal }, ids.collect::<Result<_, _>>()?))
    }
}

/// Largest runs of items that are read together.
const RUN_ITEMS: usize = 64;
const RUN_BYTES: u64 = 4 << 20;

/// Whether what was found is what was chosen.
fn is_it(item: &Item, found: &TakenWith, with_files: bool) -> bool {
    let record = &found.taken.record;
    let files: Vec<&Attachment> = item.attachments.iter().filter(|file| with_files && !file.sha256.is_empty()).collect();
    record.kind.name() == item.kind
        && record.id.as_str() == item.id
        && hex(&Sha256::digest(&found.taken.original)) == item.sha256
        && files.len() == found.documents.len()
        && files.iter().zip(&found.documents).all(|(file, document)| hex(&document.sha256) == file.sha256)
}

/// Takes out of an item's own words what is redacted; who knows the digest of a short record could guess the rest of it.
fn redact(item: &mut Item, redactions: &Redactions) {
    let redactor = Redactor::new(redactions, item.n);
    if redactor.is_idle() {
        return;
    }
    item.title = redactor.words(&item.title);
    item.author = item.author.as_deref().map(|text| redactor.words(text));
    item.status = item.status.as_deref().map(|text| redactor.words(text));
    item.sha256 = "not given, because parts of the record are redacted".into();
    for attachment in &mut item.attachments {
        attachment.title = attachment.title.as_deref().map(|text| redactor.words(text));
        attachment.sha256 = String::new();
    }
}

fn seals(shop: &Workshop<'_>, selection: &Selection, out: &[usize]) -> Result<BTreeMap<String, Sealed>, BuildFault> {
    let mut seals = BTreeMap::new();
    for item in out.iter().filter_map(|at| selection.items.get(*at)) {
        if !seals.contains_key(&item.accession) {
            let id = AccessionId::parse(&item.accession).ok_or(BuildFault::Changed(item.n))?;
            let seal = shop.archive.sealed(shop.permit, &id).map_err(|error| match error {
                QueryError::NotFound => BuildFault::Changed(item.n),
                error => error.into(),
            })?;
            seals.insert(item.accession.clone(), seal);
        }
    }
    Ok(seals)
}
