//! What a reader should stumble over is said, and only then.
use super::*;
use serde_json::json;

/// Asserts that the changed sample is odd in these words, and that the sample was not.
fn odd(before: &Explanation, after: &Explanation, words: &str) {
    assert!(!is_odd(before, words), "already odd before it was changed: {words}\n{before}");
    assert!(is_odd(after, words), "not odd: {words}\n{after}");
}

#[test]
fn odd_authenticator_data() {
    let before = explained_bytes(&registered().encode());
    assert!(before.odd.is_empty(), "{before}");
    let changed = |change: &dyn Fn(&mut AuthenticatorData)| {
        let mut data = registered();
        change(&mut data);
        explained_bytes(&data.encode())
    };
    let id = |id: Vec<u8>| changed(&move |data| data.attested.as_mut().unwrap().credential_id = id.clone());
    let aaguid = |text: &str| text.parse().unwrap();
    odd(&before, &changed(&|data| data.sign_count = 0), "signCount is 0");
    odd(&before, &changed(&|data| data.flags = Flags::UP | Flags::AT), "UV is not set");
    odd(&before, &changed(&|data| data.flags = Flags::UV | Flags::AT), "UP is not set");
    odd(&before, &changed(&|data| data.flags |= Flags::BS), "BS without BE");
    odd(&before, &changed(&|data| data.flags |= Flags(0x02)), "reserved flags are set: 0x02");
    odd(&before, &changed(&|data| data.flags |= Flags(0x20)), "reserved flags are set: 0x20");
    odd(&before, &changed(&|data| data.flags |= Flags::BE), "keeps its passkeys on one device");
    odd(
        &before,
        &changed(&|data| {
            data.attested.as_mut().unwrap().aaguid = aaguid("fbfc3007-154e-4ecc-8c0b-6e020557d7bd")
        }),
        "Apple Passwords (iCloud Keychain) keeps its passkeys in an account",
    );
    odd(&before, &id([b"fauxkey1".as_slice(), &[7; 24]].concat()), "made by fauxkey");
    odd(&before, &id(vec![]), "the credential ID is empty");
    odd(&before, &id(vec![7; 15]), "needs at least 16");
    odd(&before, &id(vec![7; 1024]), "may have 1023");
    let with_extensions = |members: Value| {
        changed(&move |data| {
            data.flags |= Flags::ED;
            data.extensions = Some(members.clone());
        })
    };
    odd(
        &before,
        &with_extensions(text_map([("credProtect2", Some(2.into()))])),
        "unknown extension credProtect2",
    );
    odd(&before, &with_extensions(int_map([(1, Some(2.into()))])), "unknown extension 1");
    odd(&before, &with_extensions(Value::Map(vec![])), "present, but empty");
    let known =
        with_extensions(text_map([("credProtect", Some(3.into())), ("hmac-secret", Some(true.into()))]));
    assert!(known.odd.is_empty(), "{known}");
    assert_eq!(line(&known, "extensions/credProtect").note, "userVerificationRequired");
    // The mark counts at the front alone.
    assert!(!is_odd(&id([&[7; 24], b"fauxkey1".as_slice()].concat()), "made by fauxkey"));
}

#[test]
fn an_encoding_that_is_not_canonical_is_odd() {
    let whole = registered().encode();
    let key = whole.len() - 77;
    // The same key with kty written in two bytes.
    let stretched = [&whole[..key], &[0xA5, 0x01, 0x18, 0x02], &whole[key + 3..]].concat();
    odd(&explained_bytes(&whole), &explained_bytes(&stretched), "the COSE key is not canonical CBOR");
    let object = none();
    let indefinite = [&[0xBF], &object[1..], &[0xFF]].concat();
    odd(
        &explained_bytes(&object),
        &explained_bytes(&indefinite),
        "the attestation object is not canonical CBOR",
    );
    let swapped = encode(&get_assertion());
    let swapped = [&[0x02, 0xA2], &swapped[21..], &swapped[1..21]].concat();
    let request = explained_bytes(&swapped);
    assert_eq!(request.kind, Kind::CtapRequest);
    odd(&explained_bytes(&message(2, &get_assertion())), &request, "map keys out of order");
    odd(
        &explained_bytes(&message(2, &get_assertion())),
        &request,
        "an authenticator refuses it: 0x12 INVALID_CBOR",
    );
    odd(&explained("a10102"), &explained("a1180102"), "not canonical CBOR (CTAP 2.1 §8)");
}

