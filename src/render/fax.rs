//! Fax pages in TIFF files (ITU-T T.4 and T.6; TIFF 6.0, sections 10 and 11), which most scanned charts are.
//!
//! The picture library knows T.6 in one bit order only; old fax servers wrote all of them.
//!
//! Not for: other compressions, finding the pages (`tiff_pages`).

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use image::{GrayImage, Luma};

use super::error::RenderError;
use super::tiff_pages::{TiffPage, values};
use crate::limits::PICTURE_PIXELS_MAX;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const STRIP_OFFSETS: u16 = 273;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTES: u16 = 279;
const T4_OPTIONS: u16 = 292;

/// How a fax page is stored.
pub struct Fax {
    settings: DecodeSettings,
    rows: u32,
    rows_per_strip: u32,
    /// Offset and length of each strip.
    strips: Vec<(usize, usize)>,
    /// Black and white are exchanged (PhotometricInterpretation 1, BlackIsZero).
    inverted: bool,
    /// The first pixel is in the lowest bit of a byte (FillOrder 2).
    low_bit_first: bool,
}

impl Fax {
    /// `None` when the page is not a fax.
    pub fn of(bytes: &[u8], page: &TiffPage) -> Option<Fax> {
        let value = |tag| values(bytes, page, tag).first().copied();
        // 2: T.4 without line ends, each row on a byte; 3: T.4 with line ends; 4: T.6.
        let compression = value(COMPRESSION).filter(|c| (2..=4).contains(c))?;
        let two_dimensional = value(T4_OPTIONS).unwrap_or(0) & 1 == 1;
        let (columns, rows) = (value(WIDTH)?, value(HEIGHT)?);
        let settings = DecodeSettings {
            columns,
            rows,
            end_of_block: compression != 2,
            end_of_line: compression == 3,
            rows_are_byte_aligned: compression == 2,
            encoding: match compression {
                4 => EncodingMode::Group4,
                3 if two_dimensional => EncodingMode::Group3_2D,
                _ => EncodingMode::Group3_1D,
            },
            strict: false,
        };
        let lengths = values(bytes, page, STRIP_BYTES);
        let strips = values(bytes, page, STRIP_OFFSETS).into_iter().zip(lengths).map(|(o, l)| (o as usize, l as usize)).collect();
        Some(Fax {
            settings,
            rows,
            rows_per_strip: value(ROWS_PER_STRIP).unwrap_or(rows).max(1),
            strips,
            inverted: value(PHOTOMETRIC) == Some(1),
            low_bit_first: value(FILL_ORDER) == Some(2),
        })
    }

    /// Decodes the page. Rows that are damaged or missing stay white, as on paper.
    pub fn decode(&self, bytes: &[u8]) -> Result<GrayImage, RenderError> {
        let columns = self.settings.columns;
        if u64::from(columns) * u64::from(self.rows) > PICTURE_PIXELS_MAX {
            return Err(RenderError::TooLarge);
        }
        let white = if self.inverted { 0 } else { 255 };
        let mut page = Rows { picture: GrayImage::from_pixel(columns, self.rows, Luma([white])), black: 255 - white, row: 0 };
        for (nth, &(offset, length)) in self.strips.iter().enumerate() {
            let first = (nth as u64) * u64::from(self.rows_per_strip);
            if first >= u64::from(self.rows) {
                break;
            }
            page.row = first as u32;
            let end = offset.saturating_add(length).min(bytes.len());
            let mut data = bytes.get(offset..end).unwrap_or_default().to_vec();
            if self.low_bit_first {
                data.iter_mut().for_each(|b| *b = b.reverse_bits());
            }
            let settings = DecodeSettings { rows: self.rows_per_strip.min(self.rows - page.row), ..self.settings };
            // On an error the rows before it have been drawn, which is what there is to show.
            let _ = hayro_ccitt::decode(&data, &mut page, &mut DecoderContext::new(settings));
        }
        if page.row == 0 { Err(RenderError::Damaged) } else { Ok(page.picture) }
    }
}

/// Takes the decoded rows.
struct Rows {
    picture: GrayImage,
    black: u8,
    row: u32,
}

impl Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        let width = self.picture.width();
        if self.row >= self.picture.height() {
            return;
        }
        for run in changes.chunks(2) {
            let end = run.get(1).copied().unwrap_or(width).min(width);
            (run[0]..end).for_each(|x| self.picture.put_pixel(x, self.row, Luma([self.black])));
        }
        self.row += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of 8 pixels in T.4 without line ends: `3 white 2 black 3 white`, then `8 black`.
    #[test]
    fn rows_are_painted_in_both_bit_orders_and_polarities() {
        // White 3 = 1000, black 2 = 11, white 3 = 1000; white 0 = 00110101, black 8 = 000101.
        let data = [0b1000_1110, 0b0000_0000, 0b0011_0101, 0b0001_0100];
        let mut fax = Fax {
            settings: DecodeSettings {
                columns: 8,
                rows: 2,
                end_of_block: false,
                end_of_line: false,
                rows_are_byte_aligned: true,
                encoding: EncodingMode::Group3_1D,
                strict: false,
            },
            rows: 2,
            rows_per_strip: 2,
            strips: vec![(0, 4)],
            inverted: false,
            low_bit_first: false,
        };
        let w = 255;
        let expected = [[w, w, w, 0, 0, w, w, w], [0; 8]].concat();
        assert_eq!(fax.decode(&data).unwrap().into_raw(), expected);
        fax.low_bit_first = true;
        assert_eq!(fax.decode(&data.map(u8::reverse_bits)).unwrap().into_raw(), expected);
        fax.inverted = true;
        let inverted: Vec<u8> = expected.iter().map(|v| 255 - v).collect();
        assert_eq!(fax.decode(&data.map(u8::reverse_bits)).unwrap().into_raw(), inverted);
        fax.strips = vec![(9, 4)];
        assert!(matches!(fax.decode(&data), Err(RenderError::Damaged)));
    }
}
