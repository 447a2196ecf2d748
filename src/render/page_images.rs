//! Pages of PDFs and pictures as PNG, so that a browser without plug-ins shows every document.
//!
//! Not for: the words on a page (`formats`), printing.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_interpret::hayro_syntax::Pdf;
use hayro::hayro_interpret::hayro_syntax::page::Page;
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{self, Level, Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};
use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::codecs::tiff::TiffDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, Limits, RgbImage};

use crate::formats::bounded;
use crate::formats::{MediaKind, pdf};
use crate::limits::{PAGE_SECONDS_MAX, PDF_BYTES_MAX, PICTURE_PIXELS_MAX};
use crate::render::{fax, tiff_pages};

pub use crate::render::error::RenderError;

/// Widest page that is drawn, in pixels.
const WIDTH_MAX: u32 = 8_000;
/// Bytes that decoding one picture may take, beside the picture itself.
const DECODE_BYTES_MAX: u64 = 512 << 20;

/// Whether documents of a kind have pages to show.
pub fn is_paged(kind: MediaKind) -> bool {
    use MediaKind::{Bmp, Gif, Jpeg, Pdf, Png, Tiff};
    matches!(kind, Pdf | Tiff | Jpeg | Png | Gif | Bmp)
}

/// Number of pages of a PDF or a picture. Of a picture that moves the first frame is its page.
pub fn page_count(bytes: &[u8], kind: MediaKind) -> Result<u32, RenderError> {
    match kind {
        MediaKind::Pdf => page_count_of(&bounded_copy(bytes)?, kind),
        MediaKind::Tiff => Ok(tiff_pages::pages(bytes)?.len() as u32),
        MediaKind::Jpeg | MediaKind::Png => Ok(1),
        // Their first bytes are easily another thing's: a picture is what can be decoded.
        MediaKind::Gif | MediaKind::Bmp => page_picture(bytes, kind, 0, 1).map(|_| 1),
        _ => Err(RenderError::NotPaged),
    }
}

/// The same of bytes that are shared: nothing is copied.
pub fn page_count_of(bytes: &Arc<Vec<u8>>, kind: MediaKind) -> Result<u32, RenderError> {
    match kind {
        MediaKind::Pdf => {
            let bytes = bounded(bytes)?;
            bounded::run(Duration::from_secs(PAGE_SECONDS_MAX), move || {
                let pdf = open_pdf(bytes)?;
                Ok(u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX))
            })?
        }
        kind => page_count(bytes, kind),
    }
}

/// One page as PNG. `page` counts from 0. A PDF page is drawn `width_px` wide; a picture wider than that is scaled
/// down, and a smaller one is left as it is.
pub fn page_png(bytes: &[u8], kind: MediaKind, page: u32, width_px: u32) -> Result<Vec<u8>, RenderError> {
    page_as(&paged_copy(bytes, kind)?, kind, page, width_px, png)
}

/// The same of bytes that are shared: nothing is copied.
pub fn page_png_of(bytes: &Arc<Vec<u8>>, kind: MediaKind, page: u32, width_px: u32) -> Result<Vec<u8>, RenderError> {
    page_as(bytes, kind, page, width_px, png)
}

/// The same page, turned to the right by so many quarters.
pub fn turned_png(bytes: &[u8], kind: MediaKind, page: u32, width_px: u32, quarters: u8) -> Result<Vec<u8>, RenderError> {
    let form: fn(DynamicImage) -> Result<Vec<u8>, RenderError> = match quarters % 4 {
        0 => png,
        1 => |drawn| png(drawn.rotate90()),
        2 => |drawn| png(drawn.rotate180()),
        _ => |drawn| png(drawn.rotate270()),
    };
    page_as(&paged_copy(bytes, kind)?, kind, page, width_px, form)
}

/// A page as pixels: one byte for a pixel where it has no colour.
pub fn page_picture(bytes: &[u8], kind: MediaKind, page: u32, width_px: u32) -> Result<DynamicImage, RenderError> {
    page_picture_of(&paged_copy(bytes, kind)?, kind, page, width_px)
}

/// The same of bytes that are shared: nothing is copied.
pub fn page_picture_of(bytes: &Arc<Vec<u8>>, kind: MediaKind, page: u32, width: u32) -> Result<DynamicImage, RenderError> {
    page_as(bytes, kind, page, width, |drawn| Ok(if drawn.color().has_alpha() { drawn } else { plain(drawn) }))
}

