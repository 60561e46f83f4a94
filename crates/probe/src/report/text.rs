//! Strangers' words, made fit for where they stand.
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// On one line: what could move a cursor, end a line or turn the direction of writing is escaped.
pub(super) fn shown(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same, but lines and tabs stay.
pub(super) fn shown_lines(text: &str) -> String {
    escaped(&text.replace("\r\n", "\n"), |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Unicode's bidirectional controls (UAX #9 §2) and invisible characters.
        let deceives = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if (c.is_control() || deceives) && !stays(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// At most so many characters, and how many more there were.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} more characters)", &text[..end], text[end..].chars().count()),
    }
}

/// Lines of at most so many characters, broken between words, or within those that are longer than a line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + word.len() > width {
            lines.push(String::new());
            used = 0;
        }
        while used == 0 && word.len() > width {
            let rest = word.split_off(width);
            lines.last_mut().expect("there is a first line").extend(word);
            lines.push(String::new());
            word = rest;
        }
        let line = lines.last_mut().expect("there is a first line");
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        used += word.len();
        line.extend(word);
    }
    lines
}

/// Seconds since 1970 in the words of RFC 3339, in UTC; `None` after the year 9999.
pub(super) fn moment(seconds: u64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    moment.format(&Rfc3339).ok()
}

/// The same for people.
pub(super) fn when(seconds: u64) -> String {
    moment(seconds).map_or_else(
        || format!("{seconds} seconds after 1970"),
        |moment| moment.replace('T', " ").replace('Z', " UTC"),
    )
}

/// Milliseconds for people.
pub(super) fn took(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_s_words_stay_on_their_line_and_in_their_direction() {
        assert_eq!(shown("O'Brien \"日本\""), "O'Brien \"日本\"");
        assert_eq!(shown("a\x1b[2J\r\n\tb\u{202e}c\u{9b}\0"), "a\\u{1b}[2J\\r\\n\\tb\\u{202e}c\\u{9b}\\u{0}");
        assert_eq!(shown_lines("a\r\n\tb\u{202e}\x1b\rc"), "a\n\tb\\u{202e}\\u{1b}\\rc");
    }

    #[test]
    fn lines_are_broken_between_words_and_no_line_is_too_long() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), [""]);
        assert_eq!(wrapped("ab abcdefghijklmno p", 7), ["ab", "abcdefg", "hijklmn", "o p"]);
        assert_eq!(wrapped("éééé é", 4), ["éééé", "é"]);
        assert_eq!(wrapped("abcd", 2), ["ab", "cd"]);
        for width in 1..20 {
            for line in wrapped("a stranger says: supercalifragilistic, and so on", width) {
                assert!(line.chars().count() <= width && line.trim() == line, "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn what_is_cut_tells_how_much() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß!", 3), "äöü… (2 more characters)");
    }

    #[test]
    fn moments_are_in_utc_and_those_that_have_no_year_are_seconds() {
        assert_eq!(moment(1_800_000_000).as_deref(), Some("2027-01-15T08:00:00Z"));
        assert_eq!(when(1_800_000_000), "2027-01-15 08:00:00 UTC");
        assert_eq!(moment(u64::MAX), None);
        assert_eq!(when(u64::MAX), "18446744073709551615 seconds after 1970");
        assert_eq!(took(61_273), "61.2 s");
    }
}
