//! Lines for people.
use super::line::{Carrier, Kind, Line, Towards};
use crate::output::{Output, Tone, shown};

/// A line of a trace as text on one line, without colours. `verbose` adds all bytes.
pub fn line(line: &Line, verbose: bool) -> String {
    let mut parts = start(line);
    parts.extend(rest(line, verbose));
    parts.join("  ")
}

/// A line of a trace in the colours of an output.
pub fn painted(output: &Output, line: &Line) -> String {
    let text = self::line(line, output.verbose);
    let refused = line.status.as_ref().is_some_and(|status| !is_success(status));
    match line.kind {
        _ if refused => output.painted(&text, Tone::Error),
        Kind::Missed => output.painted(&text, Tone::Loud),
        Kind::Trace | Kind::Device => output.painted(&text, Tone::Heading),
        _ => text,
    }
}

/// When, where and which way.
fn start(line: &Line) -> Vec<String> {
    let mut parts = vec![format!("{:>10.6}", line.at)];
    if !line.device.is_empty() {
        parts.push(shown(&line.device));
    }
    if let Some(wire) = &line.wire {
        parts.push(if wire.towards == Towards::Device { "→".into() } else { "←".into() });
        let channel = match wire.carrier {
            Carrier::Ctaphid => wire.channel.as_str(),
            Carrier::Apdu => "apdu",
            Carrier::Message => wire.link.as_str(),
        };
        parts.push(shown(channel));
    }
    parts
}

fn rest(line: &Line, verbose: bool) -> Vec<String> {
    let carried = line.wire.as_ref().filter(|wire| !wire.command.is_empty() && wire.command != line.name);
    let mut parts: Vec<String> = carried.map(|wire| shown(&wire.command)).into_iter().collect();
    parts.push(shown(&line.name));
    parts.extend(line.status.as_deref().map(shown));
    parts.extend((!line.text.is_empty()).then(|| shown(&line.text)));
    parts.extend(line.reason.as_ref().map(|reason| format!("because {}", shown(reason))));
    parts.extend(line.took_ms.map(|took| format!("({took} ms)")));
    if !line.hidden.is_empty() {
        parts.push(format!("[hidden: {}]", shown(&line.hidden.join(", "))));
    }
    if let (true, Some(bytes)) = (verbose, &line.bytes) {
        parts.push(shown(bytes));
    }
    parts
}

/// Whether a status says that all is well, or that there is more to come.
fn is_success(status: &str) -> bool {
    ["0x00 ", "0x9000 ", "0x61", "0x9100 "].iter().any(|start| status.starts_with(start))
        || status.ends_with("PROCESSING")
        || status.ends_with("UPNEEDED")
}
