//! Picture files. Whoever takes a screenshot has a harmless one, and whoever drops a file on a page may have any.
use super::{Image, in_one_line};
use crate::control::{Failure, FailureKind};
use ::image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use std::io::Cursor;

/// Bytes of a file that are looked at.
pub(super) const LONGEST_FILE: usize = 32 << 20;
/// Pixels of a picture: a screen of 7680 × 4320 has 33 million.
const MOST_PIXELS: u64 = 40_000_000;
/// Pixels of an edge: X and most formats end there too.
const LONGEST_EDGE: u32 = 65_535;
/// Bytes that decoding may take: those pixels, with four channels of 16 bits.
const MOST_MEMORY: u64 = MOST_PIXELS * 8;

/// Reads a file of one of the formats.
pub(super) fn read(bytes: &[u8]) -> Result<Image, Failure> {
    let invalid = |message: String| Failure::new(FailureKind::Invalid, message);
    if bytes.is_empty() {
        return Err(invalid("the picture is empty".into()));
    }
    if bytes.len() > LONGEST_FILE {
        let message = format!("the picture has {} bytes, and {LONGEST_FILE} are the most", bytes.len());
        return Err(invalid(message).hint("cut out the QR code"));
    }
    let format = ::image::guess_format(bytes).ok().filter(|format| format.reading_enabled());
    let Some(format) = format else {
        return Err(invalid("this is no picture in PNG, JPEG, WebP or BMP".into())
            .hint("a screenshot as PNG is best"));
    };
    let broken = |error: ImageError| match error {
        ImageError::Limits(_) => {
            invalid("the picture takes too much memory".into()).hint("cut out the QR code")
        }
        error => invalid(format!("the picture is broken: {}", in_one_line(&error.to_string()))),
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS || width.max(height) > LONGEST_EDGE {
        let millions = MOST_PIXELS / 1_000_000;
        let message =
            format!("the picture has {width} × {height} pixels, and {millions} million are the most");
        return Err(invalid(message).hint("cut out the QR code"));
    }
    DynamicImage::from_decoder(decoder).map(grey).map_err(broken)
}

fn grey(picture: DynamicImage) -> Image {
    let (width, height) = (picture.width(), picture.height());
    let shades = if picture.color().has_alpha() {
        let on_white = |[shade, opacity]: [u8; 2]| match opacity {
            255 => shade,
            // At most 255 × 255 / 255.
            _ => 255 - (u16::from(255 - shade) * u16::from(opacity) / 255) as u8,
        };
        picture.into_luma_alpha8().pixels().map(|pixel| on_white(pixel.0)).collect()
    } else {
        picture.into_luma8().into_raw()
    };
    Image { width, height, shades }
}
