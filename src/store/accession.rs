//! An open accession: its charts, documents, locator and directory, ready to be read by ordinal, by name or by patient.
//!
//! Not for: permits and scopes (`query` checks them), whole-accession checks (`verify`).

use std::cell::RefCell;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use ahash::AHashMap;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as BASE64};
use zstd::dict::DecoderDictionary;

use super::StoreError;
use super::codec::{Decoded, WHOLE};
use super::directory::{Directory, PatientEntry};
use super::documents::{PackFrame, read_document};
use super::framed::Framed;
use super::labels::Labels;
use super::layout::{Generation, Layout};
use super::ledger::{FileRecord, PIECE_BYTES, read_files};
use super::locator::{Locator, name_hash};
use super::manifest::{InForce, Manifest, Seal, read_checked, unhex};
use super::proof::LeafHasher;
use super::served::{Resolver, Serving};
use super::shapes::ShapeTable;
use super::terminology::Terminology;
use crate::formats::attachment;
use crate::formats::fhir::{Role, Shape, Tokenizer, leaf_text};
use crate::model::{AccessionId, Kind, Label, PatientKey, Place, When, archive_id, is_true_uuid};
use crate::signing::VerifierKey;

/// Base64 as others write it: padding may be missing.
const BASE64_LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// An accession in force, open for reading.
pub struct Accession {
    pub id: AccessionId,
    pub generation: u32,
    pub source_system: Arc<str>,
    pub seal: Seal,
    pub manifest: Manifest,
    pub(super) paths: Generation,
    pub(super) shapes: ShapeTable,
    pub(super) charts: Vec<Framed>,
    pub(super) documents: Vec<Framed>,
    pub(super) locator: Locator,
    pub(super) directory: Directory,
    /// First global frame and first ordinal of each part, with the totals at the end.
    part_starts: Vec<(u32, u64)>,
    aliases: AHashMap<String, (Kind, String)>,
    /// Delivery file that is kept whole → its place in `files`.
    kept_files: AHashMap<String, usize>,
    /// By the last part of the name; `None` where several files share it.
    kept_by_last_name: AHashMap<String, Option<usize>>,
    pub files: Vec<FileRecord>,
    terminology: Terminology,
    labels: Labels,
}

impl std::fmt::Debug for Accession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Accession({}, generation {})", self.id, self.generation)
    }
}

/// Where a record was found: frame (counted through all parts) and place in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    pub frame: u32,
    pub index: usize,
}

/// One decoded chart frame.
pub struct ChartFrame<'a> {
    accession: &'a Accession,
    pub decoded: Decoded,
    part: usize,
    first_ordinal: u64,
    document_base: u64,
    /// Number of moved leaves before each record.
    moved_before: OnceLock<Vec<u32>>,
    /// The pack frame read last: neighbours' documents lie together.
    pack: RefCell<Option<(usize, PackFrame)>>,
}

fn dictionary(path: &Path) -> Result<Option<Arc<DecoderDictionary<'static>>>, StoreError> {
    let bytes = std::fs::read(path).map_err(StoreError::read(path))?;
    Ok((!bytes.is_empty()).then(|| Arc::new(DecoderDictionary::copy(&bytes))))
}

impl Accession {
    /// Opens an accession that a catalog names, checking its seal and manifest against the catalog's digests.
    pub fn open(layout: &Layout, entry: &InForce, keys: &[VerifierKey]) -> Result<Accession, StoreError> {
        let refused = || StoreError::Refused("the catalog names an accession by an unknown form".into());
        let id = AccessionId::parse(&entry.accession).ok_or_else(refused)?;
        let seal_path = layout.seal(&id);
        let seal_bytes = read_checked(&seal_path, &entry.seal_sha256)?;
        let seal: Seal = super::manifest::from_note(&seal_path, &seal_bytes, keys)?;
        let paths = layout.generation(&id, entry.generation);
        let manifest_bytes = read_checked(&paths.manifest(), &entry.manifest_sha256)?;
        let manifest: Manifest = serde_json::from_slice(&manifest_bytes)
            .map_err(|e| StoreError::damaged(&paths.manifest(), 0, &format!("not of the known form: line {}", e.line())))?;
        Accession::open_parts(id, paths, seal, manifest)
    }