fn page_as<T: Send + 'static>(
    bytes: &Arc<Vec<u8>>,
    kind: MediaKind,
    page: u32,
    width_px: u32,
    form: fn(DynamicImage) -> Result<T, RenderError>,
) -> Result<T, RenderError> {
    if !is_paged(kind) {
        return Err(RenderError::NotPaged);
    }
    let width = width_px.clamp(1, WIDTH_MAX);
    let bytes = bounded(bytes)?;
    bounded::run(Duration::from_secs(PAGE_SECONDS_MAX), move || {
        form(match kind {
            MediaKind::Pdf => pdf_page(bytes, page, width)?,
            MediaKind::Tiff => tiff_page(&bytes, page, width)?,
            _ if page > 0 => return Err(RenderError::NoSuchPage { pages: 1 }),
            MediaKind::Jpeg => fitted(decode(JpegDecoder::new(Cursor::new(&*bytes)).map_err(picture_error)?)?, width, 1.0),
            MediaKind::Gif => fitted(decode(GifDecoder::new(Cursor::new(&*bytes)).map_err(picture_error)?)?, width, 1.0),
            MediaKind::Bmp => fitted(decode(BmpDecoder::new(Cursor::new(&*bytes)).map_err(picture_error)?)?, width, 1.0),
            _ => fitted(decode(PngDecoder::new(Cursor::new(&*bytes)).map_err(picture_error)?)?, width, 1.0),
        })
    })?
}

/// The worker may outlive the call when its time is up, so it owns what it reads.
fn bounded_copy(bytes: &[u8]) -> Result<Arc<Vec<u8>>, RenderError> {
    if bytes.len() > PDF_BYTES_MAX { Err(RenderError::TooLarge) } else { Ok(Arc::new(bytes.to_vec())) }
}

fn paged_copy(bytes: &[u8], kind: MediaKind) -> Result<Arc<Vec<u8>>, RenderError> {
    if is_paged(kind) { bounded_copy(bytes) } else { Err(RenderError::NotPaged) }
}

fn bounded(bytes: &Arc<Vec<u8>>) -> Result<Arc<Vec<u8>>, RenderError> {
    if bytes.len() > PDF_BYTES_MAX { Err(RenderError::TooLarge) } else { Ok(Arc::clone(bytes)) }
}

fn open_pdf(bytes: Arc<Vec<u8>>) -> Result<Pdf, RenderError> {
    Pdf::new(bytes.clone()).map_err(|e| if pdf::is_encrypted(e, &bytes) { RenderError::Encrypted } else { RenderError::Damaged })
}

fn pdf_page(bytes: Arc<Vec<u8>>, page: u32, width: u32) -> Result<DynamicImage, RenderError> {
    let pdf = open_pdf(bytes)?;
    let pages = pdf.pages();
    let page = pages.get(page as usize).ok_or(RenderError::NoSuchPage { pages: pages.len() as u32 })?;
    let (page_width, page_height) = page.render_dimensions();
    if !(page_width > 0.0 && page_height > 0.0) {
        return Err(RenderError::Damaged);
    }
    let scale = width as f32 / page_width;
    let height = page_height * scale;
    if height > f32::from(u16::MAX) || u64::from(width) * (height.ceil() as u64) > PICTURE_PIXELS_MAX {
        return Err(RenderError::TooLarge);
    }
    let size = |side: f32| (side * scale).round().max(1.0);
    let drawn = drawn(page, (size(page_width), size(page_height)));
    let rgb = drawn.data_as_u8_slice().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    RgbImage::from_raw(u32::from(drawn.width()), u32::from(drawn.height()), rgb)
        .map(DynamicImage::from)
        .ok_or(RenderError::Damaged)
}

/// How the drawing machine is set. Detection of the processor is not used: curves and edges come out of floating point numbers,
/// which wider units round at other places, and pictures of pages go into packages whose bytes have to come out again on
/// another machine.
fn machine() -> vello_cpu::RenderSettings {
    vello_cpu::RenderSettings { level: Level::baseline(), num_threads: 0 }
}

