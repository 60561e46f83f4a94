//! COSE keys, RFC 9052 §7, as WebAuthn and CTAP use them. What is private is never shown.
use super::cbor::{self, Item, int_member};
use super::tree::{Node, size};
use super::{Fit, Kind, Stuck, names};
use wire::cbor::{Value, diagnostic};

/// What a parameter of a key type is.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    /// A curve's number.
    Curve,
    /// Public bytes.
    Public,
    /// Private bytes, or a whole symmetric key.
    Private,
}
use Holds::{Curve, Private, Public};

type Parameters = &'static [(i64, &'static str, Holds)];

const OKP: Parameters = &[(-1, "crv", Curve), (-2, "x", Public), (-4, "d", Private)];
const EC2: Parameters = &[(-1, "crv", Curve), (-2, "x", Public), (-3, "y", Public), (-4, "d", Private)];
const RSA: Parameters = &[
    (-1, "n", Public),
    (-2, "e", Public),
    (-3, "d", Private),
    (-4, "p", Private),
    (-5, "q", Private),
    (-6, "dP", Private),
    (-7, "dQ", Private),
    (-8, "qInv", Private),
    (-9, "other", Private),
    (-10, "r_i", Private),
    (-11, "d_i", Private),
    (-12, "t_i", Private),
];
const SYMMETRIC: Parameters = &[(-1, "k", Private)];
const AKP: Parameters = &[(-1, "pub", Public), (-2, "priv", Private)];

fn key_type(kty: i128) -> Option<(&'static str, Parameters)> {
    Some(match kty {
        1 => ("OKP, an octet key pair", OKP),
        2 => ("EC2, an elliptic curve point", EC2),
        3 => ("RSA", RSA),
        4 => ("a symmetric key", SYMMETRIC),
        7 => ("AKP, an algorithm's key pair", AKP),
        _ => return None,
    })
}

/// Name and coordinate size in bytes.
fn curve(crv: i128) -> Option<(&'static str, usize)> {
    Some(match crv {
        1 => ("P-256", 32),
        2 => ("P-384", 48),
        3 => ("P-521", 66),
        4 => ("X25519", 32),
        5 => ("X448", 56),
        6 => ("Ed25519", 32),
        7 => ("Ed448", 57),
        8 => ("secp256k1", 32),
        _ => return None,
    })
}

/// Bytes in an ML-DSA public key, FIPS 204 table 2.
fn ml_dsa_size(alg: i128) -> Option<usize> {
    match alg {
        -48 => Some(1312),
        -49 => Some(1952),
        -50 => Some(2592),
        _ => None,
    }
}

/// The key type and curve that WebAuthn Level 3 §5.8.5 ties to an algorithm; 0 where there is no curve.
fn partners(alg: i128) -> Option<(i128, i128)> {
    Some(match alg {
        -7 | -9 | -25 => (2, 1),
        -35 => (2, 2),
        -36 => (2, 3),
        -47 => (2, 8),
        -8 | -19 => (1, 6),
        -39..=-37 | -259..=-257 | -65535 => (3, 0),
        -50..=-48 => (7, 0),
        _ => return None,
    })
}

fn int(value: &Value, key: i64) -> Option<i128> {
    int_member(value, key)?.as_integer().map(i128::from)
}

/// The algorithm of a key.
pub(super) fn algorithm_of(key: &Value) -> Option<i128> {
    int(key, 3)
}

/// A COSE key by itself.
pub(super) fn read(bytes: &[u8]) -> Result<Fit, Stuck> {
    let no_key = || Stuck::at(0, "no map with kty (1), alg (3) and parameters with negative keys");
    let begins = |(key, value): (Value, Value)| key == Value::from(1) && value.is_integer();
    let item = cbor::item(bytes)
        .map_err(|stuck| if cbor::first_member(bytes).is_some_and(begins) { stuck } else { no_key() })?;
    if !looks_like_a_key(&item.value) {
        return Err(no_key());
    }
    let mut odd = Vec::new();
    let node = from_item("COSE key", &item, &mut odd);
    Ok(Fit { kind: Kind::CoseKey, tree: node.children, odd, rest: item.rest.len() })
}

/// Whether a value can be meant as a key.
pub(super) fn looks_like_a_key(value: &Value) -> bool {
    let negative = |(key, _): &(Value, Value)| key.as_integer().is_some_and(|n| i128::from(n) < 0);
    int(value, 1).is_some()
        && int(value, 3).is_some()
        && value.as_map().is_some_and(|map| map.iter().any(negative))
}

/// A key that was read from bytes, so that its encoding can be judged too.
pub(super) fn from_item(label: &str, item: &Item<'_>, odd: &mut Vec<String>) -> Node {
    item.check("the COSE key", odd);
    Node::holder(label, item.length, lines(&item.value, odd))
}

/// A key inside a message.
pub(super) fn node(label: &str, value: &Value, odd: &mut Vec<String>) -> Node {
    if value.is_map() {
        Node::new(label, "").with(lines(value, odd))
    } else {
        odd.push(format!("{label} is {}, not a COSE key", cbor::kind_of(value)));
        cbor::node(label, value)
    }
}

