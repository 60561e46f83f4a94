//! Just enough DER to say who an attestation certificate is: X.509, RFC 5280 §4.1. Nothing is verified.
use super::tree::{Node, quoted, size};
use super::{attestation::Statement, cbor};
use wire::aaguid::Aaguid;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;

/// id-fido-gen-ce-aaguid, 1.3.6.1.4.1.45724.1.1.4.
const AAGUID: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0xE5, 0x1C, 0x01, 0x01, 0x04];

/// id-fido-gen-ce-sernum, 1.3.6.1.4.1.45724.1.1.2.
const SERIAL_NUMBER: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0xE5, 0x1C, 0x01, 0x01, 0x02];

/// The attribute types that RFC 5280 appendix A names and certificates of authenticators use.
const ATTRIBUTES: &[(&[u8], &str)] =
    &[(&[0x55, 4, 3], "CN"), (&[0x55, 4, 6], "C"), (&[0x55, 4, 10], "O"), (&[0x55, 4, 11], "OU")];

/// One element of DER: its tag, its contents and what follows it.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = input.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((*tag, contents, rest))
}

/// The contents of the next element, which must have that tag; moves on behind it.
fn take<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, contents, rest) = element(input)?;
    (found == tag).then(|| {
        *input = rest;
        contents
    })
}

/// What a certificate says about itself.
struct Certificate<'a> {
    version: u8,
    issuer: &'a [u8],
    subject: &'a [u8],
    from: String,
    until: String,
    aaguid: Option<Aaguid>,
    serial_number: Option<&'a [u8]>,
}

fn parse(der: &[u8]) -> Option<Certificate<'_>> {
    let mut outer = der;
    let mut certificate = take(&mut outer, SEQUENCE)?;
    let mut tbs = take(&mut certificate, SEQUENCE)?;
    // Absent means version 1, which is written as 0.
    let version = match take(&mut tbs, VERSION) {
        Some(mut version) => *take(&mut version, INTEGER)?.last()?,
        None => 0,
    };
    take(&mut tbs, INTEGER)?;
    take(&mut tbs, SEQUENCE)?;
    let issuer = take(&mut tbs, SEQUENCE)?;
    let mut validity = take(&mut tbs, SEQUENCE)?;
    let (from, until) = (time(&mut validity)?, time(&mut validity)?);
    let subject = take(&mut tbs, SEQUENCE)?;
    take(&mut tbs, SEQUENCE)?;
    let (mut aaguid, mut serial_number) = (None, None);
    if let Some(mut extensions) = take(&mut tbs, EXTENSIONS) {
        let mut extensions = take(&mut extensions, SEQUENCE)?;
        while let Some(mut extension) = take(&mut extensions, SEQUENCE) {
            let oid = take(&mut extension, OID)?;
            if oid == AAGUID || oid == SERIAL_NUMBER {
                // `critical` may stand before the value.
                take(&mut extension, BOOLEAN);
                let mut inner = take(&mut extension, OCTET_STRING)?;
                let value = take(&mut inner, OCTET_STRING);
                if oid == AAGUID {
                    aaguid = value.and_then(|bytes| bytes.try_into().ok()).map(Aaguid);
                } else {
                    serial_number = value;
                }
            }
        }
    }
    Some(Certificate {
        version: version.saturating_add(1),
        issuer,
        subject,
        from,
        until,
        aaguid,
        serial_number,
    })
}

/// A UTCTime or GeneralizedTime as `2026-01-31 12:00:00 UTC`.
fn time(input: &mut &[u8]) -> Option<String> {
    let (tag, contents, rest) = element(input)?;
    *input = rest;
    let digits = std::str::from_utf8(contents).ok()?.strip_suffix('Z')?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // RFC 5280 §4.1.2.5.1: two-digit years from 50 on are of the 20th century.
    let full = match (tag, digits.len()) {
        (0x17, 12) => format!("{}{digits}", if digits < "50" { "20" } else { "19" }),
        (0x18, 14) => digits.into(),
        _ => return None,
    };
    let part = |range: std::ops::Range<usize>| full.get(range).unwrap_or_default();
    Some(format!(
        "{}-{}-{} {}:{}:{} UTC",
        part(0..4),
        part(4..6),
        part(6..8),
        part(8..10),
        part(10..12),
        part(12..14)
    ))
}

/// The attributes of a name that have names here, in order.
fn attributes(mut name: &[u8]) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    while let Some(mut set) = take(&mut name, SET) {
        while let Some(mut pair) = take(&mut set, SEQUENCE) {
            let kind =
                take(&mut pair, OID).and_then(|oid| ATTRIBUTES.iter().find(|(known, _)| *known == oid));
            if let (Some((_, kind)), Some((_, text, _))) = (kind, element(pair)) {
                found.push((*kind, String::from_utf8_lossy(text).into_owned()));
            }
        }
    }
    found
}

fn name(label: &str, name: &[u8]) -> Node {
    let texts = attributes(name).into_iter().map(|(kind, text)| format!("{kind}={}", quoted(&text)));
    let texts = texts.collect::<Vec<_>>().join(", ");
    let nobody = texts.is_empty().then_some("empty, as a TPM's is");
    Node::new(label, texts).note_if(nobody)
}

/// A certificate of an x5c member. `leaf` is the one that signed the statement.
pub(super) fn node(
    label: &str,
    der: &[u8],
    leaf: bool,
    statement: &Statement<'_>,
    odd: &mut Vec<String>,
) -> Node {
    let node = Node::new(label, size(der.len()));
    let Some(certificate) = parse(der) else {
        odd.push(format!("{label} is no X.509 certificate: it begins with {}", cbor::beginning(der)));
        return node;
    };
    let mut lines = vec![
        name("subject", certificate.subject),
        name("issuer", certificate.issuer)
            .note_if((certificate.issuer == certificate.subject).then_some("itself")),
        Node::new("valid", format!("{} to {}", certificate.from, certificate.until)),
    ];
    if let Some(aaguid) = certificate.aaguid {
        lines.push(super::authenticator_data::aaguid_node("aaguid extension", aaguid));
    }
    if let Some(serial_number) = certificate.serial_number {
        // WebAuthn Level 3 §8.2.2.
        let node = Node::new("serial number", wire::hex::encode(serial_number));
        lines.push(node.note("enterprise attestation: it tells the one device apart"));
    }
    if leaf {
        check_leaf(&certificate, statement, odd);
    }
    node.with(lines)
}

/// WebAuthn Level 3 §8.2.1, as far as it can be seen without verifying anything.
fn check_leaf(certificate: &Certificate<'_>, statement: &Statement<'_>, odd: &mut Vec<String>) {
    if let (Some(in_certificate), Some(in_data)) = (certificate.aaguid, statement.aaguid)
        && in_certificate != in_data
    {
        odd.push(format!(
            "the certificate is for AAGUID {in_certificate}, and authenticator data says {in_data}"
        ));
    }
    if statement.fmt != "packed" {
        return;
    }
    if certificate.version != 3 {
        odd.push(format!(
            "the attestation certificate has version {}, not 3 (WebAuthn Level 3 §8.2.1)",
            certificate.version
        ));
    }
    if !attributes(certificate.subject).contains(&("OU", "Authenticator Attestation".into())) {
        odd.push(
            "the attestation certificate's OU is not \"Authenticator Attestation\" (WebAuthn Level 3 §8.2.1)"
                .into(),
        );
    }
    if certificate.issuer == certificate.subject {
        odd.push("the attestation certificate is signed by itself: nobody vouches for it".into());
    }
}
