//! A browser that registers and signs in with a key that speaks only U2F, by the client's own bridge (CTAP 2.1 §10),
//! and the relying party that judges.
use client::ctap1::{Bridge, run};
use client::{Account, Client, ClientError, Create, Get, Link, Origin, Platform, Registration};
use tests::u2f::{u2f_only, with_u2f};
use tests::{NOW, RP_ID, Rig};
use wire::base64url;
use wire::cose::PublicKey;
use wire::ctap1::Request;
use wire::ctap2::{Command, GetAssertion, GetInfoResponse};
use wire::status::Status;
use wire::webauthn::{AttestationObject, AuthenticatorData, Flags};

const APP_ID: &str = "https://login.example.test/app-id.json";

/// A key, the page's origin, and how often the user was waited for.
struct Page {
    rig: Rig,
    waits: usize,
}

impl Page {
    fn new(rig: Rig) -> Self {
        Self { rig, waits: 0 }
    }

    fn platform() -> Platform {
        Platform::new(Client::SpecL3, Link::Usb, Bridge::info())
    }

    fn origin() -> Origin {
        Origin::parse(&format!("https://{RP_ID}")).unwrap()
    }

    /// One CTAP2 message by U2F; the user touches after the third time that the platform asks.
    fn exchange(&mut self, bridge: &Bridge, message: &[u8]) -> Vec<u8> {
        let rig = std::cell::RefCell::new(&mut self.rig);
        let waits = &mut self.waits;
        let exchange = |apdu: &[u8]| {
            let request = Request::decode(apdu).unwrap();
            Ok::<_, ()>(rig.borrow_mut().u2f_at(NOW, &request).encode())
        };
        let wait = || {
            *waits += 1;
            if waits.is_multiple_of(3) {
                rig.borrow_mut().touch(NOW);
            }
            Ok(())
        };
        run(bridge.begin(message), exchange, wait).unwrap()
    }

    fn create(&mut self, members: &str) -> Result<Registration, ClientError> {
        let text = format!(
            r#"{{"rp":{{"id":"{RP_ID}","name":"Example"}},"user":{{"id":"YWxpY2U","name":"alice","displayName":"Alice"}},
            "challenge":"Y2hhbGxlbmdl","pubKeyCredParams":[{{"type":"public-key","alg":-7}}]{members}}}"#
        );
        let options = client::options::creation(&text).unwrap().options;
        let begun = Create::begin(&Self::origin(), &options, &Self::platform())?;
        let bridge = Bridge::new(begun.0.app_id());
        client::run(begun, |message| Ok(self.exchange(&bridge, message)))
    }

    fn get(&mut self, id: &[u8], members: &str) -> Result<client::Authentication, ClientError> {
        let id = base64url::encode(id);
        let text = format!(
            r#"{{"rpId":"{RP_ID}","challenge":"Y2hhbGxlbmdl","allowCredentials":[
            {{"type":"public-key","id":"c3RyYW5nZXI"}},{{"type":"public-key","id":"{id}"}}]{members}}}"#
        );
        let options = client::options::request(&text).unwrap().options;
        let begun = Get::begin(&Self::origin(), &options, &Self::platform(), Account::Newest)?;
        let bridge = Bridge::new(begun.0.app_id());
        client::run(begun, |message| Ok(self.exchange(&bridge, message)))
    }
}

fn signed_for(authentication: &client::Authentication) -> AuthenticatorData {
    AuthenticatorData::decode(&authentication.response.response.authenticator_data.0).unwrap()
}

