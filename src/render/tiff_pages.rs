//! The pages of a TIFF file (TIFF 6.0, section 2): a chain of directories, one for each picture.
//!
//! The picture library reads the first page only. A file whose header points at another page's directory *is* that
//! page, so a copy with four bytes changed is handed to it for each.
//!
//! Not for: decoding pictures, BigTIFF.

use super::error::RenderError;

/// One picture of the file.
pub struct TiffPage {
    /// Where its directory begins.
    offset: u32,
    /// Height of a pixel in widths: 1 where the resolution is the same both ways, about 2 in coarse faxes.
    pub height_per_width: f64,
    /// Colours come as YCbCr packed as JPEG, which the picture library refuses though it could unpack them: the place
    /// in the file where that is said.
    ycbcr: Option<usize>,
}

impl TiffPage {
    /// Whether the page, taken [`alone`], shows luma and chroma in place of red, green and blue.
    pub fn is_ycbcr(&self) -> bool {
        self.ycbcr.is_some()
    }
}

/// Most pages of one file; beyond that the chain is taken for a circle.
const PAGES_MAX: usize = 10_000;
/// Field type of 16-bit numbers.
const SHORT: u16 = 3;
const COMPRESSION: u16 = 259;
const COMPRESSION_JPEG: u16 = 7;
const PHOTOMETRIC: u16 = 262;
const PHOTOMETRIC_RGB: u16 = 2;
const PHOTOMETRIC_YCBCR: u16 = 6;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;

/// The pages in order. Directories that mark themselves as thumbnails of another picture are pages like any other.
pub fn pages(bytes: &[u8]) -> Result<Vec<TiffPage>, RenderError> {
    let file = File::open(bytes)?;
    let mut pages: Vec<TiffPage> = Vec::new();
    let mut offset = file.u32_at(4).ok_or(RenderError::Damaged)?;
    let mut seen = std::collections::HashSet::new();
    while offset != 0 && pages.len() < PAGES_MAX && seen.insert(offset) {
        // A chain that leads out of the file ends there; the pages before it can be shown.
        let Some((page, next)) = file.directory(offset) else { break };
        pages.push(page);
        offset = next;
    }
    if pages.is_empty() { Err(RenderError::Damaged) } else { Ok(pages) }
}

/// The file as if `page` were its first. Colours in YCbCr are passed off as RGB, to be turned by the caller.
pub fn alone(bytes: &[u8], page: &TiffPage) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    let offset = if bytes.starts_with(b"II") { page.offset.to_le_bytes() } else { page.offset.to_be_bytes() };
    copy[4..8].copy_from_slice(&offset);
    if let Some(at) = page.ycbcr {
        let rgb = if bytes.starts_with(b"II") { PHOTOMETRIC_RGB.to_le_bytes() } else { PHOTOMETRIC_RGB.to_be_bytes() };
        copy[at..at + 2].copy_from_slice(&rgb);
    }
    copy
}

/// The whole numbers that the page's directory gives for `tag`, empty when it gives none.
pub fn values(bytes: &[u8], page: &TiffPage, tag: u16) -> Vec<u32> {
    File::open(bytes).ok().and_then(|file| file.values(page, tag)).unwrap_or_default()
}

struct File<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl File<'_> {
    fn open(bytes: &[u8]) -> Result<File<'_>, RenderError> {
        match bytes.get(..4) {
            Some(b"II*\0") => Ok(File { bytes, little: true }),
            Some(b"MM\0*") => Ok(File { bytes, little: false }),
            Some(b"II+\0" | b"MM\0+") => Err(RenderError::Unsupported("BigTIFF".to_owned())),
            _ => Err(RenderError::Damaged),
        }
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        self.array(at).map(|b| if self.little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) })
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        self.array(at).map(|b| if self.little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) })
    }

    /// The page whose directory begins at `offset`, and the offset of the next directory.
    fn directory(&self, offset: u32) -> Option<(TiffPage, u32)> {
        let start = offset as usize;
        let entries = usize::from(self.u16_at(start)?);
        let next = self.u32_at(start + 2 + entries * 12)?;
        let (mut x, mut y, mut ycbcr, mut jpeg) = (None, None, None, false);
        for at in (0..entries).map(|n| start + 2 + n * 12) {
            match self.u16_at(at)? {
                COMPRESSION => jpeg = self.u16_at(at + 8)? == COMPRESSION_JPEG,
                PHOTOMETRIC => ycbcr = (self.u16_at(at + 8)? == PHOTOMETRIC_YCBCR).then_some(at + 8),
                X_RESOLUTION => x = self.ratio(at),
                Y_RESOLUTION => y = self.ratio(at),
                _ => {}
            }
        }
        let stretch = x.zip(y).map(|(x, y)| x / y).filter(|s| (0.25..=4.0).contains(s));
        let ycbcr = ycbcr.filter(|_| jpeg);
        Some((TiffPage { offset, height_per_width: stretch.unwrap_or(1.0), ycbcr }, next))
    }

    /// The whole numbers of an entry, SHORT or LONG.
    fn values(&self, page: &TiffPage, tag: u16) -> Option<Vec<u32>> {
        let start = page.offset as usize;
        let entries = usize::from(self.u16_at(start)?);
        let at = (0..entries).map(|n| start + 2 + n * 12).find(|at| self.u16_at(*at) == Some(tag))?;
        let count = self.u32_at(at + 4)? as usize;
        let size = if self.u16_at(at + 2)? == SHORT { 2 } else { 4 };
        let first = if count.checked_mul(size)? <= 4 { at + 8 } else { self.u32_at(at + 8)? as usize };
        // Ends where the file ends, whatever the count claims.
        let value = |n: usize| match size {
            2 => self.u16_at(first + n * 2).map(u32::from),
            _ => self.u32_at(first + n * 4),
        };
        Some((0..count).map_while(value).collect())
    }

    /// The value of an entry that is a ratio of two numbers.
    fn ratio(&self, entry: usize) -> Option<f64> {
        let at = self.u32_at(entry + 8)? as usize;
        let (over, under) = (self.u32_at(at)?, self.u32_at(at.checked_add(4)?)?);
        (over > 0 && under > 0).then(|| f64::from(over) / f64::from(under))
    }
}
