//! The press: parts are typeset on all cores, and the file is written in their order.
//!
//! Few parts are under way at a time; the pages of a finished one go into the file at once, so that a package of any length
//! needs little memory. What needs the whole (numbers of pages, furniture, fonts, outline) is written at the end. Neither the
//! number of threads nor their pace shows in the bytes.
//!
//! Not for: how a part is set (`flow`).

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use lopdf::{Dictionary, Object};

use super::blocks::Shop;
use super::canvas::{Canvas, Hole, Leads, Used, shown};
use super::content::{Anchor, Furniture, Late, Part};
use super::flow::{self, Body, Bookmark, Pages};
use super::furniture::{self, Frame, Numbers};
use super::outline::{self, Cover};
use super::shape::Setter;
use super::write::{File, name, packed, reference, stream, text};
use super::{PdfFault, Printed, embed};

/// Stack of a typesetting thread: lists in lists in cells, as deep as a source may nest them.
const STACK: usize = 32 << 20;
/// Pages of a node of the page tree.
const FAN: usize = 64;

struct Laid {
    number: usize,
    pages: Result<Pages, PdfFault>,
    objects: Vec<Object>,
    missing: HashMap<char, u32>,
}

/// Typesets parts as they come and writes the file; a fault leaves a file behind that is not complete.
pub fn press<P: Borrow<Part> + Send>(
    cover: &Cover,
    parts: impl IntoIterator<Item = P>,
    out: impl Write,
) -> Result<Printed, PdfFault> {
    let threads = match cover.threads {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        threads => threads,
    };
    let mut book = Book::new(out)?;
    let (give, take) = unbounded::<(usize, P)>();
    let (hand_in, collect) = bounded::<Laid>(threads);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (take, hand_in) = (take.clone(), hand_in.clone());
            let builder = std::thread::Builder::new().name(format!("press-{number}")).stack_size(STACK);
            builder.spawn_scoped(scope, move || work(&take, &hand_in)).map_err(PdfFault::Write)?;
        }
        drop((take, hand_in));
        let result = gather(&mut book, parts, threads, &give, &collect);
        drop((give, collect));
        result
    })?;
    book.finish(cover, threads)
}

fn work<P: Borrow<Part>>(take: &Receiver<(usize, P)>, hand_in: &Sender<Laid>) {
    for (number, part) in take {
        // Whoever waits for this part must hear of it in any case.
        let (pages, objects, missing) = catch_unwind(AssertUnwindSafe(|| {
            let mut shop = Shop::default();
            let pages = flow::lay(part.borrow(), &mut shop);
            (shop.fault.take().map_or(Ok(pages), Err), shop.pictures.objects, shop.setter.missing)
        }))
        .unwrap_or_else(|_| (Err(PdfFault::Thread), Vec::new(), HashMap::new()));
        let laid = Laid { number, pages, objects, missing };
        if hand_in.send(laid).is_err() {
            return;
        }
    }
}

/// Gives parts out and puts them into the book in order. Few are under way, so the rest of them need not exist yet.
fn gather<P: Borrow<Part>, W: Write>(
    book: &mut Book<W>,
    parts: impl IntoIterator<Item = P>,
    threads: usize,
    give: &Sender<(usize, P)>,
    collect: &Receiver<Laid>,
) -> Result<(), PdfFault> {
    let mut parts = parts.into_iter().enumerate().peekable();
    let mut waiting: BTreeMap<usize, Laid> = BTreeMap::new();
    let mut furniture: HashMap<usize, Furniture> = HashMap::new();
    let (mut given, mut bound) = (0, 0);
    loop {
        while given - bound < threads * 2
            && let Some((number, part)) = parts.next()
        {
            furniture.insert(number, part.borrow().furniture.clone());
            give.send((number, part)).map_err(|_| PdfFault::Thread)?;
            given += 1;
        }
        if bound == given {
            return Ok(());
        }
        let laid = collect.recv().map_err(|_| PdfFault::Thread)?;
        waiting.insert(laid.number, laid);
        while let Some(laid) = waiting.remove(&bound) {
            let fault = |fault| PdfFault::Part { number: laid.number, fault: Box::new(fault) };
            let pages = laid.pages.map_err(fault)?;
            book.bind(pages, laid.objects, furniture.remove(&bound).unwrap_or_default(), &laid.missing)?;
            bound += 1;
        }
    }
}

/// A page whose drawing is written, or waits for numbers.
struct Leaf {
    part: usize,
    width: f32,
    height: f32,
    body: Result<u32, Body>,
    leads: Vec<Leads>,
    shown: Vec<(usize, u32)>,
}