    /// Opens the files of a generation that is known to be the right one (a draft, or one checked by the catalog).
    pub fn open_parts(id: AccessionId, paths: Generation, seal: Seal, manifest: Manifest) -> Result<Accession, StoreError> {
        let parts = manifest.parts.len() as u32;
        let chart_dictionary = dictionary(&paths.chart_dictionary())?;
        let document_dictionary = dictionary(&paths.document_dictionary())?;
        let charts =
            (0..parts).map(|p| Framed::open(&paths.charts(p), chart_dictionary.clone())).collect::<Result<Vec<_>, _>>()?;
        // The pack behind the last part holds what was kept whole.
        let documents =
            (0..=parts).map(|p| Framed::open(&paths.documents(p), document_dictionary.clone())).collect::<Result<Vec<_>, _>>()?;
        let mut part_starts = vec![(0u32, 0u64)];
        for chart in &charts {
            let (frames, records) = part_starts[part_starts.len() - 1];
            part_starts.push((frames + chart.frames().len() as u32, records + chart.items()));
        }
        let (files, aliases) = read_files(&paths.ledger_files())?;
        let aliases = aliases
            .into_iter()
            .filter_map(|(alias, name)| {
                let (kind, id) = name.split_once('/')?;
                Some((alias, (Kind::from_name(kind)?, id.to_string())))
            })
            .collect();
        let mut kept_by_last_name: AHashMap<String, Option<usize>> = AHashMap::new();
        for (place, file) in files.iter().enumerate().filter(|(_, f)| f.document.is_some()) {
            let last = file.name.rsplit('/').next().unwrap_or(&file.name);
            kept_by_last_name.entry(last.to_string()).and_modify(|held| *held = None).or_insert(Some(place));
        }
        let is_kept = |(_, f): &(usize, &FileRecord)| f.document.is_some();
        let kept_files = files.iter().enumerate().filter(is_kept).map(|(i, f)| (f.name.clone(), i)).collect();
        Ok(Accession {
            generation: manifest.generation,
            source_system: seal.source_system.as_str().into(),
            labels: Labels::open(&paths.labels(), &manifest)?,
            terminology: Terminology::open(&paths.terminology())?,
            shapes: ShapeTable::open(&paths.shapes())?,
            locator: Locator::open(&paths.locator())?,
            directory: Directory::open(&paths.directory())?,
            id,
            seal,
            manifest,
            paths,
            charts,
            documents,
            part_starts,
            aliases,
            kept_files,
            kept_by_last_name,
            files,
        })
    }

    pub fn paths(&self) -> &Generation {
        &self.paths
    }

    /// The code maps in force for it.
    pub fn terminology(&self) -> &Terminology {
        &self.terminology
    }

