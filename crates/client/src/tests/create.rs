use super::{
    IOS, RP_ID, created, creation_json, descriptor, info, made, origin, p256, packed, platform, with_options,
};
use crate::error::AnswerError;
use crate::{
    Attachment, Ceremony, Client, ClientError, Create, Link, Next, Platform, Registration, options, run,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wire::aaguid::Aaguid;
use wire::base64url;
use wire::cose::{Algorithm, PublicKey};
use wire::ctap2::{Command, GetInfoResponse, MakeCredential, MakeCredentialResponse, Request};
use wire::status::Status;
use wire::webauthn::json::CreationOptions;
use wire::webauthn::{AttestationObject, AuthenticatorData, Flags};

fn asked_for(members: Value) -> CreationOptions {
    options::creation(&creation_json(members).to_string()).unwrap().options
}

fn begin(members: Value, platform: &Platform) -> Result<(Create, Vec<u8>), ClientError> {
    Create::begin(&origin(), &asked_for(members), platform)
}

fn request(message: &[u8]) -> MakeCredential {
    match Request::decode(message) {
        Ok(Request::MakeCredential(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn first_request(members: Value, platform: &Platform) -> MakeCredential {
    request(&begin(members, platform).map_err(|error| error.to_string()).unwrap().1)
}

/// Runs a registration whose first answer is `response`.
fn answered(members: Value, platform: &Platform, response: &[u8]) -> Result<Registration, ClientError> {
    match begin(members, platform)?.0.handle_response(response)? {
        Next::Done(registration) => Ok(registration),
        Next::Send(_, message) => panic!("{message:?}"),
    }
}

#[test]
fn the_request_says_what_the_page_asked_for() {
    let request = first_request(json!({}), &platform(Client::SpecL3));
    assert_eq!((request.rp.id.as_str(), request.rp.name.as_deref()), (RP_ID, Some("Example")));
    assert_eq!(request.user.id, [1, 2, 3]);
    assert_eq!(request.user.name.as_deref(), Some("adele"));
    assert_eq!(request.user.display_name.as_deref(), Some("Adele Example"));
    assert_eq!(request.algorithms, [Algorithm::ES256, Algorithm::EDDSA]);
    let client_data = br#"{"type":"webauthn.create","challenge":"Y2hhbGxlbmdl","origin":"https://login.example.test","crossOrigin":false}"#;
    assert_eq!(request.client_data_hash, <[u8; 32]>::from(Sha256::digest(client_data)));
    // Nothing that was not asked for.
    assert_eq!((request.rk, request.up, request.uv), (None, None, Some(true)));
    assert!(
        request.extensions.is_none()
            && request.exclude_list.is_empty()
            && request.attestation_formats.is_none()
    );
    assert!(request.pin_uv_auth_param.is_none() && request.enterprise_attestation.is_none());
}

#[test]
fn without_an_rp_id_the_relying_party_is_the_host() {
    let request = first_request(json!({ "rp": { "name": "Example" } }), &platform(Client::SpecL3));
    assert_eq!(request.rp.id, "login.example.test");
}

#[test]
fn no_algorithms_mean_es256_and_rs256_and_foreign_types_are_passed_over() {
    let algorithms = |params: Value| begin(json!({ "pubKeyCredParams": params }), &platform(Client::SpecL3));
    let (_, message) = algorithms(json!([])).ok().unwrap();
    assert_eq!(request(&message).algorithms, [Algorithm::ES256, Algorithm::RS256]);
    let (_, message) =
        algorithms(json!([{ "type": "future", "alg": -7 }, { "type": "public-key", "alg": -8 }]))
            .ok()
            .unwrap();
    assert_eq!(request(&message).algorithms, [Algorithm::EDDSA]);
    let error = algorithms(json!([{ "type": "future", "alg": -7 }])).err().unwrap();
    assert_eq!((error.exception(), &error), ("NotSupportedError", &ClientError::NoPublicKeyParameters));
}

/// What a combination of wishes and abilities leads to: `rk`, `uv`, or why not.
fn expected(
    resident_key: Option<&str>,
    level_1: Option<bool>,
    verification: Option<&str>,
    able: (Option<bool>, Option<bool>, Option<bool>),
) -> Result<(bool, bool), &'static str> {
    let (has_rk, has_uv, not_required) = (able.0 == Some(true), able.1 == Some(true), able.2 == Some(true));
    let rk = match resident_key {
        Some("required") => true,
        Some("preferred") => has_rk,
        Some("discouraged") => false,
        _ => level_1 == Some(true),
    };
    if rk && !has_rk {
        return Err("rk");
    }
    let uv = match verification {
        Some("required") if !has_uv => return Err("uv"),
        Some("discouraged") => has_uv && (rk || !not_required),
        _ => has_uv,
    };
    Ok((rk, uv))
}

#[test]
fn every_combination_of_wishes_and_abilities_maps_to_options_as_browsers_do() {
    let bools = [None, Some(false), Some(true)];
    let wishes = [None, Some("required"), Some("preferred"), Some("discouraged"), Some("mandatory")];
    for resident_key in wishes {
        for level_1 in bools {
            for verification in wishes {
                for has_rk in bools {
                    for has_uv in bools {
                        for not_required in bools {
                            let able = (has_rk, has_uv, not_required);
                            let case = format!("{resident_key:?} {level_1:?} {verification:?} {able:?}");
                            let named = [("rk", has_rk), ("uv", has_uv), ("makeCredUvNotRqd", not_required)];
                            let present: Vec<_> =
                                named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                            let platform =
                                Platform { info: with_options(&present), ..platform(Client::SpecL3) };
                            let mut selection = json!({});
                            for (key, wish) in
                                [("residentKey", resident_key), ("userVerification", verification)]
                            {
                                if let Some(wish) = wish {
                                    selection[key] = wish.into();
                                }
                            }
                            if let Some(required) = level_1 {
                                selection["requireResidentKey"] = required.into();
                            }
                            let begun = begin(json!({ "authenticatorSelection": selection }), &platform);
                            match (begun, expected(resident_key, level_1, verification, able)) {
                                (Ok((_, message)), Ok((rk, uv))) => {
                                    let sent = request(&message);
                                    assert_eq!(
                                        (sent.rk, sent.uv),
                                        (rk.then_some(true), uv.then_some(true)),
                                        "{case}"
                                    );
                                }
                                (Err(error), Err(why)) => {
                                    assert_eq!(error.exception(), "NotAllowedError");
                                    let rk = error == ClientError::NoDiscoverableCredentials;
                                    let uv = matches!(error, ClientError::NoUserVerification { .. });
                                    assert!(if why == "rk" { rk } else { uv }, "{case}: {error}");
                                    assert!(error.hint().is_some());
                                }
                                (Ok(_), Err(why)) => panic!("{case}: should lack {why}"),
                                (Err(error), Ok(_)) => panic!("{case}: {error}"),
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn required_verification_that_cannot_be_done_says_what_is_lacking() {
    let lacking = |why| ClientError::NoUserVerification { why };
    let settings_only = [("clientPin", true), ("noMcGaPermissionsWithClientPin", true)];
    for (options, refused) in [
        (vec![("rk", true)], lacking("cannot do it")),
        (vec![("uv", false)], lacking("has nothing set up to do it with")),
        (vec![("clientPin", false)], lacking("has no PIN set")),
        (vec![("clientPin", true)], ClientError::PinRequired),
        (vec![("uv", false), ("clientPin", true)], ClientError::PinRequired),
        (settings_only.into(), lacking("takes its PIN for its settings only")),
    ] {
        let platform = Platform { info: with_options(&options), ..platform(Client::SpecL3) };
        let wish = json!({ "authenticatorSelection": { "userVerification": "required" } });
        let error = begin(wish, &platform).err().unwrap();
        assert_eq!((&error, error.exception()), (&refused, "NotAllowedError"), "{options:?}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn an_authenticator_that_is_attached_otherwise_is_refused_before_it_is_asked() {
    for (wish, link, passes) in [
        ("cross-platform", Link::Usb, true),
        ("cross-platform", Link::Hybrid, true),
        ("cross-platform", Link::Internal, false),
        ("platform", Link::Usb, false),
        ("platform", Link::Internal, true),
        ("anywhere", Link::Usb, true),
    ] {
        let platform = Platform { link, ..platform(Client::SpecL3) };
        let begun =
            begin(json!({ "authenticatorSelection": { "authenticatorAttachment": wish } }), &platform);
        match begun {
            Ok(_) => assert!(passes, "{wish} {link:?}"),
            Err(error) => {
                assert!(!passes, "{wish} {link:?}");
                assert!(matches!(error, ClientError::OtherAttachment { .. }), "{error}");
                assert_eq!((error.exception(), error.hint().is_some()), ("NotAllowedError", true));
            }
        }
    }
    assert_eq!(Attachment::CrossPlatform.to_string(), "cross-platform");
}

#[test]
fn enterprise_attestation_is_asked_for_only_where_it_is_enabled() {
    for (ep, preference, sent) in [
        (Some(true), "enterprise", Some(1)),
        (Some(false), "enterprise", None),
        (None, "enterprise", None),
        (Some(true), "direct", None),
    ] {
        let mut options = vec![("rk", true), ("uv", true)];
        options.extend(ep.map(|ep| ("ep", ep)));
        let platform = Platform { info: with_options(&options), ..platform(Client::SpecL3) };
        let members = json!({ "attestation": preference });
        assert_eq!(
            first_request(members.clone(), &platform).enterprise_attestation,
            sent,
            "{ep:?} {preference}"
        );
        let notes = answered(members, &platform, &made(&created(IOS, b"id", p256()))).unwrap().notes;
        let falls_back = preference == "enterprise" && sent.is_none();
        let ordinary = notes.iter().any(|note| note.contains("an ordinary attestation"));
        assert_eq!(ordinary, sent.is_some(), "this authenticator never gives one: {notes:?}");
        assert_eq!(notes.iter().any(|note| note.contains("so it counts as direct")), falls_back, "{notes:?}");
    }
}

#[test]
fn a_managed_platform_asks_for_enterprise_attestation_for_those_whom_it_lists() {
    for (listed, sent) in [(RP_ID, 2), ("login.example.test", 1), ("test", 1)] {
        let info = with_options(&[("rk", true), ("uv", true), ("ep", true)]);
        let platform = Platform { info, enterprise: vec![listed.into()], ..platform(Client::SpecL3) };
        let request = first_request(json!({ "attestation": "enterprise" }), &platform);
        assert_eq!(request.enterprise_attestation, Some(sent), "{listed}");
    }
}

#[test]
fn attestation_formats_go_only_to_who_knows_them_from_who_sends_them() {
    let formats = |client, versions: &[&str], members: Value| {
        let versions = versions.iter().map(|v| (*v).into()).collect();
        let info = GetInfoResponse { versions, ..info() };
        first_request(members, &Platform { info, ..platform(client) }).attestation_formats
    };
    let new = ["FIDO_2_1", "FIDO_2_3"];
    let direct = json!({ "attestation": "direct", "attestationFormats": ["packed", "tpm"] });
    assert_eq!(formats(Client::SpecL3, &new, json!({})), Some(vec!["none".into()]));
    assert_eq!(formats(Client::SpecL3, &new, direct.clone()), Some(vec!["packed".into(), "tpm".into()]));
    assert_eq!(formats(Client::SpecL3, &new, json!({ "attestation": "direct" })), None);
    assert_eq!(formats(Client::SpecL3, &["FIDO_2_1"], direct.clone()), None);
    assert_eq!(formats(Client::ChromiumUsb, &new, direct), None);
}

#[test]
fn the_page_gets_a_complete_response() {
    let data = created(IOS, &[0xFB, 0xFF], p256());
    let members = json!({ "attestation": "direct", "extensions": { "credProps": true } });
    let Registration { response, aaguid, notes } =
        answered(members, &platform(Client::SpecL3), &made(&data)).unwrap();
    assert_eq!(aaguid, IOS);
    assert_eq!(notes.len(), 1, "{notes:?}");
    let document = serde_json::to_value(&response).unwrap();
    let bytes = |member: &str| base64url::decode(document["response"][member].as_str().unwrap()).unwrap();
    assert_eq!(document["id"], "-_8");
    assert_eq!(document["rawId"], "-_8");
    assert_eq!(document["type"], "public-key");
    assert_eq!(document["authenticatorAttachment"], "cross-platform");
    assert_eq!(document["clientExtensionResults"], json!({ "credProps": { "rk": false } }));
    assert_eq!(document["response"]["transports"], json!(["hybrid", "internal", "usb"]));
    assert_eq!(document["response"]["publicKeyAlgorithm"], -7);
    assert_eq!(bytes("authenticatorData"), data.encode());
    let object = AttestationObject::decode(&bytes("attestationObject")).unwrap();
    assert_eq!(
        (object.fmt.as_str(), object.att_stmt, object.auth_data),
        ("packed", packed(false), data.encode())
    );
    let client_data = r#"{"type":"webauthn.create","challenge":"Y2hhbGxlbmdl","origin":"https://login.example.test","crossOrigin":false}"#;
    assert_eq!(String::from_utf8(bytes("clientDataJSON")).unwrap(), client_data);
}

#[test]
fn authenticator_data_is_the_same_inside_and_outside_the_attestation_object_even_when_zeroed() {
    for client in Client::ALL {
        let registration =
            answered(json!({}), &platform(client), &made(&created(IOS, b"id", p256()))).unwrap();
        let outside = registration.response.response.authenticator_data.unwrap();
        let inside = AttestationObject::decode(&registration.response.response.attestation_object.0).unwrap();
        assert_eq!(outside.0, inside.auth_data, "{client}");
        let shown = if client == Client::ChromiumUsb { Aaguid::ZERO } else { IOS };
        assert_eq!(registration.aaguid, shown, "{client}");
        assert_eq!(
            AuthenticatorData::decode(&outside.0).unwrap().attested.unwrap().aaguid,
            shown,
            "{client}"
        );
    }
}

#[test]
fn public_keys_are_told_as_subject_public_key_info() {
    let spki = |key| {
        let response =
            answered(json!({}), &platform(Client::SpecL3), &made(&created(IOS, b"id", key))).unwrap();
        let response = response.response.response;
        (response.public_key.unwrap().0, response.public_key_algorithm.unwrap())
    };
    let (der, algorithm) = spki(p256());
    let prefix = "3059 3013 0607 2a8648ce3d0201 0608 2a8648ce3d030107 0342 00 04".replace(' ', "");
    let expected = [wire::hex::decode(&prefix).unwrap(), vec![0x11; 32], vec![0x22; 32]].concat();
    assert_eq!((der, algorithm), (expected, -7));
    let (der, algorithm) = spki(PublicKey::Ed25519 { x: [0x33; 32] });
    let prefix = "302a 3005 0603 2b6570 0321 00".replace(' ', "");
    assert_eq!((der, algorithm), ([wire::hex::decode(&prefix).unwrap(), vec![0x33; 32]].concat(), -8));
    let (der, algorithm) = spki(PublicKey::P384 { x: [0x11; 48], y: [0x22; 48] });
    let prefix = "3076 3010 0607 2a8648ce3d0201 0605 2b81040022 0362 00 04".replace(' ', "");
    let expected = [wire::hex::decode(&prefix).unwrap(), vec![0x11; 48], vec![0x22; 48]].concat();
    assert_eq!((der, algorithm), (expected, -35));
    let (der, algorithm) = spki(PublicKey::MlDsa44 { key: Box::new([0x44; 1312]) });
    let prefix = "30820532 300b 0609 608648016503040311 03820521 00".replace(' ', "");
    assert_eq!((der, algorithm), ([wire::hex::decode(&prefix).unwrap(), vec![0x44; 1312]].concat(), -48));
    let (der, algorithm) = spki(PublicKey::MlDsa65 { key: Box::new([0x55; 1952]) });
    let prefix = "308207b2 300b 0609 608648016503040312 038207a1 00".replace(' ', "");
    assert_eq!((der, algorithm), ([wire::hex::decode(&prefix).unwrap(), vec![0x55; 1952]].concat(), -49));
}

#[test]
fn an_rsa_key_is_told_with_numbers_in_their_shortest_form() {
    let spki = |n: Vec<u8>, e: &[u8]| {
        let key = PublicKey::Rsa { n, e: e.into() };
        let answer = made(&created(IOS, b"id", key));
        let response = answered(json!({}), &platform(Client::SpecL3), &answer).unwrap().response.response;
        assert_eq!(response.public_key_algorithm, Some(-257));
        wire::hex::encode(&response.public_key.unwrap().0)
    };
    let algorithm = "300d 0609 2a864886f70d010101 0500".replace(' ', "");
    let modulus = |first: u8| [vec![first], vec![0x5A; 255]].concat();
    let [high, low] = [0xC0, 0x40].map(|first| wire::hex::encode(&modulus(first)));
    let expected = format!("30820122 {algorithm} 0382010f 00 3082010a 02820101 00 {high} 0203 010001");
    assert_eq!(spki(modulus(0xC0), &[1, 0, 1]), expected.replace(' ', ""));
    assert_eq!(spki([vec![0, 0], modulus(0xC0)].concat(), &[0, 1, 0, 1]), expected.replace(' ', ""));
    let expected = format!("3082011f {algorithm} 0382010c 00 30820107 02820100 {low} 0201 03");
    assert_eq!(spki(modulus(0x40), &[3]), expected.replace(' ', ""));
    let expected = format!("30819e {algorithm} 03818c 00 308188 028181 00 {} 0202 0080", "ff".repeat(128));
    assert_eq!(spki(vec![0xFF; 128], &[0x80]), expected.replace(' ', ""));
}

#[test]
fn a_key_of_a_kind_that_is_not_understood_goes_to_the_page_whole_and_without_a_public_key() {
    use wire::cbor;
    let map = cbor::int_map([
        (1, Some(2.into())),
        (3, Some((-36).into())),
        (-1, Some(3.into())),
        (-2, Some(cbor::bytes([6; 66]))),
        (-3, Some(true.into())),
    ]);
    let key = PublicKey::from_value(&map).unwrap();
    let data = created(IOS, b"id", key);
    let made = answered(json!({}), &platform(Client::SpecL3), &made(&data)).unwrap();
    let response = made.response.response;
    assert_eq!((response.public_key, response.public_key_algorithm), (None, Some(-36)));
    assert_eq!(response.authenticator_data.unwrap().0, data.encode());
    assert!(made.notes.iter().any(|note| note.contains("was not offered")), "{:?}", made.notes);
}

#[test]
fn cred_props_tells_rk_where_the_client_can_be_sure() {
    let props = |rk: &str, info: GetInfoResponse, input: Value| {
        let members =
            json!({ "authenticatorSelection": { "residentKey": rk }, "extensions": { "credProps": input } });
        let platform = Platform { info, ..platform(Client::SpecL3) };
        let response = answered(members, &platform, &made(&created(IOS, b"id", p256()))).unwrap().response;
        Value::Object(response.client_extension_results)
    };
    let old = || GetInfoResponse { versions: vec!["FIDO_2_0".into()], ..info() };
    let old_without =
        || GetInfoResponse { versions: vec!["FIDO_2_0".into()], ..with_options(&[("uv", true)]) };
    assert_eq!(props("required", info(), json!(true)), json!({ "credProps": { "rk": true } }));
    assert_eq!(props("discouraged", info(), json!(true)), json!({ "credProps": { "rk": false } }));
    assert_eq!(props("required", old(), json!(true)), json!({ "credProps": { "rk": true } }));
    assert_eq!(props("discouraged", old(), json!(true)), json!({ "credProps": {} }));
    assert_eq!(props("discouraged", old_without(), json!(true)), json!({ "credProps": { "rk": false } }));
    assert_eq!(props("required", info(), json!(false)), json!({}));
    assert_eq!(props("required", info(), json!("true")), json!({}));
}

#[test]
fn extensions_that_either_side_lacks_are_passed_over_and_noted() {
    let members = json!({ "extensions": { "hmacCreateSecret": true, "credProps": true, "future": {} } });
    let platform = platform(Client::SpecL3);
    assert_eq!(first_request(members.clone(), &platform).extensions, None);
    let notes = answered(members, &platform, &made(&created(IOS, b"id", p256()))).unwrap().notes;
    let passed: Vec<_> = notes.iter().filter(|note| note.starts_with("extension ")).collect();
    assert_eq!(passed.len(), 2, "{notes:?}");
    assert!(passed[0].contains("hmacCreateSecret") && passed[1].contains("future"));
}

#[test]
fn a_refusal_keeps_its_status_and_becomes_the_exception_that_a_page_sees() {
    for (status, exception) in [
        (Status::CREDENTIAL_EXCLUDED, "InvalidStateError"),
        (Status::UNSUPPORTED_ALGORITHM, "NotSupportedError"),
        (Status::OPERATION_DENIED, "NotAllowedError"),
        (Status::USER_ACTION_TIMEOUT, "NotAllowedError"),
        (Status::KEEPALIVE_CANCEL, "NotAllowedError"),
        (Status::KEY_STORE_FULL, "NotAllowedError"),
        (Status::INVALID_CBOR, "NotAllowedError"),
        (Status(0xF5), "NotAllowedError"),
    ] {
        let error = answered(json!({}), &platform(Client::SpecL3), &[status.0]).unwrap_err();
        assert_eq!((error.status(), error.exception()), (Some(status), exception));
        assert_eq!(
            error.to_string(),
            format!("the authenticator refused authenticatorMakeCredential: {status}")
        );
        assert!(error.hint().is_some() || [0x12, 0xF5].contains(&status.0), "{status}");
    }
}

#[test]
fn an_answer_that_no_client_hands_on_is_an_error() {
    let answer =
        |data: AuthenticatorData| answered(json!({}), &platform(Client::SpecL3), &made(&data)).unwrap_err();
    let fault = |error: ClientError| match error {
        ClientError::Answer { command: Command::MAKE_CREDENTIAL, error } => error,
        other => panic!("{other}"),
    };
    let foreign = AuthenticatorData { rp_id_hash: [0; 32], ..created(IOS, b"id", p256()) };
    assert_eq!(fault(answer(foreign)), AnswerError::RpIdHash(RP_ID.into()));
    let bare = AuthenticatorData { flags: Flags::UP, attested: None, ..created(IOS, b"id", p256()) };
    assert_eq!(fault(answer(bare)), AnswerError::NoCredential);
    let good = made(&created(IOS, b"id", p256()));
    let truncated_data = MakeCredentialResponse {
        fmt: "none".into(),
        auth_data: created(IOS, b"id", p256()).encode()[..60].to_vec(),
        att_stmt: packed(false),
        ep_att: false,
        large_blob_key: None,
        unsigned_extension_outputs: None,
    };
    for malformed in
        [vec![], vec![0], vec![0, 0xA0], good[..good.len() - 1].to_vec(), truncated_data.encode()]
    {
        let error = answered(json!({}), &platform(Client::SpecL3), &malformed).unwrap_err();
        assert_eq!(error.exception(), "NotAllowedError");
        assert!(matches!(fault(error), AnswerError::Malformed(_)), "{malformed:?}");
    }
}

#[test]
fn the_raw_client_hands_a_foreign_rp_id_hash_on_and_calls_it_a_fault() {
    let foreign = AuthenticatorData { rp_id_hash: [0; 32], ..created(IOS, b"id", p256()) };
    let registration = answered(json!({}), &platform(Client::Raw), &made(&foreign)).unwrap();
    assert_eq!(registration.response.response.authenticator_data.unwrap().0, foreign.encode());
    let faults: Vec<_> = registration.notes.iter().filter(|note| note.starts_with("fault: ")).collect();
    assert_eq!(faults.len(), 2, "{:?}", registration.notes);
}

#[test]
fn what_only_the_relying_party_may_refuse_is_handed_on_and_noted() {
    let wish = json!({ "authenticatorSelection": { "userVerification": "required" } });
    let platform = platform(Client::SpecL3);
    for (flags, key, odd) in [
        (Flags::UP | Flags::UV | Flags::AT, p256(), vec![]),
        (Flags::UP | Flags::AT, p256(), vec!["not verified"]),
        (Flags::UV | Flags::AT, p256(), vec!["no user was present"]),
        (Flags::UP | Flags::UV | Flags::AT, PublicKey::Ed25519 { x: [1; 32] }, vec!["was not offered"]),
    ] {
        let mut members = wish.clone();
        members["pubKeyCredParams"] = json!([{ "type": "public-key", "alg": -7 }]);
        let data = AuthenticatorData { flags, ..created(IOS, b"id", key) };
        let notes = answered(members, &platform, &made(&data)).unwrap().notes;
        let noted: Vec<_> = notes.iter().filter(|note| note.starts_with("odd: ")).collect();
        assert_eq!(noted.len(), odd.len(), "{flags}: {notes:?}");
        assert!(noted.iter().zip(odd).all(|(note, odd)| note.contains(odd)), "{flags}: {notes:?}");
    }
}

#[test]
fn an_exclude_list_that_fits_is_sent_at_once() {
    let list: Vec<Value> =
        (0u8..8).map(|n| json!({ "type": "public-key", "id": base64url::encode(&[n]) })).collect();
    let sent = first_request(json!({ "excludeCredentials": list }), &platform(Client::SpecL3)).exclude_list;
    assert_eq!(sent, (0u8..8).map(|n| descriptor([n])).collect::<Vec<_>>());
}

/// Runs a registration with 20 exclusions against an authenticator that has credential `here`; what it was asked,
/// and what came of it.
fn with_long_exclude_list(here: Option<u8>) -> (Vec<Request>, Result<Registration, ClientError>) {
    let list: Vec<Value> =
        (0u8..20).map(|n| json!({ "type": "public-key", "id": base64url::encode(&[n]) })).collect();
    let begun = begin(json!({ "excludeCredentials": list }), &platform(Client::SpecL3)).ok().unwrap();
    let mut asked = Vec::new();
    let outcome = run(begun, |message| {
        let request = Request::decode(message).unwrap();
        asked.push(request.clone());
        let listed = |list: &[wire::ctap2::Descriptor]| here.filter(|n| list.contains(&descriptor([*n])));
        Ok::<_, ClientError>(match request {
            Request::GetAssertion(question) => match listed(&question.allow_list) {
                Some(n) => super::assertion(Some(&[n]), None, None).encode(),
                None => vec![Status::NO_CREDENTIALS.0],
            },
            Request::MakeCredential(request) => match listed(&request.exclude_list) {
                Some(_) => vec![Status::CREDENTIAL_EXCLUDED.0],
                None => made(&created(IOS, b"new", p256())),
            },
            other => panic!("{other:?}"),
        })
    });
    (asked, outcome)
}

#[test]
fn a_longer_exclude_list_is_searched_silently_first() {
    let (asked, outcome) = with_long_exclude_list(None);
    assert_eq!(asked.len(), 4, "three parts and the registration");
    let Some(Request::MakeCredential(last)) = asked.last() else { panic!("{asked:?}") };
    assert!(last.exclude_list.is_empty());
    assert_eq!(outcome.unwrap().response.id, base64url::encode(b"new"));
    for here in 0u8..20 {
        let (asked, outcome) = with_long_exclude_list(Some(here));
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.exception(), error.status()),
            ("InvalidStateError", Some(Status::CREDENTIAL_EXCLUDED))
        );
        assert_eq!(asked.len(), usize::from(here) / 8 + 2, "{here}");
        let Some(Request::MakeCredential(last)) = asked.last() else { panic!("{asked:?}") };
        assert_eq!(last.exclude_list, [descriptor([here])]);
    }
}

#[test]
fn options_that_were_not_read_from_json_are_checked_all_the_same() {
    let mut options = asked_for(json!({}));
    options.user.id = vec![0; 65].into();
    let error = Create::begin(&origin(), &options, &platform(Client::SpecL3)).err().unwrap();
    assert_eq!(error.to_string(), "user.id: has 65 bytes, and a user handle has 1 to 64");
    assert_eq!(error.exception(), "TypeError");
    let foreign = json!({ "rp": { "id": "other.test", "name": "Other" } });
    let error = begin(foreign, &platform(Client::SpecL3)).err().unwrap();
    assert_eq!((error.exception(), error.hint().is_some()), ("SecurityError", true));
}

#[test]
fn names_that_do_not_fit_the_message_are_an_error_before_it_is_sent() {
    let info = GetInfoResponse { max_msg_size: None, ..info() };
    let platform = Platform { info, ..platform(Client::SpecL3) };
    let user = json!({ "id": "AQ", "name": "x".repeat(1_200) });
    let error = begin(json!({ "user": user }), &platform).err().unwrap();
    assert!(
        matches!(error, ClientError::RequestTooLarge { command: Command::MAKE_CREDENTIAL, max: 1024, .. }),
        "{error}"
    );
}
