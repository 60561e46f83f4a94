//! Each file of `fixtures/hybrid` but the sessions.
use super::*;
use crate::hybrid::advert::Eid;
use crate::hybrid::domain::TunnelDomain;
use crate::hybrid::keys::{Purpose, derive};
use crate::hybrid::linking::{ClientPayload, Linking, sign};
use crate::hybrid::noise::{Handshake, Pattern};
use crate::hybrid::qr::{Hint, QrCode, from_digits, to_digits};
use p256::elliptic_curve::sec1::ToSec1Point as _;

/// What each verdict of `codes.txt` has to say.
fn says(verdict: &str, reason: &str) -> bool {
    let words: &[&str] = match verdict {
        "SCHEME" => &["does not begin with FIDO:/"],
        "LENGTH" => &["more than a QR code holds"],
        "DIGITS" => &["no decimal digit", "do not make whole bytes", "too large for its"],
        "CBOR" => &["no canonical CBOR", "not a map"],
        "MISSING" => &[
            "is missing",
            "is not 8 bytes",
            "is not 32 bytes",
            "of its length",
            "is not text",
            "contact ID",
            "a public key",
        ],
        "TYPE" => &["is not a", "is not text", "is neither", "is no number"],
        "POINT" => &["point of P-256"],
        "SECRET" => &["bytes and not 16"],
        other => panic!("{other} is no verdict"),
    };
    words.iter().any(|word| reason.contains(word))
}

#[test]
fn codes_of_other_desktops_are_read_and_broken_ones_refused() {
    for block in blocks("codes.txt", 80) {
        let (name, verdict) = (block.name(), block.text("expect"));
        let code = match (QrCode::parse(block.text("text")), verdict) {
            (Ok(code), "OK") => code,
            (Ok(_), _) => panic!("{name}: accepted"),
            (Err(why), "OK") => panic!("{name}: {why}"),
            (Err(why), verdict) => {
                assert!(says(verdict, &why.to_string()), "{name}: {verdict} is refused for this: {why}");
                continue;
            }
        };
        assert_eq!(*code.public_key.to_sec1_point(true).as_bytes(), *block.bytes("public-key"), "{name}");
        assert_eq!(code.secret.as_slice(), block.bytes("secret"), "{name}");
        let number = |key| block.get(key).map(|text| text.parse::<u64>().unwrap());
        let flag = |key| block.get(key).map(|text| text == "true");
        assert_eq!((code.known_domains, code.time), (number("known-domains"), number("time")), "{name}");
        assert_eq!(code.state_assisted, flag("state-assisted"), "{name}");
        assert_eq!(code.non_discoverable, flag("non-discoverable"), "{name}");
        assert_eq!(code.hint.as_deref(), block.get("hint"), "{name}");
        let channels = block.get("channels");
        let channels = channels
            .map(|list| list.split_whitespace().map(|one| one.parse().unwrap()).collect::<Vec<u64>>());
        assert_eq!(code.channels, channels, "{name}");
        let hint = if code.hint.as_deref() == Some("mc") { Hint::MakeCredential } else { Hint::GetAssertion };
        assert_eq!(Hint::of(code.hint.as_deref()), hint, "{name}");
        assert_eq!(code.unknown > 0, name.contains("nobody knows:"), "{name}");
        if code.unknown == 0 {
            // The scheme may have been written otherwise.
            assert_eq!(code.to_text()[6..], block.text("text")[6..], "{name}");
        }
    }
}

#[test]
fn bytes_and_digits_stand_for_each_other() {
    for block in blocks("digits.txt", 30) {
        assert_eq!(to_digits(&block.bytes("hex")), block.text("digits"), "{}", block.name());
        assert_eq!(from_digits(block.text("digits")).unwrap(), block.bytes("hex"), "{}", block.name());
    }
}

#[test]
fn keys_are_derived_as_others_derive_them() {
    for block in blocks("keys.txt", 6) {
        let (secret, salt) = (block.bytes("secret"), block.bytes("salt"));
        let derived = match block.text("purpose") {
            "1" => derive::<64>(&secret, &salt, Purpose::EidKey).to_vec(),
            "2" => derive::<16>(&secret, &salt, Purpose::TunnelId).to_vec(),
            "3" => derive::<32>(&secret, &salt, Purpose::Psk).to_vec(),
            other => panic!("{other} is no purpose"),
        };
        assert_eq!(derived, block.bytes("hex"), "{}", block.name());
    }
}

#[test]
fn adverts_of_other_phones_are_opened_and_foreign_ones_are_not() {
    for block in blocks("adverts.txt", 15) {
        let (name, advert, key) = (block.name(), block.bytes("advert"), block.array("key"));
        let opened = Eid::open(&advert, &key);
        match block.text("expect") {
            "FOREIGN" | "LENGTH" | "RESERVED" => assert_eq!(opened, None, "{name}"),
            // The advert is right; who it leads to is nobody.
            "DOMAIN" => assert_eq!(opened.unwrap().domain().host(), None, "{name}"),
            ok => {
                let eid = opened.unwrap_or_else(|| panic!("{name}: not opened"));
                assert_eq!(eid.as_bytes(), &block.array("eid"), "{name}");
                assert_eq!(eid.seal(&key), *advert, "{name}");
                assert!(ok.contains("LINKED") || eid.domain().host().is_some(), "{name}");
                assert!(ok.contains("LINKED") || eid.routing_id() == [0x0A, 0x0B, 0x0C], "{name}");
            }
        }
    }
}

