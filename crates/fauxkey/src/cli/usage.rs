//! What clap says about a wrong command line, in our manners: `fauxkey: …`, `hint: …`.
use crate::control::{Failure, FailureKind};

/// The failure behind clap's message, and the usage line that goes with it.
pub fn wrong_use(message: &str) -> (Failure, Option<String>) {
    let text = message.strip_prefix("error: ").unwrap_or(message);
    let mut paragraphs = text.split("\n\n").map(str::trim);
    let mut failure = Failure::new(FailureKind::Invalid, one_line(paragraphs.next().unwrap_or_default()));
    let mut usage = None;
    for paragraph in paragraphs {
        if let Some(tip) = paragraph.strip_prefix("tip: ") {
            failure.hint = Some(one_line(tip));
        } else if let Some(line) = paragraph.strip_prefix("Usage: ") {
            usage = Some(one_line(line));
        }
    }
    // Where there is no better advice: what to read on, which is the help of the verb in the usage line.
    let verb = usage
        .as_deref()
        .unwrap_or("fauxkey")
        .split(' ')
        .take_while(|word| !word.starts_with(['<', '[', '-']));
    let verb = verb.collect::<Vec<_>>().join(" ");
    failure.hint.get_or_insert_with(|| format!("see {verb} --help"));
    (failure, usage)
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_clap_s_becomes_one_line_with_a_hint() {
        let clap = "error: unrecognized subcommand 'pasky'\n\n  tip: a similar subcommand exists: 'passkey'\n\n\
                    Usage: fauxkey [OPTIONS] [COMMAND]\n\nFor more information, try '--help'.\n";
        let (failure, usage) = wrong_use(clap);
        assert_eq!(failure.message, "unrecognized subcommand 'pasky'");
        assert_eq!(failure.hint.as_deref(), Some("a similar subcommand exists: 'passkey'"));
        assert_eq!(usage.as_deref(), Some("fauxkey [OPTIONS] [COMMAND]"));
    }

    #[test]
    fn without_a_tip_the_hint_is_where_to_read_on() {
        let clap = "error: the following required arguments were not provided:\n  <NAME>\n\n\
                    Usage: fauxkey device add <NAME>\n\nFor more information, try '--help'.\n";
        let (failure, _) = wrong_use(clap);
        assert_eq!(failure.message, "the following required arguments were not provided: <NAME>");
        assert_eq!(failure.hint.as_deref(), Some("see fauxkey device add --help"));
    }
}
