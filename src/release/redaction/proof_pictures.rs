//! The pictures of a file that was made: those that boxes were burnt into are there, their boxes show nothing but the code, and
//! the pictures that they come from are not there.
//!
//! Not for: burning (`pixels`), words (`proof`).

use std::collections::HashMap;

use lopdf::{Object, Stream};

use super::journal::{Burnt, Done};
use super::pixels::Raster;
use super::proof::Leak;
use super::strings;
use crate::release::package::sha256_hex;
use crate::render::pdf::content::Pixels;

/// How far a pixel under a box may be from what was painted there, of 255, when a JPEG was encoded again; on the whole much less.
const ROUGH: u8 = 110;
const ROUGH_MEAN: f64 = 8.0;

/// Looks at pictures, one after the other.
pub struct Pictures<'a> {
    /// By digest of what should be there, each with whether it was found.
    burnt: HashMap<&'a str, Vec<(&'a Done, &'a Burnt)>>,
    originals: HashMap<&'a str, &'a Done>,
    found: Vec<&'a str>,
    leaks: Vec<Leak>,
    pub boxes: u64,
}

impl<'a> Pictures<'a> {
    pub fn of(burnt: &[(&'a Done, &'a Burnt)]) -> Pictures<'a> {
        let mut by_digest: HashMap<&str, Vec<(&Done, &Burnt)>> = HashMap::new();
        let mut originals = HashMap::new();
        for (done, picture) in burnt {
            by_digest.entry(&picture.after_sha256).or_default().push((done, picture));
            if let Some(before) = &picture.before_sha256 {
                originals.insert(before.as_str(), *done);
            }
        }
        Pictures { burnt: by_digest, originals, found: Vec::new(), leaks: Vec::new(), boxes: 0 }
    }

    pub fn look(&mut self, stream: &Stream) {
        if self.burnt.is_empty() || !strings::is_picture(&stream.dict) {
            return;
        }
        let is_jpeg = stream.filters().is_ok_and(|filters| filters == [b"DCTDecode".as_slice()]);
        // Pictures of attached files may be packed in ways that ours are not.
        let unpacked = if is_jpeg { None } else { strings::unpacked(stream).ok() };
        let bytes = unpacked.unwrap_or_else(|| stream.content.clone());
        let digest = sha256_hex(&bytes);
        if let Some(done) = self.originals.get(digest.as_str()) {
            self.leaks.push(Leak::Original { item: done.item, page: page(done) });
        }
        let Some((digest, burnt)) = self.burnt.get_key_value(digest.as_str()) else { return };
        let raster = pixels(stream, bytes, is_jpeg).and_then(|pixels| Raster::of(pixels).ok());
        for (done, picture) in burnt {
            let shows = Leak::BoxShows { item: done.item, page: page(done) };
            match &raster {
                Some(raster) if is_painted(raster, picture, is_jpeg) => self.boxes += picture.boxes.len() as u64,
                _ => self.leaks.push(shows),
            }
        }
        self.found.push(digest);
    }

    /// What is wrong with the pictures, those that never came included.
    pub fn finish(mut self) -> Vec<Leak> {
        let missing = self.burnt.iter().filter(|(digest, _)| !self.found.contains(digest)).flat_map(|(_, burnt)| burnt);
        self.leaks.extend(missing.map(|(done, _)| Leak::PictureMissing { item: done.item, page: page(done) }));
        self.leaks
    }
}

fn page(done: &Done) -> u32 {
    done.page.as_ref().map_or(0, |page| page.1)
}

fn pixels(stream: &Stream, bytes: Vec<u8>, is_jpeg: bool) -> Option<Pixels> {
    let number = |key: &[u8]| stream.dict.get(key).and_then(Object::as_i64).ok().and_then(|value| u32::try_from(value).ok());
    let (width, height) = (number(b"Width")?, number(b"Height")?);
    let space = stream.dict.get(b"ColorSpace").and_then(Object::as_name).ok()?;
    match (is_jpeg, number(b"BitsPerComponent")?, space) {
        (true, ..) => Some(Pixels::Jpeg { bytes, width, height }),
        (_, 8, b"DeviceGray") => Some(Pixels::Grey { bytes, width, height }),
        (_, 8, b"DeviceRGB") => Some(Pixels::Rgb { bytes, width, height }),
        (_, 1, b"DeviceGray") => Some(Pixels::Bits { bytes, width, height }),
        _ => None,
    }
}

/// Whether every pixel under a box is black, but for its code.
fn is_painted(raster: &Raster, picture: &Burnt, is_jpeg: bool) -> bool {
    if (raster.width, raster.height) != (picture.width, picture.height) {
        return false;
    }
    let boxes: Vec<_> = picture.boxes.iter().map(|(area, _)| area.clone()).collect();
    let mut painted = Raster::blank(raster.width, raster.height);
    painted.burn(&boxes);
    boxes.iter().all(|area| {
        let (mut most, mut sum, mut count) = (0, 0.0, 0.0);
        for y in area.top..area.bottom.min(raster.height) {
            for x in area.left..area.right.min(raster.width) {
                let (is, should) = (raster.get(x, y), painted.get(x, y));
                let apart = is.iter().zip(should).map(|(is, should)| is.abs_diff(should)).max().unwrap_or(0);
                most = most.max(apart);
                sum += f64::from(apart);
                count += 1.0;
            }
        }
        if is_jpeg { most <= ROUGH && sum <= ROUGH_MEAN * count } else { most == 0 }
    })
}
