//! A scan or PDF as its reader sees it: one page at a time, the strip of its pages, zoom, turning, and the words of the page
//! where it has any.
//!
//! Not for: drawing pages (`render::page_images`).

use std::ops::Range;

use super::super::html::pieces;
use super::super::text;

/// How large a page is shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Zoom {
    #[default]
    Fit,
    Whole,
    Double,
}

impl Zoom {
    const ALL: [Zoom; 3] = [Zoom::Fit, Zoom::Whole, Zoom::Double];

    pub fn of(name: Option<&str>) -> Zoom {
        Zoom::ALL.into_iter().find(|z| Some(z.name()) == name).unwrap_or_default()
    }

    fn name(self) -> &'static str {
        match self {
            Zoom::Fit => "fit",
            Zoom::Whole => "100",
            Zoom::Double => "200",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Zoom::Fit => "Fit width",
            Zoom::Whole => "100 %",
            Zoom::Double => "200 %",
        }
    }

    /// Pixels that the page is drawn wide: 8.5 in at 96 to the inch, and twice that.
    fn width(self) -> u32 {
        match self {
            Zoom::Fit => 1200,
            Zoom::Whole => 816,
            Zoom::Double => 1632,
        }
    }
}

/// A paged document as it was asked for.
pub struct Scan {
    pub pages: u32,
    /// The open page, from 1.
    pub number: u32,
    pub zoom: Zoom,
    /// 0, 90, 180 or 270 degrees to the right.
    pub turn: u16,
    /// The words of the open page, where it has any.
    pub words: Option<String>,
    pub marks: Vec<Range<usize>>,
    /// Pages that hold the words looked for, and how often, in their order.
    pub found: Vec<(u32, u64)>,
}

/// Pages of the strip beside the open one.
const STRIP: u32 = 24;

