//! Codes of our own, read back.
use super::{CHROMIUM, DynamicImage, Image, of, png, read};
use crate::hybrid::image::terminal;
use ::image::{GrayImage, Luma};
use proptest::prelude::*;

/// What a terminal shows: a character is four pixels wide and eight high. Escapes are gone.
fn seen(drawn: &str) -> DynamicImage {
    let mut rows: Vec<Vec<bool>> = Vec::new();
    for line in drawn.lines() {
        let plain = line.replace("\x1b[38;5;231;48;5;16m", "").replace("\x1b[0m", "");
        let halves = |c: char| match c {
            '█' => [true, true],
            '▀' => [true, false],
            '▄' => [false, true],
            ' ' => [false, false],
            other => panic!("{other:?} on the terminal"),
        };
        let line: Vec<[bool; 2]> = plain.chars().map(halves).collect();
        rows.extend([0, 1].map(|half| line.iter().map(|halves| halves[half]).collect()));
    }
    let (width, height) = (rows[0].len() as u32, rows.len() as u32);
    // On a terminal that is dark all around.
    let at = |x: u32, y: u32| {
        let (x, y) = ((x / 4).checked_sub(3), (y / 4).checked_sub(3));
        let light = x.zip(y).and_then(|(x, y)| rows.get(y as usize)?.get(x as usize).copied());
        Luma([if light == Some(true) { 255 } else { 0 }])
    };
    GrayImage::from_fn((width + 6) * 4, (height + 6) * 4, at).into()
}

fn columns(drawn: &str) -> usize {
    let longest = drawn.lines().map(|line| line.chars().filter(|c| "█▀▄ ".contains(*c)).count());
    longest.max().unwrap()
}

#[test]
fn a_code_for_a_phone_is_read_off_a_terminal() {
    for colour in [false, true] {
        let drawn = terminal(CHROMIUM, None, colour).unwrap();
        assert_eq!(drawn.contains('\x1b'), colour);
        assert!(drawn.ends_with('\n'));
        assert_eq!(read(&seen(&drawn)), [CHROMIUM]);
    }
}

#[test]
fn a_narrow_terminal_gets_a_narrow_code() {
    let all = columns(&terminal(CHROMIUM, None, false).unwrap());
    assert_eq!(columns(&terminal(CHROMIUM, Some(all), false).unwrap()), all);
    let failure = terminal(CHROMIUM, Some(20), false).unwrap_err();
    let least = failure.message.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(failure.message, format!("the terminal has 20 columns, and the QR code needs {least}"));
    assert!(failure.hint.is_some());
    assert!(least < all, "{least}, {all}");
    for columns in least..=all {
        let drawn = terminal(CHROMIUM, Some(columns), false).unwrap();
        assert!(self::columns(&drawn) <= columns);
        assert_eq!(read(&seen(&drawn)), [CHROMIUM], "{columns} columns");
    }
    assert!(terminal(CHROMIUM, Some(least - 1), false).is_err());
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let expected = "a text of 2954 bytes is too long for a QR code";
    assert_eq!(png(&"x".repeat(2954)).unwrap_err().message, expected);
    assert_eq!(terminal(&"x".repeat(2954), None, false).unwrap_err().message, expected);
    // More than fits with the usual error correction.
    let long = "x".repeat(2953);
    assert_eq!(of(&Image::read(&png(&long).unwrap()).unwrap()), [long]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_drawn_is_read(text in "FIDO:/[0-9]{1,400}|[ -~]{1,120}") {
        prop_assert_eq!(of(&Image::read(&png(&text).unwrap()).unwrap()), [text.clone()]);
        prop_assert_eq!(read(&seen(&terminal(&text, None, true).unwrap())), [text]);
    }
}
