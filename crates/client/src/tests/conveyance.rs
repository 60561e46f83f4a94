use super::{IOS, created, info, p256, packed, platform};
use crate::conveyance::{Client, Conveyed, Preference};
use crate::selection::{Attachment, Link, Platform};
use wire::aaguid::Aaguid;
use wire::cbor::Value;
use wire::ctap2::GetInfoResponse;
use wire::webauthn::{AttestationObject, AuthenticatorData};

/// What an authenticator may answer, by name.
fn answer(name: &str) -> AttestationObject {
    let (fmt, att_stmt, aaguid) = match name {
        "self" => ("packed", packed(false), IOS),
        "self, zero AAGUID" => ("packed", packed(false), Aaguid::ZERO),
        "certificate" => ("packed", packed(true), IOS),
        "certificate, zero AAGUID" => ("packed", packed(true), Aaguid::ZERO),
        "none" => ("none", Value::Map(Vec::new()), IOS),
        "none, zero AAGUID" => ("none", Value::Map(Vec::new()), Aaguid::ZERO),
        other => panic!("{other}"),
    };
    AttestationObject { fmt: fmt.into(), att_stmt, auth_data: created(aaguid, b"id", p256()).encode() }
}

const ANSWERS: [&str; 6] =
    ["self", "self, zero AAGUID", "certificate", "certificate, zero AAGUID", "none", "none, zero AAGUID"];

#[test]
fn each_client_conveys_each_answer_at_each_preference_by_its_rules() {
    for client in Client::ALL {
        for preference in Preference::ALL {
            for name in ANSWERS {
                let case = format!("{client}, {}, {name}", preference.name());
                let given = answer(name);
                let Conveyed { attestation_object: seen, notes, .. } =
                    platform(client).convey(preference, given.clone());
                // The rules, as the tables have them.
                let untouched = client == Client::Raw
                    || preference != Preference::None
                    || name == "self, zero AAGUID"
                    || name == "none, zero AAGUID";
                let zeroed = !untouched && client == Client::ChromiumUsb && !name.ends_with("zero AAGUID");
                if untouched {
                    assert_eq!(seen, given, "{case}");
                } else {
                    assert_eq!(
                        (seen.fmt.as_str(), &seen.att_stmt),
                        ("none", &Value::Map(Vec::new())),
                        "{case}"
                    );
                }
                let mut expected = AuthenticatorData::decode(&given.auth_data).unwrap();
                if zeroed {
                    expected.attested.as_mut().unwrap().aaguid = Aaguid::ZERO;
                }
                assert_eq!(
                    AuthenticatorData::decode(&seen.auth_data).unwrap(),
                    expected,
                    "{case}: nothing else changes"
                );
                for (note, noted) in [
                    ("was zeroed, as Chromium does", zeroed),
                    ("fault: ", client == Client::Raw),
                    ("statement was replaced by none", seen.fmt != given.fmt),
                    ("was kept, as Level 3 has it", !untouched && !zeroed && !name.ends_with("zero AAGUID")),
                ] {
                    assert_eq!(
                        notes.iter().any(|n| n.contains(note)),
                        noted,
                        "{case}: {note:?} in {notes:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_page_sees_the_transports_that_the_client_shows() {
    let told = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    for (client, link, info_has, seen) in [
        (Client::SpecL3, Link::Usb, vec!["internal", "hybrid"], vec!["hybrid", "internal", "usb"]),
        (Client::SpecL3, Link::Internal, vec!["internal", "hybrid"], vec!["hybrid", "internal"]),
        (Client::SpecL3, Link::Nfc, vec![], vec!["nfc"]),
        (Client::SpecL3, Link::Usb, vec!["usb", "x-new", "usb"], vec!["usb", "x-new"]),
        (Client::ChromiumUsb, Link::Usb, vec!["internal", "hybrid"], vec!["hybrid", "internal", "usb"]),
        (Client::ChromiumUsb, Link::Usb, vec![], vec![]),
        (Client::ChromiumUsb, Link::Usb, vec!["usb"], vec!["usb"]),
        (Client::ChromiumUsb, Link::Usb, vec!["nfc", "x-new", "cable"], vec!["nfc", "usb"]),
        (Client::ChromiumHybrid, Link::Hybrid, vec!["usb"], vec!["hybrid", "internal"]),
        (Client::ChromiumHybrid, Link::Hybrid, vec![], vec!["hybrid", "internal"]),
        (Client::Firefox, Link::Usb, vec!["internal", "hybrid"], vec!["usb"]),
        (
            Client::Raw,
            Link::Usb,
            vec!["internal", "hybrid", "internal"],
            vec!["internal", "hybrid", "internal"],
        ),
        (Client::Raw, Link::Usb, vec![], vec![]),
    ] {
        let info = GetInfoResponse { transports: told(&info_has), ..info() };
        let conveyed = Platform::new(client, link, info).convey(Preference::Direct, answer("self"));
        assert_eq!(conveyed.transports, told(&seen), "{client} over {link:?} with {info_has:?}");
    }
}

#[test]
fn only_a_client_that_follows_the_link_sees_a_platform_authenticator() {
    for client in Client::ALL {
        for link in [Link::Usb, Link::Nfc, Link::Internal, Link::Hybrid] {
            let follows = matches!(client, Client::SpecL3 | Client::Raw);
            let expected = if follows && link == Link::Internal {
                Attachment::Platform
            } else {
                Attachment::CrossPlatform
            };
            assert_eq!(Platform::new(client, link, info()).attachment(), expected, "{client} over {link:?}");
        }
    }
}

#[test]
fn clients_and_preferences_are_known_by_name() {
    for client in Client::ALL {
        assert_eq!(client.name().parse(), Ok(client));
    }
    assert_eq!(Client::default(), Client::SpecL3);
    let error = "safari".parse::<Client>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"safari\" is none of spec-l3, chromium-usb, chromium-hybrid, firefox and raw"
    );
    for preference in Preference::ALL {
        assert_eq!(Preference::from_option(Some(preference.name())), preference);
    }
    for unknown in [None, Some(""), Some("Direct"), Some("anonymous")] {
        assert_eq!(Preference::from_option(unknown), Preference::None, "{unknown:?}");
    }
}
