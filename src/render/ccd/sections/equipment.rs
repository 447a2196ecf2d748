//! Medical equipment: implants, devices in use, supplies that were delivered.
//!
//! Not for: devices that measured or wrote something (performers and authors).

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{
    Class, Entry, Id, Name, Null, Organization, Participant, Player, Quantity, Section, Template, Time,
};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::routing::Place;
use super::sheet::{self, Sheet, Spec, participant};
use super::words;

const SPEC: Spec = Spec {
    prefix: "equipment",
    code: ("46264-8", "History of medical device use"),
    title: "Medical Equipment",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.23", "2014-06-09")],
    with_entries: &[],
    needs_entries: false,
    columns: &["Date", "Device", "Identifiers", "Details"],
};

const SUPPLY: Template = Template::both("2.16.840.1.113883.10.20.22.4.50", "2014-06-09");
const PRODUCT: Template = Template::root("2.16.840.1.113883.10.20.22.4.37");
/// Unique device identifiers of the FDA.
const UDI: &str = "2.16.840.1.113883.3.3719";

pub fn equipment(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::Equipment) {
        let root = item.root();
        let device = device(cx, &item);
        let row = sheet.begin();
        sheet.say(dates(root));
        let what = sheet.key("what", name(cx, &item));
        sheet.add(identifiers(device));
        sheet.add(details(cx, root, device));
        let coded = [kind(&item), device.at("type"), root.at("bodySite")].into_iter();
        sheet.end(&item, coded.chain(root.at("reasonCode").items()).collect::<Vec<_>>());
        if !words::is_mistaken(root) {
            sheet.push(supply(cx, &item, device, row, what));
        }
    }
    sheet.finish()
}

/// The device that a record is or is about, when the archive has it.
fn device<'a>(cx: &Context<'a>, item: &Item<'a>) -> Node<'a> {
    let root = item.root();
    let place = match item.kind {
        "Device" => return root,
        "DeviceUseStatement" => root.at("device"),
        _ => root.at("suppliedItem").at("itemReference"),
    };
    let at = place.at("reference").text().unwrap_or_default();
    if let Some(inside) = at.strip_prefix('#') {
        let is_it = |r: &Node<'_>| r.at("id").text().as_deref() == Some(inside);
        return root.at("contained").items().find(is_it).unwrap_or(Node::none());
    }
    cx.resolve(&at).map_or(Node::none(), |found| found.root())
}

/// The concept that says what it is.
fn kind<'a>(item: &Item<'a>) -> Node<'a> {
    match item.kind {
        "SupplyDelivery" => item.root().at("suppliedItem").at("itemCodeableConcept"),
        _ => item.root().at("type"),
    }
}

fn name(cx: &Context<'_>, item: &Item<'_>) -> Option<String> {
    let root = item.root();
    let own = || concept(kind(item));
    let called = || root.at("deviceName").items().find_map(|name| name.at("name").text());
    match item.kind {
        "Device" => words::joined_by(", ", [own(), called().or_else(|| root.at("distinctIdentifier").text())]),
        "DeviceUseStatement" => words::reference(cx, root, root.at("device")),
        _ => own().or_else(|| words::reference(cx, root, root.at("suppliedItem").at("itemReference"))),
    }
}

fn dates(root: Node<'_>) -> Option<String> {
    let used = ["timing", "occurrence"].iter().find_map(|name| words::when(root, name));
    let made = words::named("made", root.at("manufactureDate").text().map(|text| words::date(&text)));
    let ends = words::named("expires", root.at("expirationDate").text().map(|text| words::date(&text)));
    words::joined([used.or_else(|| words::named("recorded", words::when(root, "recordedOn"))), made, ends])
}

fn udi(device: Node<'_>) -> Option<String> {
    device
        .at("udiCarrier")
        .items()
        .find_map(|carrier| carrier.at("carrierHRF").text().or_else(|| carrier.at("deviceIdentifier").text()))
}

fn identifiers(device: Node<'_>) -> Option<String> {
    words::joined([
        words::named("UDI", udi(device)),
        words::named("Serial number", device.at("serialNumber").text()),
        words::named("Lot", device.at("lotNumber").text()),
        words::named("Model", device.at("modelNumber").text()),
        words::named("Part", device.at("partNumber").text()),
    ])
}

fn details(cx: &Context<'_>, root: Node<'_>, device: Node<'_>) -> Option<String> {
    words::joined([
        words::named("Manufacturer", device.at("manufacturer").text()),
        words::named("Quantity", words::amount(root.at("suppliedItem").at("quantity"))),
        words::named("Body site", concept(root.at("bodySite"))),
        words::named("For", concepts(root.at("reasonCode"))),
        words::named("Kind", concept(root.at("type")).filter(|_| root.at("suppliedItem").exists())),
        words::named("Supplied by", words::reference(cx, root, root.at("supplier"))),
        words::named("Owner", words::reference(cx, root, root.at("owner"))),
        words::named("Safety", concepts(root.at("safety"))),
        words::named("Remark", words::notes(root)),
    ])
}

fn supply(cx: &Context<'_>, item: &Item<'_>, device: Node<'_>, row: Anchor, what: Option<Anchor>) -> Entry {
    let root = item.root();
    let mut entry = sheet::entry(cx, item, &row, Class::Supply);
    entry.templates.push(SUPPLY);
    entry.status = Some(match root.at("status").text().as_deref() {
        Some("active" | "in-progress") => "active",
        Some("intended") => "new",
        Some("on-hold") => "suspended",
        Some("abandoned") => "aborted",
        _ => "completed",
    });
    entry.times = times(root).into_iter().collect();
    entry.quantity = values::pq(root.at("suppliedItem").at("quantity")).filter(|q: &Quantity| q.value != "0");
    entry.participants = vec![product(cx, item, device, what)];
    entry
}

fn times(root: Node<'_>) -> Option<Time> {
    let used = ["timing", "occurrence"].iter().find_map(|name| values::time(root, name));
    used.or_else(|| root.at("recordedOn").text().and_then(|text| values::ts(&text)).map(Time::At))
}

fn product(cx: &Context<'_>, item: &Item<'_>, device: Node<'_>, what: Option<Anchor>) -> Participant {
    let mut product = participant("PRD", Some("MANU"));
    product.templates.push(PRODUCT);
    let udi = udi(device);
    let issuer = match udi.is_some() {
        true => Id::Given { root: UDI.to_owned(), extension: None },
        false => Id::Null { null: Null::NoInformation, root: None, extension: None },
    };
    product.ids.push(match udi {
        Some(udi) => Id::Given { root: UDI.to_owned(), extension: Some(udi) },
        None => sheet::part_id(cx, item, "device"),
    });
    let kind = if device.at("type").exists() { device.at("type") } else { kind(item) };
    let mut code = codes::code(kind, &[SNOMED_URI], what);
    if code.code.is_none() && code.original.is_some() {
        code.null = Some(Null::Other);
    }
    let model =
        device.at("modelNumber").text().or_else(|| device.at("deviceName").items().find_map(|name| name.at("name").text()));
    product.player = Some(Player { is_device: true, class_code: None, code: Some(code), name: model.map(Name::Whole) });
    product.scoper = Some(Organization { ids: vec![issuer], name: device.at("manufacturer").text(), ..Organization::default() });
    product
}
