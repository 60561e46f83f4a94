//! What only a person at a terminal gets: questions.
use super::{Home, ORIGIN, creation_options};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
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
    register_with(home, "ada", &[])
}

fn register_on(home: &Home, device: &str) -> Child {
    register_with(home, "ada", &["--device", device])
}

fn register_as(home: &Home, user: &str) -> Child {
    register_with(home, user, &[])
}

fn register_with(home: &Home, user: &str, more: &[&str]) -> Child {
    let mut options = creation_options(user);
    options["authenticatorSelection"]["userVerification"] = "preferred".into();
    let options = home.file("options.json", &options.to_string());
    let mut command = home.command(&[&["webauthn", "create", &options, "--origin", ORIGIN], more].concat());
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
        [(&["y"][..], 0), (&[""], 0), (&["n"], 1), (&["f", "what?", "yes"], 0), (&["f", "f", "f"], 1)]
    {
        let mut registration = register(&home);
        for answer in answers {
            terminal
                .shows("phone: approve? [Enter or y = yes, n = no, f = wrong finger, t = let it time out]");
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
fn a_question_that_is_left_alone_makes_room_for_the_next() {
    let home = Home::with_phone();
    home.run(&["device", "add", "key", "--profile", "security-key"]).done();
    let mut terminal = Terminal::open(&home, &["run", "--attach", "socket", "--approve", "ask"]);
    terminal.shows("Ctrl-C stops");
    let mut first = register_on(&home, "phone");
    terminal.shows("phone: approve?");
    let mut second = register_on(&home, "key");
    terminal.shows("key: asks:");
    terminal.types("t\n");
    terminal.shows("phone: left alone until the program gives up");
    terminal.shows("key: approve? [Enter or y = yes, n = no, t = let it time out]");
    terminal.types("y\n");
    assert_eq!(second.wait().unwrap().code(), Some(0));
    home.run(&["device", "clock", "--device", "phone", "--advance", "5m"]).done();
    assert_eq!(first.wait().unwrap().code(), Some(1));
}

/// The program of an `exec` has the terminal but while a question is open.
#[test]
fn whoever_started_a_program_is_asked_by_its_devices_and_the_program_keeps_its_terminal() {
    let home = Home::with_phone();
    let options = home.file("options.json", &creation_options("ada").to_string());
    let fauxkey = env!("CARGO_BIN_EXE_fauxkey");
    let script = format!(
        "read word; echo heard $word; '{fauxkey}' webauthn create '{options}' --origin {ORIGIN} >/dev/null; echo ended $?; \
         read word; echo heard $word"
    );
    for more in [&["--ephemeral"][..], &[]] {
        let arguments = [&["exec", "--approve", "ask"], more, &["--", "sh", "-c", &script]].concat();
        let mut terminal = Terminal::open(&home, &arguments);
        terminal.types("y\n");
        terminal.shows("heard y");
        terminal.shows("phone: example.test wants to put a new passkey on this device. For ada.");
        terminal.shows("phone: approve? [Enter or y = yes, n = no, f = wrong finger, t = let it time out]");
        terminal.types("f\n");
        terminal.shows("phone: approve?");
        terminal.types("y\n");
        terminal.shows("ended 0");
        terminal.types("n\n");
        terminal.shows("heard n");
        terminal.ends_with(0);
    }
}

/// Whoever looks at a browser is called by a notification; a stranger's name is no markup in it, and no option.
#[test]
fn a_desktop_shows_who_asks_unless_a_program_waits() {
    let home = Home::with_phone();
    let told = home.file("told", "");
    let notifier =
        home.file("notify-send", &format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{told}'\nexit 1\n"));
    fs::set_permissions(&notifier, fs::Permissions::from_mode(0o755)).unwrap();
    let folder = Path::new(&notifier).parent().unwrap();
    let said = || fs::read_to_string(&told).unwrap();
    let ready = home.file("ready.json", "");
    for (bus, more, expected) in [
        ("disabled:", &[][..], ""),
        ("unix:path=/nowhere", &["--ready-file", &ready], ""),
        (
            "unix:path=/nowhere",
            &[],
            "--app-name=fauxkey\n--category=device\n--expire-time\n30000\n--\nphone asks: New passkey\n\
             example.test wants to put a new passkey on this device. For -&lt;b&gt;.\n",
        ),
    ] {
        let mut command = home.command(&[&["run", "--attach", "socket", "--approve", "ask"], more].concat());
        command.env("DBUS_SESSION_BUS_ADDRESS", bus).env("PATH", folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        let mut lines = BufReader::new(running.stderr.take().unwrap()).lines().map_while(Result::ok);
        lines.find(|line| line.contains("Ctrl-C stops")).unwrap();
        let mut registration = register_as(&home, "-<b>");
        lines.find(|line| line.contains("asks:")).unwrap();
        let begun = Instant::now();
        while !expected.is_empty() && said() != expected && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        home.run(&["device", "user", "approve"]).done();
        registration.kill().unwrap();
        registration.wait().unwrap();
        assert_eq!(said(), expected, "{bus} {more:?}");
        running.kill().unwrap();
        running.wait().unwrap();
    }
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
