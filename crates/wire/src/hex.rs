//! Hexadecimal text, for people and for fixtures.
use alloc::{string::String, vec::Vec};

/// Lower-case hexadecimal digits, two a byte.
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Bytes from hexadecimal digits in either case; white space and colons are passed over.
/// `None` if there is any other character or an odd number of digits.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace() && *b != b':')
        .map(|b| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<Vec<u8>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn digits_in_either_case_and_between_spaces_and_colons_are_read() {
        assert_eq!(decode("A3:01 ff\n0B"), Some(vec![0xA3, 0x01, 0xFF, 0x0B]));
        assert_eq!(decode(""), Some(vec![]));
        // Pairs need not stand together: what matters is the number of digits.
        assert_eq!(decode("a 3"), Some(vec![0xA3]));
    }

    #[test]
    fn an_odd_number_of_digits_and_anything_else_are_refused() {
        for bad in ["a", "a30", "0x30", "g0", "a3,01", "\u{ff11}\u{ff11}", "é"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
            prop_assert_eq!(decode(&text), Some(bytes));
        }

        #[test]
        fn no_text_can_make_it_panic(text: String) {
            let digits = text.chars().filter(|c| !c.is_whitespace() && *c != ':').count();
            prop_assert!(decode(&text).is_none_or(|bytes| bytes.len() * 2 == digits));
        }
    }
}
