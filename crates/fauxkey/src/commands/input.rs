//! What verbs read: a file, standard input, or the argument itself.
use crate::control::{Failure, FailureKind};
use crate::output::Output;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// More than any document that is made for this.
const LIMIT: u64 = 4 << 20;
/// The same for what has requests and answers in it: a report of the prober, a browser's recording.
const LARGE: u64 = 256 << 20;

/// What was read, and what to call it in a message.
pub struct Input {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// A file name or `standard input`.
    pub name: String,
}

impl Input {
    /// The input as text.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let at = error.valid_up_to();
            Failure::new(FailureKind::Invalid, format!("cannot read {}: byte {at} is not UTF-8", self.name))
        })
    }
}

/// Reads a file, or standard input for `-`.
pub fn read(output: &Output, name: &str) -> Result<Input, Failure> {
    if name == "-" { standard_input(output, LIMIT) } else { file(Path::new(name)) }
}

/// The same for what may be large.
pub fn read_large(output: &Output, name: &str) -> Result<Input, Failure> {
    if name == "-" { standard_input(output, LARGE) } else { large_file(Path::new(name)) }
}

/// Reads a file.
pub fn file(path: &Path) -> Result<Input, Failure> {
    file_up_to(path, LIMIT)
}

/// Reads a file that may be large.
pub fn large_file(path: &Path) -> Result<Input, Failure> {
    file_up_to(path, LARGE)
}

fn file_up_to(path: &Path, limit: u64) -> Result<Input, Failure> {
    let name = path.display().to_string();
    match File::open(path).and_then(|file| limited(file, limit)) {
        Ok(Some(bytes)) => Ok(Input { bytes, name }),
        Ok(None) => Err(too_large(&name, limit)),
        Err(error) => Err(Failure::new(FailureKind::Invalid, format!("cannot read {name}: {error}"))),
    }
}

fn standard_input(output: &Output, limit: u64) -> Result<Input, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        output.say("reading from the terminal; Ctrl-D ends");
    }
    let name = "standard input".to_owned();
    match limited(stdin.lock(), limit) {
        Ok(Some(bytes)) => Ok(Input { bytes, name }),
        Ok(None) => Err(too_large(&name, limit)),
        Err(error) => Err(Failure::new(FailureKind::Broken, format!("cannot read {name}: {error}"))),
    }
}

/// `None` if there is more than the limit.
fn limited(reader: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|len| len <= limit);
    Ok(fits.then_some(bytes))
}

fn too_large(name: &str, limit: u64) -> Failure {
    Failure::new(FailureKind::Invalid, format!("cannot read {name}: it is larger than {} MiB", limit >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_the_limit() {
        let len = |reader| limited(reader, LIMIT).unwrap().map(|bytes: Vec<u8>| bytes.len());
        assert_eq!(len(io::repeat(b'x').take(LIMIT)), Some(usize::try_from(LIMIT).unwrap()));
        assert_eq!(len(io::repeat(b'x').take(u64::MAX)), None);
    }
}