#[test]
fn bytes_after_the_end_are_odd_and_do_not_hide_what_is_before_them() {
    for sample in [
        none(),
        registered().encode(),
        message(0, &made()),
        message(1, &make_credential()),
        encode(&p256().to_value()),
        message(0, &get_info()),
    ] {
        let whole = explained_bytes(&sample);
        let longer = explained_bytes(&[sample.as_slice(), &[0, 0, 0]].concat());
        assert_eq!(longer.kind, whole.kind);
        odd(&whole, &longer, &format!("3 bytes after the end of the {}", whole.kind));
    }
    let mut document = registration();
    document["response"]["attestationObject"] = base64url::encode(&[none(), vec![0]].concat()).into();
    assert!(is_odd(&explained(document.to_string()), "1 byte after the end of attestationObject"));
}

#[test]
fn odd_attestation_statements() {
    let before = explained_bytes(&none());
    let object =
        |fmt: &str, statement: Value| explained_bytes(&attestation_object(fmt, statement, &registered()));
    let signed = |alg: i64| text_map([("alg", Some(alg.into())), ("sig", Some(bytes(SIGNATURE)))]);
    odd(&before, &object("none", signed(-7)), "fmt is none, and attStmt is not empty");
    odd(&before, &object("packed", signed(-7)), "packed self statement");
    odd(
        &object("packed", signed(-7)),
        &object("packed", signed(-8)),
        "alg mismatch: the self statement says EdDSA (-8)",
    );
    odd(&before, &object("packed", Value::Map(vec![])), "attStmt of packed has no sig");
    odd(&before, &object("apple", signed(-7)), "attStmt of apple has no x5c");
    odd(&before, &object("contoso-app", signed(-7)), "format contoso-app has no name here");
    odd(&before, &object("fido-u2f", signed(-7)), "fido-u2f goes with a zero AAGUID");
    let mut zero = registered();
    zero.attested.as_mut().unwrap().aaguid = Aaguid::ZERO;
    let packed_zero = explained_bytes(&attestation_object("packed", signed(-7), &zero));
    odd(
        &object("packed", signed(-7)),
        &packed_zero,
        "the AAGUID is zero, and yet there is a packed statement",
    );
    let none_zero = explained_bytes(&attestation_object("none", Value::Map(vec![]), &zero));
    assert!(!is_odd(&none_zero, "AAGUID"), "{none_zero}");
    let without_key = explained_bytes(&attestation_object("none", Value::Map(vec![]), &signed_in()));
    odd(&before, &without_key, "no attested credential data");
    let damaged = encode(&text_map([
        ("fmt", Some(text("none"))),
        ("attStmt", Some(Value::Map(vec![]))),
        ("authData", Some(bytes([1, 2, 3]))),
    ]));
    odd(
        &before,
        &explained_bytes(&damaged),
        "authData is no authenticator data: byte 3: ends within rpIdHash",
    );
}

/// One element of DER with a length under 65,536.
fn der(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = match u16::try_from(contents.len()).unwrap() {
        short @ 0..0x80 => vec![short.to_be_bytes()[1]],
        long => [vec![0x82], long.to_be_bytes().to_vec()].concat(),
    };
    [vec![tag], length, contents].concat()
}

fn name(unit: &str, common: &str) -> Vec<u8> {
    let attribute = |kind: u8, text: &str| {
        der(0x31, &[&der(0x30, &[&der(0x06, &[&[0x55, 4, kind]]), &der(0x0C, &[text.as_bytes()])])])
    };
    der(0x30, &[&attribute(11, unit), &attribute(3, common)])
}

