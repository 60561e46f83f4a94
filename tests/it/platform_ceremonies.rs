//! The client's PIN/UV auth protocols and extensions against the authenticator's: two implementations that share
//! only `wire`, with the relying party to judge what comes of it.
use authenticator::profile::{Extension, Profile, Verification};
use client::pin::{ChangePin, PinRetries, SetPin};
use client::{
    Account, Authentication, Ceremony, Client, ClientError, Create, Get, Link, Origin, Pin, Platform,
    Registration,
};
use relying_party::{
    AuthenticationExpectation, RegistrationExpectation, RelyingParty, StoredCredential, UserVerification,
};
use tests::{RP_ID, Rig, all_in, rng};
use wire::base64url;
use wire::ctap2::GetInfoResponse;
use wire::status::Status;

const PIN: &str = "1234";

/// A page's wishes around its extensions.
struct Wish {
    verification: UserVerification,
    resident_key: &'static str,
    extensions: String,
}

fn wish(extensions: &str) -> Wish {
    Wish { verification: UserVerification::Required, resident_key: "required", extensions: extensions.into() }
}

fn prf(input: &[u8]) -> String {
    format!(r#"{{"prf":{{"eval":{{"first":"{}","second":"c2Vjb25k"}}}}}}"#, base64url::encode(input))
}

/// What the authenticator says now, with one protocol only.
fn platform(rig: &mut Rig, protocol: i64) -> Platform {
    let mut info = GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap();
    assert!(info.pin_uv_auth_protocols.contains(&protocol));
    info.pin_uv_auth_protocols = vec![protocol];
    Platform::new(Client::SpecL3, Link::Usb, info)
}

fn run<C: Ceremony>(rig: &mut Rig, begun: (C, Vec<u8>)) -> Result<C::Outcome, ClientError> {
    client::run(begun, |message| Ok(rig.call(message)))
}

fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

/// An authenticator whose PIN was set by the client.
fn with_pin(profile: Profile, protocol: i64) -> Rig {
    let mut rig = Rig::new(profile);
    let info = platform(&mut rig, protocol).info;
    run(&mut rig, SetPin::begin(&info, pin(PIN), &mut *rng(2)).unwrap()).unwrap();
    rig
}

fn register(
    rig: &mut Rig,
    protocol: i64,
    with: Option<&str>,
    wish: &Wish,
) -> Result<(Registration, StoredCredential), ClientError> {
    let text = format!(
        r#"{{"rp":{{"id":"{RP_ID}","name":"Example"}},"user":{{"id":"YWxpY2U","name":"alice","displayName":"Alice"}},
        "challenge":"Y2hhbGxlbmdl","pubKeyCredParams":[{{"type":"public-key","alg":-7}}],"extensions":{},
        "authenticatorSelection":{{"userVerification":"{}","residentKey":"{}"}}}}"#,
        wish.extensions,
        wish.verification.as_str(),
        wish.resident_key,
    );
    let options = client::options::creation(&text).unwrap().options;
    let platform = platform(rig, protocol);
    let origin = Origin::parse(&format!("https://{RP_ID}")).unwrap();
    let begun = Create::begin_with(&origin, &options, &platform, with.map(pin), &mut *rng(3))?;
    let made = run(rig, begun)?;
    let nobody = |_: &[u8]| false;
    let expectation = RegistrationExpectation::of(&options, &nobody);
    let rp = RelyingParty { user_verification: wish.verification, ..RelyingParty::new(RP_ID) };
    let registered = rp.verify_registration(&expectation, &made.response).unwrap();
    Ok((made, registered.credential))
}

