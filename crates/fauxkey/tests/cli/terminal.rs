//! What only a person at a terminal gets: questions.
use super::{Home, ORIGIN, creation_options};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A command at a terminal of its own.
struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    child: Child,
}

impl Terminal {
    fn open(home: &Home, arguments: &[&str]) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
        let terminal = || File::options().read(true).write(true).open(&name).unwrap();
        // setsid makes it the terminal that controls the command, as that of a login is.
        let mut command = Command::new("setsid");
        command.arg("-c").arg(env!("CARGO_BIN_EXE_fauxkey")).args(arguments).env_remove("NO_COLOR");
        command.env("FAUXKEY_HOME", home.path()).env("TERM", "xterm");
        let child =
            command.stdin(terminal()).stdout(terminal()).stderr(terminal()).spawn().expect("setsid(1)");
        drop(command);
        let keyboard = File::from(keyboard);
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // EIO, once nobody has the terminal open any more.
            while let Ok(len @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..len].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { keyboard, screen, seen: String::new(), child }
    }

    /// Waits for `text` in what comes after what was waited for last.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            match self.screen.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{text:?} was not shown, but {:?}", self.seen),
            }
        }
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    #[track_caller]
    fn ends_with(mut self, code: i32) {
        assert_eq!(self.child.wait().unwrap().code(), Some(code));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A registration that waits for its user.
fn register(home: &Home) -> Child {
    let options = home.file("options.json", &creation_options("ada").to_string());
    let mut command = home.command(&["webauthn", "create", &options, "--origin", ORIGIN]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn the_person_at_the_terminal_is_asked_and_answers() {
    let home = Home::with_phone();
    let mut terminal = Terminal::open(&home, &["run", "--attach", "socket", "--approve", "ask"]);
    terminal.shows("Ctrl-C stops");
    // Typed before anything was asked, it is no answer.
    terminal.types("y\n\n");

    for (answers, code) in
        [(&["y"][..], 0), (&[""], 0), (&["n"], 1), (&["w", "what?", "yes"], 0), (&["w", "w", "w"], 1)]
    {
        let mut registration = register(&home);
        for answer in answers {
            terminal.shows("phone: approve? [Enter or y = yes, n = no, w = wrong finger]");
            terminal.types(&format!("{answer}\n"));
        }
        assert_eq!(registration.wait().unwrap().code(), Some(code), "{answers:?}");
    }
    // Ctrl-C, in the middle of a question.
    let mut registration = register(&home);
    terminal.shows("approve?");
    terminal.types("\x03");
    assert_eq!(registration.wait().unwrap().code(), Some(2));
    terminal.ends_with(0);
}

#[test]
fn what_is_for_good_is_asked_about() {
    let home = Home::with_phone();
    for (answer, code, told) in
        [("n", 1, "nothing was changed"), ("", 1, "nothing was changed"), ("y", 0, "deleted phone")]
    {
        let mut terminal = Terminal::open(&home, &["device", "delete", "phone"]);
        terminal.shows("delete the device phone and everything on it for good? [y/N]");
        terminal.types(&format!("{answer}\n"));
        terminal.shows(told);
        terminal.ends_with(code);
    }
    assert_eq!(home.json(&["device", "list"]), json!([]));
}

#[test]
fn a_terminal_gets_colours() {
    let home = Home::new();
    let mut terminal = Terminal::open(&home, &["passkey", "list"]);
    terminal.shows("\x1b[1;31mfauxkey:\x1b[0m there is no device yet");
    terminal.ends_with(1);
}
