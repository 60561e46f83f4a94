//! A question in words for people: on the phone page, at the terminal, on the desktop.
use crate::control::Prompt;
use crate::output::shown;

/// Accounts that a sentence names.
const NAMED: usize = 3;

/// What kind of question, in a few words.
pub fn title(prompt: &Prompt) -> &'static str {
    match prompt.purpose.as_str() {
        "register" | "already-registered" => "New passkey",
        "sign-in" | "nothing-to-sign-in" => "Sign in",
        "token" => "Unlock",
        "u2f-register" => "New U2F key",
        "u2f-sign-in" => "Sign in by U2F",
        "select" => "This device?",
        "reset" => "Erase everything",
        "enroll-sample" => "A finger",
        _ => "A question",
    }
}

/// What for: the sentence goes on behind who asks.
pub fn why(prompt: &Prompt) -> String {
    let why = match prompt.purpose.as_str() {
        "register" => "wants to put a new passkey on this device.",
        "already-registered" => {
            "wants to put a new passkey on this device, which has one of it already. It will hear only that."
        }
        "sign-in" if prompt.choice => "wants to sign you in. Choose the account.",
        "sign-in" | "u2f-sign-in" => "wants to sign you in.",
        "nothing-to-sign-in" => "wants to sign you in, and this device has no passkey for it.",
        "token" => "wants to unlock this device, for what it does next.",
        "u2f-register" => "wants to make a U2F key of this device.",
        "select" => "asks which of several devices to use.",
        "reset" => "wants to erase this device. Every passkey on it would be gone.",
        "enroll-sample" => "wants to get to know a finger.",
        other => return format!("asks: {other}"),
    };
    why.into()
}

/// What kind of answer is wanted.
pub fn how(prompt: &Prompt) -> String {
    match prompt {
        Prompt { verification: true, attempts: 1, .. } => "Face, finger or screen lock. The last try.".into(),
        Prompt { verification: true, attempts, .. } => {
            format!("Face, finger or screen lock. {attempts} tries left.")
        }
        Prompt { long_touch: true, .. } => "A long touch.".into(),
        Prompt { samples: Some(1), .. } => "The last touch of the finger that is needed.".into(),
        Prompt { samples: Some(samples), .. } => {
            format!("{samples} good touches of the finger are still needed.")
        }
        _ => "A touch is enough.".into(),
    }
}

/// Who asks and why, fit for a terminal.
pub fn sentence(prompt: &Prompt) -> String {
    let who = prompt.rp_id.as_deref().map_or_else(|| "a program".into(), shown);
    let mut sentence = format!("{who} {}", shown(&why(prompt)));
    // Where there is a choice they are listed.
    if !prompt.accounts.is_empty() && !prompt.choice {
        let named: Vec<String> = prompt.accounts.iter().take(NAMED).map(|account| shown(account)).collect();
        sentence += &format!(" For {}", named.join(", "));
        match prompt.accounts.len().saturating_sub(NAMED) {
            0 => {}
            more => sentence += &format!(" and {more} more"),
        }
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(purpose: &str, rp_id: Option<&str>, accounts: &[&str]) -> Prompt {
        Prompt {
            number: 1,
            purpose: purpose.into(),
            rp_id: rp_id.map(Into::into),
            accounts: accounts.iter().map(|&account| account.into()).collect(),
            choice: false,
            verification: true,
            attempts: 3,
            long_touch: false,
            samples: None,
        }
    }

    #[test]
    fn a_sentence_says_who_asks_and_why_and_for_whom() {
        let some = Some("example.test");
        for (prompt, said) in [
            (
                prompt("register", some, &["ada"]),
                "example.test wants to put a new passkey on this device. For ada.",
            ),
            (
                prompt("sign-in", some, &["a", "b", "c", "d", "e"]),
                "example.test wants to sign you in. For a, b, c and 2 more.",
            ),
            (
                Prompt { choice: true, ..prompt("sign-in", some, &["a", "b"]) },
                "example.test wants to sign you in. Choose the account.",
            ),
            (prompt("select", None, &[]), "a program asks which of several devices to use."),
            (
                prompt("sign-in", Some("a\x1b[2J.test"), &["b\u{202e}"]),
                "a\\u{1b}[2J.test wants to sign you in. For b\\u{202e}.",
            ),
        ] {
            assert_eq!(sentence(&prompt), said);
        }
    }
}