pub struct ScanView {
    pub pages: String,
    pub number: u32,
    pub image: String,
    pub zoom: &'static str,
    pub zooms: Vec<(&'static str, String, bool)>,
    pub turn_left: String,
    pub turn_right: String,
    pub turned: u16,
    pub strip: Vec<StripPage>,
    /// How the strip is cut.
    pub before: Option<(String, String)>,
    pub after: Option<(String, String)>,
    pub previous: Option<String>,
    pub next: Option<String>,
    /// The next and the previous page that hold the words looked for.
    pub hit_before: Option<(u32, String)>,
    pub hit_after: Option<(u32, String)>,
    /// Of all pages together.
    pub found: Option<String>,
    pub words: Option<Vec<(String, Option<usize>)>>,
}

pub struct StripPage {
    pub number: u32,
    pub href: String,
    pub image: String,
    pub is_open: bool,
    pub hits: Option<u64>,
}

impl ScanView {
    pub fn new(scan: &Scan, id: &str, own: &str, tail: &str) -> ScanView {
        let join = |query: String| match tail {
            "" => format!("{own}?{query}"),
            tail => format!("{own}{tail}&{query}"),
        };
        let href = |number: u32, zoom: Zoom, turn: u16| {
            let mut query = format!("sheet={number}");
            if zoom != Zoom::Fit {
                query.push_str(&format!("&zoom={}", zoom.name()));
            }
            if turn > 0 {
                query.push_str(&format!("&turn={turn}"));
            }
            join(query)
        };
        let page = |number: u32| href(number, scan.zoom, scan.turn);
        let image = |number: u32, width: u32| match scan.turn {
            0 => format!("/documents/{id}/page/{number}.png?width={width}"),
            turn => format!("/documents/{id}/page/{number}.png?width={width}&turn={turn}"),
        };
        let first = scan.number.saturating_sub(STRIP / 3).min(scan.pages.saturating_sub(STRIP) + 1).max(1);
        let last = scan.pages.min(first.saturating_add(STRIP - 1));
        let hits_on = |number: u32| scan.found.iter().find(|(n, _)| *n == number).map(|(_, hits)| *hits);
        let sheet = |number| StripPage {
            number,
            href: page(number),
            image: image(number, 132),
            is_open: number == scan.number,
            hits: hits_on(number),
        };
        let cut = |number: u32, from: u32, to: u32| (format!("{from} to {to}"), page(number));
        let found: u64 = scan.found.iter().map(|(_, hits)| hits).sum();
        let hit_page = |n: Option<&(u32, u64)>| n.map(|(n, _)| (*n, page(*n)));
        let mut number = 0;
        let mut numbered = |(text, is_hit): (String, bool)| {
            number += usize::from(is_hit);
            (text, is_hit.then_some(number))
        };
        ScanView {
            pages: text::count(u64::from(scan.pages)),
            number: scan.number,
            image: image(scan.number, scan.zoom.width()),
            zoom: scan.zoom.name(),
            zooms: Zoom::ALL.map(|z| (z.words(), href(scan.number, z, scan.turn), z == scan.zoom)).into(),
            turn_left: href(scan.number, scan.zoom, (scan.turn + 270) % 360),
            turn_right: href(scan.number, scan.zoom, (scan.turn + 90) % 360),
            turned: scan.turn,
            strip: (first..=last).map(sheet).collect(),
            before: (first > 1).then(|| cut(first - 1, 1, first - 1)),
            after: (last < scan.pages).then(|| cut(last + 1, last + 1, scan.pages)),
            previous: (scan.number > 1).then(|| page(scan.number - 1)),
            next: (scan.number < scan.pages).then(|| page(scan.number + 1)),
            hit_before: hit_page(scan.found.iter().rev().find(|(n, _)| *n < scan.number)),
            hit_after: hit_page(scan.found.iter().find(|(n, _)| *n > scan.number)),
            found: (found > 0 && scan.pages > 1).then(|| {
                let on = text::counted(scan.found.len() as u64, "page", "pages");
                format!("{} on {on}", text::counted(found, "hit", "hits"))
            }),
            words: scan.words.as_ref().map(|words| pieces(words, &scan.marks).into_iter().map(&mut numbered).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(pages: u32, number: u32) -> Scan {
        Scan { pages, number, zoom: Zoom::Double, turn: 270, words: None, marks: vec![], found: vec![(3, 2), (90, 1)] }
    }

    #[test]
    fn a_page_keeps_its_zoom_and_turn_and_the_strip_is_bounded() {
        let view = ScanView::new(&scan(118, 40), "d-0", "/patients/p/documents/d-0", "?q=rash");
        assert_eq!(view.strip.len(), STRIP as usize);
        assert!(view.strip.iter().any(|s| s.is_open && s.number == 40));
        assert_eq!(view.next.as_deref(), Some("/patients/p/documents/d-0?q=rash&sheet=41&zoom=200&turn=270"));
        assert_eq!(view.turn_right, "/patients/p/documents/d-0?q=rash&sheet=40&zoom=200");
        assert_eq!(view.image, "/documents/d-0/page/40.png?width=1632&turn=270");
        assert_eq!((view.hit_before.map(|h| h.0), view.hit_after.map(|h| h.0)), (Some(3), Some(90)));
        assert_eq!(view.found.as_deref(), Some("3 hits on 2 pages"));
    }

    #[test]
    fn the_strip_begins_and_ends_with_the_document() {
        for (pages, number) in [(1, 1), (5, 5), (24, 24), (25, 1), (118, 118)] {
            let view = ScanView::new(&scan(pages, number), "d", "/d", "");
            let numbers: Vec<u32> = view.strip.iter().map(|s| s.number).collect();
            assert!(numbers.contains(&number) && numbers.len() as u32 == pages.min(STRIP), "{pages}, {number}: {numbers:?}");
            assert!(numbers.iter().all(|n| (1..=pages).contains(n)));
        }
    }
}
