//! A panel: title, one muted fact, one link, and a table or drawing below. Panels are never nested.
//!
//! Not for: what stands in it.

use askama::Template;

use super::html::Markup;
use super::table::{Paging, Table};

#[derive(Default, Template)]
#[template(path = "parts/panel.html")]
pub struct Panel {
    /// Without a title the panel has no head.
    pub title: String,
    pub fact: String,
    /// Words and address.
    pub link: Option<(String, String)>,
    pub drawing: Markup,
    pub table: Option<Table>,
    pub note: Markup,
    pub paging: Paging,
    /// Width and place in the summary's grid.
    pub class: &'static str,
}

impl askama::filters::HtmlSafe for Panel {}

impl Panel {
    pub fn of_table(title: impl Into<String>, fact: impl Into<String>, table: Table) -> Panel {
        Panel { title: title.into(), fact: fact.into(), table: Some(table), ..Panel::default() }
    }

    pub fn link(mut self, words: impl Into<String>, href: impl Into<String>) -> Panel {
        self.link = Some((words.into(), href.into()));
        self
    }

    pub fn class(mut self, class: &'static str) -> Panel {
        self.class = class;
        self
    }
}