/// The file as it grows.
struct Book<W: Write> {
    file: File<W>,
    leaves: Vec<Leaf>,
    furniture: Vec<Furniture>,
    parts: Vec<Range<u32>>,
    bytes: Vec<u64>,
    anchors: BTreeMap<String, (usize, f32)>,
    bookmarks: Vec<Bookmark>,
    used: Used,
    missing: BTreeMap<char, u32>,
    lost: Vec<Anchor>,
}

pub(super) const CATALOG: u32 = 1;
pub(super) const TREE: u32 = 2;
const INFORMATION: u32 = 3;
const METADATA: u32 = 4;
pub(super) const FONTS: u32 = 5;

impl<W: Write> Book<W> {
    fn new(out: W) -> Result<Book<W>, PdfFault> {
        let mut file = File::new(out)?;
        file.reserve(FONTS as usize);
        Ok(Book {
            file,
            leaves: Vec::new(),
            furniture: Vec::new(),
            parts: Vec::new(),
            bytes: Vec::new(),
            anchors: BTreeMap::new(),
            bookmarks: Vec::new(),
            used: Used::default(),
            missing: BTreeMap::new(),
            lost: Vec::new(),
        })
    }

    /// Takes the pages of the next part.
    fn bind(
        &mut self,
        pages: Pages,
        objects: Vec<Object>,
        furniture: Furniture,
        missing: &HashMap<char, u32>,
    ) -> Result<(), PdfFault> {
        let (first, before) = (self.leaves.len(), self.file.offset());
        let shift = self.file.reserve(objects.len()) - 1;
        for (number, object) in objects.iter().enumerate() {
            self.file.put(shift + number as u32 + 1, object, shift)?;
        }
        for page in pages.pages {
            let body = match page.body {
                Body::Packed(bytes) => Ok(self.file.add(&stream(Dictionary::new(), bytes))?),
                held @ Body::Held { .. } => Err(held),
            };
            let mut shown: Vec<(usize, u32)> = page.shown.iter().map(|number| (*number, shift + *number as u32)).collect();
            shown.sort_unstable();
            shown.dedup();
            let part = self.furniture.len();
            self.leaves.push(Leaf { part, width: page.width, height: page.height, body, leads: page.leads, shown });
        }
        for (anchor, page, top) in pages.anchors {
            self.anchors.entry(anchor.0).or_insert((first + page, top));
        }
        self.bookmarks.extend(pages.bookmarks.into_iter().map(|mark| Bookmark { page: first + mark.page, ..mark }));
        self.used.merge(&pages.used);
        for (character, count) in missing {
            *self.missing.entry(*character).or_default() += count;
        }
        self.parts.push(first as u32 + 1..self.leaves.len() as u32 + 1);
        self.bytes.push(self.file.offset() - before);
        self.furniture.push(furniture);
        Ok(())
    }

    fn finish(mut self, cover: &Cover, threads: usize) -> Result<Printed, PdfFault> {
        if self.leaves.is_empty() {
            // A file has a page.
            self.leaves.push(Leaf {
                part: usize::MAX,
                width: furniture::PAGE.0,
                height: furniture::PAGE.1,
                body: Err(Body::Held { out: Vec::new(), holes: Vec::new() }),
                leads: Vec::new(),
                shown: Vec::new(),
            });
        }
        let (frames, used) = self.furniture_of_pages(threads)?;
        self.used.merge(&used);
        let first_page = self.file.reserve(self.leaves.len());
        let tree = self.tree(first_page)?;
        let leaves = std::mem::take(&mut self.leaves);
        let count = leaves.len();
        for (number, (leaf, frame)) in leaves.into_iter().zip(frames).enumerate() {
            self.page(number, leaf, frame, first_page, tree)?;
        }
        let bookmarks = std::mem::take(&mut self.bookmarks);
        let outline = outline::write(&mut self.file, &bookmarks, first_page)?;
        let fonts = embed::fonts(&mut self.file, &self.used)?;
        self.file.put(FONTS, &Object::Dictionary(fonts), 0)?;
        self.properties(cover, outline)?;
        let anchors = self.anchors.into_iter().map(|(anchor, (page, _))| (anchor, page as u32 + 1)).collect();
        let mut trailer = Dictionary::new();
        trailer.set("Root", reference(CATALOG));
        trailer.set("Info", reference(INFORMATION));
        let id = Object::String(cover.seed[..16].to_vec(), lopdf::StringFormat::Hexadecimal);
        trailer.set("ID", vec![id.clone(), id]);
        self.file.finish(trailer)?;
        self.lost.sort_by(|a, b| a.0.cmp(&b.0));
        self.lost.dedup();
        Ok(Printed {
            pages: count as u32,
            parts: self.parts,
            bytes: self.bytes,
            anchors,
            missing: self.missing.into_iter().collect(),
            lost: self.lost,
        })
    }