fn sign_in(
    rig: &mut Rig,
    protocol: i64,
    with: Option<&str>,
    wish: &Wish,
    credential: &StoredCredential,
    listed: bool,
) -> Result<Authentication, ClientError> {
    let list = format!(r#"{{"type":"public-key","id":"{}"}}"#, base64url::encode(&credential.id));
    let text = format!(
        r#"{{"challenge":"Y2hhbGxlbmdl","rpId":"{RP_ID}","userVerification":"{}","extensions":{},"allowCredentials":[{}]}}"#,
        wish.verification.as_str(),
        wish.extensions,
        if listed { list.as_str() } else { "" },
    );
    let options = client::options::request(&text).unwrap().options;
    let platform = platform(rig, protocol);
    let origin = Origin::parse(&format!("https://{RP_ID}")).unwrap();
    let begun = Get::begin_with(&origin, &options, &platform, Account::Newest, with.map(pin), &mut *rng(4))?;
    let signed = run(rig, begun)?;
    let expectation = AuthenticationExpectation::of(&options, listed.then_some(b"alice".as_slice()));
    let rp = RelyingParty { user_verification: wish.verification, ..RelyingParty::new(RP_ID) };
    rp.verify_authentication(&expectation, &signed.response, credential).unwrap();
    Ok(signed)
}

/// Both results of a sign-in.
fn results(signed: &Authentication) -> [String; 2] {
    let results = &signed.response.client_extension_results["prf"]["results"];
    ["first", "second"].map(|name| results[name].as_str().unwrap().into())
}

#[test]
fn prf_gives_the_same_for_the_same_input_by_either_protocol_and_already_at_registration() {
    let mut rig = with_pin(all_in(), 2);
    let (made, credential) = register(&mut rig, 2, Some(PIN), &wish(&prf(b"one"))).unwrap();
    let outputs = &made.response.client_extension_results["prf"];
    assert_eq!(outputs["enabled"].as_bool(), Some(true));
    let at_registration =
        ["first", "second"].map(|name| outputs["results"][name].as_str().unwrap().to_owned());
    assert_ne!(at_registration[0], at_registration[1]);
    for protocol in [1, 2] {
        for listed in [true, false] {
            let one =
                sign_in(&mut rig, protocol, Some(PIN), &wish(&prf(b"one")), &credential, listed).unwrap();
            assert_eq!(results(&one), at_registration, "protocol {protocol}, listed {listed}");
            let other =
                sign_in(&mut rig, protocol, Some(PIN), &wish(&prf(b"two")), &credential, listed).unwrap();
            assert_ne!(results(&other)[0], at_registration[0]);
            assert_eq!(results(&other)[1], at_registration[1]);
        }
    }
}

#[test]
fn prf_is_another_function_for_each_credential() {
    let mut rig = with_pin(all_in(), 2);
    let not_resident = || Wish { resident_key: "discouraged", ..wish(&prf(b"one")) };
    let credentials = [(); 2].map(|()| register(&mut rig, 2, Some(PIN), &not_resident()).unwrap().1);
    let [first, second] = credentials.each_ref().map(|credential| {
        results(&sign_in(&mut rig, 1, Some(PIN), &wish(&prf(b"one")), credential, true).unwrap())
    });
    assert!(first[0] != second[0] && first[1] != second[1]);
}

#[test]
fn built_in_verification_gives_tokens_and_the_same_prf_as_a_pin_does() {
    let mut rig = with_pin(Profile { verification: Verification::OnRequest, ..all_in() }, 2);
    let (_, credential) = register(&mut rig, 2, None, &wish(&prf(b"one"))).unwrap();
    let without = sign_in(&mut rig, 2, None, &wish(&prf(b"one")), &credential, true).unwrap();
    let with = sign_in(&mut rig, 1, Some(PIN), &wish(&prf(b"one")), &credential, false).unwrap();
    assert_eq!(results(&without), results(&with));
}

#[test]
fn where_the_pin_is_needed_and_missing_or_wrong_the_page_learns_no_more_than_not_allowed() {
    for protocol in [1, 2] {
        let mut rig = with_pin(all_in(), protocol);
        let missing = register(&mut rig, protocol, None, &wish("{}")).err().unwrap();
        assert_eq!((&missing, missing.exception()), (&ClientError::PinRequired, "NotAllowedError"));
        // A discoverable credential takes a verified user, whatever the page says: PUAT_REQUIRED.
        let discouraged = Wish { verification: UserVerification::Discouraged, ..wish("{}") };
        let missing = register(&mut rig, protocol, None, &discouraged).err().unwrap();
        assert_eq!(missing, ClientError::PinRequired);
        let wrong = register(&mut rig, protocol, Some("4321"), &wish("{}")).err().unwrap();
        assert_eq!((wrong.status(), wrong.exception()), (Some(Status::PIN_INVALID), "NotAllowedError"));
        assert!(rig.shelf.stored().credentials.is_empty());

        let info = platform(&mut rig, protocol).info;
        let retries = run(&mut rig, PinRetries::begin(&info).unwrap()).unwrap();
        assert_eq!((retries.left, retries.power_cycle), (7, Some(false)));
        register(&mut rig, protocol, Some(PIN), &discouraged).unwrap();
        let retries = run(&mut rig, PinRetries::begin(&info).unwrap()).unwrap();
        assert_eq!(retries.left, 8);
    }
}

#[test]
fn a_changed_pin_takes_the_place_of_the_one_before() {
    for protocol in [1, 2] {
        let mut rig = with_pin(all_in(), protocol);
        let info = platform(&mut rig, protocol).info;
        let change = |present, new| ChangePin::begin(&info, pin(present), pin(new), &mut *rng(5)).unwrap();
        run(&mut rig, change(PIN, "äöüß9")).unwrap();
        assert_eq!(run(&mut rig, change(PIN, "5678")).unwrap_err().status(), Some(Status::PIN_INVALID));
        // Typed with combining marks this time.
        register(&mut rig, protocol, Some("a\u{308}o\u{308}u\u{308}ß9"), &wish("{}")).unwrap();
        let again = SetPin::begin(&info, pin("5678"), &mut *rng(6)).unwrap();
        assert_eq!(run(&mut rig, again).unwrap_err().status(), Some(Status::PIN_AUTH_INVALID));
    }
}

#[test]
fn a_credential_for_verified_users_only_is_not_there_without_the_pin() {
    let mut rig = with_pin(all_in(), 2);
    let protected = r#"{"credentialProtectionPolicy":"userVerificationRequired","enforceCredentialProtectionPolicy":true}"#;
    let (made, credential) = register(&mut rig, 2, Some(PIN), &wish(protected)).unwrap();
    assert!(!made.notes.iter().any(|note| note.contains("credProtect")), "{:?}", made.notes);
    let discouraged = Wish { verification: UserVerification::Discouraged, ..wish("{}") };
    for listed in [true, false] {
        let error = sign_in(&mut rig, 2, None, &discouraged, &credential, listed).unwrap_err();
        assert_eq!(error.status(), Some(Status::NO_CREDENTIALS));
        sign_in(&mut rig, 2, Some(PIN), &wish("{}"), &credential, listed).unwrap();
    }
}

#[test]
fn a_blob_comes_back_and_a_large_one_is_promised_written_and_read() {
    let mut rig = with_pin(all_in(), 2);
    let asked = r#"{"credBlob":"YmxvYg","largeBlob":{"support":"required"},"minPinLength":true,"hmacCreateSecret":true,"credProps":true}"#;
    let (made, credential) = register(&mut rig, 2, Some(PIN), &wish(asked)).unwrap();
    let outputs = &made.response.client_extension_results;
    assert_eq!(outputs["credBlob"].as_bool(), Some(true));
    assert_eq!(outputs["largeBlob"]["supported"].as_bool(), Some(true));
    assert_eq!(outputs["hmacCreateSecret"].as_bool(), Some(true));
    assert_eq!(outputs["credProps"]["rk"].as_bool(), Some(true));
    let signed =
        sign_in(&mut rig, 2, Some(PIN), &wish(r#"{"getCredBlob":true}"#), &credential, true).unwrap();
    assert_eq!(signed.response.client_extension_results["getCredBlob"].as_str(), Some("YmxvYg"));
    let noise: Vec<u8> = (0..1200_u32).flat_map(|n| (n * n).to_le_bytes()).take(1200).collect();
    for (protocol, blob) in [(1, b"large".as_slice()), (2, &noise), (1, b"")] {
        let asked = format!(r#"{{"largeBlob":{{"write":"{}"}}}}"#, base64url::encode(blob));
        let signed = sign_in(&mut rig, protocol, Some(PIN), &wish(&asked), &credential, true).unwrap();
        let written = &signed.response.client_extension_results["largeBlob"]["written"];
        assert_eq!(written.as_bool(), Some(true), "{:?}", signed.notes);
        let read = wish(r#"{"largeBlob":{"read":true}}"#);
        let signed = sign_in(&mut rig, protocol, Some(PIN), &read, &credential, false).unwrap();
        let told = signed.response.client_extension_results["largeBlob"]["blob"].as_str();
        assert_eq!(told, Some(base64url::encode(blob).as_str()));
    }
}

#[test]
fn a_large_blob_is_kept_with_its_credential_where_the_authenticator_has_ctap_2_3s_way() {
    let mut profile = Profile { large_blobs: None, ..all_in() };
    profile.extensions.retain(|extension| *extension != Extension::LargeBlobKey);
    profile.extensions.push(Extension::LargeBlob);
    let mut rig = with_pin(profile, 2);
    let (made, credential) =
        register(&mut rig, 2, Some(PIN), &wish(r#"{"largeBlob":{"support":"required"}}"#)).unwrap();
    let supported = &made.response.client_extension_results["largeBlob"]["supported"];
    assert_eq!(supported.as_bool(), Some(true));
    let read = || wish(r#"{"largeBlob":{"read":true}}"#);
    for (blob, text) in
        [(None, None), (Some(b"mine".as_slice()), Some("bWluZQ")), (Some(b"of a"), Some("b2YgYQ"))]
    {
        if let Some(blob) = blob {
            let asked = format!(r#"{{"largeBlob":{{"write":"{}"}}}}"#, base64url::encode(blob));
            let signed = sign_in(&mut rig, 2, Some(PIN), &wish(&asked), &credential, true).unwrap();
            let written = &signed.response.client_extension_results["largeBlob"]["written"];
            assert_eq!(written.as_bool(), Some(true));
        }
        let signed = sign_in(&mut rig, 2, Some(PIN), &read(), &credential, true).unwrap();
        let told = signed.response.client_extension_results["largeBlob"].get("blob");
        assert_eq!(told.and_then(|blob| blob.as_str()), text);
    }
}

#[test]
fn prf_by_credential_and_a_long_list_are_searched_with_the_token() {
    let mut rig = with_pin(all_in(), 2);
    let protected = r#"{"prf":{},"credentialProtectionPolicy":"userVerificationRequired"}"#;
    for resident_key in ["discouraged", "required"] {
        let wanted = Wish { resident_key, ..wish(protected) };
        let (_, credential) = register(&mut rig, 2, Some(PIN), &wanted).unwrap();
        // It answers no silent question without the token, and there are two to choose from.
        let id = base64url::encode(&credential.id);
        let text = format!(
            r#"{{"challenge":"Y2hhbGxlbmdl","rpId":"{RP_ID}","userVerification":"required","extensions":{{"prf":
            {{"evalByCredential":{{"{id}":{{"first":"aGVyZQ","second":"c2Vjb25k"}}}},"eval":{{"first":""}}}}}},
            "allowCredentials":[{{"type":"public-key","id":"AAAA"}},{{"type":"public-key","id":"{id}"}}]}}"#
        );
        let options = client::options::request(&text).unwrap().options;
        let origin = Origin::parse(&format!("https://{RP_ID}")).unwrap();
        let asked = sign_in(&mut rig, 2, Some(PIN), &wish(&prf(b"here")), &credential, true).unwrap();
        for most in [None, Some(1)] {
            let mut platform = platform(&mut rig, 2);
            platform.info.max_credential_count_in_list = most.or(platform.info.max_credential_count_in_list);
            let pin = Some(pin(PIN));
            let begun = Get::begin_with(&origin, &options, &platform, Account::Newest, pin, &mut *rng(7));
            let found = run(&mut rig, begun.unwrap()).unwrap();
            assert_eq!(results(&found), results(&asked), "{resident_key} {most:?}");
        }
    }
}
