//! Texts that nobody is to read: where they come from, and how they are kept out of a report.
use crate::control::{Failure, FailureKind};
use std::path::Path;
use zeroize::Zeroizing;

/// What stands in a report where a secret stood.
const HIDDEN: &str = "[secret]";
/// A text that is shorter is in every second answer, and hides nothing.
const SHORTEST: usize = 4;

/// Such a text. Without `Debug`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Of that text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, to be sent and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The value of a header or a cookie, and whether it is a secret: a text, `env:NAME` or `file:PATH`, from `folder`.
/// What stands in a header that authenticates is a secret wherever it comes from.
///
/// # Errors
/// Invalid if there is no such variable or file, or if it is empty.
pub fn resolve(what: &str, text: &str, folder: &Path) -> Result<(Secret, bool), Failure> {
    let missing = |why: String| Failure::new(FailureKind::Invalid, format!("{what}: {why}"));
    if let Some(name) = text.strip_prefix("env:") {
        let value = std::env::var(name).map(Zeroizing::new).unwrap_or_default();
        let value = value.trim();
        if value.is_empty() {
            return Err(missing(format!("the environment has no {name}")).hint(format!("export {name}=…")));
        }
        return Ok((Secret::new(value), true));
    }
    if let Some(path) = text.strip_prefix("file:") {
        let path = folder.join(path);
        let content = std::fs::read_to_string(&path).map(Zeroizing::new);
        let content = content.map_err(|error| missing(format!("cannot read {}: {error}", path.display())))?;
        let line = content.lines().next().unwrap_or_default().trim();
        if line.is_empty() {
            return Err(missing(format!("the first line of {} is empty", path.display())));
        }
        return Ok((Secret::new(line), true));
    }
    Ok((Secret::new(text), false))
}

/// Whether a header by that name says who asks.
pub fn authenticates(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "cookie", "token", "secret", "key", "csrf", "xsrf", "session", "password"]
        .iter()
        .any(|word| name.contains(word))
}

/// Everything that a report must not show.
#[derive(Default)]
pub struct Hidden(Vec<Secret>);

impl Hidden {
    /// From now on, that one too.
    pub fn add(&mut self, secret: &Secret) {
        let text = secret.expose();
        // A scheme, such as that of `Bearer …` (RFC 9110 §11.1), is none.
        let token = text.split_once(' ').map(|(_, token)| token.trim());
        for text in [Some(text), token].into_iter().flatten() {
            let forms = [text.to_owned(), super::template::percent(text), escaped(text)];
            for form in forms {
                if form.len() >= SHORTEST && !self.0.iter().any(|known| known.expose() == form) {
                    self.0.push(Secret::new(form));
                }
            }
        }
        // The longest first: one may be part of another.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    /// The text without any of them.
    pub fn scrub(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), HIDDEN))
    }
}

/// As it stands in JSON.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    // One at each end: those inside are escaped, and belong to it.
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_and_whole() {
        let mut hidden = Hidden::default();
        for secret in ["Bearer abc/def=", "abc/def=ghi", "a\"quote\"", "x"] {
            hidden.add(&Secret::new(secret));
        }
        let text = "Bearer abc/def= abc/def=ghi abc%2Fdef%3D {\"a\":\"a\\\"quote\\\"\"} x";
        assert_eq!(hidden.scrub(text), format!("{HIDDEN} {HIDDEN} {HIDDEN} {{\"a\":\"{HIDDEN}\"}} x"));
    }

    #[test]
    fn a_value_comes_from_the_text_or_the_first_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "  s3cret \nsecond\n").unwrap();
        std::fs::write(folder.path().join("empty"), "\nsecond").unwrap();
        let read = |text: &str| {
            resolve("headers.X", text, folder.path())
                .map(|(secret, hidden)| (secret.expose().to_owned(), hidden))
        };
        assert_eq!(read("plain").unwrap(), ("plain".into(), false));
        assert_eq!(read("file:token").unwrap(), ("s3cret".into(), true));
        for bad in ["file:nowhere", "file:empty", "env:FAUXKEY_TEST_OF_A_VARIABLE_THAT_NOBODY_SETS"] {
            let failure = read(bad).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Invalid);
            assert!(failure.message.starts_with("headers.X: "), "{failure}");
        }
    }
}