    /// Draws the furniture of all pages, a run of them on each core.
    fn furniture_of_pages(&self, threads: usize) -> Result<(Vec<Vec<u8>>, Used), PdfFault> {
        let bound = Bound { leaves: &self.leaves, furniture: &self.furniture, parts: &self.parts };
        let bound = &bound;
        let run = self.leaves.len().div_ceil(threads).max(1);
        let starts: Vec<usize> = (0..self.leaves.len()).step_by(run).collect();
        let runs: Vec<Option<(Vec<Vec<u8>>, Used)>> = std::thread::scope(|scope| {
            let running: Vec<_> = starts
                .iter()
                .map(|start| scope.spawn(move || bound.furniture_of(*start..(*start + run).min(bound.leaves.len()))))
                .collect();
            running.into_iter().map(|thread| thread.join().ok()).collect()
        });
        let mut all = (Vec::with_capacity(self.leaves.len()), Used::default());
        for run in runs {
            let (frames, used) = run.ok_or(PdfFault::Thread)?;
            all.0.extend(frames);
            all.1.merge(&used);
        }
        Ok(all)
    }

    /// Nodes of the page tree; the number of the first one.
    fn tree(&mut self, first_page: u32) -> Result<u32, PdfFault> {
        let count = self.leaves.len();
        let first = self.file.reserve(count.div_ceil(FAN));
        let mut nodes = Vec::new();
        for (number, start) in (0..count).step_by(FAN).enumerate() {
            let end = (start + FAN).min(count);
            let mut node = Dictionary::new();
            node.set("Type", name("Pages"));
            node.set("Parent", reference(TREE));
            node.set("Count", (end - start) as i64);
            node.set("Kids", (start..end).map(|page| reference(first_page + page as u32)).collect::<Vec<_>>());
            self.file.put(first + number as u32, &Object::Dictionary(node), 0)?;
            nodes.push(reference(first + number as u32));
        }
        let mut root = Dictionary::new();
        root.set("Type", name("Pages"));
        root.set("Count", count as i64);
        root.set("Kids", nodes);
        self.file.put(TREE, &Object::Dictionary(root), 0)?;
        Ok(first)
    }

    fn page(&mut self, number: usize, leaf: Leaf, frame: Vec<u8>, first_page: u32, tree: u32) -> Result<(), PdfFault> {
        let body = match leaf.body {
            Ok(body) => body,
            Err(held) => {
                let bytes = self.filled(held, leaf.height);
                self.file.add(&stream(Dictionary::new(), packed(&bytes)))?
            }
        };
        let mut contents = vec![reference(body)];
        if !frame.is_empty() {
            contents.push(reference(self.file.add(&stream(Dictionary::new(), frame))?));
        }
        let mut resources = Dictionary::new();
        resources.set("Font", reference(FONTS));
        if !leaf.shown.is_empty() {
            let mut shown = Dictionary::new();
            for (name, object) in leaf.shown {
                shown.set(format!("P{name}"), reference(object));
            }
            resources.set("XObject", shown);
        }
        let mut page = Dictionary::new();
        page.set("Type", name("Page"));
        page.set("Parent", reference(tree + (number / FAN) as u32));
        page.set("MediaBox", vec![Object::Integer(0), Object::Integer(0), Object::Real(leaf.width), Object::Real(leaf.height)]);
        page.set("Resources", resources);
        page.set("Contents", contents);
        let links = self.links(leaf.leads, first_page);
        if !links.is_empty() {
            page.set("Annots", links);
        }
        Ok(self.file.put(first_page + number as u32, &Object::Dictionary(page), 0)?)
    }

    fn links(&mut self, leads: Vec<Leads>, first_page: u32) -> Vec<Object> {
        let mut links = Vec::with_capacity(leads.len());
        for lead in leads {
            let Some((page, top)) = self.anchors.get(&lead.to.0) else {
                self.lost.push(lead.to);
                continue;
            };
            let mut link = Dictionary::new();
            link.set("Type", name("Annot"));
            link.set("Subtype", name("Link"));
            link.set("Rect", lead.bounds.map(|edge| Object::Real((edge * 100.0).round() / 100.0)).to_vec());
            link.set("Border", [0, 0, 0].map(Object::Integer).to_vec());
            link.set("F", 4);
            link.set("Dest", outline::destination(first_page + *page as u32, *top));
            links.push(Object::Dictionary(link));
        }
        links
    }

