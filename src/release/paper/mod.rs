//! The pages of a release: records as they are printed for a stranger who has to rely on them (`items`), and what stands around
//! them: cover, certificate, notices, completeness, contents, exceptions, digests (`front`).
//!
//! Pages follow from the build record and the archived bytes alone: no clock, no locale, no order of maps or threads.
//!
//! Not for: how pages are set (`render::pdf`), which records they are of (`selection`), or files beside them (`build`).

pub mod front;
pub mod items;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::render::pdf::content::{Anchor, Bates, Furniture, Line, Part};

use super::selection::Person;

/// What stands on every page of a package and in all of its parts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Setting {
    /// Number of the request.
    pub request: String,
    pub patient: Person,
    /// Name of the custodian.
    pub custodian: String,
    /// RFC 3339: when the package was approved; the preview says when it was made.
    pub as_of: String,
    /// What the pages are: "Preview, not released", "Certified copy", "Copy, not certified".
    pub standing: String,
    /// Short lines of the notices that go with it.
    pub notices: Vec<String>,
    pub bates: Option<Bates>,
    /// Volume and volumes, when there are several.
    pub volume: Option<(u32, u32)>,
    /// Items that begin a section, with its title as the contents have it.
    pub sections: BTreeMap<usize, String>,
    /// Names of records that others refer to (`Practitioner/<id>`), as they were when the selection was frozen.
    pub names: BTreeMap<String, String>,
    /// Days on which accessions were taken into the archive.
    pub imported: BTreeMap<String, String>,
}

/// The pages of one item and what could not be brought onto them.
#[derive(Clone, Debug, Default)]
pub struct Paged {
    pub part: Part,
    /// Files and passages that are not on the pages, with why: they stand on the exceptions page.
    pub exceptions: Vec<Exception>,
}

/// Something of an item that stands on no page.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub item: usize,
    /// Id of the attachment; `None`: the record itself.
    pub attachment: Option<String>,
    /// Plain words for the recipient, without clinical content.
    pub why: String,
    /// Whether the file itself goes with the package.
    pub is_native: bool,
}

/// The place of an item, for links and the table of contents.
pub fn item_anchor(n: usize) -> Anchor {
    Anchor(format!("item-{n}"))
}

/// The place of a section.
pub fn section_anchor(section: &str) -> Anchor {
    Anchor(format!("section-{section}"))
}

/// What stands on each page of a part: who it is about, what it is, the request, the numbers of the page (spec §9).
pub fn furniture(setting: &Setting, title: &str, about: &str, banner: Option<String>) -> Furniture {
    let person = &setting.patient;
    let volume = setting.volume.map_or_else(String::new, |(at, all)| format!("volume {at} of {all}, "));
    let born = if person.birth_date.is_empty() {
        "birth date not recorded".into()
    } else {
        format!("born {}", plain(&person.birth_date))
    };
    let mut numbers: Vec<String> = person.numbers.iter().take(NUMBERS_MAX).map(|number| plain(number)).collect();
    if person.numbers.len() > NUMBERS_MAX {
        numbers.push(format!("{} more on the cover", person.numbers.len() - NUMBERS_MAX));
    }
    let name = if person.name.is_empty() { "Name not recorded".into() } else { plain(&person.name) };
    let mut head = vec![
        Line { left: name, middle: born, right: numbers.join(" · ") },
        Line { left: short(title), middle: String::new(), right: short(about) },
    ];
    head.retain(|line| !(line.left.is_empty() && line.right.is_empty()));
    let mut foot = vec![Line {
        left: format!("{} · request {} · {}", plain(&setting.custodian), plain(&setting.request), plain(&setting.standing)),
        middle: String::new(),
        right: if setting.bates.is_some() { "{bates}".into() } else { String::new() },
    }];
    foot.push(Line {
        left: format!("As of {}", plain(&setting.as_of)),
        middle: "page {page} of {pages} of this document".into(),
        right: format!("{volume}page {{sheet}} of {{sheets}}"),
    });
    foot.extend(setting.notices.iter().map(|words| Line { left: plain(words), ..Line::default() }));
    Furniture { head, foot, bates: setting.bates.clone(), banner: banner.map(|words| plain(&words)) }
}

/// Numbers of the patient in a margin.
const NUMBERS_MAX: usize = 4;
/// Longest title in a margin, in characters; the first page has it in full.
const TITLE_MAX: usize = 90;

/// Text of a record in a margin: on one line, and no number of a page can hide in it.
fn plain(text: &str) -> String {
    let text = text.replace('{', "(").replace('}', ")");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn short(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(TITLE_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default().trim_end()),
        None => text,
    }
}

/// Where parts and items came to stand in a file that was printed: first and last page of each, from 1.
pub type Pages = BTreeMap<usize, (u32, u32)>;
