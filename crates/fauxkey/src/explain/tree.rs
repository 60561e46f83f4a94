//! What an explanation is made of: lines with lines under them.
use serde::Serialize;
use std::fmt;
use wire::cbor::{Value, diagnostic};
use wire::hex;

/// One line, and what is inside the thing that it names. Nothing in it can steer a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The member's name, in the words of its specification.
    pub label: String,
    /// The value in full: digits, quoted text, hexadecimal digits. Empty where only what is inside matters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What the value means, or how large it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What is inside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
}

impl Node {
    /// A line. `value` must have gone through [`quoted`] or [`word`] if it came from outside.
    pub(super) fn new(label: impl AsRef<str>, value: impl Into<String>) -> Self {
        Self { label: word(label.as_ref()), value: value.into(), note: String::new(), children: Vec::new() }
    }

    /// A byte string: its digits and its size.
    pub(super) fn bytes(label: impl AsRef<str>, bytes: &[u8]) -> Self {
        Self::new(label, hex::encode(bytes)).note(size(bytes.len()))
    }

    /// A byte string that is explained by what is inside: its size alone.
    pub(super) fn holder(label: impl AsRef<str>, bytes: usize, children: Vec<Self>) -> Self {
        Self::new(label, size(bytes)).with(children)
    }

    /// A text from outside.
    pub(super) fn text(label: impl AsRef<str>, text: &str) -> Self {
        Self::new(label, quoted(text))
    }

    /// Adds to the note.
    pub(super) fn note(mut self, note: impl AsRef<str>) -> Self {
        let note = note.as_ref();
        if !self.note.is_empty() && !note.is_empty() {
            self.note.push_str("; ");
        }
        self.note.push_str(note);
        self
    }

    /// Adds a note if there is one.
    pub(super) fn note_if(self, note: Option<impl AsRef<str>>) -> Self {
        match note {
            Some(note) => self.note(note),
            None => self,
        }
    }

    /// Puts lines inside.
    pub(super) fn with(mut self, children: Vec<Self>) -> Self {
        self.children.extend(children);
        self
    }
}

/// `1 byte`, `32 bytes`.
pub(super) fn size(bytes: usize) -> String {
    count(bytes, "byte")
}

/// `1 entry`-like counts of a thing whose plural takes an s.
pub(super) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Text from outside in quotes, with everything escaped that could steer a terminal.
pub(super) fn quoted(text: &str) -> String {
    diagnostic(&Value::from(text))
}

/// A name from outside: as it is if nothing in it needs to be escaped, else in quotes.
pub(super) fn word(text: &str) -> String {
    let quoted = quoted(text);
    if !text.is_empty() && quoted.len() == text.len() + 2 { text.into() } else { quoted }
}

/// How much of a long value a person is shown: its beginning and its end.
const SHOWN: (usize, usize) = (72, 16);
/// Labels wider than this do not push their neighbours' values to the right.
const WIDEST_LABEL: usize = 28;

/// Writes lines, values under each other.
pub(super) fn write_lines(nodes: &[Node], indent: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let width = |node: &Node| node.label.chars().count();
    let widest = nodes.iter().map(width).filter(|width| *width <= WIDEST_LABEL).max().unwrap_or(0);
    for node in nodes {
        let Node { label, value, note, children } = node;
        write!(f, "{:indent$}{label}", "")?;
        if !value.is_empty() || !note.is_empty() {
            write!(f, "{:pad$}", "", pad = 2 + widest.saturating_sub(width(node)))?;
        }
        write_short(value, f)?;
        match (value.is_empty(), note.is_empty()) {
            (_, true) => writeln!(f)?,
            (true, false) => writeln!(f, "({note})")?,
            (false, false) => writeln!(f, "  ({note})")?,
        }
        write_lines(children, indent + 2, f)?;
    }
    Ok(())
}

fn write_short(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (head, tail) = SHOWN;
    let length = value.chars().count();
    if length <= head + tail + 8 {
        return f.write_str(value);
    }
    value.chars().take(head).try_for_each(|c| write!(f, "{c}"))?;
    f.write_str("…")?;
    value.chars().skip(length - tail).try_for_each(|c| write!(f, "{c}"))
}