/// A page on white, in whole pixels.
fn drawn<'a>(page: &'a Page<'a>, (width, height): (f32, f32)) -> Pixmap {
    let (own_width, own_height) = page.render_dimensions();
    // Half a pixel more over the whole, as pages were always drawn here: the library itself cuts the fraction off.
    let scale = |side: f32, own: f32| f64::from((side + 0.5) / own);
    let mut context = RenderContext::new_with(width as u16, height as u16, machine());
    let upright = Affine::new(page.initial_transform(true).as_coeffs());
    let transform = Affine::scale_non_uniform(scale(width, own_width), scale(height, own_height)) * upright;
    let (cache, settings) = (RenderCache::new(), InterpreterSettings::default());
    render_into(page, &cache, &settings, &RenderSettings::default(), &mut context, transform);
    context.flush();
    let mut pixmap = Pixmap::new(context.width(), context.height());
    let onto = RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
    context.render_with(&mut pixmap, &mut Resources::default(), onto);
    pixmap
}

fn tiff_page(bytes: &[u8], page: u32, width: u32) -> Result<DynamicImage, RenderError> {
    let pages = tiff_pages::pages(bytes)?;
    let page = pages.get(page as usize).ok_or(RenderError::NoSuchPage { pages: pages.len() as u32 })?;
    if let Some(fax) = fax::Fax::of(bytes, page) {
        return Ok(fitted(DynamicImage::from(fax.decode(bytes)?), width, page.height_per_width));
    }
    let alone = tiff_pages::alone(bytes, page);
    let mut picture = decode(TiffDecoder::new(Cursor::new(alone)).map_err(picture_error)?)?;
    if page.is_ycbcr() {
        picture = DynamicImage::from(rgb_from_ycbcr(picture.into_rgb8()));
    }
    Ok(fitted(picture, width, page.height_per_width))
}

/// ITU-R T.871 (JFIF), section 7.
fn rgb_from_ycbcr(mut picture: RgbImage) -> RgbImage {
    for pixel in picture.pixels_mut() {
        let [y, cb, cr] = pixel.0.map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        // A float becomes a byte by saturating.
        pixel.0 = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|c| c.round() as u8);
    }
    picture
}

/// Decodes a picture the right way up, without taking more memory than allowed.
fn decode(mut decoder: impl ImageDecoder) -> Result<DynamicImage, RenderError> {
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PICTURE_PIXELS_MAX {
        return Err(RenderError::TooLarge);
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    decoder.set_limits(limits).map_err(picture_error)?;
    let orientation = decoder.orientation().map_err(picture_error)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(picture_error)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Scales down to `width`. Pixels of faxes are not square: `stretch` is their height in widths.
fn fitted(picture: DynamicImage, width: u32, stretch: f64) -> DynamicImage {
    let (own_width, own_height) = (picture.width(), picture.height());
    let new_width = own_width.min(width).max(1);
    let height = f64::from(own_height) * stretch * f64::from(new_width) / f64::from(own_width.max(1));
    let new_height = (height.round() as u32).clamp(1, (PICTURE_PIXELS_MAX / u64::from(new_width)) as u32);
    if (new_width, new_height) == (own_width, own_height) {
        return picture;
    }
    picture.resize_exact(new_width, new_height, image::imageops::FilterType::Triangle)
}

/// Encodes quickly rather than tightly; scans without colour as grey, a third of the size.
fn png(picture: DynamicImage) -> Result<Vec<u8>, RenderError> {
    let picture = if picture.color().has_alpha() { picture } else { plain(picture) };
    let mut out = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Adaptive);
    picture.write_with_encoder(encoder).map_err(picture_error)?;
    Ok(out)
}

fn plain(picture: DynamicImage) -> DynamicImage {
    if matches!(picture, DynamicImage::ImageLuma8(_)) { picture } else { without_colour(picture.into_rgb8()) }
}

fn without_colour(picture: RgbImage) -> DynamicImage {
    let grey = picture.pixels().all(|p| p.0[0] == p.0[1] && p.0[1] == p.0[2]);
    let picture = DynamicImage::from(picture);
    if grey { DynamicImage::from(picture.into_luma8()) } else { picture }
}

fn picture_error(error: ImageError) -> RenderError {
    match error {
        ImageError::Unsupported(what) => RenderError::Unsupported(what.to_string()),
        ImageError::Limits(_) => RenderError::TooLarge,
        _ => RenderError::Damaged,
    }
}

#[cfg(test)]
#[path = "page_images_tests.rs"]
pub(crate) mod tests;
