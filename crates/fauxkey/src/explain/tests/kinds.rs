//! Everything that can be pasted is told apart, however it is written.
use super::*;
use std::string::String;

/// Bytes that speak for themselves, and what they are.
fn samples() -> Vec<(Kind, Vec<u8>)> {
    let rsa = int_map([
        (1, Some(3.into())),
        (3, Some((-257).into())),
        (-1, Some(bytes([0xC1; 256]))),
        (-2, Some(bytes([1, 0, 1]))),
    ]);
    let pin = |members| message(0x06, &members);
    vec![
        (Kind::AttestationObject, none()),
        (Kind::AttestationObject, attestation_object("packed", Value::Map(vec![]), &registered())),
        (Kind::AuthenticatorData, registered().encode()),
        (Kind::AuthenticatorData, signed_in().encode()),
        (Kind::ClientData, client_data("webauthn.create").encode()),
        (Kind::ClientData, client_data("webauthn.get").encode()),
        (Kind::CoseKey, encode(&p256().to_value())),
        (Kind::CoseKey, encode(&ed25519().to_value())),
        (Kind::CoseKey, encode(&rsa)),
        (Kind::GetInfo, message(0, &get_info())),
        (Kind::GetInfo, encode(&get_info())),
        (Kind::CtapRequest, message(0x01, &make_credential())),
        (Kind::CtapRequest, encode(&make_credential())),
        (Kind::CtapRequest, message(0x02, &get_assertion())),
        (Kind::CtapRequest, encode(&get_assertion())),
        (Kind::CtapRequest, pin(int_map([(1, Some(2.into())), (2, Some(2.into()))]))),
        (Kind::CtapRequest, message(0x0A, &int_map([(1, Some(1.into()))]))),
        (Kind::CtapRequest, message(0x41, &int_map([(1, Some(1.into()))]))),
        (Kind::CtapRequest, message(0x0C, &int_map([(1, Some(960.into())), (3, Some(0.into()))]))),
        (Kind::CtapRequest, message(0x0D, &int_map([(1, Some(3.into()))]))),
        (Kind::CtapResponse, message(0, &made())),
        (Kind::CtapResponse, encode(&made())),
        (Kind::CtapResponse, message(0, &asserted())),
        (Kind::CtapResponse, encode(&asserted())),
        (Kind::CtapResponse, message(0, &int_map([(1, Some(p256().to_value()))]))),
        (Kind::CtapResponse, message(0, &int_map([(0x70, Some(1.into()))]))),
        (Kind::CtapByte, vec![0x04]),
        (Kind::CtapByte, vec![0x36]),
        (Kind::Cbor, encode(&text_map([("versions", Some(1.into())), ("x", Some(Value::Null))]))),
        (Kind::Cbor, encode(&Value::Array(vec![1.into(), text("a")]))),
        (Kind::Apdu, hex::decode("00A4040008A0000006472F0001").unwrap()),
        (Kind::Apdu, hex::decode("80108000010400").unwrap()),
        (Kind::Apdu, hex::decode("0003000000").unwrap()),
        (Kind::Apdu, [&[0x00, 0x01, 0x00, 0x00, 0x40][..], &[0x11; 64], &[0x00]].concat()),
        (Kind::Apdu, [&[0x00, 0x02, 0x03, 0x00, 0x45][..], &[0x22; 64], &[4, 9, 9, 9, 9]].concat()),
        (Kind::Apdu, hex::decode("5532465f56329000").unwrap()),
        (Kind::Aaguid, registered().attested.unwrap().aaguid.0.into()),
    ]
}

fn spelled(bytes: &[u8], separator: &str, prefix: &str) -> String {
    bytes.iter().map(|byte| format!("{prefix}{byte:02X}")).collect::<Vec<_>>().join(separator)
}

