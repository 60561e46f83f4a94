//! What an X server shows, X Window System Protocol: GetImage of the root window.
use super::{Image, in_one_line};
use crate::control::{Failure, FailureKind};
use std::env;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectError, ReplyError};
use x11rb::protocol::xproto::{
    ConnectionExt, ImageFormat, ImageOrder, Screen, Setup, VisualClass, Visualtype,
};
use x11rb::rust_connection::RustConnection;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are asked for at once, about: a row at least.
const AT_ONCE: usize = 4 << 20;
/// The extension by which an X server inside a Wayland compositor is known, from Xwayland 23.1 on.
const XWAYLAND: &str = "XWAYLAND";

/// What is on the screen of an X server: `display` such as `:99`, or the one that the environment names.
///
/// # Errors
/// Invalid if there is no X server to ask; Refused if it is Wayland's, which keeps programs from each other's windows;
/// Broken if the server does not answer as it should.
pub fn screen(display: Option<&str>) -> Result<Image, Failure> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let wayland = set("WAYLAND_DISPLAY").is_some();
    let Some(display) = display.map(Into::into).or_else(|| set("DISPLAY")) else {
        return Err(if wayland { walled() } else { none() });
    };
    let image = shown(&display)?;
    // Older ones than say so: the root window is there, and nothing is ever drawn on it.
    if wayland && image.is_blank() { Err(walled()) } else { Ok(image) }
}

fn walled() -> Failure {
    Failure::new(FailureKind::Refused, "the screen is a Wayland compositor's, which shows it to no program")
        .hint("take a screenshot and scan the file: `grim shot.png`, or what the desktop has for it")
}

fn none() -> Failure {
    Failure::new(FailureKind::Invalid, "there is no screen: DISPLAY is not set")
        .hint("name an X server, such as :99, or scan a screenshot's file")
}

/// On a thread of its own, so that a server that hangs is not waited for.
pub(super) fn shown(display: &str) -> Result<Image, Failure> {
    let (sender, receiver) = mpsc::channel();
    let asked = display.to_owned();
    let ask = move || drop(sender.send(grab(&asked)));
    thread::Builder::new()
        .name("screen".into())
        .spawn(ask)
        .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot start a thread: {error}")))?;
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let message = format!("the X server {} did not answer within {PATIENCE:?}", display.escape_debug());
        Err(Failure::new(FailureKind::Broken, message))
    })
}

fn grab(display: &str) -> Result<Image, Failure> {
    let named = display.escape_debug().to_string();
    let (connection, number) =
        RustConnection::connect(Some(display)).map_err(|error| unreachable(&named, &error))?;
    let broken = |error: ReplyError| {
        Failure::new(FailureKind::Broken, format!("the X server {named} does not show its screen: {error}"))
    };
    let present = connection.extension_information(XWAYLAND).map_err(|error| broken(error.into()))?;
    if present.is_some() {
        return Err(walled());
    }
    let setup = connection.setup();
    // X.Org's library checks the number; a server may still be odd.
    let screen = setup.roots.get(number).ok_or_else(|| {
        Failure::new(FailureKind::Invalid, format!("the X server {named} has no screen {number}"))
    })?;
    let pixels = Pixels::of(setup, screen).ok_or_else(|| {
        let message =
            format!("the X server {named} has pixels of {} bits, and no true colours", screen.root_depth);
        Failure::new(FailureKind::Refused, message)
            .hint("start it with a depth of 24, or scan a screenshot's file")
    })?;
    let (width, height) = (screen.width_in_pixels, screen.height_in_pixels);
    let stride = pixels.stride(width);
    let rows = u16::try_from((AT_ONCE / stride.max(1)).max(1)).unwrap_or(u16::MAX);
    let mut shades = Vec::with_capacity(usize::from(width) * usize::from(height));
    let mut top = 0;
    while top < height {
        let some = rows.min(height - top);
        let reply = connection
            .get_image(ImageFormat::Z_PIXMAP, screen.root, 0, top as i16, width, some, u32::MAX)
            .map_err(ReplyError::from)
            .and_then(|cookie| cookie.reply())
            .map_err(broken)?;
        if reply.data.len() < stride * usize::from(some) {
            let message =
                format!("the X server {named} sent {} bytes for {some} rows of {stride}", reply.data.len());
            return Err(Failure::new(FailureKind::Broken, message));
        }
        for row in reply.data.chunks_exact(stride).take(usize::from(some)) {
            shades.extend((0..usize::from(width)).map(|x| pixels.shade(row, x)));
        }
        top += some;
    }
    Ok(Image { width: width.into(), height: height.into(), shades })
}

fn unreachable(named: &str, error: &ConnectError) -> Failure {
    let message = format!("cannot reach the X server {named}: {}", in_one_line(&error.to_string()));
    Failure::new(FailureKind::Invalid, message)
        .hint("name one, such as :99; XAUTHORITY names the file with its key")
}

/// How the server writes a pixel.
struct Pixels {
    bytes: usize,
    /// Bits to whose multiple a row is filled up.
    pad: usize,
    big_endian: bool,
    channels: [Channel; 3],
}

