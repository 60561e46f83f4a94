//! Traces in files: JSON lines, or a packet capture.
use super::line::{Kind, Line, VERSION};
use super::pcapng;
use crate::control::{Failure, FailureKind};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file that a trace is written to. It holds every line that was written as soon as it was.
pub struct TraceFile(Writer);

enum Writer {
    Json(File),
    Pcapng(Box<pcapng::Writer<File>>),
}

impl TraceFile {
    /// Begins a file, for this user alone: a packet capture if its name ends in `.pcapng`, else JSON lines. What was in
    /// it is gone.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let refused = |error: io::Error| {
            let message = format!("cannot write the trace {}: {error}", path.display());
            Failure::new(FailureKind::Invalid, message)
        };
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(refused)?;
        let is_capture = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pcapng"));
        Ok(Self(match is_capture {
            true => Writer::Pcapng(Box::new(pcapng::Writer::new(file).map_err(refused)?)),
            false => Writer::Json(file),
        }))
    }

    /// Adds a line.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&mut self, line: &Line) -> io::Result<()> {
        match &mut self.0 {
            Writer::Pcapng(file) => file.line(line),
            // Whole or not at all, as far as the system goes along.
            Writer::Json(file) => file.write_all(json(line).as_bytes()),
        }
    }
}

/// A line of a file.
pub fn json(line: &Line) -> String {
    let mut json = serde_json::to_string(line).expect("text and numbers are JSON");
    json.push('\n');
    json
}

/// Reads a trace: JSON lines, or a packet capture. `name` is for messages.
///
/// # Errors
/// Invalid if it is neither; with the number of the line that is wrong.
pub fn read(name: &str, bytes: &[u8]) -> Result<Vec<Line>, Failure> {
    let invalid =
        |why: String| Failure::new(FailureKind::Invalid, format!("cannot read the trace {name}: {why}"));
    if bytes.starts_with(&pcapng::MAGIC) {
        return pcapng::read(bytes).map_err(invalid);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        invalid(format!("byte {} is neither text nor a packet capture", error.valid_up_to()))
            .hint("a capture of the older format pcap becomes one of this by `editcap -F pcapng IN OUT`")
    })?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| invalid(format!("line {number} is no line of a trace: {error}")))?;
        if line.kind == Kind::Trace && line.trace.is_some_and(|version| version > VERSION) {
            return Err(invalid(format!("{} wrote it in a newer format", line.name))
                .hint("take that version of fauxkey to read it"));
        }
        lines.push(line);
    }
    match lines.is_empty() {
        true => Err(invalid("there are no lines in it".into())),
        false => Ok(lines),
    }
}
