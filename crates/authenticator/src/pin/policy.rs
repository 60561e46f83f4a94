//! Which PINs are good enough, CTAP 2.1 §6.5.5.5 steps 9 and 10.
//!
//! Lengths are counted in code points, as the specification says. With pinComplexityPolicy switched on (CTAP 2.2) a
//! PIN is also refused if it is one character again and again (`0000`), a run that counts up or down (`1234`,
//! `dcba`), or such a run of three or more written several times (`123123`): what people try first.
use crate::authenticator::Authenticator;
use alloc::{format, vec::Vec};
use wire::status::{CtapError, Status};
use zeroize::Zeroizing;

/// Bytes that a PIN may have: one less than it is padded to.
const MAX_BYTES: usize = 63;

/// How many code points a PIN has, if it is good enough.
///
/// # Errors
/// PIN_POLICY_VIOLATION if not.
pub(super) fn judge(auth: &Authenticator, pin: &[u8]) -> Result<u8, CtapError> {
    let violation = |why| Err(Status::PIN_POLICY_VIOLATION.because(why));
    let Ok(text) = core::str::from_utf8(pin) else {
        return violation("CTAP 2.1 §6.5.1: the PIN is not UTF-8");
    };
    if pin.len() > MAX_BYTES {
        return violation("CTAP 2.1 §6.5.1: the PIN is longer than 63 bytes");
    }
    let settings = &auth.memory.state().settings;
    let points = Zeroizing::new(text.chars().map(u32::from).collect::<Vec<_>>());
    let code_points = u8::try_from(points.len()).expect("no more than 63 bytes");
    if code_points < settings.min_pin_length {
        let why = format!("CTAP 2.1 §6.5.5.5 step 9: fewer than {} code points", settings.min_pin_length);
        return Err(Status::PIN_POLICY_VIOLATION.because_of(why));
    }
    let longest = auth.capabilities.profile.pin.as_ref().map_or(u8::MAX, |pin| pin.max_length);
    if code_points > longest {
        let why = format!("CTAP 2.2 §6.4: more than {longest} code points (maxPINLength)");
        return Err(Status::PIN_POLICY_VIOLATION.because_of(why));
    }
    if settings.pin_complexity && is_simple(&points) {
        return violation("CTAP 2.2 §6.4: the PIN is too simple (pinComplexityPolicy)");
    }
    Ok(code_points)
}

/// Whether a PIN is what people try first; see the head of this file.
fn is_simple(points: &[u32]) -> bool {
    (1..=points.len()).filter(|len| points.len().is_multiple_of(*len)).any(|len| {
        let (unit, rest) = points.split_at(len);
        // A unit of two is always a run: only the whole PIN or a longer unit counts as one.
        (len == 1 || len > 2 || rest.is_empty())
            && is_run(unit)
            && rest.chunks(len).all(|chunk| chunk == unit)
    })
}

/// Whether each step from one character to the next is the same: none, one up, or one down.
fn is_run(points: &[u32]) -> bool {
    let step = |from: u32, to: u32| match (to.wrapping_sub(from), from.wrapping_sub(to)) {
        (0, _) => Some(0),
        (1, _) => Some(1),
        (_, 1) => Some(2),
        _ => None,
    };
    let mut steps = points.windows(2).map(|pair| step(pair[0], pair[1]));
    match steps.next() {
        None => true,
        Some(first) => first.is_some() && steps.all(|next| next == first),
    }
}

#[cfg(test)]
mod tests {
    use super::is_simple;
    use alloc::vec::Vec;

    #[test]
    fn what_people_try_first_is_simple_and_nothing_else_is() {
        let simple = |pin: &str| is_simple(&pin.chars().map(u32::from).collect::<Vec<_>>());
        for pin in ["0000", "1234", "4321", "abcd", "dcba", "12341234", "123123", "7777777", "жзий", "89:;"]
        {
            assert!(simple(pin), "{pin}");
        }
        for pin in
            ["1235", "1357", "1212", "0001", "1233", "a1b2c3d4", "9012", "12344321", "correct", "ünder"]
        {
            assert!(!simple(pin), "{pin}");
        }
    }
}