    /// The sensitivity labels of its records.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    pub fn records(&self) -> u64 {
        self.part_starts[self.part_starts.len() - 1].1
    }

    pub fn frames(&self) -> u32 {
        self.part_starts[self.part_starts.len() - 1].0
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub fn leaf_hasher(&self) -> Option<LeafHasher> {
        let secret: [u8; 32] = unhex(&self.seal.salt_secret)?.try_into().ok()?;
        Some(LeafHasher::new(&secret))
    }

    pub fn place(&self, ordinal: u64) -> Place {
        Place { accession: self.id.clone(), generation: self.generation, ordinal }
    }

    /// One patient's place in this accession.
    pub fn patient(&self, key: &PatientKey) -> Result<Option<PatientEntry>, StoreError> {
        self.directory.find(key.as_str())
    }

    /// Part of a global frame number, and its number there.
    fn part_of_frame(&self, frame: u32) -> Option<(usize, usize)> {
        let part = self.part_starts.partition_point(|(first, _)| *first <= frame).checked_sub(1)?;
        (part < self.charts.len()).then(|| (part, (frame - self.part_starts[part].0) as usize))
    }

    /// Global frame number of the frame that holds an ordinal.
    pub fn frame_of(&self, ordinal: u64) -> Option<u32> {
        let part = self.part_starts.partition_point(|(_, first)| *first <= ordinal).checked_sub(1)?;
        let chart = self.charts.get(part)?;
        let (first_frame, first_ordinal) = self.part_starts[part];
        chart.frame_of(ordinal - first_ordinal).map(|f| first_frame + f as u32)
    }

    /// Reads and decodes a frame. `check` compares its digest as well.
    pub fn frame(&self, frame: u32, check: bool) -> Result<ChartFrame<'_>, StoreError> {
        let missing = || StoreError::damaged(&self.paths.manifest(), 0, "a frame number is out of bounds");
        let (part, local) = self.part_of_frame(frame).ok_or_else(missing)?;
        let chart = &self.charts[part];
        let (payload, uuids) = chart.read(local, check)?;
        let meta = &chart.frames()[local];
        let decoded = Decoded::read(payload, &uuids, &|shape| self.shapes.leaves(shape))
            .map_err(|e| StoreError::damaged(chart.path(), meta.offset, e.0))?;
        if decoded.len() != meta.items as usize {
            return Err(StoreError::damaged(chart.path(), meta.offset, "the frame holds another number of records"));
        }
        Ok(ChartFrame {
            accession: self,
            decoded,
            part,
            first_ordinal: self.part_starts[part].1 + meta.first_item,
            document_base: meta.base,
            moved_before: OnceLock::new(),
            pack: RefCell::new(None),
        })
    }

    /// All records of a name: more than one when there are further versions. In the order of ordinals.
    pub fn find(&self, kind: Kind, id: &str) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        for number in self.locator.candidates(name_hash(kind.name(), id.as_bytes())) {
            let frame = self.frame(number, false)?;
            found.extend((0..frame.len()).filter(|i| frame.is_named(*i, kind, id)).map(|index| Found { frame: number, index }));
        }
        Ok(found)
    }

    /// Global numbers of the frames that may hold records of a name; rarely one too many.
    pub fn frames_that_may_hold(&self, kind: Kind, id: &str) -> Vec<u32> {
        self.locator.candidates(name_hash(kind.name(), id.as_bytes()))
    }

    /// Whether the locator knows a name; may rarely be wrong in favour.
    pub fn may_hold(&self, kind: Kind, id: &str) -> bool {
        !self.locator.candidates(name_hash(kind.name(), id.as_bytes())).is_empty()
    }

    pub fn alias(&self, alias: &str) -> Option<&(Kind, String)> {
        self.aliases.get(alias)
    }

    /// A record's bytes as delivered.
    pub fn original(&self, found: Found) -> Result<Vec<u8>, StoreError> {
        self.frame(found.frame, false)?.original(found.index)
    }

    /// A kept item (quarantined text, envelope, file) by its number.
    pub fn kept(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        match self.documents.last() {
            Some(pack) => read_document(pack, number),
            None => Err(StoreError::Refused("no pack of kept items".into())),
        }
    }

    /// A delivered file that is kept whole, and the span of it that an attachment's address names.
    fn kept_of(&self, url: &str) -> Option<(&FileRecord, Option<attachment::Span>)> {
        if let Some(place) = self.kept_files.get(url.trim_start_matches("./")) {
            return Some((&self.files[*place], None));
        }
        let (name, span) = attachment::parse(url)?;
        let place = self.kept_files.get(&name).or_else(|| {
            // An export that came in a container names its files from its own top.
            let last = name.rsplit('/').next().unwrap_or(&name);
            let place = self.kept_by_last_name.get(last)?.as_ref()?;
            self.files[*place].name.strip_suffix(&name).is_some_and(|before| before.ends_with('/')).then_some(place)
        })?;
        Some((&self.files[*place], span))
    }

    /// `length` bytes from `offset` on in the content of a file that is kept whole.
    pub fn kept_bytes(&self, file: &FileRecord, offset: u64, length: u64) -> Result<Vec<u8>, StoreError> {
        let outside = || StoreError::Refused("a span lies outside its file".into());
        let end = offset.checked_add(length).filter(|end| *end <= file.content_bytes).ok_or_else(outside)?;
        let first = file.document.ok_or_else(outside)?;
        let mut out = Vec::with_capacity(length as usize);
        let piece = PIECE_BYTES as u64;
        let mut at = offset;
        while at < end {
            let number = at / piece;
            let bytes = self.kept(first + number)?;
            let from = (at - number * piece) as usize;
            let to = bytes.len().min((end - number * piece) as usize);
            out.extend_from_slice(bytes.get(from..to).filter(|b| !b.is_empty()).ok_or_else(outside)?);
            at += (to - from) as u64;
        }
        Ok(out)
    }

    /// The document behind an attachment's address.
    fn attached(&self, file: &FileRecord, span: Option<attachment::Span>) -> Result<Vec<u8>, StoreError> {
        let Some(span) = span else { return self.kept_bytes(file, 0, file.content_bytes) };
        let mut bytes = self.kept_bytes(file, span.offset, span.length)?;
        if span.encoding == attachment::Encoding::Raw {
            return Ok(bytes);
        }
        bytes.retain(|b| !b.is_ascii_whitespace());
        BASE64_LENIENT.decode(&bytes).map_err(|_| StoreError::Refused("a span of a delivered file is no base64".into()))
    }

    /// Path of the first part's tables of a kind, where there are any.
    pub fn table_files(&self, kind: Kind) -> impl Iterator<Item = std::path::PathBuf> {
        let prefix = format!("tables/{kind}/");
        self.manifest.files.iter().filter(move |f| f.path.starts_with(&prefix)).map(|f| self.paths.dir().join(&f.path))
    }
}

