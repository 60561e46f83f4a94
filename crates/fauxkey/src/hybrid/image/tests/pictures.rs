//! What becomes of a code on its way into a picture.
use super::{CHROMIUM, Image, crop, drawn, file, of, read, screenshot};
use ::image::imageops::{self, FilterType};
use ::image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgba, RgbaImage};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// `picture` turned around its centre, on a light ground that has room for it.
fn turned(picture: &GrayImage, degrees: f32) -> DynamicImage {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let edge = width.hypot(height).ceil() as u32;
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = edge as f32 / 2.0;
    let at = |x: u32, y: u32| {
        let (dx, dy) = (x as f32 - middle, y as f32 - middle);
        let (x, y) = (dx * cos + dy * sin + width / 2.0, dy * cos - dx * sin + height / 2.0);
        if x < 0.0 || y < 0.0 || x >= width || y >= height {
            Luma([255])
        } else {
            *picture.get_pixel(x as u32, y as u32)
        }
    };
    GrayImage::from_fn(edge, edge, at).into()
}

/// `pictures` side by side on a ground of that shade.
fn beside(pictures: &[GrayImage], shade: u8) -> DynamicImage {
    let width = pictures.iter().map(|picture| picture.width() + 40).sum();
    let height = pictures.iter().map(|picture| picture.height() + 40).max().unwrap();
    let mut all = GrayImage::from_pixel(width, height, Luma([shade]));
    let mut left = 20;
    for picture in pictures {
        imageops::overlay(&mut all, picture, left, 20);
        left += i64::from(picture.width()) + 40;
    }
    all.into()
}

fn inverted(picture: &DynamicImage) -> DynamicImage {
    let mut picture = picture.clone();
    picture.invert();
    picture
}

#[test]
fn a_turned_code_is_read() {
    for quarter in [crop().rotate90(), crop().rotate180(), screenshot().rotate270()] {
        assert_eq!(read(&quarter), [CHROMIUM]);
    }
    let large = crop().resize(560, 560, FilterType::Triangle).into_luma8();
    for degrees in [3.0, 30.0, 45.0, 200.0] {
        assert_eq!(read(&turned(&large, degrees)), [CHROMIUM], "{degrees} degrees");
    }
    assert_eq!(read(&crop().fliph()), [CHROMIUM], "in a mirror");
}

#[test]
fn a_code_of_another_size_is_read() {
    for percent in [50, 65, 80, 125, 175, 300] {
        let edge = 280 * percent / 100;
        assert_eq!(read(&crop().resize(edge, edge, FilterType::Triangle)), [CHROMIUM], "crop, {percent} %");
    }
    for (width, height) in [(640, 450), (1920, 1350), (4400, 3094)] {
        let scaled = screenshot().resize(width, height, FilterType::Triangle);
        assert_eq!(read(&scaled), [CHROMIUM], "screen, {width} × {height}");
    }
}

#[test]
fn a_code_in_dark_mode_is_read() {
    assert_eq!(read(&inverted(crop())), [CHROMIUM]);
    assert_eq!(read(&inverted(screenshot())), [CHROMIUM]);
    // Pale on grey, as themes have it.
    let mut pale = inverted(screenshot()).into_luma8();
    pale.pixels_mut().for_each(|pixel| pixel.0[0] = 60 + pixel.0[0] / 3);
    assert_eq!(read(&pale.into()), [CHROMIUM]);
}

#[test]
fn a_code_without_an_edge_is_read() {
    // The code itself has 240 pixels of the crop's 280.
    assert_eq!(read(&crop().crop_imm(20, 20, 240, 240)), [CHROMIUM]);
    // One module wide, where the page around it is dark.
    let narrow = crop().crop_imm(13, 13, 254, 254).into_luma8();
    assert_eq!(read(&beside(&[narrow], 40)), [CHROMIUM], "on a dark ground");
}

#[test]
fn a_bad_photograph_of_a_code_is_read() {
    assert_eq!(read(&crop().blur(1.5)), [CHROMIUM], "blurred");
    let mut jpeg = Vec::new();
    let encoder = ::image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 25);
    crop().to_rgb8().write_with_encoder(encoder).unwrap();
    assert_eq!(of(&Image::read(&jpeg).unwrap()), [CHROMIUM], "squeezed");
    // One side in the shade.
    let mut shaded = crop().to_luma8();
    for (x, _, pixel) in shaded.enumerate_pixels_mut() {
        pixel.0[0] = 20 + (u32::from(pixel.0[0]) * (320 - x) / 400) as u8;
    }
    assert_eq!(read(&shaded.into()), [CHROMIUM], "shaded");
}

