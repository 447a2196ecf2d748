//! What is put on pages, before it is known where: a tree of blocks, and the furniture that stands on every page.
//!
//! The same content and settings give the same bytes: nothing here or in the typesetting looks at a clock, a locale, the
//! environment or the order of threads.
//!
//! Not for: how it is laid out (`layout`) and written (`write`), or what belongs in a document (`cda::paper`, `release`).

/// A PDF to be made.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub title: String,
    /// BCP 47.
    pub language: Option<String>,
    /// Seconds since 1970, as the file's dates; given by the request, never by the clock.
    pub created: i64,
    /// Makes the file's `/ID`: a digest of what it is made from.
    pub seed: [u8; 32],
    pub parts: Vec<Part>,
}

/// Blocks that share their furniture, from a new page on: a whole file, or one document of a package.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub furniture: Furniture,
    pub blocks: Vec<Block>,
}

/// What stands on every page of a part, outside its content.
#[derive(Clone, Debug, Default)]
pub struct Furniture {
    /// Lines at the top: patient, document.
    pub head: Vec<Line>,
    /// Lines at the foot. In texts `{page}`, `{pages}` are the page of the part, `{sheet}`, `{sheets}` that of the file, `{bates}`
    /// the Bates number.
    pub foot: Vec<Line>,
    /// `{bates}` of the part's first page; the digits count on.
    pub bates: Option<Bates>,
    /// A line across the top, set apart: "Restricted".
    pub banner: Option<String>,
}

/// Bates numbers: `RIV26-00000017`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bates {
    pub prefix: String,
    /// The number of the part's first page, or of the file's when it counts on through all parts.
    pub first: u64,
    pub digits: u8,
    pub is_of_file: bool,
}

/// A line of furniture: left, middle and right.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Line {
    pub left: String,
    pub middle: String,
    pub right: String,
}

/// A name that links and the outline lead to. Unique in a file.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Anchor(pub String);

/// Something that stands on lines of its own.
#[derive(Clone, Debug)]
pub enum Block {
    /// Level 1 to 6. With an outline title it becomes a bookmark, nested by level.
    Heading {
        level: u8,
        words: Vec<Run>,
        anchor: Option<Anchor>,
        outline: Option<String>,
    },
    Paragraph {
        words: Vec<Run>,
        look: Look,
        anchor: Option<Anchor>,
    },
    /// Items; a marker stands before each.
    List {
        marker: Marker,
        items: Vec<Vec<Block>>,
    },
    Table(Table),
    /// Labels with the lines of their values, in two columns.
    Facts(Vec<(String, Vec<String>)>),
    /// Blocks in a frame: a notice, a warning.
    Box {
        look: BoxLook,
        blocks: Vec<Block>,
    },
    /// Blocks moved to the right.
    Indent(Vec<Block>),
    Picture(Picture),
    /// A page of another PDF, as it is, with furniture in a margin that is added around it.
    Sheet(Sheet),
    Rule,
    NewPage,
    /// A place without words, on the page that what follows stands on: a scan, a page of another PDF. With an outline title it
    /// becomes a bookmark of this level.
    Place {
        anchor: Option<Anchor>,
        level: u8,
        outline: Option<String>,
    },
    /// A line of the table of contents: words, and the page that the anchor stands on.
    Contents {
        words: Vec<Run>,
        level: u8,
        to: Anchor,
    },
}

/// A run of characters of one style.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Run {
    pub text: String,
    pub style: Style,
    /// To a place in this file. Other links are plain text.
    pub link: Option<Anchor>,
    /// A place that links lead to.
    pub anchor: Option<Anchor>,
    /// A number that is printed in place of the text, which keeps the room for it and says how wide it can be.
    pub late: Option<Late>,
}

/// A number that is known when all pages are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Late {
    /// The page of the file that an anchor stands on, from 1.
    Page(Anchor),
    /// The Bates number of that page.
    Bates(Anchor),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Style {
    pub is_bold: bool,
    pub is_italic: bool,
    pub is_underlined: bool,
    pub is_struck: bool,
    pub is_mono: bool,
    pub is_muted: bool,
    pub is_marked: bool,
    pub shift: Shift,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Shift {
    #[default]
    None,
    Sub,
    Sup,
}

/// How a paragraph is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Look {
    #[default]
    Body,
    Small,
    /// Line breaks and runs of spaces are kept, in the mono font; lines too long wrap.
    Kept,
    Centered,
    Right,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BoxLook {
    Notice,
    Warning,
    Plain,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marker {
    Disc,
    Circle,
    Square,
    Arabic,
    LittleAlpha,
    BigAlpha,
    LittleRoman,
    BigRoman,
    None,
}

/// A table. Heading rows come again on every page; a row that is higher than a page is cut between lines; a table that is too
/// wide gets narrower words, then a landscape page, at last its columns in two or more strips. No word is ever cut off.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub caption: Vec<Run>,
    pub head: Vec<Vec<Cell>>,
    pub body: Vec<Vec<Cell>>,
    pub foot: Vec<Vec<Cell>>,
    /// As wide as the page, however few its words are: so tables under each other have one width.
    pub is_full: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Cell {
    pub blocks: Vec<Block>,
    pub is_heading: bool,
    /// 1 to 1,000; 0 counts as 1.
    pub columns: u16,
    pub rows: u16,
    pub anchor: Option<Anchor>,
}

/// A picture in the text, as large as it is at 96 dots per inch, smaller when the page is.
#[derive(Clone, Debug)]
pub struct Picture {
    pub pixels: Pixels,
    /// Words for who cannot see it.
    pub alt: String,
    pub caption: Vec<Run>,
    /// Whether it gets a page of its own, as large as it goes: scans.
    pub is_scan: bool,
    /// Words on the picture, set invisibly so that they can be searched and copied.
    pub words: Vec<PlacedWord>,
}

/// A word's box on a picture, in pixels from its upper left corner.
#[derive(Clone, PartialEq, Debug)]
pub struct PlacedWord {
    pub text: String,
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
}

/// A picture's bytes.
#[derive(Clone, Debug)]
pub enum Pixels {
    /// A baseline or progressive JPEG, put into the file as it is.
    Jpeg {
        bytes: Vec<u8>,
        width: u32,
        height: u32,
    },
    /// Rows of 8-bit grey, RGB; or packed bits (1 = black), each row from a new byte.
    Grey {
        bytes: Vec<u8>,
        width: u32,
        height: u32,
    },
    Rgb {
        bytes: Vec<u8>,
        width: u32,
        height: u32,
    },
    Bits {
        bytes: Vec<u8>,
        width: u32,
        height: u32,
    },
    /// Any of the three before, compressed already (`pdf::compressed`): what waits for its page takes little memory.
    Packed {
        bytes: Vec<u8>,
        width: u32,
        height: u32,
        bits: u8,
        /// Colours of a pixel: 1 or 3.
        parts: u8,
    },
}

/// A page of a PDF.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The whole file; the same bytes are taken apart once.
    pub file: std::sync::Arc<Vec<u8>>,
    /// From 0.
    pub page: u32,
}
