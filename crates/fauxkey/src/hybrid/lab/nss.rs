//! NSS's database of certificates, `cert9.db`, with one root that servers are trusted by: what
//! `certutil -A -t C,,` would write, without certutil(1).
//!
//! It goes without its companions: who opens the folder for writing, as Chromium does, makes an empty `key4.db` with an
//! empty password, and signs what is there already.
use super::sqlite::{self, Value};
use sha1::{Digest, Sha1};
use std::io;

/// The file's name.
pub(super) const CERTIFICATES: &str = "cert9.db";

/// What browsers show.
const LABEL: &[u8] = b"fauxkey hybrid lab";

/// The attributes that the table has a column for (PKCS #11 v2.40 and NSS's own from 0xce534351), as in NSS 3.87. Older
/// and newer ones read it, too.
const ATTRIBUTES: &str = "0 1 2 3 10 11 12 80 81 82 83 84 85 86 87 88 89 8a 8b 90 100 101 102 103 104 105 106 107 108 109 \
    10a 10b 10c 110 111 120 121 122 123 124 125 126 127 128 129 130 131 132 133 134 160 161 162 163 164 165 166 170 180 \
    181 200 201 202 210 300 301 302 400 401 402 403 404 405 406 480 481 482 500 501 502 503 40000211 40000212 80000001 \
    ce534351 ce534352 ce534353 ce534354 ce534355 ce534356 ce534357 ce534358 ce534364 ce534365 ce534366 ce534367 ce534368 \
    ce534369 ce534373 ce534374 ce536351 ce536352 ce536353 ce536354 ce536355 ce536356 ce536357 ce536358 ce536359 ce53635a \
    ce53635b ce53635c ce53635d ce53635e ce53635f ce536360 ce5363b4 ce5363b5 d5a0db00";

/// Attributes of PKCS #11 and NSS.
const CLASS: u32 = 0;
const TOKEN: u32 = 1;
const PRIVATE: u32 = 2;
const NAME: u32 = 3;
const VALUE: u32 = 0x11;
const CERTIFICATE_TYPE: u32 = 0x80;
const ISSUER: u32 = 0x81;
const SERIAL_NUMBER: u32 = 0x82;
const SUBJECT: u32 = 0x101;
const ID: u32 = 0x102;
const MODIFIABLE: u32 = 0x170;
const TRUST_SERVER_AUTH: u32 = 0xce53_6358;
const TRUST_CLIENT_AUTH: u32 = 0xce53_6359;
const TRUST_CODE_SIGNING: u32 = 0xce53_635a;
const TRUST_EMAIL_PROTECTION: u32 = 0xce53_635b;
const TRUST_STEP_UP_APPROVED: u32 = 0xce53_6360;
const CERT_SHA1_HASH: u32 = 0xce53_63b4;

/// CKO_CERTIFICATE and CKO_NSS_TRUST.
const CERTIFICATE_OBJECT: u32 = 1;
const TRUST_OBJECT: u32 = 0xce53_4353;
/// CKC_X_509.
const X_509: u32 = 0;
/// CKT_NSS_TRUSTED_DELEGATOR: a CA that is trusted.
const TRUSTED_DELEGATOR: u32 = 0xce53_4352;
/// CKT_NSS_MUST_VERIFY_TRUST: it takes somebody else's word.
const MUST_VERIFY: u32 = 0xce53_4353;
/// How the database tells an empty value from none.
const EMPTY: [u8; 3] = [0xa5, 0x00, 0x5a];
/// Object IDs, of which any below 2^30 will do.
const IDS: [i32; 2] = [1, 2];

/// The database that has a CA's certificate, DER, as a root for servers.
///
/// # Errors
/// InvalidInput, if it is no certificate, or if it is too long.
pub(super) fn certificates(der: &[u8]) -> io::Result<Vec<u8>> {
    let names = Names::of(der).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "the tunnel service's CA has no certificate")
    })?;
    let hash = Sha1::digest(der).to_vec();
    let number = |value: u32| value.to_be_bytes().to_vec();
    let certificate = [
        (CLASS, number(CERTIFICATE_OBJECT)),
        (TOKEN, vec![1]),
        (PRIVATE, vec![0]),
        (NAME, LABEL.to_vec()),
        (VALUE, der.to_vec()),
        (CERTIFICATE_TYPE, number(X_509)),
        (ISSUER, names.issuer.to_vec()),
        (SERIAL_NUMBER, names.serial.to_vec()),
        (SUBJECT, names.subject.to_vec()),
        (ID, hash.clone()),
        (MODIFIABLE, vec![1]),
    ];
    let trust = [
        (CLASS, number(TRUST_OBJECT)),
        (TOKEN, vec![1]),
        (PRIVATE, vec![0]),
        (NAME, EMPTY.to_vec()),
        (ISSUER, names.issuer.to_vec()),
        (SERIAL_NUMBER, names.serial.to_vec()),
        (MODIFIABLE, vec![1]),
        (TRUST_SERVER_AUTH, number(TRUSTED_DELEGATOR)),
        (TRUST_CLIENT_AUTH, number(MUST_VERIFY)),
        (TRUST_CODE_SIGNING, number(MUST_VERIFY)),
        (TRUST_EMAIL_PROTECTION, number(MUST_VERIFY)),
        (TRUST_STEP_UP_APPROVED, vec![0]),
        (CERT_SHA1_HASH, hash),
    ];
    let columns: Vec<u32> =
        ATTRIBUTES.split_ascii_whitespace().filter_map(|name| u32::from_str_radix(name, 16).ok()).collect();
    let row = |id: i32, values: &[(u32, Vec<u8>)]| {
        let value = |column: &u32| {
            let value = values.iter().find(|(attribute, _)| attribute == column);
            value.map_or(Value::Null, |(_, value)| Value::Blob(value.clone()))
        };
        std::iter::once(Value::Integer(id)).chain(columns.iter().map(value)).collect()
    };
    let rows = [row(IDS[0], &certificate), row(IDS[1], &trust)];
    let names = columns.iter().map(|column| format!("a{column:x}"));
    let names: Vec<String> = std::iter::once("id".into()).chain(names).collect();
    sqlite::file("nssPublic", &names, &rows)
}

