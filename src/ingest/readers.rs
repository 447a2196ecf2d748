//! Which reader takes which file of a delivery: told by the mapping file, then by the first bytes, last by the name.
//!
//! Not for: reading (`deliver`), or what a reader makes of it (`mapping`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use super::deliver::Reading;
use super::error::IngestError;
use crate::formats::cda::looks_like_cda;
use crate::formats::hl7v2::{Splitter, looks_like_hl7v2};
use crate::formats::table::{Dialect, RowCutter};
use crate::limits;
use crate::mapping::document::Index;
use crate::mapping::settings::Settings;
use crate::mapping::tabular::{self, Prepared, Scratch};
use crate::mapping::{Context, Mapped, Mapper, cda, hl7v2};
use crate::sources::{self, Delivery, DeliveryFile, FileKind, Packing};

/// The readers of one delivery, with what they had to load first.
pub struct Readers {
    /// By the file's place in the delivery.
    forms: Vec<Form>,
    messages: Arc<dyn Mapper>,
    cda: Arc<dyn Mapper>,
    documents: Option<Arc<Index>>,
    tables: Arc<Prepared>,
    /// What was noticed while loading, by code.
    pub findings: BTreeMap<String, u64>,
}

/// What a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Form {
    Ndjson,
    Json,
    Messages,
    Cda,
    /// A table that the mapping file names, by its name in the delivery.
    Table(String),
    /// A loose document about which its list or its path says something.
    Document,
    /// The list of loose documents.
    DocumentList(Dialect),
    Kept,
    /// A container whose members are files of the delivery too.
    Container,
}

impl Readers {
    /// Looks at every file, and loads what the settings name: lookup tables, the list of documents. Sets the packing of
    /// packed files of a form that is read.
    pub fn prepare(settings: &Settings, listed: &mut Delivery) -> Result<Readers, IngestError> {
        let containers: Vec<String> = listed.outer_containers().map(|c| c.name.clone()).collect();
        let delivery = &mut listed.files;
        for file in delivery.iter_mut().filter(|f| settings.tables.table_for(&f.name).is_some()) {
            file.packing = sources::head(file)?.1;
        }
        let tables = tables(settings, delivery)?;
        let documents = documents(settings, delivery)?;
        let mut forms = Vec::with_capacity(delivery.len());
        for file in delivery.iter_mut() {
            let is_container = file.container.is_none() && containers.contains(&file.name);
            forms.push(if is_container { Form::Container } else { form_of(file, &tables, documents.as_deref())? });
        }
        let mut findings = BTreeMap::new();
        for (_, finding) in &tables.findings {
            *findings.entry(finding.code.to_string()).or_default() += 1;
        }
        Ok(Readers {
            forms,
            messages: Arc::new(Messages(settings.hl7v2.clone())),
            cda: Arc::new(Documents(settings.cda.clone())),
            documents,
            tables: Arc::new(tables),
            findings,
        })
    }

    /// How the file at this place of the delivery is read.
    pub fn reading_of(&self, place: usize) -> Reading {
        let records = |cutter, mapper, fate| Reading::Records { cutter, mapper, fate };
        match self.forms.get(place).unwrap_or(&Form::Kept) {
            Form::Ndjson => Reading::Ndjson,
            Form::Json => Reading::Json,
            Form::Messages => records(Box::<Splitter>::default(), self.messages.clone(), "messages"),
            Form::Cda => Reading::Whole(self.cda.clone()),
            Form::Table(name) => match self.tables.get(name) {
                Some(table) => {
                    let rows = Rows { tables: self.tables.clone(), name: name.clone() };
                    records(table.reader().cutter, Arc::new(rows), "rows")
                }
                None => Reading::Kept,
            },
            Form::Document => match &self.documents {
                Some(index) => Reading::Head(index.clone()),
                None => Reading::Kept,
            },
            Form::DocumentList(dialect) => match &self.documents {
                Some(index) => records(Box::new(RowCutter::new(dialect)), Arc::new(ListRows(index.clone())), "rows"),
                None => Reading::Kept,
            },
            Form::Kept => Reading::Kept,
            Form::Container => Reading::Container,
        }
    }
}