#[test]
fn numbers_of_tunnel_services_lead_to_their_hosts() {
    for block in blocks("domains.txt", 10) {
        let host = TunnelDomain(block.text("number").parse().unwrap()).host();
        assert_eq!(host.as_deref(), block.text("expect").strip_prefix("OK "), "{}", block.name());
    }
}

#[test]
fn handshakes_of_another_implementation_are_the_same_byte_for_byte() {
    for block in blocks("handshakes.txt", 6) {
        let (name, psk, key) = (block.name(), block.array("psk"), block.secret_key("static"));
        let point = key.public_key();
        let (desktop, phone) = match block.text("pattern") {
            "KNpsk0" => (Pattern::QrDesktop(&key), Pattern::QrPhone(&point)),
            "NKpsk0" => (Pattern::LinkDesktop(&point), Pattern::LinkPhone(&key)),
            other => panic!("{other} is no pattern"),
        };
        let mut desktop = Handshake::new(&desktop, &psk, &mut *Script::of([drawn(block.bytes("initiator"))]));
        let mut phone = Handshake::new(&phone, &psk, &mut *Script::of([drawn(block.bytes("responder"))]));
        assert_eq!(desktop.write(), block.bytes("first"), "{name}");
        phone.read(&block.bytes("first")).unwrap();
        assert_eq!(phone.write(), block.bytes("second"), "{name}");
        desktop.read(&block.bytes("second")).unwrap();
        assert_eq!((desktop.hash(), phone.hash()), (block.bytes("hash"), block.bytes("hash")), "{name}");
        let (mut desktop, mut phone) = (desktop.into_channel(), phone.into_channel());
        let sealed =
            |key| block.text(key).split(' ').map(|sealed| hex::decode(sealed).unwrap()).collect::<Vec<_>>();
        for (message, plaintext) in sealed("there").iter().zip([&[1, 4][..], &[]]) {
            assert_eq!(desktop.seal(plaintext).unwrap(), *message, "{name}");
            assert_eq!(phone.open(message).unwrap(), plaintext, "{name}");
        }
        for (message, plaintext) in sealed("back").iter().zip([&[1, 0][..], &[0; 200]]) {
            assert_eq!(phone.seal(plaintext).unwrap(), *message, "{name}");
            assert_eq!(desktop.open(message).unwrap(), plaintext, "{name}");
        }
    }
}

#[test]
fn padding_of_others_is_taken_off_and_more_of_it_than_there_are_bytes_is_refused() {
    for block in blocks("frames.txt", 15) {
        let (name, padded, expect) = (block.name(), block.bytes("hex"), block.text("expect"));
        match (frame::unpad(&padded), expect.strip_prefix("OK")) {
            (Ok(message), Some(expected)) => assert_eq!(hex::encode(message), expected.trim(), "{name}"),
            (Err(why), None) => assert!(why.to_string().contains("padding"), "{name}: {why}"),
            (unpadded, _) => panic!("{name}: {expect} and not {unpadded:?}"),
        }
        if name.ends_with("bytes") && expect.starts_with("OK") {
            assert_eq!(frame::pad(frame::unpad(&padded).unwrap()), padded, "{name}");
        }
    }
}

#[test]
fn links_are_read_by_what_the_specification_calls_them() {
    for block in blocks("links.txt", 18) {
        let (name, verdict, bytes) = (block.name(), block.text("expect"), block.bytes("hex"));
        if verdict == "PAYLOAD" {
            let payload = ClientPayload::decode(&bytes).unwrap();
            assert_eq!(payload.encode(), bytes, "{name}");
            assert_eq!(payload.hint, Hint::GetAssertion, "{name}");
            continue;
        }
        let Ok(value) = wire::cbor::decode(&bytes) else {
            assert_eq!(verdict, "CBOR", "{name}");
            continue;
        };
        let link = match Linking::from_value(&value) {
            Ok(link) => link,
            Err(why) => {
                let word = match verdict {
                    "MISSING" => "of a link is not",
                    "LENGTH" => "bytes",
                    "TYPE" => "is not text",
                    "POINT" => "point of P-256",
                    other => panic!("{name}: {other} and not {why}"),
                };
                assert!(why.to_string().contains(word), "{name}: {verdict} is refused for this: {why}");
                continue;
            }
        };
        let signature = sign(&block.secret_key("desktop"), &link.public_key, &block.bytes("hash"));
        let verdict_is = if signature == link.signature { "OK" } else { "SIGNATURE" };
        assert_eq!(verdict_is, verdict, "{name}");
        if name == "whole" {
            assert_eq!(wire::cbor::encode(&link.to_value()), bytes);
        }
    }
}
