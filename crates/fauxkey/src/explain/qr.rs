//! The text of the QR code that a desktop shows a phone, CTAP 2.3 §11.5.1 (hybrid transports).
use super::cbor;
use super::tree::{Node, size};
use super::{Fit, Kind, Stuck};
use wire::cbor::Value;

/// Bytes that a group of that many digits stands for: 17 digits are 7 bytes, and the rest has fewer.
const TAILS: [(usize, usize); 7] = [(0, 0), (3, 1), (5, 2), (8, 3), (10, 4), (13, 5), (15, 6)];

/// `FIDO:/` and decimal digits.
pub(super) fn read(text: &[u8]) -> Result<Fit, Stuck> {
    let scheme = text.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case(b"FIDO:/"));
    let digits = scheme.and(text.get(6..)).ok_or_else(|| Stuck::at(0, "does not begin with FIDO:/"))?;
    let bytes = from_digits(digits)?;
    let item =
        cbor::item(&bytes).map_err(|stuck| Stuck::near(format!("the digits stand for no CBOR: {stuck}")))?;
    let mut odd = Vec::new();
    item.check("the handshake", &mut odd);
    let Some(members) = item.value.as_map() else {
        return Err(Stuck::near(format!("the digits stand for {}, not a map", cbor::kind_of(&item.value))));
    };
    if !item.rest.is_empty() {
        odd.push(format!("{} after the handshake", size(item.rest.len())));
    }
    for (key, name) in [(0, "the desktop's public key"), (1, "the QR secret")] {
        if cbor::int_member(&item.value, key).is_none() {
            odd.push(format!("{name} is missing, and no phone can answer"));
        }
    }
    let tree = members.iter().map(|(key, value)| line(key, value, &mut odd)).collect();
    Ok(Fit { kind: Kind::HybridQr, tree, odd, rest: 0 })
}

fn from_digits(digits: &[u8]) -> Result<Vec<u8>, Stuck> {
    if let Some(at) = digits.iter().position(|digit| !digit.is_ascii_digit()) {
        return Err(Stuck::near(format!("digit {at} after FIDO:/ is none")));
    }
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for group in digits.chunks(17) {
        let length = if group.len() == 17 {
            Some(7)
        } else {
            TAILS.iter().find(|(n, _)| *n == group.len()).map(|(_, bytes)| *bytes)
        };
        let length =
            length.ok_or_else(|| Stuck::near(format!("{} digits do not make whole bytes", digits.len())))?;
        let number = group.iter().fold(0u64, |n, digit| n * 10 + u64::from(digit - b'0'));
        let number = number.to_le_bytes();
        let (value, beyond) = number.split_at(length);
        if beyond.iter().any(|byte| *byte != 0) {
            return Err(Stuck::near("a group of digits is too large for its bytes"));
        }
        bytes.extend_from_slice(value);
    }
    Ok(bytes)
}

fn line(key: &Value, value: &Value, odd: &mut Vec<String>) -> Node {
    let number = key.as_integer().map(i128::from);
    match (number, value) {
        (Some(0), Value::Bytes(key)) => {
            if key.len() != 33 || !matches!(key.first(), Some(2 | 3)) {
                odd.push("the desktop's public key is no compressed P-256 point of 33 bytes".into());
            }
            Node::bytes("0 public key", key).note("the desktop's, for this QR code")
        }
        (Some(1), Value::Bytes(secret)) => {
            if secret.len() != 16 {
                odd.push(format!("the QR secret has {}, not 16", size(secret.len())));
            }
            // Whoever has it can take the phone's place while the code is on the screen.
            Node::new("1 QR secret", format!("({}, not shown)", size(secret.len())))
        }
        (Some(2), _) => {
            cbor::node("2 known domains", value).note("assigned tunnel services that the desktop knows")
        }
        (Some(3), _) => cbor::node("3 time", value).note("seconds since 1970, when the code was made"),
        (Some(4), _) => cbor::node("4 state-assisted", value).note("whether the desktop can be linked"),
        (Some(5), Value::Text(hint)) => {
            let meaning = match hint.as_str() {
                "mc" => "a registration",
                "ga" => "a sign-in",
                "dcp" => "a digital credential",
                _ => "an unknown hint",
            };
            Node::text("5 hint", hint).note(meaning)
        }
        (Some(6), Value::Array(_)) => {
            cbor::node("6 channels", value).note("0 is the tunnel service, 1 is Bluetooth L2CAP")
        }
        (Some(6), _) => {
            cbor::node("6 non-discoverable", value).note("whether a credential need not be discoverable")
        }
        _ => {
            // CTAP 2.3 §11.5.1: unknown members are sent on purpose, so that phones learn to ignore them.
            cbor::node(cbor::key_text(key), value).note("no name here")
        }
    }
}
