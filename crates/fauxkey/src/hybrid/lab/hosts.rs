//! The names that the lab's loopback has (hosts(5)).
use std::fmt::Write as _;

/// The most of the caller's file that is read.
pub(super) const LONGEST: u64 = 1 << 20;

/// The lab's hosts: its names first, and then the caller's, without lines that say otherwise of the same names.
pub(super) fn of(before: &str, names: &[&str], own: &str) -> String {
    let mut text = format!("127.0.0.1 localhost\n::1 localhost\n127.0.0.1 {}\n", names.join(" "));
    let mut own_is_known = own.is_empty();
    for line in before.lines() {
        let words = line.split('#').next().unwrap_or_default();
        let mut words = words.split_ascii_whitespace();
        let Some(address) = words.next() else { continue };
        let is_ours = |name: &&str| names.iter().any(|ours| ours.eq_ignore_ascii_case(name));
        let kept: Vec<&str> = words.filter(|name| !is_ours(name)).collect();
        own_is_known |= kept.iter().any(|name| name.eq_ignore_ascii_case(own));
        if !kept.is_empty() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{address} {}", kept.join(" "));
        }
    }
    // Whoever looks for this machine must not ask for it elsewhere: there is nobody to ask.
    if !own_is_known {
        let _ = writeln!(text, "127.0.1.1 {own}");
    }
    text
}

/// Whether it can be the name of a host: labels of letters, digits and hyphens (RFC 1123 §2.1).
pub(super) fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labs_names_win_and_the_callers_stay() {
        let before = "# a comment\n127.0.0.1 localhost vm # here\n\n10.0.0.7 shop.test\n8.8.8.8 Cable.UA5V.com other\n1.2.3.4 cable.ua5v.com\n";
        let text = of(before, &["cable.ua5v.com", "login.test"], "vm");
        assert_eq!(
            text,
            "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 cable.ua5v.com login.test\n127.0.0.1 localhost vm\n10.0.0.7 shop.test\n8.8.8.8 other\n"
        );
    }

    #[test]
    fn this_machine_has_a_name_in_any_case() {
        assert!(of("", &["a.test"], "box").ends_with("127.0.1.1 box\n"));
        assert!(!of("10.1.1.1 box.lan box\n", &["a.test"], "box").contains("127.0.1.1"));
    }

    #[test]
    fn what_is_no_name_does_not_get_into_the_file() {
        assert!(is_name("localhost") && is_name("cable.my4kstlhndi4c.net") && is_name("a-1.test"));
        for wrong in ["", "a b", "a\n1.2.3.4 b", "#", "a..b", ".a", "-a", "a-", "ä.test", &"a".repeat(64)] {
            assert!(!is_name(wrong), "{wrong:?}");
        }
    }
}
