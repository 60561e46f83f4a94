//! QR codes in pictures, and pictures of QR codes: how a code gets from a screen into the phone and back.
//!
//! | module | what |
//! |---|---|
//! | `picture` | PNG, JPEG, WebP and BMP files, bounded in pixels and memory |
//! | `reader` | codes of a picture by `rxing`: feature `qr`, on by default |
//! | `zbarimg` | the same by the program of that name, where there is no reader or it finds nothing |
//! | `screen` | what an X server shows |
//! | `render` | a text as a code, for a terminal or as PNG |
mod picture;
#[cfg(feature = "qr")]
mod reader;
mod render;
mod screen;
#[cfg(test)]
#[cfg(feature = "qr")]
mod tests;
mod zbarimg;

pub use render::{png, terminal};
pub use screen::screen;

use crate::control::{Failure, FailureKind};
use std::ffi::OsStr;

/// What the text of a code for the hybrid transport begins with, CTAP 2.2 §11.5. Readers may change its case.
const SCHEME: &str = "FIDO:/";

/// A picture in shades of grey.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    /// Row by row from the top, 0 is black.
    shades: Vec<u8>,
}

impl Image {
    /// Reads a picture file: PNG, JPEG, WebP or BMP. What is transparent is taken for white.
    ///
    /// # Errors
    /// Invalid if it is none of them, broken, or too large.
    pub fn read(bytes: &[u8]) -> Result<Self, Failure> {
        picture::read(bytes)
    }

    /// Width and height in pixels.
    #[cfg(test)]
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Whether all of it has one colour.
    pub fn is_blank(&self) -> bool {
        self.shades.iter().all(|shade| *shade == self.shades[0])
    }

    /// The texts of the QR codes in it, each once. The search is over when it finds one for a phone; other codes may be
    /// missing then.
    ///
    /// # Errors
    /// Refused where this fauxkey has no reader of its own and there is no `zbarimg`; Broken if that program does not
    /// work.
    pub fn codes(&self) -> Result<Vec<String>, Failure> {
        self.codes_with(OsStr::new(zbarimg::PROGRAM))
    }

    /// [`Image::codes`], by the first and quickest look alone: for pictures that come one after the other.
    ///
    /// # Errors
    /// Those of [`Image::codes`].
    pub fn codes_at_a_glance(&self) -> Result<Vec<String>, Failure> {
        #[cfg(feature = "qr")]
        return Ok(reader::glance(self));
        #[cfg(not(feature = "qr"))]
        self.codes()
    }

    fn codes_with(&self, program: &OsStr) -> Result<Vec<String>, Failure> {
        #[cfg(feature = "qr")]
        {
            let found = reader::codes(self);
            if !found.is_empty() {
                return Ok(found);
            }
        }
        match zbarimg::codes(self, program) {
            // It was only to look once more.
            Err(zbarimg::Trouble::Missing(_)) if cfg!(feature = "qr") => Ok(Vec::new()),
            Err(trouble) => Err(trouble.into()),
            Ok(found) => Ok(found),
        }
    }
}

/// The texts of the QR codes in a picture file.
///
/// # Errors
/// Those of [`Image::read`] and [`Image::codes`].
pub fn codes(bytes: &[u8]) -> Result<Vec<String>, Failure> {
    Image::read(bytes)?.codes()
}

/// Whether a code's text is meant for a phone.
pub fn is_for_phones(text: &str) -> bool {
    text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// The one text among those of a picture that is meant for a phone.
///
/// # Errors
/// Invalid if there is none, or more than one.
pub fn for_a_phone(texts: Vec<String>) -> Result<String, Failure> {
    let invalid = |message: String| Failure::new(FailureKind::Invalid, message);
    let others = texts.len();
    let mut meant = texts.into_iter().filter(|text| is_for_phones(text));
    match (meant.next(), meant.count()) {
        (Some(text), 0) => Ok(text),
        (Some(_), more) => {
            Err(invalid(format!("there are {} QR codes for a phone in the picture", more + 1))
                .hint("cut out the one that is meant"))
        }
        (None, _) if others == 0 => Err(invalid("there is no QR code in the picture".into())
            .hint("the whole code is to be seen, sharp, with a light edge around it")),
        (None, _) => Err(invalid(format!(
            "there {} in the picture, and none begins with FIDO:/",
            if others == 1 { "is one QR code".into() } else { format!("are {others} QR codes") }
        ))
        .hint("the code is the one that a browser shows for a phone or tablet")),
    }
}

/// A library's message without what a terminal or a log would stumble over.
fn in_one_line(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