#[test]
fn every_format_is_read() {
    let picture = DynamicImage::from(crop().to_rgb8());
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp] {
        assert_eq!(of(&Image::read(&file(&picture, format)).unwrap()), [CHROMIUM], "{format:?}");
    }
}

#[test]
fn what_is_transparent_is_white() {
    let grey = crop().to_luma8();
    let see_through = RgbaImage::from_fn(280, 280, |x, y| Rgba([0, 0, 0, 255 - grey.get_pixel(x, y).0[0]]));
    let image = Image::read(&file(&see_through.into(), ImageFormat::Png)).unwrap();
    assert_eq!(of(&image), [CHROMIUM]);
    assert!(image.shades == grey.into_raw());
}

#[test]
fn several_codes_are_read() {
    let texts = ["https://example.test/a", "WIFI:S:x;;", "FIDO:/1234567890"];
    let pictures = texts.map(drawn);
    let mut found = read(&beside(&pictures, 200));
    found.sort();
    assert_eq!(found, ["FIDO:/1234567890", "WIFI:S:x;;", "https://example.test/a"]);
    assert_eq!(read(&beside(&[drawn("twice"), drawn("twice")], 200)), ["twice"]);
}

#[test]
fn a_phones_code_is_found_beside_another_in_other_colours() {
    let dark = inverted(&drawn("FIDO:/1234567890").into()).into_luma8();
    let found = read(&beside(&[drawn("https://example.test"), dark], 128));
    assert!(found.iter().any(|text| text == "FIDO:/1234567890"), "{found:?}");
}

#[test]
fn a_picture_without_a_code_has_none() {
    let none: [String; 0] = [];
    let gradient = GrayImage::from_fn(300, 200, |x, y| Luma([(x + y) as u8]));
    let chess = GrayImage::from_fn(300, 200, |x, y| Luma([((x / 7 + y / 7) % 2 * 255) as u8]));
    let strange = [(1, 1), (1, 5000), (5000, 1), (2, 2), (39, 41), (640, 480)];
    let mut pictures: Vec<DynamicImage> = vec![gradient.into(), chess.into()];
    pictures.extend(strange.map(|(width, height)| GrayImage::new(width, height).into()));
    pictures.push(screenshot().crop_imm(0, 0, 1280, 260));
    // Two of three finder patterns.
    pictures.push(crop().crop_imm(0, 0, 280, 180));
    for picture in pictures {
        assert_eq!(read(&picture), none, "{} × {}", picture.width(), picture.height());
    }
}

#[test]
fn a_picture_full_of_finder_patterns_takes_no_eternity() {
    // Rings of 1:1:3:1:1 everywhere, so that any three of them may be the corners of a code.
    let ring = |at: u32| (at % 9).min(6);
    let pattern = |x: u32, y: u32| {
        let (x, y) = (ring(x), ring(y));
        let edge = x.min(y).min(6 - x).min(6 - y);
        x < 7 && y < 7 && edge != 1
    };
    let all = GrayImage::from_fn(900, 600, |x, y| Luma([if pattern(x, y) { 0 } else { 255 }]));
    let begun = Instant::now();
    let found = read(&all.into());
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(found.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Noise, with blocks of any size so that there are edges in it.
    #[test]
    fn noise_is_never_the_readers_end(
        width in 1u32..200, height in 1u32..200, block in 1u32..12, noise in proptest::collection::vec(any::<u8>(), 64),
    ) {
        let at = |x: u32, y: u32| noise[((x / block * 7 + y / block * 31) % 64) as usize];
        read(&GrayImage::from_fn(width, height, |x, y| Luma([at(x, y)])).into());
    }

    /// Part of the screenshot, with or without the code.
    #[test]
    fn any_part_of_a_screen_is_read_or_not(left in 0u32..600, top in 0u32..500, width in 1u32..700, height in 1u32..500) {
        let found = read(&screenshot().crop_imm(left, top, width, height));
        let whole = left <= 480 && top <= 255 && left + width >= 740 && top + height >= 515;
        prop_assert!(found.is_empty() || found == [CHROMIUM]);
        prop_assert!(!whole || !found.is_empty());
    }
}