/// What a certificate is found by, each as DER.
#[derive(Debug, PartialEq, Eq)]
struct Names<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
}

impl<'a> Names<'a> {
    /// RFC 5280 §4.1.
    fn of(certificate: &'a [u8]) -> Option<Self> {
        let (certificate, rest) = Element::of(certificate)?;
        let (to_be_signed, _) = Element::of(certificate.content)?;
        if !rest.is_empty() || certificate.tag != SEQUENCE || to_be_signed.tag != SEQUENCE {
            return None;
        }
        let (mut serial, mut rest) = Element::of(to_be_signed.content)?;
        if serial.tag == VERSION {
            (serial, rest) = Element::of(rest)?;
        }
        let (_algorithm, rest) = Element::of(rest)?;
        let (issuer, rest) = Element::of(rest)?;
        let (_validity, rest) = Element::of(rest)?;
        let (subject, _) = Element::of(rest)?;
        let is_well = serial.tag == INTEGER && issuer.tag == SEQUENCE && subject.tag == SEQUENCE;
        is_well.then_some(Self { serial: serial.whole, issuer: issuer.whole, subject: subject.whole })
    }
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`.
const VERSION: u8 = 0xa0;

/// An element of DER (X.690).
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element, and what follows it.
    fn of(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&tag, &length) = (bytes.first()?, bytes.get(1)?);
        let more = if length < 0x80 { 0 } else { usize::from(length & 0x7f) };
        // A certificate is no longer than two bytes can say; 0x80 would be an indefinite length.
        let length = match (length, more) {
            (0x80, _) => return None,
            (_, 0) => usize::from(length),
            (_, 1..=2) => bytes.get(2..2 + more)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
            _ => return None,
        };
        let (whole, rest) = bytes.split_at_checked(2 + more + length)?;
        Some((Self { tag, content: whole.get(2 + more..)?, whole }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate's outline: version 3, serial number 5, issuer and subject with one byte each.
    const OUTLINE: [u8; 22] =
        [0x30, 20, 0x30, 18, 0xa0, 3, 2, 1, 2, 0x02, 1, 5, 0x30, 0, 0x30, 1, 7, 0x30, 0, 0x30, 1, 9];

    #[test]
    fn a_certificate_is_found_by_its_names() {
        let names = Names::of(&OUTLINE).unwrap();
        let expected = Names { serial: &[0x02, 1, 5], issuer: &[0x30, 1, 7], subject: &[0x30, 1, 9] };
        assert_eq!(names, expected);
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for length in 0..OUTLINE.len() {
            assert_eq!(Names::of(&OUTLINE[..length]), None, "{length}");
        }
        for (at, byte) in [(0, 0x31), (1, 0x80), (1, 0x85), (2, 0x04), (9, 0x04), (14, 0x31), (19, 0x31)] {
            let mut wrong = OUTLINE;
            wrong[at] = byte;
            assert_eq!(Names::of(&wrong), None, "{byte:#x} at {at}");
        }
        assert_eq!(certificates(b"none").unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn every_attribute_that_is_set_has_a_column() {
        let file = certificates(&OUTLINE).unwrap();
        // Values stand in the order of the columns, so that each is found in the file's second page.
        let page = &file[4096..];
        for value in [&OUTLINE[..], LABEL, &EMPTY, &Sha1::digest(OUTLINE), &TRUSTED_DELEGATOR.to_be_bytes()] {
            assert!(page.windows(value.len()).any(|part| part == value), "{value:x?}");
        }
        assert_eq!(ATTRIBUTES.split_ascii_whitespace().count(), 119);
    }
}