fn certificate(aaguid: Option<Aaguid>, unit: &str, issuer: &str, version: u8) -> Vec<u8> {
    let oid = der(0x06, &[&[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0xE5, 0x1C, 0x01, 0x01, 0x04]]);
    let basic = der(
        0x30,
        &[&der(0x06, &[&[0x55, 0x1D, 0x13]]), &der(0x01, &[&[0xFF]]), &der(0x04, &[&der(0x30, &[])])],
    );
    let model =
        aaguid.map(|aaguid| der(0x30, &[&oid, &der(0x04, &[&der(0x04, &[&aaguid.0])])])).unwrap_or_default();
    let time = |text: &str| der(0x17, &[text.as_bytes()]);
    let tbs = der(
        0x30,
        &[
            &der(0xA0, &[&der(0x02, &[&[version - 1]])]),
            &der(0x02, &[&[1]]),
            &der(0x30, &[]),
            &name("Test", issuer),
            &der(0x30, &[&time("260101000000Z"), &time("491231235959Z")]),
            &name(unit, "Model One"),
            &der(0x30, &[]),
            &der(0xA3, &[&der(0x30, &[&basic, &model])]),
        ],
    );
    der(0x30, &[&tbs, &der(0x30, &[]), &der(0x03, &[&[0, 1]])])
}

