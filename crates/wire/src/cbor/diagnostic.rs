//! CBOR for people: diagnostic notation, RFC 8949 §8.
use super::Value;
use crate::hex;
use alloc::{format, string::String};

/// `value` on one line, such as `{1: h'a5', "rk": true}`. Members stand in the order of the value.
///
/// Characters that would disturb a terminal are escaped, so that what a stranger sent can be printed.
pub fn diagnostic(value: &Value) -> String {
    let mut out = String::new();
    one_line(value, &mut out);
    out
}

fn one_line(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                one_line(item, out);
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            for (i, (key, value)) in members.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                one_line(key, out);
                out.push_str(": ");
                one_line(value, out);
            }
            out.push('}');
        }
        Value::Tag(tag, inner) => {
            out.push_str(&format!("{tag}("));
            one_line(inner, out);
            out.push(')');
        }
        Value::Integer(n) => out.push_str(&format!("{}", i128::from(*n))),
        Value::Bytes(bytes) => out.push_str(&format!("h'{}'", hex::encode(bytes))),
        Value::Text(text) => quoted(text, out),
        Value::Bool(bit) => out.push_str(if *bit { "true" } else { "false" }),
        Value::Null => out.push_str("null"),
        Value::Float(float) if float.is_infinite() => {
            out.push_str(if *float > 0.0 { "Infinity" } else { "-Infinity" });
        }
        // Debug keeps the point of 1.0, which tells a float from an integer.
        Value::Float(float) => out.push_str(&format!("{float:?}")),
        // ciborium keeps the right to add kinds of values.
        _ => out.push_str("undefined"),
    }
}

/// A text string as in JSON. Control characters are escaped, and so are those that turn the direction of
/// writing or cannot be seen.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control()
                || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}') =>
            {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::decode_foreign;

    fn notation(bytes: &str) -> String {
        diagnostic(&decode_foreign(&hex::decode(bytes).unwrap()).unwrap())
    }

    /// RFC 8949 appendix A, without what no `Value` can hold: simple values, `undefined` and the lengths of
    /// indefinite strings.
    #[test]
    fn the_examples_of_rfc_8949_read_as_printed_there() {
        for (bytes, expected) in [
            ("00", "0"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("3903e7", "-1000"),
            ("fb3ff199999999999a", "1.1"),
            ("f93c00", "1.0"),
            ("fbc010666666666666", "-4.1"),
            ("f97c00", "Infinity"),
            ("f97e00", "NaN"),
            ("f9fc00", "-Infinity"),
            ("f4", "false"),
            ("f5", "true"),
            ("f6", "null"),
            ("c074323031332d30332d32315432303a30343a30305a", r#"0("2013-03-21T20:04:00Z")"#),
            ("c11a514b67b0", "1(1363896240)"),
            ("d74401020304", "23(h'01020304')"),
            ("40", "h''"),
            ("4401020304", "h'01020304'"),
            ("60", r#""""#),
            ("6449455446", r#""IETF""#),
            ("62225c", r#""\"\\""#),
            ("62c3bc", r#""ü""#),
            ("63e6b0b4", r#""水""#),
            ("80", "[]"),
            ("8301820203820405", "[1, [2, 3], [4, 5]]"),
            ("a0", "{}"),
            ("a201020304", "{1: 2, 3: 4}"),
            ("a26161016162820203", r#"{"a": 1, "b": [2, 3]}"#),
            ("826161a161626163", r#"["a", {"b": "c"}]"#),
            ("9f018202039f0405ffff", "[1, [2, 3], [4, 5]]"),
        ] {
            assert_eq!(notation(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn text_from_a_stranger_cannot_steer_the_terminal() {
        let text = "\u{1b}[2J\u{7}\n\u{9b}\u{202e}evil\u{200b}";
        assert_eq!(diagnostic(&Value::from(text)), r#""\u001b[2J\u0007\n\u009b\u202eevil\u200b""#);
    }
}