impl Resolver for Accession {
    fn alias(&self, alias: &str) -> Option<(Kind, String)> {
        if let Some(found) = self.aliases.get(alias) {
            return Some(found.clone());
        }
        // `urn:uuid:` of a record whose id is that very UUID: look under every type, which is only hashing.
        let uuid = alias.strip_prefix("urn:uuid:")?;
        let id = if is_true_uuid(uuid) { uuid.to_string() } else { return None };
        Kind::all()
            .filter(|kind| self.may_hold(*kind, &id))
            .find(|kind| self.find(*kind, &id).is_ok_and(|f| !f.is_empty()))
            .map(|kind| (kind, id))
    }

    fn holds(&self, kind: Kind, id: &str) -> bool {
        self.may_hold(kind, id) && self.find(kind, id).is_ok_and(|f| !f.is_empty())
    }

    fn has_file(&self, url: &str) -> bool {
        self.kept_of(url).is_some()
    }
}

impl<'a> ChartFrame<'a> {
    pub fn len(&self) -> usize {
        self.decoded.len()
    }

    pub fn is_empty(&self) -> bool {
        self.decoded.is_empty()
    }

    pub fn first_ordinal(&self) -> u64 {
        self.first_ordinal
    }

    /// Number of the first document of the frame, in the pack of its part.
    pub(super) fn document_base(&self) -> u64 {
        self.document_base
    }

    pub fn ordinal(&self, index: usize) -> u64 {
        self.first_ordinal + index as u64
    }

