//! The codes of a picture, by `rxing`: of the libraries that were tried the one that reads the round dots and the logo
//! of Chromium's.
//!
//! A look finds the finder patterns of ISO/IEC 18004 §6.3.3, tries triples of them, and reads what lies between. What it is to
//! be done with pictures of which nothing is known: looks at other thresholds, at the negative, and at other sizes.
use super::{Image, is_for_phones};
use ::image::imageops::FilterType;
use ::image::{DynamicImage, GrayImage};
use rxing::common::{BitMatrix, GlobalHistogramBinarizer, HybridBinarizer};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};
use rxing::{Binarizer, Luma8Source};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Pixels that are looked at at once; more are made fewer. A screen of 3840 × 2160 has 8.3 million.
const MOST_PIXELS: u64 = 12_000_000;
/// Pixels up to which a picture may become twice as large.
const SMALL: u64 = 400_000;
/// Pixels from which a picture is also looked at in half its size, which evens out noise.
const LARGE: u64 = 500_000;
/// Finder patterns that are looked at: a code has three.
const MOST_PATTERNS: usize = 2048;
/// Codes that are taken from one picture.
const MOST_CODES: usize = 32;
/// Triples of finder patterns that are tried in one look. They come in the order of their likelihood.
const MOST_TRIPLES: usize = 10_000;
/// How long the looks at one picture may take, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The texts of the codes, each once. The search is over at the first look that finds one for a phone.
pub(super) fn codes(image: &Image) -> Vec<String> {
    search(image, usize::MAX)
}

/// [`codes`], by the first look alone.
pub(super) fn glance(image: &Image) -> Vec<String> {
    search(image, 1)
}

fn search(image: &Image, looks: usize) -> Vec<String> {
    let mut search = Search { until: Instant::now() + PATIENCE, looks, found: Vec::new() };
    let Some(picture) = GrayImage::from_raw(image.width, image.height, image.shades.clone()) else {
        return Vec::new();
    };
    let pixels = u64::from(image.width) * u64::from(image.height);
    let picture = if pixels > MOST_PIXELS {
        scaled(&picture, (MOST_PIXELS as f64 / pixels as f64).sqrt())
    } else {
        picture
    };
    search.look(&picture);
    if pixels <= SMALL && !search.is_over() {
        search.look(&scaled(&picture, 2.0));
    }
    if pixels >= LARGE && !search.is_over() {
        search.look(&scaled(&picture, 0.5));
    }
    search.found
}

fn scaled(picture: &GrayImage, factor: f64) -> GrayImage {
    let edge = |pixels: u32| ((f64::from(pixels) * factor) as u32).max(1);
    let (width, height) = (edge(picture.width()), edge(picture.height()));
    // Not the generic functions of the library: those would be compiled here, and slow where tests run.
    let picture = DynamicImage::from(picture.clone());
    let scaled = match factor < 1.0 {
        // Many times faster, and as good for this.
        true => picture.thumbnail_exact(width, height),
        false => picture.resize_exact(width, height, FilterType::Triangle),
    };
    scaled.into_luma8()
}

struct Search {
    until: Instant,
    /// Looks that are left.
    looks: usize,
    found: Vec<String>,
}

impl Search {
    fn is_over(&self) -> bool {
        self.looks == 0
            || Instant::now() >= self.until
            || self.found.len() >= MOST_CODES
            || self.found.iter().any(|text| is_for_phones(text))
    }

    /// By a threshold of each neighbourhood, then by one for the whole, each also in the negative.
    fn look(&mut self, picture: &GrayImage) {
        // Nothing of it outlives a panic but the texts that were found before.
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let source =
                || Luma8Source::new_with_slice(picture.as_raw(), picture.width(), picture.height()).ok();
            let thresholds: [fn(Luma8Source) -> Option<BitMatrix>; 2] = [
                |source| HybridBinarizer::new(source).get_black_matrix().ok().cloned(),
                |source| GlobalHistogramBinarizer::new(source).get_black_matrix().ok().cloned(),
            ];
            for threshold in thresholds {
                let Some(mut black) = source().and_then(threshold) else { continue };
                for _ in 0..2 {
                    if self.is_over() {
                        return;
                    }
                    self.looks -= 1;
                    self.read(&black);
                    black.flip_self();
                }
            }
        }));
        drop(panicked);
    }

    fn read(&mut self, black: &BitMatrix) {
        let mut patterns = FindFinderPatterns(black, false, 0);
        patterns.truncate(MOST_PATTERNS);
        let mut used = Vec::new();
        for set in GenerateFinderPatternSets(&mut patterns).into_iter().take(MOST_TRIPLES) {
            let corners = [set.bl, set.tl, set.tr];
            if corners.iter().any(|corner| used.contains(corner)) {
                continue;
            }
            if Instant::now() >= self.until || self.found.len() >= MOST_CODES {
                return;
            }
            let Ok(code) = SampleQR(black, &set).and_then(|sampled| {
                use rxing::common::DetectorRXingResult;
                Decode(sampled.getBits())
            }) else {
                continue;
            };
            if code.isValid() {
                used.extend(corners);
                let text = code.text();
                if !self.found.contains(&text) {
                    self.found.push(text);
                }
            }
        }
    }
}
