//! A text as a QR code.
use crate::control::{Failure, FailureKind};
use ::image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use qrcode::{Color, EcLevel, QrCode};

/// Modules of the quiet zone, ISO/IEC 18004 §6.3.8.
const QUIET_ZONE: usize = 4;
/// What readers make do with on a screen, where a terminal has no room for all of it.
const NARROW_ZONE: usize = 1;
/// Pixels of a module's edge in a PNG.
const MODULE: usize = 8;
/// Bytes of a text that are made a code of: the largest code holds 2,953.
const LONGEST_TEXT: usize = 2953;

/// A text as a QR code in half blocks, for a terminal: a line of characters is two rows of modules. With `colour` it is
/// black on white by ANSI escapes, whatever the terminal's own colours are; without, light modules are what is written,
/// and the terminal has to be a dark one. Every line ends with a line feed.
///
/// `columns` is the terminal's width, if it has one. A code that does not fit gets less error correction and less of an
/// edge.
///
/// # Errors
/// Invalid if the terminal is too narrow, or the text too long for a code.
pub fn terminal(text: &str, columns: Option<usize>, colour: bool) -> Result<String, Failure> {
    let columns = columns.unwrap_or(usize::MAX);
    let mut least = usize::MAX;
    for (correction, zone) in [
        (EcLevel::M, QUIET_ZONE),
        (EcLevel::L, QUIET_ZONE),
        (EcLevel::M, NARROW_ZONE),
        (EcLevel::L, NARROW_ZONE),
    ] {
        // A text may be too long for the one and not for the other.
        let Ok(code) = code(text, correction) else { continue };
        let modules = Modules::new(&code, zone);
        if modules.edge <= columns {
            return Ok(half_blocks(&modules, colour));
        }
        least = least.min(modules.edge);
    }
    match least {
        usize::MAX => Err(too_long(text)),
        least => {
            let message = format!("the terminal has {columns} columns, and the QR code needs {least}");
            Err(Failure::new(FailureKind::Invalid, message)
                .hint("make it wider, or its letters smaller, or have a PNG made"))
        }
    }
}

/// A text as a QR code in a PNG, black on white, 8 pixels a module.
///
/// # Errors
/// Invalid if the text is too long for a code.
pub fn png(text: &str) -> Result<Vec<u8>, Failure> {
    let code = code(text, EcLevel::M).or_else(|_| code(text, EcLevel::L))?;
    let modules = Modules::new(&code, QUIET_ZONE);
    let edge = modules.edge * MODULE;
    let shade = |at: usize| match modules.is_dark(at % edge / MODULE, at / edge / MODULE) {
        true => 0,
        false => 255,
    };
    let shades: Vec<u8> = (0..edge * edge).map(shade).collect();
    let pixels = u32::try_from(edge).expect("the largest code has 177 modules");
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(&shades, pixels, pixels, ExtendedColorType::L8)
        .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot make a PNG: {error}")))?;
    Ok(png)
}

fn code(text: &str, correction: EcLevel) -> Result<QrCode, Failure> {
    if text.len() > LONGEST_TEXT {
        return Err(too_long(text));
    }
    QrCode::with_error_correction_level(text, correction).map_err(|_| too_long(text))
}

fn too_long(text: &str) -> Failure {
    Failure::new(FailureKind::Invalid, format!("a text of {} bytes is too long for a QR code", text.len()))
}

/// The modules of a code and of the quiet zone around it.
struct Modules {
    colours: Vec<Color>,
    width: usize,
    zone: usize,
    /// With the quiet zone.
    edge: usize,
}

impl Modules {
    fn new(code: &QrCode, zone: usize) -> Self {
        Self { colours: code.to_colors(), width: code.width(), zone, edge: code.width() + 2 * zone }
    }

    /// Light outside.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(self.zone).filter(|at| *at < self.width);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.colours[y * self.width + x] == Color::Dark,
            _ => false,
        }
    }
}

fn half_blocks(modules: &Modules, colour: bool) -> String {
    let mut drawn = String::new();
    for y in (0..modules.edge).step_by(2) {
        if colour {
            drawn.push_str("\x1b[38;5;231;48;5;16m");
        }
        for x in 0..modules.edge {
            // Below the last row of an odd number there is nothing.
            let below = y + 1 < modules.edge && !modules.is_dark(x, y + 1);
            drawn.push(match (!modules.is_dark(x, y), below) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        drawn.push_str(if colour { "\x1b[0m\n" } else { "\n" });
    }
    drawn
}