/// CTAP 2.1 §10.2.
#[test]
fn a_registration_is_of_format_fido_u2f_without_a_model_and_signs_in_with_either_kind_of_key() {
    for profile in [u2f_only(), with_u2f()] {
        let mut page = Page::new(Rig::new(profile));
        let made = page.create(r#","attestation":"direct""#).unwrap();
        assert_eq!(page.waits, 3, "the user was waited for");
        let object = AttestationObject::decode(&made.response.response.attestation_object.0).unwrap();
        assert_eq!(object.fmt, "fido-u2f");
        let data = AuthenticatorData::decode(&object.auth_data).unwrap();
        assert_eq!((data.flags, data.sign_count), (Flags::UP | Flags::AT, 0));
        let attested = data.attested.unwrap();
        assert_eq!(attested.aaguid, wire::aaguid::Aaguid::default());

        let signed_in = page.get(&attested.credential_id, "").unwrap();
        assert_eq!(page.waits, 6);
        assert_eq!(signed_in.response.raw_id.0, attested.credential_id);
        assert_eq!(signed_in.response.response.user_handle, None);
        assert_eq!(signed_for(&signed_in).flags, Flags::UP);
        // The signature covers authenticator data and client data hash, as a relying party expects.
        let PublicKey::P256 { x, y } = attested.public_key else { panic!() };
        let bytes = &signed_in.response.response.authenticator_data.0;
        let answer = [&bytes[32..], &signed_in.response.response.signature.0].concat();
        let hash = <sha2::Sha256 as sha2::Digest>::digest(&signed_in.response.response.client_data_json.0);
        tests::u2f::verified_over(RP_ID, &hash.into(), &x, &y, &answer);
    }
}

/// CTAP 2.1 §10.2: the user touches before the page learns that a key is there.
#[test]
fn an_excluded_key_is_told_after_a_touch_and_a_strangers_key_is_no_matter() {
    let mut page = Page::new(Rig::new(u2f_only()));
    let mine = page.create("").unwrap().response.id;
    let exclude = |id: &str| format!(r#","excludeCredentials":[{{"type":"public-key","id":"{id}"}}]"#);
    let waits = page.waits;
    let refused = page.create(&exclude(&mine)).unwrap_err();
    assert_eq!(
        (refused.status(), refused.exception()),
        (Some(Status::CREDENTIAL_EXCLUDED), "InvalidStateError")
    );
    assert_eq!(page.waits, waits + 3);
    page.create(&exclude("c3RyYW5nZXI")).unwrap();
}

/// CTAP 2.1 §10.3.
#[test]
fn a_sign_in_with_no_known_key_ends_without_a_touch() {
    let mut page = Page::new(Rig::new(u2f_only()));
    let refused = page.get(b"another stranger's", "").unwrap_err();
    assert_eq!((refused.status(), page.waits), (Some(Status::NO_CREDENTIALS), 0));
}

/// WebAuthn Level 3 §10.1.1.
#[test]
fn the_extension_appid_finds_a_key_that_was_made_for_an_app_id_and_says_so() {
    let mut page = Page::new(Rig::new(u2f_only()));
    let key = page.rig.register_u2f(APP_ID);
    let refused = page.get(&key.key_handle, "").unwrap_err();
    assert_eq!(refused.status(), Some(Status::NO_CREDENTIALS));
    let appid = format!(r#","extensions":{{"appid":"{APP_ID}"}}"#);
    let signed_in = page.get(&key.key_handle, &appid).unwrap();
    assert_eq!(signed_in.response.client_extension_results["appid"], true);
    assert_eq!(signed_for(&signed_in).rp_id_hash, tests::u2f::application(APP_ID));

    let made = page.create("").unwrap();
    let signed_in = page.get(&made.response.raw_id.0, &appid).unwrap();
    assert_eq!(signed_in.response.client_extension_results["appid"], false, "its own RP ID comes first");
}

/// WebAuthn Level 3 §10.1.2.
#[test]
fn the_extension_appid_exclude_finds_a_key_that_was_made_for_an_app_id() {
    let mut page = Page::new(Rig::new(u2f_only()));
    let id = base64url::encode(&page.rig.register_u2f(APP_ID).key_handle);
    let exclude = format!(r#","excludeCredentials":[{{"type":"public-key","id":"{id}"}}]"#);
    page.create(&exclude).unwrap();
    let with = format!(r#"{exclude},"extensions":{{"appidExclude":"{APP_ID}"}}"#);
    assert_eq!(page.create(&with).unwrap_err().status(), Some(Status::CREDENTIAL_EXCLUDED));
}

#[test]
fn what_u2f_cannot_do_is_refused_before_the_key_is_asked() {
    let mut page = Page::new(Rig::new(u2f_only()));
    let selection = |wish| format!(r#","authenticatorSelection":{{{wish}}}"#);
    for wish in [r#""residentKey":"required""#, r#""userVerification":"required""#] {
        assert!(page.create(&selection(wish)).is_err(), "{wish}");
    }
    let bridge = Bridge::new(None);
    let mut answer = |message: &[u8]| page.exchange(&bridge, message);
    assert_eq!(answer(&[Command::RESET.0]), [Status::INVALID_COMMAND.0]);
    assert_eq!(GetInfoResponse::decode(&answer(&[Command::GET_INFO.0])).unwrap(), Bridge::info());
    let eddsa = wire::ctap2::MakeCredential {
        algorithms: vec![wire::cose::Algorithm::EDDSA],
        rk: None,
        ..tests::registration("a")
    };
    assert_eq!(answer(&eddsa.encode()), [Status::UNSUPPORTED_ALGORITHM.0]);
    assert_eq!(answer(&tests::registration("a").encode()), [Status::UNSUPPORTED_OPTION.0], "rk");
    assert_eq!(answer(&tests::sign_in().encode()), [Status::NO_CREDENTIALS.0], "no allowList");
    for request in [
        GetAssertion { uv: Some(true), ..tests::sign_in() },
        GetAssertion { up: Some(false), ..tests::sign_in() },
    ] {
        assert_eq!(answer(&request.encode()), [Status::UNSUPPORTED_OPTION.0]);
    }
    assert_eq!(page.rig.authenticator.prompt(), None);
}

/// A key that answers nonsense ends in a status, and never in a panic.
#[test]
fn answers_that_make_no_sense_end_in_a_status() {
    let bridge = Bridge::new(None);
    let register = wire::ctap2::MakeCredential { rk: None, ..tests::registration("a") }.encode();
    for (answer, status) in [
        (vec![], Status::OTHER),
        (vec![0x90], Status::OTHER),
        (vec![0x90, 0x00], Status::OTHER),
        (vec![0x05, 0x04, 0x90, 0x00], Status::OTHER),
        (vec![0x6D, 0x00], Status::OPERATION_DENIED),
        (vec![0x69, 0x86], Status::OPERATION_DENIED),
    ] {
        let reply = run(bridge.begin(&register), |_| Ok::<_, ()>(answer.clone()), || Err(()));
        assert_eq!(reply, Ok(vec![status.0]), "{answer:?}");
    }
    let gives_up = run(bridge.begin(&register), |_| Ok(vec![0x69, 0x85]), || Err("gave up"));
    assert_eq!(gives_up, Err("gave up"));
}
