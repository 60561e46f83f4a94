//! The server's side of D-Bus authentication (D-Bus specification, "Authentication Protocol"), as lines.
//!
//! Who can reach the socket file may use the bus, so whatever identity a client claims is taken: a client in a user
//! namespace of its own claims a user ID that means nothing outside, and a server that compared it with the
//! socket's would refuse it.

/// What follows from a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This line is the answer, without its line end.
    Say(String),
    /// The client is authenticated, and the next byte is the first of its first message.
    Begin,
    /// The client does not speak the protocol.
    HangUp,
}

/// What a client is to say next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Auth,
    Data,
    Begin,
}

/// One client's authentication.
#[derive(Debug, Default)]
pub(super) struct Sasl {
    state: State,
}

impl Sasl {
    /// Takes a line of the client, without its line end; `guid` is the bus's, 32 hexadecimal digits.
    pub(super) fn line(&mut self, line: &str, guid: &str) -> Step {
        let mut words = line.split(' ');
        let command = words.next().unwrap_or_default();
        match (self.state, command) {
            (State::Auth, "AUTH") => match (words.next(), words.next()) {
                (Some("EXTERNAL"), Some(_)) => self.accept(guid),
                (Some("EXTERNAL"), None) => {
                    self.state = State::Data;
                    Step::Say("DATA".into())
                }
                _ => Self::reject(),
            },
            (State::Data, "DATA") => self.accept(guid),
            (State::Begin, "BEGIN") => Step::Begin,
            (State::Begin, "NEGOTIATE_UNIX_FD") => {
                Step::Say("ERROR file descriptors are not passed here".into())
            }
            (_, "BEGIN") => Step::HangUp,
            (_, "CANCEL" | "ERROR") => {
                self.state = State::Auth;
                Self::reject()
            }
            _ => Step::Say("ERROR not understood here".into()),
        }
    }

    fn accept(&mut self, guid: &str) -> Step {
        self.state = State::Begin;
        Step::Say(format!("OK {guid}"))
    }

    fn reject() -> Step {
        Step::Say("REJECTED EXTERNAL".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(lines: &[&str]) -> Vec<Step> {
        let mut sasl = Sasl::default();
        lines.iter().map(|line| sasl.line(line, "0123")).collect()
    }

    fn say(text: &str) -> Step {
        Step::Say(text.into())
    }

    #[test]
    fn a_client_may_say_who_it_is_at_once_or_when_asked_or_not_at_all() {
        assert_eq!(talk(&["AUTH EXTERNAL 31303030", "BEGIN"]), [say("OK 0123"), Step::Begin]);
        assert_eq!(talk(&["AUTH EXTERNAL", "DATA", "BEGIN"]), [say("DATA"), say("OK 0123"), Step::Begin]);
        assert_eq!(talk(&["AUTH EXTERNAL", "DATA 30"]), [say("DATA"), say("OK 0123")]);
    }

    #[test]
    fn a_client_that_asks_for_mechanisms_or_names_another_is_told_the_one_there_is() {
        for first in ["AUTH", "AUTH ANONYMOUS 00", "AUTH DBUS_COOKIE_SHA1 30"] {
            assert_eq!(talk(&[first, "AUTH EXTERNAL 30"]), [say("REJECTED EXTERNAL"), say("OK 0123")]);
        }
    }

    #[test]
    fn file_descriptors_are_declined_and_the_client_goes_on() {
        let steps = talk(&["AUTH EXTERNAL 30", "NEGOTIATE_UNIX_FD", "BEGIN"]);
        assert!(matches!(&steps[1], Step::Say(line) if line.starts_with("ERROR ")));
        assert_eq!(steps[2], Step::Begin);
    }

    #[test]
    fn nobody_begins_without_authentication_and_after_a_cancel_it_starts_anew() {
        assert_eq!(talk(&["BEGIN"]), [Step::HangUp]);
        assert_eq!(talk(&["AUTH EXTERNAL", "BEGIN"])[1], Step::HangUp);
        assert_eq!(
            talk(&["AUTH EXTERNAL 30", "CANCEL", "BEGIN"])[1..],
            [say("REJECTED EXTERNAL"), Step::HangUp]
        );
        assert!(matches!(&talk(&["HELO"])[0], Step::Say(line) if line.starts_with("ERROR ")));
    }
}
