//! How people paste bytes: hexadecimal digits, base64, base64url, JSON, or the bytes themselves.
use serde::Serialize;
use std::fmt;
use wire::{base64url, hex};

/// How the input was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Text that speaks for itself: JSON, an AAGUID, a QR code's text.
    Text,
    /// Hexadecimal digits, perhaps with spaces, colons, commas, `0x` or `\x` between them.
    Hex,
    /// Standard base64, RFC 4648 §4.
    Base64,
    /// base64url, RFC 4648 §5. Also what stands in neither dialect's own characters.
    Base64Url,
    /// A JSON array of numbers, as a script prints bytes.
    JsonBytes,
    /// Bytes.
    Raw,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::JsonBytes => "JSON array of bytes",
            Self::Raw => "raw bytes",
        })
    }
}

/// The input as one form takes it.
pub(super) struct Input {
    /// How it was written.
    pub(super) form: Form,
    /// What it is.
    pub(super) bytes: Vec<u8>,
}

/// Every form that the input can be in, the strictest first.
pub(super) fn forms(input: &[u8]) -> Vec<Input> {
    let is_text = |text: &&str| !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace());
    let Some(text) = std::str::from_utf8(input).ok().filter(is_text) else {
        return vec![Input { form: Form::Raw, bytes: input.into() }];
    };
    let without_comments = without_comments(text);
    let text = unwrapped(&without_comments);
    let mut forms = Vec::new();
    if !text.is_empty() {
        forms.push(Input { form: Form::Text, bytes: text.into() });
    }
    // Base64 of any length has other letters than a to f, so what can be hexadecimal digits is.
    let dialect = if text.contains(['+', '/', '=']) { Form::Base64 } else { Form::Base64Url };
    let decoded = None
        .or_else(|| Some((Form::JsonBytes, serde_json::from_str::<Vec<u8>>(text).ok()?)))
        .or_else(|| Some((Form::Hex, from_hex(text)?)))
        .or_else(|| Some((dialect, from_base64(text)?)));
    forms.extend(decoded.filter(|(_, bytes)| !bytes.is_empty()).map(|(form, bytes)| Input { form, bytes }));
    forms
}

/// Files of vectors begin with lines for people.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// Takes off what people copy along: white space, a byte order mark, quotes, the `h'…'` of diagnostic notation,
/// the beginning of a data URL.
fn unwrapped(text: &str) -> &str {
    let mut text = text.trim_start_matches('\u{FEFF}').trim();
    for (open, close) in [("h'", "'"), ("b'", "'"), ("\"", "\""), ("'", "'"), ("`", "`")] {
        if let Some(inner) = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            text = inner.trim();
            break;
        }
    }
    match text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((_, data)) => data,
        None => text,
    }
}

/// The hexadecimal digits of `text`; `None` if there is anything else between them than what separates bytes.
pub(super) fn hex_digits(text: &str) -> Option<String> {
    let text = text.replace("0x", " ").replace("0X", " ").replace("\\x", " ");
    // .NET's BitConverter writes A3-63-66; elsewhere a hyphen is a character of base64url.
    let pairs = text.split('-').all(|pair| pair.trim().len() == 2);
    let separator =
        |c: &char| c.is_ascii_whitespace() || matches!(c, ':' | ',' | ';') || (*c == '-' && pairs);
    let digits: String = text.chars().filter(|c| !separator(c)).collect();
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(digits)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(&hex_digits(text)?)
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let joined: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64url::decode_lenient(&joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(input: &str, form: Form) -> Option<Vec<u8>> {
        forms(input.as_bytes()).into_iter().find(|read| read.form == form).map(|read| read.bytes)
    }

    #[test]
    fn hexadecimal_digits_may_be_written_in_every_usual_way() {
        for text in [
            "a30163",
            "A3 01 63",
            "a3:01:63",
            "0xa30163",
            "0xA3, 0x01, 0x63",
            "\\xa3\\x01\\x63",
            "A3-01-63",
            "h'a30163'",
            "\"a30163\"",
            "  a3\n01\t63\r\n",
            "\u{FEFF}a30163",
        ] {
            assert_eq!(bytes_of(text, Form::Hex), Some(vec![0xA3, 0x01, 0x63]), "{text:?}");
        }
        for text in ["a3016", "a3-0163", "a3 01 6g", "", "0x", "-"] {
            assert_eq!(bytes_of(text, Form::Hex), None, "{text:?}");
        }
    }

    #[test]
    fn lines_for_people_are_passed_over() {
        assert_eq!(bytes_of("# a message\na301\n  # more\n63\n", Form::Hex), Some(vec![0xA3, 0x01, 0x63]));
        assert!(forms(b"# nothing else\n").is_empty());
    }

    #[test]
    fn base64_may_be_of_either_dialect_and_broken_into_lines() {
        for text in ["-_8", "-_8=", "'-_8'"] {
            assert_eq!(
                bytes_of(text, if text.contains('=') { Form::Base64 } else { Form::Base64Url }),
                Some(vec![0xFB, 0xFF]),
                "{text}"
            );
        }
        for text in ["+/8", "+/8=", "+/\n8=", "data:application/cbor;base64,+/8="] {
            assert_eq!(bytes_of(text, Form::Base64), Some(vec![0xFB, 0xFF]), "{text}");
        }
    }

    #[test]
    fn an_array_of_numbers_is_bytes_and_an_array_of_others_is_not() {
        assert_eq!(bytes_of("[163, 1, 99]", Form::JsonBytes), Some(vec![163, 1, 99]));
        assert_eq!(bytes_of("[256]", Form::JsonBytes), None);
        assert_eq!(bytes_of("[\"a\"]", Form::JsonBytes), None);
    }

    #[test]
    fn what_is_not_text_is_bytes_and_nothing_else() {
        for raw in [&[0xA3, 0x01][..], &[0x04], b"a3\x01", &[0xFF; 37]] {
            let forms = forms(raw);
            assert_eq!(forms.iter().map(|read| read.form).collect::<Vec<_>>(), [Form::Raw]);
            assert_eq!(forms[0].bytes, raw);
        }
        assert!(forms(b"  \n ").is_empty());
    }
}
