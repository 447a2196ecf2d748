//! Where a server has what a page shows: its pictures, its files, and the page in front of a link that leads outside.
//!
//! Not for: what a page looks like (`html`), or addresses of real routes (the server).

/// Where a server has what a page shows.
pub trait Places {
    /// A page of a picture or file, from 1, as PNG. `None` is the file that is the document's body.
    fn picture(&self, media: Option<usize>, number: u32) -> String;
    /// The file itself, to be saved.
    fn file(&self, media: Option<usize>) -> String;
    /// The page that names the site to which an address leads.
    fn outside(&self, address: &str) -> String;
}
