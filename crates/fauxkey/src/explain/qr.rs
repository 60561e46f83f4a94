//! The text of the QR code that a desktop shows a phone, CTAP 2.3 §11.5.1 (hybrid transports).
use super::cbor;
use super::tree::{Node, size};
use super::{Fit, Kind, Stuck};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use transport::hybrid::domain::TunnelDomain;
use transport::hybrid::qr::{self, QrCode};
use wire::cbor::Value;

/// How old a code may be before a reader should stumble over it, in seconds: Chromium's page gives up after three minutes,
/// and phones have clocks of their own.
const STALE: u64 = 300;
/// How far ahead a desktop's clock may be, in seconds.
const AHEAD: u64 = 60;
/// The line that says when a code was made.
const TIME: &str = "3 time";
const MADE: &str = "the code was made";
/// Whose the tunnel services are that have a number.
const OWNERS: [&str; 2] = ["Google", "Apple"];

/// `FIDO:/` and decimal digits. What a phone would refuse is explained all the same, and is odd.
pub(super) fn read(text: &[u8]) -> Result<Fit, Stuck> {
    let scheme = text.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case(qr::SCHEME.as_bytes()));
    let digits = scheme.and(text.get(6..)).ok_or_else(|| Stuck::at(0, "does not begin with FIDO:/"))?;
    let digits = String::from_utf8_lossy(digits);
    let bytes = qr::from_digits(&digits).map_err(|why| Stuck::near(why.to_string()))?;
    let item =
        cbor::item(&bytes).map_err(|stuck| Stuck::near(format!("the digits stand for no CBOR: {stuck}")))?;
    let Some(members) = item.value.as_map() else {
        return Err(Stuck::near(format!("the digits stand for {}, not a map", cbor::kind_of(&item.value))));
    };
    let refused = QrCode::parse(&format!("{}{digits}", qr::SCHEME)).err();
    let odd = refused.map(|why| format!("phones refuse it: {why}")).into_iter().collect();
    let tree = members.iter().map(|(key, value)| line(key, value)).collect();
    Ok(Fit { kind: Kind::HybridQr, tree, odd, rest: 0 })
}

/// Adds how old the code is by a clock that says `now`, in seconds since 1970.
pub(super) fn tell_age(fit: &mut Fit, now: u64) {
    let line = fit.tree.iter_mut().find(|line| line.label == TIME && line.note.starts_with(MADE));
    let Some(line) = line else { return };
    let Ok(made) = line.value.parse::<u64>() else { return };
    let (age, ahead) = (now.saturating_sub(made), made.saturating_sub(now));
    let said = if ahead > 0 { format!("{} from now", span(ahead)) } else { format!("{} ago", span(age)) };
    line.note.push_str(&format!(", {said}"));
    if age > STALE {
        fit.odd.push(format!(
            "the code is {} old: the desktop has stopped waiting, and phones may refuse it",
            span(age)
        ));
    } else if ahead > AHEAD {
        fit.odd.push(format!("the code will be made in {}: one of the two clocks is wrong", span(ahead)));
    }
}

/// Seconds in the largest unit of which there are two.
fn span(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = units.into_iter().find(|(length, _)| seconds >= 2 * length);
    let (length, unit) = unit.unwrap_or((1, "second"));
    let number = seconds / length;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn date(time: &Value) -> String {
    let moment = time.as_integer().and_then(|seconds| i64::try_from(i128::from(seconds)).ok());
    let moment = moment.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    match moment.and_then(|moment| moment.format(&Rfc3339).ok()) {
        Some(text) => format!("{MADE} {text}"),
        None => "no moment of any calendar".into(),
    }
}

/// CTAP 2.3 §11.5.1: the desktop knows all assigned tunnel services below that number.
fn known_domains(number: &Value) -> String {
    let assigned = number.as_integer().and_then(|number| usize::try_from(i128::from(number)).ok());
    let hosts = (0..).filter_map(|number| TunnelDomain(number).host());
    let named = hosts.zip(OWNERS).map(|(host, owner)| format!("{host} ({owner})"));
    let known: Vec<String> = named.take(assigned.unwrap_or(0)).collect();
    match known.as_slice() {
        [] => "the desktop knows no tunnel service by its number".into(),
        known => format!("the desktop knows {}", known.join(" and ")),
    }
}

fn line(key: &Value, value: &Value) -> Node {
    let number = key.as_integer().map(i128::from);
    match (number, value) {
        (Some(0), Value::Bytes(key)) => {
            Node::bytes("0 public key", key).note("the desktop's, for this QR code")
        }
        (Some(1), Value::Bytes(secret)) => {
            // Whoever has it can take the phone's place while the code is on the screen.
            Node::new("1 QR secret", format!("({}, not shown)", size(secret.len())))
        }
        (Some(2), _) => cbor::node("2 known domains", value).note(known_domains(value)),
        (Some(3), _) => cbor::node(TIME, value).note(date(value)),
        (Some(4), Value::Bool(true)) => cbor::node("4 state-assisted", value)
            .note("the desktop can be linked: without a code the next time"),
        (Some(4), _) => cbor::node("4 state-assisted", value).note("the desktop keeps no link"),
        (Some(5), Value::Text(hint)) => {
            let meaning = match hint.as_str() {
                "mc" => "a registration",
                "ga" => "a sign-in",
                "dcp" => "a digital credential",
                _ => "an unknown hint",
            };
            Node::text("5 hint", hint).note(meaning)
        }
        (Some(6), Value::Array(channels)) => {
            let names = channels.iter().map(|channel| match channel.as_integer().map(i128::from) {
                Some(0) => "tunnel service",
                Some(1) => "Bluetooth L2CAP",
                _ => "unknown",
            });
            let names: Vec<&str> = names.take(10).collect();
            cbor::node("6 channels", value).note(names.join(", "))
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