#[test]
fn a_thing_is_the_same_thing_however_it_is_written() {
    for (kind, sample) in samples() {
        let padded = |text: &str| format!("{text}{}", "=".repeat(text.len().wrapping_neg() % 4));
        let url = base64url::encode(&sample);
        let standard = padded(&url).replace('-', "+").replace('_', "/");
        let forms = [
            hex::encode(&sample),
            spelled(&sample, " ", ""),
            spelled(&sample, ":", ""),
            spelled(&sample, ", ", "0x"),
            spelled(&sample, "", "\\x"),
            format!("  \"{}\"\n", hex::encode(&sample)),
            format!("h'{}'", hex::encode(&sample)),
            format!("{sample:?}"),
        ];
        let expected = explained(&forms[0]);
        assert_eq!((expected.kind, expected.bytes), (kind, sample.len()), "\n{expected}");
        for form in forms {
            let found = explained(&form);
            assert_eq!(
                (found.kind, found.tree, found.odd),
                (kind, expected.tree.clone(), expected.odd.clone()),
                "{form}"
            );
        }
        // One byte in base64 is two characters, which are hexadecimal digits as often as not.
        for form in [url, standard].into_iter().filter(|_| sample.len() > 1) {
            let found = explained(&form);
            assert_eq!((found.kind, found.tree), (kind, expected.tree.clone()), "{form}");
        }
        // One byte of a file can be a character, and then nobody can tell.
        if sample != b"6" {
            let found = explained(&sample);
            assert_eq!((found.kind, found.tree), (kind, expected.tree.clone()));
            assert!(matches!(found.form, Form::Raw | Form::Text));
        }
    }
}

#[test]
fn json_documents_are_told_apart() {
    let graph = serde_json::json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.webauthnCredentialCreationOptions",
        "challengeTimeoutDateTime": "2026-01-20T22:24:07Z",
        "publicKey": creation_options()
    });
    let posted = serde_json::json!({
        "displayName": "a phone",
        "publicKeyCredential": {
            "id": registration()["id"],
            "response": {
                "clientDataJson": registration()["response"]["clientDataJSON"],
                "attestationObject": registration()["response"]["attestationObject"]
            }
        }
    });
    let client: serde_json::Value = serde_json::from_slice(&client_data("webauthn.get").encode()).unwrap();
    for (kind, document) in [
        (Kind::RegistrationResponse, registration()),
        (Kind::AuthenticationResponse, authentication()),
        (Kind::CreationOptions, creation_options()),
        (Kind::CreationOptions, serde_json::json!({ "publicKey": creation_options() })),
        (Kind::RequestOptions, request_options()),
        (
            Kind::RequestOptions,
            serde_json::json!({ "publicKey": request_options(), "mediation": "conditional" }),
        ),
        (Kind::RequestOptions, serde_json::json!({ "challenge": request_options()["challenge"] })),
        (Kind::GraphCreationOptions, graph),
        (Kind::GraphRegistration, posted),
        (Kind::ClientData, client),
    ] {
        for text in [document.to_string(), serde_json::to_string_pretty(&document).unwrap()] {
            let explanation = explained(&text);
            assert_eq!((explanation.kind, explanation.form), (kind, Form::Text), "{text}");
            // White space is part of client data, which is signed.
            if kind != Kind::ClientData {
                assert_eq!(explanation.odd, <[String; 0]>::default(), "{text}");
            }
        }
        let in_base64 = explained(base64url::encode(document.to_string().as_bytes()));
        assert_eq!((in_base64.kind, in_base64.form), (kind, Form::Base64Url));
    }
}

#[test]
fn a_friendly_name_goes_with_an_aaguid_in_every_spelling() {
    for text in [
        AUTHENTICATOR_IOS.to_string(),
        AUTHENTICATOR_IOS.to_uppercase(),
        format!("{{{AUTHENTICATOR_IOS}}}"),
        format!("urn:uuid:{AUTHENTICATOR_IOS}"),
        format!(" \"{AUTHENTICATOR_IOS}\" "),
        AUTHENTICATOR_IOS.replace('-', ""),
    ] {
        let explanation = explained(&text);
        assert_eq!(explanation.kind, Kind::Aaguid, "{text}");
        assert_eq!(line(&explanation, "aaguid").note, "Microsoft Authenticator for iOS");
        assert!(explanation.odd.is_empty());
    }
    assert!(is_odd(&explained("00000000-0000-0000-0000-000000000000"), "zero"));
    assert!(is_odd(&explained("12345678-1234-1234-1234-123456789abc"), "no model with this AAGUID"));
}

