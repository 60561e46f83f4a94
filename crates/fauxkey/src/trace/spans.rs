//! Where things stand in encoded CBOR (RFC 8949 §3), so that some of it can be blanked and the rest stays as it was.
use std::ops::Range;
use wire::cbor::{Value, decode_foreign_prefix};

/// The members of the map at `at`: each key, and where its value stands. `None` if there is no map.
pub fn members(bytes: &[u8], at: Range<usize>) -> Option<Vec<(Value, Range<usize>)>> {
    let (5, argument, mut position) = head(bytes, at.start)? else { return None };
    let mut members = Vec::new();
    while match argument {
        Some(count) => (members.len() as u64) < count,
        None => *bytes.get(position)? != BREAK,
    } {
        let (key, rest) = decode_foreign_prefix(bytes.get(position..at.end)?).ok()?;
        let start = at.end - rest.len();
        let (_, rest) = decode_foreign_prefix(rest).ok()?;
        position = at.end - rest.len();
        members.push((key, start..position));
    }
    Some(members)
}

/// Where the values of the members with that key stand in the map at `at`: one, in a map that keeps the rules.
pub fn member(bytes: &[u8], at: Range<usize>, key: &Value) -> Vec<Range<usize>> {
    let members = members(bytes, at).unwrap_or_default();
    members.into_iter().filter(|(found, _)| found == key).map(|(_, value)| value).collect()
}

/// What is in the byte string at `at`, if it is one and in one piece.
pub fn string(bytes: &[u8], at: Range<usize>) -> Option<Range<usize>> {
    let (2, Some(length), start) = head(bytes, at.start)? else { return None };
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    (end <= at.end).then_some(start..end)
}

/// Overwrites every string and number in the item at `at`, whatever it is: its shape stays.
pub fn blank(bytes: &mut [u8], at: Range<usize>) {
    let mut position = at.start;
    while position < at.end {
        let Some((major, argument, start)) = head(bytes, position) else {
            return bytes[position..at.end].fill(0);
        };
        position = match (major, argument) {
            (2 | 3, Some(length)) => {
                let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
                let end = end.map_or(at.end, |end| end.min(at.end));
                bytes[start..end].fill(if major == 3 { b'0' } else { 0 });
                end
            }
            (0 | 1 | 7, _) => {
                bytes[position + 1..start].fill(0);
                start
            }
            // What is in it follows.
            _ => start,
        };
    }
}

const BREAK: u8 = 0xFF;

/// The head of an item: its major type, its argument (`None` if the length is indefinite, or it is a break), and where
/// its content begins.
fn head(bytes: &[u8], at: usize) -> Option<(u8, Option<u64>, usize)> {
    let initial = *bytes.get(at)?;
    let (major, information) = (initial >> 5, initial & 0x1F);
    let following = match information {
        0..=23 => return Some((major, Some(information.into()), at + 1)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        31 => return Some((major, None, at + 1)),
        _ => return None,
    };
    let argument = bytes.get(at + 1..at + 1 + following)?;
    let argument = argument.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Some((major, Some(argument), at + 1 + following))
}