fn lines(key: &Value, odd: &mut Vec<String>) -> Vec<Node> {
    let Some(members) = key.as_map() else {
        odd.push(format!("the COSE key is {}, not a map", cbor::kind_of(key)));
        return vec![cbor::node("key", key)];
    };
    let kty = int(key, 1);
    let parameters = kty.and_then(key_type).map_or(&[][..], |(_, parameters)| parameters);
    let mut nodes = Vec::new();
    for (label, value) in members {
        let label_number = label.as_integer().map(i128::from);
        let parameter = parameters.iter().find(|(number, ..)| Some(i128::from(*number)) == label_number);
        nodes.push(match (label_number, parameter) {
            (Some(1), _) => match kty {
                Some(n) => Node::new("kty", n.to_string())
                    .note(key_type(n).map_or("a key type without a name here", |k| k.0)),
                None => cbor::node("kty", value),
            },
            (Some(2), _) => cbor::node("kid", value),
            (Some(3), _) => match algorithm_of(key) {
                Some(n) => Node::new("alg", names::algorithm(n)),
                None => cbor::node("alg", value),
            },
            (Some(4), _) => cbor::node("key_ops", value),
            (Some(5), _) => cbor::node("Base IV", value),
            (_, Some((_, name, Curve))) => match value.as_integer().map(i128::from) {
                Some(n) => Node::new(name, n.to_string())
                    .note(curve(n).map_or("a curve without a name here", |c| c.0)),
                None => cbor::node(name, value),
            },
            (_, Some((_, name, Public))) => cbor::node(name, value),
            (_, Some((_, name, Private))) => {
                odd.push(format!(
                    "the COSE key holds {name}, which is private: whoever has seen this text can sign"
                ));
                Node::new(name, "(private, not shown)")
            }
            // Without a key type, a parameter may be private for all that anybody knows.
            (Some(..=-1), None) if parameters.is_empty() => Node::new(diagnostic(label), "(not shown)"),
            _ => cbor::node(cbor::key_text(label), value),
        });
        if parameter.is_none() && !matches!(label_number, Some(1 | 3)) {
            let label = cbor::key_text(label);
            odd.push(format!(
                "the COSE key has a member {label}, which WebAuthn Level 3 §6.5.1 has no place for"
            ));
        }
    }
    check(key, kty, odd);
    nodes
}

fn check(key: &Value, kty: Option<i128>, odd: &mut Vec<String>) {
    let alg = algorithm_of(key);
    let crv = int(key, -1).filter(|_| matches!(kty, Some(1 | 2)));
    match (kty, alg) {
        (None, _) => odd.push("the COSE key has no kty".into()),
        (_, None) => odd.push("the COSE key has no alg (WebAuthn Level 3 §6.5.1)".into()),
        (Some(kty), Some(alg)) => {
            if let Some((expected_kty, expected_crv)) = partners(alg)
                && (expected_kty != kty || (expected_crv != 0 && Some(expected_crv) != crv))
            {
                let curve_name =
                    |crv: i128| curve(crv).map_or_else(|| format!("curve {crv}"), |c| c.0.into());
                let has = crv
                    .map_or_else(|| format!("kty {kty}"), |crv| format!("kty {kty} and {}", curve_name(crv)));
                odd.push(format!("alg mismatch: {} does not go with {has}", names::algorithm(alg)));
            }
        }
    }
    let Some((_, parameters)) = kty.and_then(key_type) else { return };
    for (number, name, _) in parameters.iter().filter(|(.., holds)| *holds != Private) {
        let value = int_member(key, *number);
        match (value.and_then(Value::as_bytes), crv.and_then(curve)) {
            _ if value.is_none() => odd.push(format!("the COSE key has no {name}")),
            (Some(bytes), Some((curve, expected))) if bytes.len() != expected => {
                odd.push(format!("{name} has {}, where {curve} has {expected}", size(bytes.len())));
            }
            (Some(bytes), _) if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) => {
                odd.push(format!("{name} is all zero"))
            }
            (Some(key), _)
                if kty == Some(7) && alg.and_then(ml_dsa_size).is_some_and(|len| len != key.len()) =>
            {
                let alg = alg.map(names::algorithm).unwrap_or_default();
                odd.push(format!(
                    "{name} has {}, which is no key for {alg} (FIPS 204 table 2)",
                    size(key.len())
                ));
            }
            (Some(number), _) if kty == Some(3) && number.first() == Some(&0) => {
                odd.push(format!("{name} has a leading zero, which RFC 8230 §4 rules out"));
            }
            (Some(n), _) if kty == Some(3) && *number == -1 && n.len() < 256 => {
                odd.push(format!("an RSA modulus of {} bits is too short to be safe", n.len() * 8));
            }
            (None, _) if *name == "y" && value.is_some_and(Value::is_bool) => {
                odd.push("y is a sign bit: WebAuthn Level 3 §5.8.5 wants the coordinate itself".into());
            }
            _ => {}
        }
    }
}