#[test]
fn an_attestation_object_is_explained_to_its_last_member() {
    let explanation = explained_bytes(&none());
    for (path, value, note) in [
        ("fmt", "\"none\"", "no statement: nothing proves the model"),
        ("attStmt", "{}", ""),
        ("authData/rpIdHash", &"a5".repeat(32), "SHA-256 of the RP ID"),
        ("authData/flags", "0x45 UP UV AT", ""),
        ("authData/flags/UV", "1", "the user was verified"),
        ("authData/flags/BE", "0", "stays on one device"),
        ("authData/signCount", "7", ""),
        ("authData/attestedCredentialData/aaguid", AUTHENTICATOR_IOS, "Microsoft Authenticator for iOS"),
        ("authData/attestedCredentialData/credentialPublicKey/alg", "ES256 (-7)", ""),
        ("authData/attestedCredentialData/credentialPublicKey/crv", "1", "P-256"),
    ] {
        let found = line(&explanation, path);
        assert_eq!((found.value.as_str(), found.note.as_str()), (value, note), "{path}");
    }
    assert!(explanation.odd.is_empty(), "{explanation}");
}

#[test]
fn messages_are_explained_by_the_names_of_their_members() {
    let request = explained_bytes(&message(0x01, &make_credential()));
    assert_eq!(line(&request, "command").note, "authenticatorMakeCredential");
    assert_eq!(line(&request, "0x01 clientDataHash").note, "32 bytes; SHA-256 of the client data");
    assert_eq!(line(&request, "0x02 rp/id").value, "\"login.example.test\"");
    assert_eq!(line(&request, "0x04 pubKeyCredParams/[0]").value, "ES256 (-7)");
    assert!(request.odd.is_empty(), "{request}");
    let response = explained_bytes(&message(0, &made()));
    assert_eq!(line(&response, "answers").value, "authenticatorMakeCredential");
    assert_eq!(line(&response, "0x02 authData/flags").value, "0x45 UP UV AT");
    let response = explained_bytes(&message(0, &asserted()));
    assert_eq!(line(&response, "0x03 signature").note, "8 bytes; ECDSA in DER");
    let pin =
        int_map([(1, Some(2.into())), (2, Some(9.into())), (6, Some(bytes([0; 32]))), (9, Some(3.into()))]);
    let pin = explained_bytes(&message(0x06, &pin));
    assert_eq!(line(&pin, "0x02 subCommand").note, "getPinUvAuthTokenUsingPinWithPermissions");
    assert_eq!(line(&pin, "0x09 permissions").note, "mc ga");
    let info = explained_bytes(&message(0, &get_info()));
    assert_eq!(line(&info, "0x03 aaguid").note, "Microsoft Authenticator for iOS");
    assert_eq!(line(&info, "0x04 options/uv").note, "built-in user verification is set up");
    assert_eq!(line(&info, "0x09 transports").value, "hybrid, internal");
    assert!(info.odd.is_empty(), "{info}");
}

#[test]
fn every_byte_is_a_status_a_command_or_cbor_or_an_error() {
    for byte in 0..=u8::MAX {
        let Ok(explanation) =
            explain(&[byte][..], None).or_else(|_| explain(hex::encode(&[byte]).as_bytes(), None))
        else {
            continue;
        };
        assert!(matches!(explanation.kind, Kind::CtapByte | Kind::Cbor), "0x{byte:02x}\n{explanation}");
    }
    let excluded = explained("19");
    assert_eq!(line(&excluded, "as a response").value, "0x19 CREDENTIAL_EXCLUDED");
    assert_eq!(excluded.tree.len(), 1);
    let reset = explained("0x07");
    assert_eq!(line(&reset, "as a request").note, "authenticatorReset");
    assert!(is_odd(&explained("13"), "removed from CTAP") && is_odd(&explained("10"), "removed from CTAP"));
    assert_eq!(line(&explained("f2"), "as a response").note, "a vendor's own code");
}

