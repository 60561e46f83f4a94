//! Paths as Graph has them: in any case, keys in parentheses or as segments, functions with arguments.
use std::borrow::Cow;

/// A path, taken apart.
pub(super) struct Path {
    /// Whether it began with `beta`.
    pub(super) beta: bool,
    words: Vec<String>,
    raw: Vec<String>,
    arguments: Vec<(String, String)>,
}

impl Path {
    /// Takes a path apart; `None` if it does not begin with a version, or cannot be decoded.
    pub(super) fn read(path: &str) -> Option<Self> {
        let mut raw = Vec::new();
        let mut arguments = Vec::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let segment = decode(segment)?;
            match segment.split_once('(').and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?))) {
                Some((name, inner)) if inner.contains('=') => {
                    raw.push(name.to_owned());
                    for pair in inner.split(',') {
                        let (key, value) = pair.split_once('=')?;
                        arguments.push((key.trim().to_owned(), unquoted(value.trim()).to_owned()));
                    }
                }
                Some((name, "")) => raw.push(name.to_owned()),
                Some((name, key)) => {
                    raw.push(name.to_owned());
                    raw.push(unquoted(key.trim()).to_owned());
                }
                None => raw.push(segment.into_owned()),
            }
        }
        let beta = match raw.first()?.to_ascii_lowercase().as_str() {
            "v1.0" => false,
            "beta" => true,
            _ => return None,
        };
        raw.remove(0);
        // Functions may be named with their namespace.
        for word in &mut raw {
            if let Some(name) = word.strip_prefix("microsoft.graph.") {
                *word = name.to_owned();
            }
        }
        let words = raw.iter().map(|word| word.to_ascii_lowercase()).collect();
        Some(Self { beta, words, raw, arguments })
    }

    /// Its segments after the version, in lower case.
    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// A segment as it was written.
    pub(super) fn at(&self, index: usize) -> &str {
        self.raw.get(index).map_or("", String::as_str)
    }

    /// An argument of a function, by its name in any case.
    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        let found = self.arguments.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text)
}

/// Text as a part of a path or of a query, RFC 3986 §2.1.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'@' | b'$' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// The other way.
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The pairs of a query, decoded, or those that cannot be, as they are.
pub fn pairs(query: &str) -> impl Iterator<Item = Result<(String, String), &str>> {
    let decoded = |text: &str| decode(&text.replace('+', " ")).map(Cow::into_owned);
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        decoded(key).zip(decoded(value)).ok_or(pair)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_parentheses_are_segments_and_functions_have_arguments() {
        let path = Path::read("/V1.0/Users('A%40b')/authentication/fido2Methods").unwrap();
        assert_eq!(path.words(), ["users", "a@b", "authentication", "fido2methods"]);
        assert_eq!(path.at(1), "A@b");
        assert!(!path.beta);
        let path = Path::read("/beta/x/creationOptions(challengeTimeoutInMinutes=10)").unwrap();
        assert_eq!(path.words(), ["x", "creationoptions"]);
        assert_eq!(path.argument("ChallengeTimeoutInMinutes"), Some("10"));
        assert!(path.beta);
        let path =
            Path::read("/v1.0/r/usersRegisteredByMethod(includedUserTypes='all',includedUserRoles='admin')");
        assert_eq!(path.unwrap().argument("includedUserRoles"), Some("admin"));
        for bad in ["", "/", "/users", "/v2.0/users", "/v1.0/%zz", "/v1.0/%ff"] {
            assert!(Path::read(bad).is_none(), "{bad}");
        }
    }
}