fn form_of(file: &mut DeliveryFile, tables: &Prepared, documents: Option<&Index>) -> Result<Form, IngestError> {
    if tables.get(&file.name).is_some() {
        return Ok(Form::Table(file.name.clone()));
    }
    match file.kind {
        FileKind::Ndjson => return Ok(Form::Ndjson),
        FileKind::Json => return Ok(Form::Json),
        FileKind::Other => {}
    }
    let (head, packing) = sources::head(file)?;
    if let Some(index) = documents {
        if index.is_manifest(&file.name) {
            let (dialect, _) = crate::formats::table::detect(&head);
            return Ok(Form::DocumentList(dialect));
        }
        if !index.describe(&file.name).is_empty() {
            return Ok(Form::Document);
        }
    }
    let form = if looks_like_hl7v2(&head) {
        Form::Messages
    } else if looks_like_cda(&head) {
        Form::Cda
    } else {
        return Ok(Form::Kept);
    };
    file.packing = packing;
    Ok(form)
}

/// Fits the tables of the settings to the files.
fn tables(settings: &Settings, delivery: &[DeliveryFile]) -> Result<Prepared, IngestError> {
    let names: Vec<String> = delivery.iter().map(|file| file.name.clone()).collect();
    let open = |name: &str| -> io::Result<Box<dyn Read>> {
        let file = delivery.iter().find(|file| file.name == name).ok_or(io::ErrorKind::NotFound)?;
        Ok(sources::open(file).map_err(|error| io::Error::other(error.what))?)
    };
    Prepared::new(&settings.tables, &names, &open).map_err(|error| IngestError::Delivery(error.to_string()))
}

/// Reads the list of loose documents, when the settings say how.
fn documents(settings: &Settings, delivery: &[DeliveryFile]) -> Result<Option<Arc<Index>>, IngestError> {
    let rules = &settings.documents;
    if rules.manifest.is_none() && rules.pattern.is_none() {
        return Ok(None);
    }
    let listed = rules.manifest.as_ref().and_then(|list| delivery.iter().find(|file| file.name == list.file));
    let list = match listed {
        None => None,
        Some(file) => {
            let mut bytes = Vec::new();
            let most = limits::RECORD_BYTES_MAX as u64;
            let unreadable = |error: io::Error| IngestError::Delivery(format!("{}: {error}", file.name));
            sources::open(file)?.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
            if bytes.len() as u64 > most {
                return Err(IngestError::Delivery(format!("{}: a list of documents of more than {most} bytes", file.name)));
            }
            Some(bytes)
        }
    };
    let files = delivery.iter().filter(|f| f.packing == Packing::Plain).map(|file| (file.name.as_str(), file.bytes));
    let index = Index::load(rules, list, files).map_err(|error| IngestError::Delivery(error.to_string()))?;
    Ok(Some(Arc::new(index)))
}

struct Messages(hl7v2::Rules);

impl Mapper for Messages {
    fn map(&self, bytes: &[u8], cx: &Context<'_>) -> Mapped {
        hl7v2::map(bytes, &self.0, cx)
    }
}

struct Documents(cda::Rules);

impl Mapper for Documents {
    fn map(&self, bytes: &[u8], cx: &Context<'_>) -> Mapped {
        cda::map(bytes, &self.0, cx)
    }
}

/// The rows of one table.
struct Rows {
    tables: Arc<Prepared>,
    name: String,
}

impl Mapper for Rows {
    fn map(&self, bytes: &[u8], cx: &Context<'_>) -> Mapped {
        thread_local! {
            static SCRATCH: RefCell<Scratch> = RefCell::default();
        }
        match self.tables.get(&self.name) {
            Some(table) => SCRATCH.with_borrow_mut(|scratch| tabular::map_row(bytes, table, cx, scratch)),
            None => Mapped::default(),
        }
    }
}

/// The rows of the list of documents: used up by the documents that they name.
struct ListRows(Arc<Index>);

impl Mapper for ListRows {
    fn map(&self, _: &[u8], cx: &Context<'_>) -> Mapped {
        Mapped { kind: "row:document list".into(), fate: self.0.row_fate(cx.offset), ..Mapped::default() }
    }
}
