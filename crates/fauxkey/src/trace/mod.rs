//! Traces: what passes between platforms and devices, one line a message, with the specification's words.
//!
//! ```text
//! Instance::watch ─ events ─► Collector ─ Lines ─► file (JSON lines or pcapng), terminal, API
//! a capture file ── reports ──┘    │
//!                          redact, decode
//! ```
//!
//! A [`Line`] is all that leaves this room: what is secret is hidden before it is decoded, so that it is in no text
//! and in no bytes. A file holds everything that a bug report needs: the program, the profiles, the messages both
//! ways, why each refusal was one, and what the user was asked.
//!
//! | module | what |
//! |---|---|
//! | `line` | the line and its JSON |
//! | `collect` | events into lines |
//! | `ctaphid` | reports into messages |
//! | `redact`, `spans` | secrets out of messages |
//! | `decode`, `show` | messages in words, lines for people |
//! | `live` | lines of what happens now |
//! | `file`, `pcapng` | traces in files, and captures of real keys |
mod collect;
mod ctaphid;
mod decode;
mod file;
mod line;
mod live;
mod pcapng;
mod redact;
mod show;
mod spans;
#[cfg(test)]
mod tests;

pub use file::{TraceFile, read};
#[cfg(test)]
pub use line::Kind;
pub use line::Line;
pub use live::lines;
pub use show::painted;

/// A CTAP2 request in words, without its secrets.
pub fn request(message: &[u8]) -> String {
    let mut message = message.to_vec();
    redact::request(&mut message);
    let (name, text) = decode::request(&message);
    format!("{name} {text}").trim_end().into()
}

/// The response to a CTAP2 request in words, without its secrets.
pub fn response(request: &[u8], message: &[u8]) -> String {
    let command = request.first().map(|byte| wire::ctap2::Command(*byte));
    let mut message = message.to_vec();
    redact::response(command, &mut message);
    let (status, text) = decode::response(command, &message);
    format!("{status} {text}").trim_end().into()
}