#[test]
fn an_attestation_certificate_says_who_it_is() {
    const UNIT: &str = "Authenticator Attestation";
    let object = |certificate: Vec<u8>| {
        let chain = Value::Array(vec![bytes(certificate)]);
        let statement =
            text_map([("alg", Some((-7).into())), ("sig", Some(bytes(SIGNATURE))), ("x5c", Some(chain))]);
        explained_bytes(&attestation_object("packed", statement, &registered()))
    };
    let ours = Some(AUTHENTICATOR_IOS.parse().unwrap());
    let before = object(certificate(ours, UNIT, "Test Root", 3));
    assert!(before.odd.is_empty(), "{before}");
    let leaf = line(&before, "attStmt/x5c/x5c[0]");
    let text = |label: &str| leaf.children.iter().find(|line| line.label == label).unwrap();
    assert_eq!(text("subject").value, r#"OU="Authenticator Attestation", CN="Model One""#);
    assert_eq!(text("issuer").value, r#"OU="Test", CN="Test Root""#);
    assert_eq!(text("valid").value, "2026-01-01 00:00:00 UTC to 2049-12-31 23:59:59 UTC");
    assert_eq!(text("aaguid extension").note, "Microsoft Authenticator for iOS");
    odd(
        &before,
        &object(certificate(Some(Aaguid([7; 16])), UNIT, "Test Root", 3)),
        "the certificate is for AAGUID 07070707-",
    );
    odd(
        &before,
        &object(certificate(ours, "Nobody", "Test Root", 3)),
        "OU is not \"Authenticator Attestation\"",
    );
    odd(&before, &object(certificate(ours, UNIT, "Test Root", 1)), "has version 1, not 3");
    odd(&before, &object(certificate(ours, "Test", "Model One", 3)), "signed by itself");
    odd(&before, &object(vec![0x30, 0x82, 0xFF]), "x5c[0] is no X.509 certificate: it begins with 3082ff");
    assert!(!is_odd(&object(certificate(None, UNIT, "Test Root", 3)), "AAGUID"));
    let whole = certificate(ours, UNIT, "Test Root", 3);
    for end in 0..whole.len() {
        assert!(is_odd(&object(whole[..end].to_vec()), "no X.509 certificate"), "{end}");
    }
}

#[test]
fn odd_cose_keys() {
    let before = explained_bytes(&encode(&p256().to_value()));
    assert!(before.odd.is_empty());
    let changed = |key: i64, value: Option<Value>| {
        let Value::Map(mut members) = p256().to_value() else { panic!() };
        members.retain(|(other, _)| *other != Value::from(key));
        members.extend(value.map(|value| (Value::from(key), value)));
        explained_bytes(&encode(&Value::Map(members)))
    };
    odd(
        &before,
        &changed(3, Some((-35).into())),
        "alg mismatch: ES384 (-35) does not go with kty 2 and P-256",
    );
    odd(&before, &changed(-1, Some(2.into())), "alg mismatch: ES256 (-7) does not go with kty 2 and P-384");
    odd(&before, &changed(1, Some(1.into())), "alg mismatch: ES256 (-7)");
    odd(&before, &changed(-2, Some(bytes([1; 31]))), "x has 31 bytes, where P-256 has 32");
    odd(&before, &changed(-3, None), "the COSE key has no y");
    odd(&before, &changed(-3, Some(true.into())), "y is a sign bit");
    odd(&before, &changed(-3, Some(bytes([0; 32]))), "y is all zero");
    odd(&before, &changed(2, Some(bytes([1]))), "has a member 2");
    let rsa = |bytes_of_n: usize| {
        let n = Some(bytes(vec![0xC1; bytes_of_n]));
        explained_bytes(&encode(&int_map([
            (1, Some(3.into())),
            (3, Some((-257).into())),
            (-1, n),
            (-2, Some(bytes([1, 0, 1]))),
        ])))
    };
    odd(&rsa(256), &rsa(128), "an RSA modulus of 1024 bits is too short");
    let number =
        |n: Vec<u8>, e: &[u8]| explained_bytes(&encode(&PublicKey::Rsa { n, e: e.into() }.to_value()));
    odd(&rsa(256), &number([&[0], [0xC1; 256].as_slice()].concat(), &[1, 0, 1]), "n has a leading zero");
    odd(&rsa(256), &number(vec![0xC1; 256], &[0, 1, 0, 1]), "e has a leading zero");
    let ml_dsa = |alg: i64, len: usize| {
        let key = int_map([(1, Some(7.into())), (3, Some(alg.into())), (-1, Some(bytes(vec![1; len])))]);
        explained_bytes(&encode(&key))
    };
    for (alg, len) in [(-48, 1312), (-49, 1952), (-50, 2592)] {
        odd(&ml_dsa(alg, len), &ml_dsa(alg, len - 1), "pub has");
        assert!(ml_dsa(alg, len).odd.is_empty(), "{alg}");
    }
    let ed = explained_bytes(&encode(&ed25519().to_value()));
    assert!(ed.odd.is_empty() && rsa(256).odd.is_empty(), "{ed}");
}

#[test]
fn a_private_key_is_odd_and_never_shown() {
    let secret = [0xD5; 32];
    let Value::Map(mut members) = p256().to_value() else { panic!() };
    members.push((Value::from(-4), bytes(secret)));
    let key = encode(&Value::Map(members));
    let mut data = registered().encode();
    data.truncate(data.len() - 77);
    let in_data = [data.as_slice(), &key].concat();
    let object = text_map([
        ("fmt", Some(text("none"))),
        ("attStmt", Some(Value::Map(vec![]))),
        ("authData", Some(bytes(in_data.as_slice()))),
    ]);
    for sample in [key, in_data, encode(&object)] {
        let explanation = explained_bytes(&sample);
        assert!(is_odd(&explanation, "holds d, which is private"));
        let json = serde_json::to_string(&explanation).unwrap();
        assert!(!json.contains("d5d5d5d5") && !explanation.to_string().contains("d5d5d5d5"), "{explanation}");
    }
    let symmetric = encode(&int_map([(1, Some(4.into())), (3, Some(5.into())), (-1, Some(bytes(secret)))]));
    assert!(!explained_bytes(&symmetric).to_string().contains("d5d5"));
}

#[test]
fn odd_client_data() {
    let before = explained(client_data("webauthn.create").encode());
    assert!(before.odd.is_empty(), "{before}");
    let changed = |change: &dyn Fn(&mut ClientData)| {
        let mut data = client_data("webauthn.create");
        change(&mut data);
        explained(data.encode())
    };
    odd(
        &before,
        &changed(&|data| data.ceremony = "navigator.id.getAssertion".into()),
        "neither webauthn.create nor webauthn.get",
    );
    odd(&before, &changed(&|data| data.challenge = "AAEC".into()), "challenge has 3 bytes");
    odd(
        &before,
        &changed(&|data| data.challenge = "AAECAwQFBgcICQoLDA0ODw==".into()),
        "standard or padded base64",
    );
    odd(&before, &changed(&|data| data.challenge = "not base64".into()), "challenge is no base64url");
    odd(&before, &changed(&|data| data.origin = "http://login.example.test".into()), "is not https");
    odd(&before, &changed(&|data| data.origin = "https://login.example.test/".into()), "has a path");
    odd(
        &before,
        &changed(&|data| data.origin = "android:apk-key-hash:AAAA".into()),
        "an app's, not a page's",
    );
    odd(&before, &changed(&|data| data.cross_origin = Some(true)), "crossOrigin is true");
    odd(
        &before,
        &changed(&|data| data.top_origin = Some("https://a.test".into())),
        "topOrigin without crossOrigin",
    );
    for local in ["http://localhost:3000", "http://app.localhost"] {
        assert!(changed(&|data| data.origin = local.into()).odd.is_empty(), "{local}");
    }
    let json = String::from_utf8(client_data("webauthn.create").encode()).unwrap();
    odd(&before, &explained(json.replace("\":\"", "\": \"")), "not serialized as WebAuthn Level 3 §5.8.1.1");
    odd(&before, &explained(json.replace('}', ",\"tokenBinding\":{}}")), "a member tokenBinding");
    assert!(explained(json.replace('}', ",\"other_keys_can_be_added_here\":\"x\"}")).odd.is_empty());
    let marked = [b"\xEF\xBB\xBF", json.as_bytes()].concat();
    odd(&before, &explained(base64url::encode(&marked)), "byte order mark");
    let token = base64url::encode(b"O.eyJ0eXAiOiJKV1QifQ.e30.c2ln");
    assert!(line(&changed(&|data| data.challenge = token.clone()), "challenge").note.contains("Entra ID"));
}

#[test]
fn odd_credentials() {
    let (made, used) = (explained(registration().to_string()), explained(authentication().to_string()));
    assert!(made.odd.is_empty() && used.odd.is_empty(), "{made}\n{used}");
    let changed = |document: serde_json::Value, path: &str, value: serde_json::Value| {
        let mut document = document;
        *document.pointer_mut(path).unwrap() = value;
        explained(document.to_string())
    };
    let get = base64url::encode(&client_data("webauthn.get").encode());
    odd(
        &made,
        &changed(registration(), "/response/clientDataJSON", get.into()),
        "where webauthn.create belongs",
    );
    odd(&made, &changed(registration(), "/id", "AAAA".into()), "id is not rawId");
    odd(
        &made,
        &changed(registration(), "/rawId", "AAAA".into()),
        "rawId is not the credential ID in authenticator data",
    );
    odd(&made, &changed(registration(), "/type", "password".into()), "not public-key");
    odd(
        &made,
        &changed(registration(), "/authenticatorAttachment", "roaming".into()),
        "neither platform nor cross-platform",
    );
    odd(
        &made,
        &changed(registration(), "/response/publicKeyAlgorithm", (-257).into()),
        "alg mismatch: publicKeyAlgorithm is RS256",
    );
    odd(
        &made,
        &changed(registration(), "/response/authenticatorData", "AAAA".into()),
        "not that of the attestation object",
    );
    odd(
        &made,
        &changed(registration(), "/response/transports", json!(["cable"])),
        "unknown transport \"cable\"",
    );
    odd(
        &made,
        &changed(registration(), "/clientExtensionResults", json!({ "frob": 1 })),
        "unknown extension frob",
    );
    odd(
        &made,
        &changed(registration(), "/response/attestationObject", "AAAA".into()),
        "attestationObject is no attestation object",
    );
    let padded = format!("{}=", registration()["rawId"].as_str().unwrap());
    odd(&made, &changed(registration(), "/rawId", padded.into()), "rawId is padded base64url");
    odd(
        &made,
        &changed(registration(), "/response/publicKey", "+/8=".into()),
        "response.publicKey is standard base64",
    );
    let mut more = registration();
    more["response"]["extra"] = 1.into();
    odd(&made, &explained(more.to_string()), "unknown member response.extra");
    let with_key = base64url::encode(&registered().encode());
    odd(
        &used,
        &changed(authentication(), "/response/authenticatorData", with_key.into()),
        "of a sign-in has attested credential data",
    );
    odd(&used, &changed(authentication(), "/response/userHandle", "".into()), "user.id has 0 bytes");
    let raw = changed(authentication(), "/response/signature", base64url::encode(&[7; 64]).into());
    assert!(line(&raw, "response/signature").note.contains("not encoded in DER"));
}

#[test]
fn odd_options() {
    let before = explained(creation_options().to_string());
    assert!(before.odd.is_empty(), "{before}");
    assert_eq!(line(&before, "timeout").note, "60.500 s");
    for (path, value, words) in [
        ("/challenge", json!("AAEC"), "challenge has 3 bytes"),
        ("/user/id", json!(""), "user.id has 0 bytes"),
        ("/user/id", json!(base64url::encode(&[1; 65])), "user.id has 65 bytes"),
        ("/rp/id", json!("https://login.example.test"), "is no domain"),
        ("/pubKeyCredParams", json!([]), "pubKeyCredParams is empty"),
        ("/pubKeyCredParams/0/alg", json!(-12345), "offers algorithm -12345"),
        ("/pubKeyCredParams/0/type", json!("password"), "pubKeyCredParams[0] is not of type public-key"),
        ("/excludeCredentials/0/type", json!("password"), "excludeCredentials[0] has type \"password\""),
        ("/excludeCredentials/0/id", json!("AgICAgICAgICAgICAgICAg=="), "excludeCredentials[0].id is padded"),
        ("/excludeCredentials/0/transports", json!(["cable"]), "unknown transport"),
        ("/authenticatorSelection/residentKey", json!("discouraged"), "requireResidentKey is true"),
        ("/authenticatorSelection/userVerification", json!("Required"), "userVerification is \"Required\""),
        ("/hints", json!(["phone"]), "unknown hint \"phone\""),
        ("/attestation", json!("full"), "attestation is \"full\""),
        ("/extensions", json!({ "frob": true }), "unknown extension frob"),
    ] {
        let mut document = creation_options();
        *document.pointer_mut(path).unwrap() = value;
        odd(&before, &explained(document.to_string()), words);
    }
    let before = explained(request_options().to_string());
    assert!(before.odd.is_empty(), "{before}");
    let any = explained(json!({ "challenge": request_options()["challenge"] }).to_string());
    assert_eq!(line(&any, "allowCredentials").note, "any discoverable credential will do");
}

#[test]
fn odd_requests_say_how_an_authenticator_answers() {
    let before = explained_bytes(&message(1, &make_credential()));
    let changed = |key: i64, value: Option<Value>| {
        let Value::Map(mut members) = make_credential() else { panic!() };
        members.retain(|(other, _)| *other != Value::from(key));
        members.extend(value.map(|value| (Value::from(key), value)));
        explained_bytes(&message(1, &Value::Map(members)))
    };
    let options = |name: &str, value: bool| Some(text_map([(name, Some(value.into()))]));
    odd(&before, &changed(0x01, None), "0x14 MISSING_PARAMETER");
    odd(&before, &changed(0x01, Some(bytes([1; 31]))), "clientDataHash has 31 bytes");
    odd(&before, &changed(0x01, Some(bytes([1; 31]))), "0x03 INVALID_LENGTH");
    odd(&before, &changed(0x04, Some(text("x"))), "0x11 CBOR_UNEXPECTED_TYPE");
    odd(&before, &changed(0x04, Some(Value::Array(vec![]))), "pubKeyCredParams is empty");
    odd(&before, &changed(0x07, options("up", false)), "up is false");
    odd(&before, &changed(0x07, None), "rk is not true");
    odd(&before, &changed(0x08, Some(bytes([1; 16]))), "pinUvAuthParam without pinUvAuthProtocol");
    odd(&before, &changed(0x08, Some(bytes([1; 16]))), "uv and pinUvAuthParam together");
    odd(&before, &changed(0x60, Some(1.into())), "member 96 has no name here");
    odd(
        &before,
        &changed(0x05, Some(Value::Array(vec![text_map([("type", Some(text("public-key")))])]))),
        "a credential descriptor has no id",
    );
    odd(&before, &explained_bytes(&encode(&make_credential())), "the command byte in front is missing");
    let rk = int_map([(1, Some(text("a"))), (2, Some(bytes([1; 32]))), (5, options("rk", true))]);
    odd(
        &explained_bytes(&message(2, &get_assertion())),
        &explained_bytes(&message(2, &rk)),
        "rk has no meaning",
    );
    let pin = |sub: i64| explained_bytes(&message(6, &int_map([(1, Some(2.into())), (2, Some(sub.into()))])));
    odd(&pin(1), &pin(0x55), "no subcommand with that number");
    odd(
        &explained_bytes(&message(0, &made())),
        &explained_bytes(&encode(&made())),
        "the status byte in front is missing",
    );
    odd(&before, &explained_bytes(&message(7, &int_map([(1, Some(1.into()))]))), "takes no parameters");
}

#[test]
fn odd_answers_to_get_info() {
    let before = explained_bytes(&message(0, &get_info()));
    let changed = |key: i64, value: Option<Value>| {
        let Value::Map(mut members) = get_info() else { panic!() };
        members.retain(|(other, _)| *other != Value::from(key));
        members.extend(value.map(|value| (Value::from(key), value)));
        explained_bytes(&message(0, &Value::Map(members)))
    };
    let list = |items: &[&str]| Some(Value::Array(items.iter().map(|item| text(*item)).collect()));
    let options =
        |names: &[&str]| Some(Value::Map(names.iter().map(|name| (text(*name), true.into())).collect()));
    for (key, value, words) in [
        (0x01, list(&["FIDO_2_0", "FIDO_2_2"]), "FIDO_2_2 is no defined version"),
        (0x01, list(&["FIDO_9"]), "unknown version \"FIDO_9\""),
        (0x01, list(&["FIDO_2_0", "FIDO_2_0"]), "versions lists something twice"),
        (0x02, list(&["credProtect", "frob", "hmac-secret"]), "unknown extension frob"),
        (0x02, list(&[]), "extensions is an empty list"),
        (0x02, list(&["hmac-secret"]), "needs credProtect"),
        (0x02, list(&["credProtect", "hmac-secret-mc"]), "hmac-secret-mc without hmac-secret"),
        (
            0x02,
            list(&["credProtect", "hmac-secret", "credBlob"]),
            "credBlob and maxCredBlobLength go together",
        ),
        (0x03, Some(bytes([0; 16])), "the AAGUID is zero"),
        (0x03, Some(bytes([0; 15])), "aaguid has 15 bytes"),
        (0x04, options(&["rk", "uv", "frob"]), "unknown option frob"),
        (0x04, options(&["rk"]), "needs a way to verify the user"),
        (
            0x04,
            options(&["rk", "uv", "pinUvAuthToken", "alwaysUv", "makeCredUvNotRqd"]),
            "exclude each other",
        ),
        (
            0x04,
            options(&["rk", "uv", "largeBlobs", "pinUvAuthToken"]),
            "largeBlobs and largeBlobKey go together",
        ),
        (0x05, Some(512.into()), "maxMsgSize is 512, and must be at least 1024"),
        (0x06, Some(Value::Array(vec![1.into()])), "needs PIN/UV auth protocol 2"),
        (0x09, list(&["cable"]), "unknown transport \"cable\""),
        (0x0D, Some(4.into()), "minPINLength without clientPin"),
        (0x16, list(&["packed", "none"]), "must not list none"),
        (0x44, Some(1.into()), "member 68 has no name here"),
    ] {
        odd(&before, &changed(key, value), words);
    }
}

#[test]
fn plain_cbor_that_was_nearly_something_says_so() {
    let object = encode(&text_map([("fmt", Some(text("none"))), ("authData", Some(bytes([0; 37])))]));
    let explanation = explained_bytes(&object);
    assert_eq!(explanation.kind, Kind::Cbor);
    assert!(is_odd(&explanation, "nearly: attestation object, but attStmt is absent"), "{explanation}");
    assert!(explained("a0").odd.is_empty());
}
