//! Pictures that people and programs take, and pictures that nobody should.
mod files;
mod pictures;
mod render;
mod zbarimg;

use super::{Image, codes, for_a_phone, is_for_phones, png};
use crate::control::FailureKind;
use ::image::{DynamicImage, GrayImage, ImageFormat};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;

/// What stands in the code of both screenshots.
const CHROMIUM: &str = include_str!("../../../../../../fixtures/hybrid/chromium156-qr.txt").trim_ascii();

/// A picture of `fixtures/hybrid`.
fn fixture(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hybrid").join(name);
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The whole screen, 1280 × 900.
fn screenshot() -> &'static DynamicImage {
    static DECODED: LazyLock<DynamicImage> =
        LazyLock::new(|| ::image::load_from_memory(&fixture("chromium156-qr.png")).unwrap());
    &DECODED
}

/// The code alone, 280 × 280.
fn crop() -> &'static DynamicImage {
    static DECODED: LazyLock<DynamicImage> =
        LazyLock::new(|| ::image::load_from_memory(&fixture("chromium156-qr-crop.png")).unwrap());
    &DECODED
}

/// The picture as a file.
fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// What is read in the picture, by our own reader: no program helps.
fn read(picture: &DynamicImage) -> Vec<String> {
    let grey = picture.to_luma8();
    let (width, height) = grey.dimensions();
    of(&Image { width, height, shades: grey.into_raw() })
}

fn of(image: &Image) -> Vec<String> {
    image.codes_with("no-such-zbarimg".as_ref()).unwrap()
}

/// A code of our own, as a picture.
fn drawn(text: &str) -> GrayImage {
    ::image::load_from_memory(&png(text).unwrap()).unwrap().into_luma8()
}

#[test]
fn the_code_of_a_screenshot_is_read() {
    for name in ["chromium156-qr.png", "chromium156-qr-crop.png"] {
        assert_eq!(codes(&fixture(name)).unwrap(), [CHROMIUM], "{name}");
        let image = Image::read(&fixture(name)).unwrap();
        assert_eq!(image.codes_at_a_glance().unwrap(), [CHROMIUM], "{name} at a glance");
    }
    assert_eq!(Image::read(&fixture("chromium156-qr.png")).unwrap().size(), (1280, 900));
}

#[test]
fn one_code_is_for_a_phone() {
    let texts = |texts: &[&str]| texts.iter().map(|text| String::from(*text)).collect();
    assert_eq!(for_a_phone(texts(&["https://example.test", CHROMIUM])).unwrap(), CHROMIUM);
    assert_eq!(for_a_phone(texts(&["fido:/123"])).unwrap(), "fido:/123");
    let refused = |codes: &[&str]| {
        let failure = for_a_phone(texts(codes)).unwrap_err();
        assert!(failure.kind == FailureKind::Invalid && failure.hint.is_some());
        failure.message
    };
    assert_eq!(refused(&[]), "there is no QR code in the picture");
    assert_eq!(refused(&["WIFI:"]), "there is one QR code in the picture, and none begins with FIDO:/");
    assert_eq!(refused(&["a", "FIDO"]), "there are 2 QR codes in the picture, and none begins with FIDO:/");
    assert_eq!(refused(&["FIDO:/1", "x", "FIDO:/2"]), "there are 2 QR codes for a phone in the picture");
    assert!(!is_for_phones("FIDO:") && !is_for_phones("FIDOü/") && is_for_phones("Fido:/"));
}

#[test]
fn a_blank_picture_is_told_from_others() {
    let blank = Image { width: 3, height: 2, shades: vec![7; 6] };
    assert!(blank.is_blank());
    assert!(!Image { shades: vec![7, 7, 7, 7, 7, 8], ..blank }.is_blank());
}