    /// Runs `work` with the record's shape and leaves; a record kept whole is cut anew.
    pub fn view<T>(
        &self,
        index: usize,
        work: impl for<'x> FnOnce(&'x Shape, &'x dyn Fn(usize) -> Option<&'x [u8]>) -> T,
    ) -> Option<T> {
        let number = self.decoded.shape(index);
        if number != WHOLE {
            let shape = self.accession.shapes.get(number)?;
            return Some(work(shape, &|leaf| self.decoded.leaf(index, leaf)));
        }
        let text = self.decoded.leaf(index, 0)?;
        let mut tokenizer = Tokenizer::default();
        tokenizer.cut(text).ok()?;
        let shape = Shape::new(&tokenizer.template).ok()?;
        Some(work(&shape, &|leaf| tokenizer.leaves.get(leaf).map(|l| &text[l.start as usize..l.end as usize])))
    }

    pub fn kind(&self, index: usize) -> Option<Kind> {
        match self.decoded.shape(index) {
            WHOLE => self.view(index, |shape, _| shape.kind()),
            number => self.accession.shapes.get(number).map(Shape::kind),
        }
    }

    /// Calls `work` with a record's archive id, without copying it in the usual case of a UUID.
    pub fn with_id<T>(&self, index: usize, work: impl FnOnce(&str) -> T) -> Option<T> {
        if let Some(shape) = self.accession.shapes.get(self.decoded.shape(index))
            && let Some(leaf) = shape.id_leaf().and_then(|leaf| self.decoded.leaf(index, leaf))
            && let Ok(id) = std::str::from_utf8(leaf)
            && is_true_uuid(id)
        {
            return Some(work(id));
        }
        self.names(index).map(|(id, _)| work(&id))
    }

    /// (archive id, original id) of a record; the original is empty when it had none.
    pub fn names(&self, index: usize) -> Option<(String, String)> {
        let source = &self.accession.source_system;
        let named = self.view(index, |shape, leaf| {
            let original = shape.id_leaf().and_then(leaf).map(|l| leaf_text(l).into_owned())?;
            let id = if is_true_uuid(&original) {
                original.clone()
            } else {
                archive_id(source, shape.kind().name(), &original).as_str().to_string()
            };
            Some((id, original))
        })?;
        match named {
            Some(names) => Some(names),
            None => {
                let original = self.original(index).ok()?;
                let id = super::proof::id_of_bytes(source, self.kind(index)?, &original);
                Some((id.as_str().to_string(), String::new()))
            }
        }
    }

    /// Whether a record has this type and archive id; cheap for the usual case.
    pub fn is_named(&self, index: usize, kind: Kind, id: &str) -> bool {
        if self.kind(index) != Some(kind) {
            return false;
        }
        let plain =
            self.view(index, |shape, leaf| shape.id_leaf().and_then(leaf).map(|l| l == id.as_bytes() && is_true_uuid(id)));
        match plain {
            Some(Some(true)) => true,
            Some(Some(false)) if is_true_uuid(id) => false,
            _ => self.names(index).is_some_and(|(name, _)| name == id),
        }
    }

    /// The sensitivity label of a record.
    pub fn label(&self, index: usize) -> Label {
        self.accession.labels.of(self.ordinal(index))
    }

    /// The label that the record's own security codes put on it; what [`ChartFrame::label`] gives holds all of it.
    pub fn own_label(&self, index: usize) -> Label {
        self.view(index, |shape, leaf| {
            shape.roles().iter().enumerate().filter(|(_, r)| **r == Role::SecurityCode).fold(Label::NORMAL, |label, (i, _)| {
                label.union(leaf(i).map_or(Label::RESTRICTED, |l| Label::of_security_code(&leaf_text(l))))
            })
        })
        .unwrap_or(Label::RESTRICTED)
    }

    /// The clinical date by which the chart is ordered.
    pub fn date(&self, index: usize) -> Option<When> {
        self.view(index, |shape, leaf| {
            let table = super::tables::kinds().get(shape.kind())?;
            let paths: Vec<&str> = shape.paths().iter().map(AsRef::as_ref).collect();
            When::parse(&leaf_text(leaf(table.date_leaf(&paths)?)?))
        })
        .flatten()
    }

    fn moved_before(&self) -> &[u32] {
        self.moved_before.get_or_init(|| {
            let mut total = 0;
            (0..self.len())
                .map(|index| {
                    let before = total;
                    total += self.moved_in(index);
                    before
                })
                .collect()
        })
    }

    fn moved_in(&self, index: usize) -> u32 {
        let Some(shape) = self.accession.shapes.get(self.decoded.shape(index)) else { return 0 };
        shape.roles().iter().enumerate().filter(|(i, r)| **r == Role::Data && self.decoded.leaf(index, *i).is_none()).count()
            as u32
    }

    /// The bytes of the record's attachments that were moved to the documents, in order.
    pub fn moved_documents(&self, index: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let count = u64::from(self.moved_in(index));
        let first = self.document_base + u64::from(self.moved_before()[index]);
        (first..first + count).map(|number| self.document(number)).collect()
    }

    /// One document of this frame's part by its number in the pack; its bytes are held against their digest.
    fn document(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let pack = &self.accession.documents[self.part];
        let missing = || StoreError::damaged(pack.path(), 0, "a document is missing");
        let frame = pack.frame_of(number).ok_or_else(missing)?;
        let mut held = self.pack.borrow_mut();
        if held.as_ref().is_none_or(|(f, _)| *f != frame) {
            *held = Some((frame, PackFrame::read(pack, frame, true)?));
        }
        let place = (number - pack.frames()[frame].first_item) as usize;
        held.as_ref().and_then(|(_, open)| open.get(place)).map(<[u8]>::to_vec).ok_or_else(missing)
    }

    /// The record's bytes as delivered.
    pub fn original(&self, index: usize) -> Result<Vec<u8>, StoreError> {
        if self.decoded.shape(index) == WHOLE {
            return Ok(self.decoded.leaf(index, 0).unwrap_or(b"").to_vec());
        }
        let documents = if self.moved_in(index) > 0 { self.moved_documents(index)? } else { Vec::new() };
        let mut out = Vec::new();
        self.original_with(index, &documents, &mut out);
        Ok(out)
    }

    /// As [`ChartFrame::original`], with the moved documents given; appended to `out`.
    pub fn original_with(&self, index: usize, documents: &[Vec<u8>], out: &mut Vec<u8>) {
        if self.decoded.shape(index) == WHOLE {
            out.extend_from_slice(self.decoded.leaf(index, 0).unwrap_or(b""));
            return;
        }
        let Some(shape) = self.accession.shapes.get(self.decoded.shape(index)) else { return };
        let mut next = documents.iter();
        for leaf in 0..shape.leaves() {
            out.extend_from_slice(shape.piece(leaf));
            match self.decoded.leaf(index, leaf) {
                Some(value) => out.extend_from_slice(value),
                None => {
                    let text = next.next().map(|d| BASE64.encode(d)).unwrap_or_default();
                    out.extend_from_slice(text.as_bytes());
                }
            }
        }
        out.extend_from_slice(shape.piece(shape.leaves()));
    }

    /// The record as served FHIR JSON, appended to `out`.
    pub fn served(&self, index: usize, id: &str, out: &mut Vec<u8>) {
        let accession = self.accession;
        self.view(index, |shape, leaf| {
            let (source_system, terminology) = (&*accession.source_system, &accession.terminology);
            Serving { shape, source_system, id, resolver: accession, terminology }.write(leaf, out);
        });
    }

    /// Attachment `number` of a record (as `document_id` counts): its bytes.
    pub fn attachment(&self, index: usize, number: usize) -> Result<Option<Vec<u8>>, StoreError> {
        enum Where {
            Moved(usize),
            Inline(Vec<u8>),
            File(String),
        }
        let accession = self.accession;
        let place = self.view(index, |shape, leaf| {
            let (mut seen, mut moved) = (0, 0);
            for (i, role) in shape.roles().iter().enumerate() {
                if !matches!(role, Role::Data | Role::AttachmentUrl) {
                    continue;
                }
                let value = leaf(i);
                if seen == number {
                    return match (role, value) {
                        (Role::Data, None) => Some(Where::Moved(moved)),
                        (Role::Data, Some(text)) => BASE64.decode(text).ok().map(Where::Inline),
                        (_, Some(url)) => Some(Where::File(leaf_text(url).into_owned())),
                        (_, None) => None,
                    };
                }
                seen += 1;
                moved += usize::from(*role == Role::Data && value.is_none());
            }
            None
        });
        match place.flatten() {
            None => Ok(None),
            Some(Where::Inline(bytes)) => Ok(Some(bytes)),
            Some(Where::File(url)) => match accession.kept_of(&url) {
                Some((file, span)) => accession.attached(file, span).map(Some),
                None => Ok(None),
            },
            Some(Where::Moved(nth)) => Ok(self.moved_documents(index)?.into_iter().nth(nth)),
        }
    }
}