/// Where a colour stands in a pixel.
#[derive(Clone, Copy)]
struct Channel {
    shift: u32,
    most: u32,
}

impl Channel {
    fn of(mask: u32) -> Option<Self> {
        let most = mask.checked_shr(mask.trailing_zeros())?;
        // Contiguous, as the protocol has it.
        (most.count_ones() == most.trailing_ones()).then_some(Self { shift: mask.trailing_zeros(), most })
    }

    /// 0 to 255.
    fn of_pixel(self, pixel: u32) -> u32 {
        let value = u64::from((pixel >> self.shift) & self.most);
        u32::try_from(value * 255 / u64::from(self.most)).unwrap_or(255)
    }
}

impl Pixels {
    /// `None` where pixels are places in a table of colours, or none of the usual sizes.
    fn of(setup: &Setup, screen: &Screen) -> Option<Self> {
        let format = setup.pixmap_formats.iter().find(|format| format.depth == screen.root_depth)?;
        let visuals = screen.allowed_depths.iter().flat_map(|depth| &depth.visuals);
        let visual: &Visualtype = visuals.clone().find(|visual| visual.visual_id == screen.root_visual)?;
        if visual.class != VisualClass::TRUE_COLOR && visual.class != VisualClass::DIRECT_COLOR {
            return None;
        }
        let bytes = match format.bits_per_pixel {
            16 => 2,
            24 => 3,
            32 => 4,
            _ => return None,
        };
        Some(Self {
            bytes,
            pad: usize::from(format.scanline_pad).max(8),
            big_endian: setup.image_byte_order == ImageOrder::MSB_FIRST,
            channels: [
                Channel::of(visual.red_mask)?,
                Channel::of(visual.green_mask)?,
                Channel::of(visual.blue_mask)?,
            ],
        })
    }

    /// Bytes of a row.
    fn stride(&self, width: u16) -> usize {
        (usize::from(width) * self.bytes * 8).next_multiple_of(self.pad) / 8
    }

    /// How light the pixel at that place of a row is, ITU-R BT.709.
    fn shade(&self, row: &[u8], x: usize) -> u8 {
        let bytes = &row[x * self.bytes..(x + 1) * self.bytes];
        let add = |pixel: u32, byte: &u8| pixel << 8 | u32::from(*byte);
        let pixel = match self.big_endian {
            true => bytes.iter().fold(0, add),
            false => bytes.iter().rev().fold(0, add),
        };
        let [red, green, blue] = self.channels.map(|channel| channel.of_pixel(pixel));
        u8::try_from((2126 * red + 7152 * green + 722 * blue) / 10_000).unwrap_or(255)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(bytes: usize, big_endian: bool, masks: [u32; 3]) -> Pixels {
        let channels = masks.map(|mask| Channel::of(mask).expect("a mask has bits that stand together"));
        Pixels { bytes, pad: 32, big_endian, channels }
    }

    #[test]
    fn pixels_are_read_as_the_server_writes_them() {
        let usual = pixels(4, false, [0xFF_0000, 0xFF00, 0xFF]);
        // Blue, green, red, nothing.
        let row = [0, 0, 0, 9, 255, 255, 255, 0, 0, 0, 255, 0, 0, 255, 0, 0];
        assert_eq!([0, 1, 2, 3].map(|x| usual.shade(&row, x)), [0, 255, 54, 182]);
        let other = pixels(4, true, [0xFF_0000, 0xFF00, 0xFF]);
        assert_eq!(other.shade(&[0, 255, 0, 0], 0), 54);
        let small = pixels(2, false, [0xF800, 0x07E0, 0x001F]);
        assert_eq!([0, 1].map(|x| small.shade(&[0xFF, 0xFF, 0x00, 0xF8], x)), [255, 54]);
        let deep = pixels(4, false, [0x3FF0_0000, 0xF_FC00, 0x3FF]);
        assert_eq!(deep.shade(&u32::MAX.to_le_bytes(), 0), 255);
    }

    #[test]
    fn rows_are_filled_up() {
        let small = pixels(2, false, [0xF800, 0x07E0, 0x001F]);
        assert_eq!([1, 2, 3].map(|width| small.stride(width)), [4, 4, 8]);
        assert_eq!(pixels(3, false, [0xFF, 0xFF00, 0xFF_0000]).stride(1), 4);
    }

    #[test]
    fn masks_with_gaps_or_without_bits_are_none() {
        assert!(Channel::of(0).is_none() && Channel::of(0b101).is_none() && Channel::of(0b110).is_some());
    }

    #[test]
    fn a_display_that_is_none_is_an_error_that_names_it() {
        for display in [":4711", "no display", "", "\x1b]0;x\x07"] {
            let failure = shown(display).err().expect("nobody is there");
            assert_eq!(failure.kind, FailureKind::Invalid);
            assert!(failure.message.starts_with("cannot reach the X server "), "{failure}");
            assert!(!failure.message.contains('\x1b') && failure.hint.is_some());
        }
    }
}
