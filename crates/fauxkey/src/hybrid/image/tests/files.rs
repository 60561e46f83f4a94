//! Files that are no pictures, or more of a picture than there is room for.
use super::{Image, file, fixture};
use crate::control::{Failure, FailureKind};
use crate::hybrid::image::picture::LONGEST_FILE;
use ::image::{DynamicImage, GrayImage, ImageFormat};
use proptest::prelude::*;

fn refused(bytes: &[u8]) -> Failure {
    match Image::read(bytes) {
        Ok(image) => panic!("taken: {:?}", image.size()),
        Err(failure) => {
            assert_eq!(failure.kind, FailureKind::Invalid, "{failure}");
            assert!(!failure.message.contains('\n'), "{failure}");
            failure
        }
    }
}

/// CRC-32 of ISO/IEC 3309, as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// A PNG that says it has so many pixels.
fn png(width: u32, height: u32, colour: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        bytes.extend((data.len() as u32).to_be_bytes());
        let named = [&kind[..], data].concat();
        bytes.extend(&named);
        bytes.extend(crc(&named).to_be_bytes());
    };
    let edges = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(b"IHDR", &[&edges[..], &[16, colour, 0, 0, 0]].concat());
    // zlib: a stored block of nothing, and the sum of nothing.
    chunk(b"IDAT", &[0x78, 0x01, 0x01, 0, 0, 0xFF, 0xFF, 0, 0, 0, 1]);
    chunk(b"IEND", &[]);
    bytes
}

#[test]
fn a_file_that_is_no_picture_is_refused() {
    assert_eq!(refused(b"").message, "the picture is empty");
    let other = "this is no picture in PNG, JPEG, WebP or BMP";
    for bytes in
        [&b"x"[..], b"FIDO:/12345", b"<svg/>", b"\0\0\0\0", b"GIF89a\x01\0\x01\0\0\0\0;", b"%PDF-1.7"]
    {
        let failure = refused(bytes);
        assert_eq!(failure.message, other, "{bytes:?}");
        assert!(failure.hint.is_some());
    }
}

#[test]
fn a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() {
    for (width, height) in [(65_500, 65_500), (70_000, 1), (8000, 5001)] {
        let failure = refused(&png(width, height, 6));
        let expected = format!("the picture has {width} × {height} pixels, and 40 million are the most");
        assert_eq!(failure.message, expected);
        assert_eq!(failure.hint.as_deref(), Some("cut out the QR code"));
    }
    let failure = refused(&png(0x7FFF_FFFF, 0x7FFF_FFFF, 6));
    assert_eq!(failure.message, "the picture takes too much memory");
    let mut bmp = file(&GrayImage::new(8, 8).into(), ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0]);
    assert!(refused(&bmp).message.contains("65535 × 65535"));
    let mut jpeg = file(&GrayImage::new(8, 8).into(), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    assert!(refused(&jpeg).message.contains("65535 × 65535"));
}

#[test]
fn a_picture_with_less_in_it_than_it_says_is_refused() {
    // As many pixels as may be, of eight bytes each, and no data.
    assert!(refused(&png(8000, 5000, 6)).message.starts_with("the picture is broken: "));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
        let whole = file(&DynamicImage::from(GrayImage::new(64, 64)).to_rgb8().into(), format);
        let failure = refused(&whole[..whole.len() / 2]);
        assert!(failure.message.starts_with("the picture is broken: "), "{format:?}: {failure}");
    }
    assert!(refused(&png(0, 5, 0)).message.starts_with("the picture is broken: "));
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let mut bytes = fixture("chromium156-qr-crop.png");
    bytes.resize(LONGEST_FILE + 1, 0);
    assert_eq!(refused(&bytes).message, "the picture has 33554433 bytes, and 33554432 are the most");
    bytes.truncate(LONGEST_FILE);
    assert!(Image::read(&bytes).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_file_is_read_or_refused(
        format in 0usize..4, damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), end in 0usize..50,
    ) {
        let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp];
        let picture = DynamicImage::from(GrayImage::from_fn(48, 48, |x, y| ::image::Luma([(x * y) as u8]))).to_rgb8();
        let mut bytes = file(&picture.into(), formats[format]);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] ^= byte;
        }
        bytes.truncate(bytes.len().saturating_sub(end));
        if let Err(failure) = Image::read(&bytes) {
            prop_assert_eq!(failure.kind, FailureKind::Invalid);
            prop_assert!(!failure.message.contains('\n') && failure.message.len() < 600);
        }
    }
}