/// From Chromium 156, as it was on the screen at second 1795333631; the key and the secret were thrown away with it.
const QR: &str = "FIDO:/611911340649350787122967192981306800134385571589870092469258230576555981978000762535343217560002460258429554331591671680070804729101692771948752773579522109321447142404";

#[test]
fn the_text_of_a_qr_code_is_decoded_but_for_its_secret() {
    let text = QR;
    let explanation = explained(text);
    assert_eq!(explanation.kind, Kind::HybridQr);
    assert_eq!(line(&explanation, "5 hint").note, "a registration");
    let known = "the desktop knows cable.ua5v.com (Google) and cable.auth.com (Apple)";
    assert_eq!(line(&explanation, "2 known domains").note, known);
    assert_eq!(line(&explanation, "3 time").note, "the code was made 2026-11-22T07:47:11Z");
    assert!(line(&explanation, "0 public key").value.starts_with("0365d9"));
    assert!(!explanation.to_string().contains("248a99c0"), "the secret is shown");
    assert!(explanation.odd.is_empty());
    assert_eq!(explained(text.to_lowercase()).tree, explanation.tree);
}

#[test]
fn a_qr_code_says_its_age_and_a_stale_one_is_odd() {
    let told = |now: u64| {
        let explanation = explain(QR.as_bytes(), Some(now)).unwrap();
        let note = line(&explanation, "3 time").note.clone();
        (note.strip_prefix("the code was made 2026-11-22T07:47:11Z, ").unwrap().to_owned(), explanation.odd)
    };
    let made = 1_795_333_631;
    for (now, said) in [(made, "0 seconds ago"), (made + 1, "1 second ago"), (made + 119, "119 seconds ago")]
    {
        assert_eq!(told(now), (said.into(), vec![]));
    }
    assert_eq!(told(made + 300), ("5 minutes ago".into(), vec![]));
    let stale = "the code is 2 days old: the desktop has stopped waiting, and phones may refuse it";
    assert_eq!(told(made + 172_800), ("2 days ago".into(), vec![stale.into()]));
    assert_eq!(told(made - 30), ("30 seconds from now".into(), vec![]));
    let ahead = "the code will be made in 2 hours: one of the two clocks is wrong";
    assert_eq!(told(made - 7_200), ("2 hours from now".into(), vec![ahead.into()]));
}

#[test]
fn the_tenant_in_a_user_handle_of_entra_id_is_shown() {
    let tenant =
        [0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55];
    let mut options = creation_options();
    options["user"]["id"] = base64url::encode(&[b"OF:".as_slice(), &tenant, &[0; 32]].concat()).into();
    let note = line(&explained(options.to_string()), "user/id").note.clone();
    assert_eq!(note, "51 bytes; looks like Entra ID, tenant 11111111-2222-3333-4444-555555555555");
}

#[test]
fn the_json_of_an_explanation_holds_whole_values_and_the_text_short_ones() {
    let id: Vec<u8> = (0..=255).collect();
    let mut data = registered();
    data.attested.as_mut().unwrap().credential_id = id.clone();
    let explanation = explained_bytes(&data.encode());
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["kind"], "authenticator-data");
    assert_eq!(json["form"], "hex");
    assert!(json.to_string().contains(&hex::encode(&id)));
    assert!(!explanation.to_string().contains(&hex::encode(&id)));
    assert!(explanation.to_string().contains('…'));
    assert_eq!(
        json["tree"][0],
        serde_json::json!({ "label": "rpIdHash", "value": "a5".repeat(32), "note": "SHA-256 of the RP ID" })
    );
}

#[test]
fn what_a_person_sees_is_stable() {
    let shown = explained_bytes(&signed_in().encode()).to_string();
    let expected = "\
authenticator data, 37 bytes, read from hex

  rpIdHash   a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5  (SHA-256 of the RP ID)
  flags      0x05 UP UV
    UP  1  (the user was present)
    UV  1  (the user was verified)
    BE  0  (stays on one device)
    BS  0  (is not backed up)
    AT  0  (no attested credential data)
    ED  0  (no extensions)
  signCount  7

nothing odd about it
";
    assert_eq!(shown, expected);
}
