//! Results to stdout, everything for people to stderr, and both as JSON where that was asked for.
use crate::control::Failure;
use crate::files;
use clap::ColorChoice;
use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

/// How to speak to whoever called.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// JSON instead of text for people.
    pub json: bool,
    /// Say more.
    pub verbose: bool,
    colour_results: bool,
    colour_messages: bool,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something failed.
    Error,
    /// Something that must not be overlooked.
    Loud,
    /// A way out, or something that needs an answer.
    Hint,
    /// A heading.
    Heading,
}

impl Tone {
    /// Select Graphic Rendition, ECMA-48 §8.3.117.
    const fn code(self) -> &'static str {
        match self {
            Self::Error => "1;31",
            Self::Loud => "1;33",
            Self::Hint => "36",
            Self::Heading => "1",
        }
    }
}

impl Output {
    /// Colours as asked for; `NO_COLOR` and `TERM=dumb` count where nothing was asked for.
    pub fn new(json: bool, verbose: bool, colour: ColorChoice) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let plain = set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb");
        let on = |terminal: bool| match colour {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !plain,
        };
        Self {
            json,
            verbose,
            colour_results: on(io::stdout().is_terminal()),
            colour_messages: on(io::stderr().is_terminal()),
        }
    }

    /// Whether results have colours.
    pub const fn colours(&self) -> bool {
        self.colour_results
    }

    /// Something that is true for a moment only, on a line of the terminal that the next one takes; nothing where
    /// nobody watches.
    pub fn fleeting(&self, line: &str) {
        if !self.json && !self.verbose && io::stderr().is_terminal() {
            // CR, and Erase in Line, ECMA-48 §8.3.41.
            let _ = io::stderr().lock().write_all(format!("\r\x1b[K{line}").as_bytes());
        }
    }

    /// A result for people. It ends with a line break whatever `text` does.
    pub fn text(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// A result that is bytes, and stays as it is.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// A result that is JSON in any case: on one line for programs, over several for people.
    pub fn document<T: Serialize>(&self, value: &T) -> io::Result<()> {
        let text = if self.json { serde_json::to_string(value) } else { serde_json::to_string_pretty(value) };
        self.text(&text.map_err(io::Error::other)?)
    }

    /// A result: JSON for programs, `text` for people.
    pub fn result<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> io::Result<()> {
        if self.json { self.document(value) } else { self.text(&text()) }
    }

    /// A piece of a result for people, in a tone.
    pub fn painted(&self, text: &str, tone: Tone) -> String {
        painted(text, tone, self.colour_results)
    }

    /// A table with a heading; for people.
    pub fn table<const N: usize>(&self, heading: [&str; N], rows: &[[String; N]]) -> String {
        let mut widths = heading.map(|cell| cell.chars().count());
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: [&str; N]| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut text = self.painted(&line(heading), Tone::Heading);
        for row in rows {
            text.push('\n');
            text.push_str(&line(row.each_ref().map(String::as_str)));
        }
        text
    }

    /// A line for people.
    pub fn say(&self, line: &str) {
        // At once, so that the lines of several processes on one terminal stay whole. Nobody may be listening to
        // stderr; that is no reason to fail.
        let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
    }

    /// What was done, for people; for programs an object of its own.
    pub fn inform(&self, line: &str) {
        if self.json { self.note(line) } else { self.say(line) }
    }

    /// Writes a file that was asked for, and says so.
    ///
    /// # Errors
    /// Broken if it cannot be written.
    pub fn file(&self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        std::fs::write(path, bytes).map_err(|error| files::refused("write", path, &error))?;
        self.inform(&format!("wrote {}", path.display()));
        Ok(())
    }

    /// A line for people, in a tone.
    pub fn say_in(&self, tone: Tone, line: &str) {
        self.say(&painted(line, tone, self.colour_messages));
    }

    /// Something that was done or left out and might surprise; for programs an object of its own.
    pub fn note(&self, note: &str) {
        if self.json {
            self.say(&serde_json::json!({ "note": note }).to_string());
        } else {
            self.say(&format!("{} {note}", painted("note:", Tone::Heading, self.colour_messages)));
        }
    }

    /// Something that must not be overlooked; for programs an object of its own.
    pub fn warn(&self, warning: &str) {
        if self.json {
            self.say(&serde_json::json!({ "warning": warning }).to_string());
        } else {
            self.say_in(Tone::Loud, &format!("WARNING: {warning}"));
        }
    }

    /// Something that only `--verbose` wants to hear.
    pub fn detail(&self, line: &str) {
        if self.verbose {
            self.say(line);
        }
    }

    /// Why it did not work, and what to do.
    pub fn failure(&self, failure: &Failure, usage: Option<&str>) {
        if self.json {
            let text = serde_json::to_string(failure).unwrap_or_else(|_| failure.message.clone());
            return self.say(&text);
        }
        let colour = self.colour_messages;
        self.say(&format!("{} {failure}", painted("fauxkey:", Tone::Error, colour)));
        if let Some(usage) = usage {
            self.say(&format!("usage: {usage}"));
        }
        if let Some(hint) = &failure.hint {
            self.say(&format!("{} {hint}", painted("hint:", Tone::Hint, colour)));
        }
    }

    /// Asks at the terminal and takes the answer; `None` if there is no terminal to ask at.
    pub fn ask(&self, question: &str) -> Option<String> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let mut stderr = io::stderr().lock();
        write!(stderr, "{} ", painted(question, Tone::Hint, self.colour_messages)).ok()?;
        stderr.flush().ok()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).ok()?;
        Some(line.trim().to_lowercase())
    }
}

fn painted(text: &str, tone: Tone, colour: bool) -> String {
    if colour { format!("\x1b[{}m{text}\x1b[0m", tone.code()) } else { text.into() }
}

/// Text from a stranger, fit for a terminal: what could move the cursor or turn the direction of writing is
/// escaped.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Unicode's bidirectional controls (UAX #9 §2) and invisible characters.
        let deceives = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || deceives { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Output {
        Output::new(false, false, ColorChoice::Never)
    }

    #[test]
    fn the_columns_of_a_table_stand_under_their_headings() {
        let rows = [["phone".to_owned(), "2".to_owned()], ["ключ".to_owned(), "10".to_owned()]];
        assert_eq!(plain().table(["NAME", "PASSKEYS"], &rows), "NAME   PASSKEYS\nphone  2\nключ   10");
    }

    #[test]
    fn a_heading_is_bold_only_in_colour() {
        let colourful = Output::new(false, false, ColorChoice::Always);
        assert_eq!(colourful.table(["A"], &[]), "\x1b[1mA\x1b[0m");
        assert_eq!(plain().table(["A"], &[]), "A");
    }

    #[test]
    fn a_stranger_s_text_cannot_play_with_the_terminal() {
        assert_eq!(shown("O'Brien \"Ada\" Müller 日本"), "O'Brien \"Ada\" Müller 日本");
        assert_eq!(shown("a\x1b[2Jb\r\nc\u{202e}d\u{9b}"), "a\\u{1b}[2Jb\\r\\nc\\u{202e}d\\u{9b}");
    }
}
