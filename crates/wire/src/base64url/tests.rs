use super::*;
use proptest::prelude::*;

/// RFC 4648 §10, and bytes whose text has the characters in which the dialects differ.
#[test]
fn both_dialects_padded_or_not_are_the_same_bytes() {
    for (text, padded, bytes) in [
        ("", "", &b""[..]),
        ("Zg", "Zg==", b"f"),
        ("Zm8", "Zm8=", b"fo"),
        ("Zm9v", "Zm9v", b"foo"),
        ("Zm9vYmFy", "Zm9vYmFy", b"foobar"),
        ("-_8", "-_8=", &[0xFB, 0xFF]),
    ] {
        let standard = padded.replace('-', "+").replace('_', "/");
        assert_eq!((encode(bytes).as_str(), decode(text).as_deref()), (text, Some(bytes)));
        for dialect in [text, padded, standard.trim_end_matches('='), &standard] {
            assert_eq!(decode_lenient(dialect).as_deref(), Some(bytes), "{dialect}");
            assert_eq!(decode(dialect).is_some(), dialect == text, "{dialect}");
        }
    }
}

#[test]
fn text_that_is_neither_is_refused() {
    for bad in ["A", "AAAAA", "A A", "AA\n", "A=A", "====", "AA===", "Zh", "é", "AA==AA"] {
        assert_eq!((decode(bad), decode_lenient(bad)), (None, None), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(bytes: Vec<u8>) {
        let text = encode(&bytes);
        prop_assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        prop_assert_eq!((decode(&text), decode_lenient(&text)), (Some(bytes.clone()), Some(bytes)));
    }

    #[test]
    fn no_text_can_make_it_panic(text: String) {
        prop_assert!(decode_lenient(&text).is_none_or(|bytes| bytes.len() <= text.len()));
        prop_assert!(decode(&text).is_none_or(|bytes| encode(&bytes) == text));
    }
}
