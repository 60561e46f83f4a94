//! A screen that nobody looks at, for browsers that have something to show: Xvfb.
use super::programs::search;
use crate::control::{Failure, FailureKind};
use crate::hybrid::image;
use crate::process;
use rustix::process::{Pid, Signal, kill_process};
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt as _, KEY_PRESS_EVENT, KEY_RELEASE_EVENT};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

const PROGRAM: &str = "Xvfb";
/// How long it may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);
/// Large enough for a browser's window with its dialogs.
const SIZE: &str = "1280x900x24";
/// The keysym XK_Return.
const ENTER: u32 = 0xff0d;

/// An X server's display of its own. It goes with this value.
pub(super) struct Screen {
    server: Child,
    /// As DISPLAY has it.
    pub(super) name: String,
}

impl Screen {
    /// Whether there can be one.
    pub(super) fn is_to_be_had() -> bool {
        search(PROGRAM).is_some()
    }

    /// Presses Enter there, if no code for a phone is to be seen. Whether it did.
    pub(super) fn choose(&self) -> bool {
        let code = image::screen(Some(&self.name)).and_then(|screen| screen.codes_at_a_glance());
        code.is_ok_and(|codes| !codes.iter().any(|code| image::is_for_phones(code)))
            && press_enter(&self.name).is_ok()
    }

    /// Starts it, under a number that is free: the server looks for it.
    ///
    /// # Errors
    /// Broken, if it does not start.
    pub(super) fn start() -> Result<Self, Failure> {
        let broken =
            |why: String| Failure::new(FailureKind::Broken, format!("{PROGRAM} gives no screen: {why}"));
        let mut command = Command::new(PROGRAM);
        // Only programs of the same user reach it: no TCP, and a socket in the file system.
        command.args(["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = process::as_before(|| command.spawn()).map_err(|error| broken(error.to_string()))?;
        let said = server.stdout.take().expect("it is piped");
        let mut screen = Self { server, name: String::new() };
        let (sender, number) = channel();
        let listen = move || {
            let mut line = String::new();
            let read = BufReader::new(said).read_line(&mut line);
            // Who waited may have had enough.
            let _unheard = read.map(|_| sender.send(line));
        };
        thread::Builder::new()
            .name("screen".into())
            .spawn(listen)
            .map_err(|error| broken(error.to_string()))?;
        let line = number.recv_timeout(PATIENCE).unwrap_or_default();
        match line.trim() {
            "" => Err(broken("it names no display".into())),
            number => {
                screen.name = format!(":{number}");
                Ok(screen)
            }
        }
    }
}

/// Presses Enter, in whatever window has the focus (the X Test Extension).
fn press_enter(display: &str) -> Result<(), Box<dyn Error>> {
    let (connection, number) = RustConnection::connect(Some(display))?;
    let setup = connection.setup();
    let root = setup.roots.get(number).ok_or("there is no such screen")?.root;
    let (first, last) = (setup.min_keycode, setup.max_keycode);
    let keys = connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
    let mut all = keys.keysyms.chunks(usize::from(keys.keysyms_per_keycode).max(1));
    let place = all.position(|of_key| of_key.contains(&ENTER)).ok_or("there is no such key")?;
    let key = first + u8::try_from(place)?;
    for kind in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
        connection.xtest_fake_input(kind, key, 0, root, 0, 0, 0)?.check()?;
    }
    Ok(())
}

impl Drop for Screen {
    fn drop(&mut self) {
        let pid = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Kindly, so that it removes its files. It may have ended by itself.
            let _gone = kill_process(pid, Signal::TERM);
        }
        let _status = self.server.wait();
    }
}
