//! The codes of a picture, by the program `zbarimg` of the ZBar project, which distributions have.
use super::Image;
use crate::child;
use crate::control::{Failure, FailureKind};
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// What it is called.
pub(super) const PROGRAM: &str = "zbarimg";
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that are read of what it says.
const LONGEST_ANSWER: u64 = 64 << 10;
/// The exit code for a picture without a code, zbarimg(1).
const NOTHING: i32 = 4;

/// Why there is no answer.
pub(super) enum Trouble {
    /// There is no such program.
    Missing(String),
    /// It did not do what it should.
    Broken(String),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Missing(program) => Self::new(
                FailureKind::Refused,
                format!("this fauxkey was built without its reader of QR codes, and there is no program `{program}`"),
            )
            .hint("`apt install zbar-tools` has it, or build with the feature `qr`; a code's text needs neither"),
            Trouble::Broken(message) => Self::new(FailureKind::Broken, message),
        }
    }
}

/// The texts of the codes, each once. The picture goes to its standard input as PGM, which every build of it reads, so that it
/// never sees a file of a stranger's.
pub(super) fn codes(image: &Image, program: &OsStr) -> Result<Vec<String>, Trouble> {
    codes_within(image, program, PATIENCE)
}

pub(super) fn codes_within(
    image: &Image,
    program: &OsStr,
    patience: Duration,
) -> Result<Vec<String>, Trouble> {
    let name = program.to_string_lossy().into_owned();
    let broken = |what: String| Trouble::Broken(format!("{name} {what}"));
    let mut command = Command::new(program);
    command.args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "pgm:-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Trouble::Missing(name.clone()),
        _ => broken(format!("does not start: {error}")),
    })?;
    let mut picture = format!("P5 {} {} 255\n", image.width, image.height).into_bytes();
    picture.extend_from_slice(&image.shades);
    let mut input = child.stdin.take().expect("it was asked for");
    let output = child.stdout.take().expect("it was asked for");
    // What it does not want to read it need not; its exit code says the rest.
    let writer = thread::spawn(move || drop(input.write_all(&picture)));
    let reader = thread::spawn(move || {
        let mut said = Vec::new();
        output.take(LONGEST_ANSWER).read_to_end(&mut said).map(|_| said)
    });
    let status = child::end_within(&mut child, patience)
        .map_err(|error| broken(format!("cannot be waited for: {error}")))?;
    let _ended = writer.join();
    let said = reader.join();
    match (status.map(|status| status.code()), said) {
        (None, _) => Err(broken(format!("took longer than {patience:?}"))),
        (Some(Some(0)), Ok(Ok(said))) => Ok(texts(&said)),
        (Some(Some(NOTHING)), _) => Ok(Vec::new()),
        (Some(Some(code)), _) => Err(broken(format!("ended with exit code {code}"))),
        (Some(None), _) => Err(broken("was ended by a signal".into())),
    }
}

/// One text a line: a code that means to be read by a phone has no line ends in it.
fn texts(said: &[u8]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for line in String::from_utf8_lossy(said).lines().filter(|line| !line.is_empty()) {
        if !texts.iter().any(|text| text == line) {
            texts.push(line.into());
        }
    }
    texts
}
