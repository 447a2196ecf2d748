//! Which reader takes which file of a delivery: told by the mapping file, then by the first bytes, last by the name.
//!
//! Not for: reading (`deliver`), or what a reader makes of it (`mapping`).

use std::sync::Arc;

use super::IngestError;
use super::deliver::Reading;
use crate::formats::cda::looks_like_cda;
use crate::formats::hl7v2::{Splitter, looks_like_hl7v2};
use crate::mapping::settings::Settings;
use crate::mapping::{Context, Mapped, Mapper, cda, hl7v2};
use crate::sources::{self, DeliveryFile, FileKind};

/// The readers of one delivery, with what they had to load first.
pub struct Readers {
    /// By the file's place in the delivery.
    forms: Vec<Form>,
    messages: Arc<dyn Mapper>,
    documents: Arc<dyn Mapper>,
}

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Ndjson,
    Json,
    Messages,
    Cda,
    Kept,
}

impl Readers {
    /// Looks at every file, and loads what the settings name: lookup tables, indexes of documents. Sets the packing of
    /// packed files of a form that is read.
    pub fn prepare(settings: &Settings, delivery: &mut [DeliveryFile]) -> Result<Readers, IngestError> {
        let forms = delivery.iter_mut().map(form_of).collect::<Result<_, _>>()?;
        let _ = settings;
        Ok(Readers {
            forms,
            messages: Arc::new(Messages(hl7v2::Rules::default())),
            documents: Arc::new(Documents(cda::Rules::default())),
        })
    }

    /// How the file at this place of the delivery is read.
    pub fn reading_of(&self, place: usize) -> Reading {
        match self.forms.get(place).copied().unwrap_or(Form::Kept) {
            Form::Ndjson => Reading::Ndjson,
            Form::Json => Reading::Json,
            Form::Messages => {
                Reading::Records { cutter: Box::new(Splitter::default()), mapper: self.messages.clone(), fate: "messages" }
            }
            Form::Cda => Reading::Whole(self.documents.clone()),
            Form::Kept => Reading::Kept,
        }
    }
}

fn form_of(file: &mut DeliveryFile) -> Result<Form, IngestError> {
    match file.kind {
        FileKind::Ndjson => return Ok(Form::Ndjson),
        FileKind::Json => return Ok(Form::Json),
        FileKind::Other => {}
    }
    let (head, packing) = sources::head(file)?;
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