    /// A drawing with the numbers that it waited for.
    fn filled(&mut self, held: Body, height: f32) -> Vec<u8> {
        let Body::Held { out, holes } = held else { return Vec::new() };
        let mut setter = Setter::default();
        let mut filled = Vec::with_capacity(out.len() + holes.len() * 48);
        let mut done = 0;
        for (place, hole) in holes {
            filled.extend_from_slice(out.get(done..place).unwrap_or_default());
            done = place;
            match hole {
                Hole::Entry { to, right, baseline, size } => {
                    let number = self.number(&to, Self::page_number);
                    let drawn = flow::entry(&number, (right, baseline, size), height, &mut setter, &mut self.used);
                    filled.extend_from_slice(&drawn);
                }
                Hole::Inside { late, face } => {
                    let number = match late {
                        Late::Page(to) => self.number(&to, Self::page_number),
                        Late::Bates(to) => self.number(&to, Self::bates_number),
                    };
                    filled.extend_from_slice(&shown(&number, face, &mut self.used));
                }
            }
        }
        filled.extend_from_slice(out.get(done..).unwrap_or_default());
        filled
    }

    /// What is said of the page of an anchor; a dash when nothing has this name.
    fn number(&mut self, to: &Anchor, say: fn(&Self, usize) -> String) -> String {
        match self.anchors.get(&to.0) {
            Some((page, _)) => say(self, *page),
            None => {
                self.lost.push(to.clone());
                "–".to_string()
            }
        }
    }

    fn page_number(&self, page: usize) -> String {
        (page + 1).to_string()
    }

    fn bates_number(&self, page: usize) -> String {
        let sheet = page as u64 + 1;
        let part = self.parts.partition_point(|part| u64::from(part.end) <= sheet);
        let (Some(furniture), Some(part)) = (self.furniture.get(part), self.parts.get(part)) else { return String::new() };
        furniture::bates(furniture.bates.as_ref(), sheet + 1 - u64::from(part.start), sheet)
    }

    /// What the file says of itself.
    fn properties(&mut self, cover: &Cover, outline: Option<u32>) -> Result<(), PdfFault> {
        self.file.put(INFORMATION, &Object::Dictionary(outline::information(cover)), 0)?;
        let mut metadata = Dictionary::new();
        metadata.set("Type", name("Metadata"));
        metadata.set("Subtype", name("XML"));
        let xmp = lopdf::Stream::new(metadata, outline::xmp(cover).into_bytes());
        self.file.put(METADATA, &Object::Stream(xmp), 0)?;
        let mut catalog = Dictionary::new();
        catalog.set("Type", name("Catalog"));
        catalog.set("Pages", reference(TREE));
        catalog.set("Metadata", reference(METADATA));
        catalog.set("PageMode", name(if outline.is_some() { "UseOutlines" } else { "UseNone" }));
        if let Some(outline) = outline {
            catalog.set("Outlines", reference(outline));
        }
        if let Some(language) = &cover.language {
            catalog.set("Lang", text(language));
        }
        let mut view = Dictionary::new();
        view.set("DisplayDocTitle", true);
        catalog.set("ViewerPreferences", view);
        Ok(self.file.put(CATALOG, &Object::Dictionary(catalog), 0)?)
    }
}

/// What the furniture of pages is made from.
struct Bound<'b> {
    leaves: &'b [Leaf],
    furniture: &'b [Furniture],
    parts: &'b [Range<u32>],
}

impl Bound<'_> {
    fn furniture_of(&self, pages: Range<usize>) -> (Vec<Vec<u8>>, Used) {
        let mut setter = Setter::default();
        let mut used = Used::default();
        let mut frame: Option<(usize, Frame)> = None;
        let mut done = Vec::with_capacity(pages.len());
        let sheets = self.leaves.len() as u64;
        for (number, leaf) in self.leaves.iter().enumerate().skip(pages.start).take(pages.len()) {
            let (Some(furniture), Some(part)) = (self.furniture.get(leaf.part), self.parts.get(leaf.part)) else {
                done.push(Vec::new());
                continue;
            };
            if frame.as_ref().is_none_or(|(part, _)| *part != leaf.part) {
                frame = Some((leaf.part, Frame::of(furniture, &mut setter)));
            }
            let Some((_, frame)) = &frame else { continue };
            let page = number as u64 + 1 - (u64::from(part.start) - 1);
            let pages = u64::from(part.end - part.start);
            let numbers = Numbers { page, pages, sheet: number as u64 + 1, sheets, bates: furniture.bates.as_ref() };
            let mut canvas = Canvas::new(leaf.height);
            frame.draw(&mut canvas, leaf.width, &numbers, &mut setter, &mut used);
            done.push(packed(&canvas.out));
        }
        (done, used)
    }
}
