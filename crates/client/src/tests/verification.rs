//! How the user is verified, by what, and in which order the messages go.
use super::peer::{Asked, Peer, bound_to};
use super::{creation_json, origin, platform, with_options};
use crate::{
    Account, Authentication, Client, ClientError, Create, Get, Pin, Platform, Registration, options, run,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use wire::base64url;
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{Command, GetInfoResponse, Permissions};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

const PIN: &str = "1234";
const MAKE: Asked = Asked::Ceremony(Command::MAKE_CREDENTIAL);
const ASSERT: Asked = Asked::Ceremony(Command::GET_ASSERTION);
const KEY: Asked = Asked::Pin(Subcommand::GET_KEY_AGREEMENT.0);
const BY_PIN: Asked = Asked::Pin(Subcommand::GET_TOKEN_USING_PIN.0);
const BY_UV: Asked = Asked::Pin(Subcommand::GET_TOKEN_USING_UV.0);

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn with(options: &[(&str, bool)]) -> Platform {
    let info = GetInfoResponse { pin_uv_auth_protocols: vec![2], ..with_options(options) };
    Platform { info, ..platform(Client::SpecL3) }
}

/// A key with a PIN and nothing else to verify with.
fn key_with_pin() -> Platform {
    with(&[("rk", true), ("clientPin", true), ("pinUvAuthToken", true), ("makeCredUvNotRqd", true)])
}

fn create(
    members: Value,
    platform: &Platform,
    pin: Option<&str>,
    peer: &mut Peer,
) -> Result<Registration, ClientError> {
    let options = options::creation(&creation_json(members).to_string()).unwrap().options;
    let pin = pin.map(|pin| Pin::new(pin).unwrap());
    let begun = Create::begin_with(&origin(), &options, platform, pin, &mut rng())?;
    run(begun, |message| Ok(peer.exchange(message)))
}

fn get(
    members: Value,
    platform: &Platform,
    pin: Option<&str>,
    peer: &mut Peer,
) -> Result<Authentication, ClientError> {
    let mut document = json!({ "challenge": "Y2hhbGxlbmdl", "rpId": super::RP_ID });
    for (key, value) in members.as_object().unwrap() {
        document[key] = value.clone();
    }
    let options = options::request(&document.to_string()).unwrap().options;
    let pin = pin.map(|pin| Pin::new(pin).unwrap());
    let begun = Get::begin_with(&origin(), &options, platform, Account::Newest, pin, &mut rng())?;
    run(begun, |message| Ok(peer.exchange(message)))
}

fn wish(verification: &str) -> Value {
    json!({ "userVerification": verification, "authenticatorSelection": { "userVerification": verification } })
}

fn verified(registration: &Registration) -> bool {
    let data = registration.response.response.authenticator_data.as_ref().unwrap();
    AuthenticatorData::decode(&data.0).unwrap().flags.contains(Flags::UV)
}

#[test]
fn a_pin_verifies_the_user_where_the_page_wants_it_and_nothing_is_built_in() {
    for (wanted, sent) in [("required", true), ("preferred", true), ("discouraged", false)] {
        let mut peer = Peer::new(2, Some(PIN));
        let registration = create(wish(wanted), &key_with_pin(), Some(PIN), &mut peer).unwrap();
        assert_eq!(verified(&registration), sent, "{wanted}");
        assert_eq!(peer.asked, if sent { vec![KEY, BY_PIN, MAKE] } else { vec![MAKE] }, "{wanted}");
        assert_eq!(peer.granted, bound_to(Permissions::MC).filter(|_| sent));

        let mut peer = Peer::new(2, Some(PIN));
        get(wish(wanted), &key_with_pin(), Some(PIN), &mut peer).unwrap();
        assert_eq!(peer.asked, if sent { vec![KEY, BY_PIN, ASSERT] } else { vec![ASSERT] }, "{wanted}");
        assert_eq!(peer.granted, bound_to(Permissions::GA).filter(|_| sent));
    }
}

#[test]
fn a_discouraged_pin_is_used_where_the_authenticator_makes_nothing_without() {
    let resident =
        json!({ "authenticatorSelection": { "userVerification": "discouraged", "residentKey": "required" } });
    let mut peer = Peer::new(2, Some(PIN));
    create(resident, &key_with_pin(), Some(PIN), &mut peer).unwrap();
    assert_eq!(peer.asked, [KEY, BY_PIN, MAKE]);
    let always = with(&[("clientPin", true), ("pinUvAuthToken", true), ("alwaysUv", true)]);
    let mut peer = Peer::new(2, Some(PIN));
    get(wish("discouraged"), &always, Some(PIN), &mut peer).unwrap();
    assert_eq!(peer.asked, [KEY, BY_PIN, ASSERT]);
}

#[test]
fn without_a_pin_required_is_refused_at_once_and_preferred_goes_on_without() {
    let mut peer = Peer::new(2, Some(PIN));
    for error in [
        create(wish("required"), &key_with_pin(), None, &mut peer).unwrap_err(),
        get(wish("required"), &key_with_pin(), None, &mut peer).unwrap_err(),
    ] {
        assert_eq!((&error, error.exception()), (&ClientError::PinRequired, "NotAllowedError"));
        assert_eq!(error.hint().as_deref(), Some("give the client the authenticator's PIN"));
    }
    assert!(peer.asked.is_empty());
    assert!(!verified(&create(wish("preferred"), &key_with_pin(), None, &mut peer).unwrap()));
    get(wish("preferred"), &key_with_pin(), None, &mut peer).unwrap();
    assert_eq!(peer.asked, [MAKE, ASSERT]);
}

#[test]
fn an_authenticator_that_asks_for_a_token_gets_one_if_there_is_a_pin() {
    for pin in [None, Some(PIN)] {
        let mut peer = Peer { wants_token: true, ..Peer::new(2, Some(PIN)) };
        let created = create(wish("discouraged"), &key_with_pin(), pin, &mut peer);
        assert_eq!(peer.asked, [MAKE, KEY, BY_PIN, MAKE][..if pin.is_some() { 4 } else { 1 }]);
        assert_eq!(created.err(), pin.is_none().then_some(ClientError::PinRequired));

        let mut peer = Peer { wants_token: true, ..Peer::new(2, Some(PIN)) };
        let got = get(wish("discouraged"), &key_with_pin(), pin, &mut peer);
        assert_eq!(peer.asked, [ASSERT, KEY, BY_PIN, ASSERT][..if pin.is_some() { 4 } else { 1 }]);
        assert_eq!(got.err(), pin.is_none().then_some(ClientError::PinRequired));
    }
    // Where no PIN is set, the refusal is what it was.
    let mut peer = Peer { wants_token: true, ..Peer::new(2, None) };
    let error = get(wish("discouraged"), &with(&[("clientPin", false)]), Some(PIN), &mut peer).unwrap_err();
    assert_eq!((error.status(), peer.asked.as_slice()), (Some(Status::PUAT_REQUIRED), &[ASSERT][..]));
}

#[test]
fn built_in_verification_comes_first_by_token_where_there_are_tokens_and_by_option_elsewhere() {
    let tokens = with(&[("uv", true), ("pinUvAuthToken", true), ("clientPin", true)]);
    let mut peer = Peer::new(2, Some(PIN));
    create(wish("required"), &tokens, Some(PIN), &mut peer).unwrap();
    get(wish("required"), &tokens, None, &mut peer).unwrap();
    assert_eq!(peer.asked, [KEY, BY_UV, MAKE, KEY, BY_UV, ASSERT]);
    let mut peer = Peer::new(2, Some(PIN));
    let option = with(&[("uv", true), ("clientPin", true)]);
    assert!(verified(&create(wish("required"), &option, Some(PIN), &mut peer).unwrap()));
    get(wish("required"), &option, Some(PIN), &mut peer).unwrap();
    assert_eq!(peer.asked, [MAKE, ASSERT]);
}

#[test]
fn a_user_who_is_not_recognised_may_enter_a_pin() {
    let both = with(&[("uv", true), ("pinUvAuthToken", true), ("clientPin", true)]);
    for status in [Status::UV_INVALID, Status::UV_BLOCKED] {
        let mut peer = Peer { uv: status, ..Peer::new(2, Some(PIN)) };
        get(wish("required"), &both, Some(PIN), &mut peer).unwrap();
        assert_eq!(peer.asked, [KEY, BY_UV, KEY, BY_PIN, ASSERT]);
        let error = get(wish("required"), &both, None, &mut peer).unwrap_err();
        assert_eq!(error, ClientError::PinRequired);
        let only = with(&[("uv", true), ("pinUvAuthToken", true)]);
        let error = get(wish("required"), &only, Some(PIN), &mut peer).unwrap_err();
        assert_eq!(error.status(), Some(status));
    }
    // Who declines is not asked for a PIN.
    let mut peer = Peer { uv: Status::OPERATION_DENIED, ..Peer::new(2, Some(PIN)) };
    let error = get(wish("required"), &both, Some(PIN), &mut peer).unwrap_err();
    assert_eq!((error.status(), peer.asked.as_slice()), (Some(Status::OPERATION_DENIED), &[KEY, BY_UV][..]));
}

#[test]
fn a_wrong_pin_ends_the_ceremony() {
    let mut peer = Peer::new(2, Some("5678"));
    let error = get(wish("required"), &key_with_pin(), Some(PIN), &mut peer).unwrap_err();
    assert_eq!((error.status(), error.exception()), (Some(Status::PIN_INVALID), "NotAllowedError"));
    assert_eq!(peer.asked, [KEY, BY_PIN], "a second try would cost the user another");
}

#[test]
fn a_pin_that_is_to_be_changed_is_not_spent() {
    let mut platform = key_with_pin();
    platform.info.force_pin_change = Some(true);
    let mut peer = Peer::new(2, Some(PIN));
    let error = get(wish("required"), &platform, Some(PIN), &mut peer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the page requires user verification, and the authenticator wants its PIN to be changed first"
    );
    assert!(peer.asked.is_empty());
}

#[test]
fn an_authenticator_of_ctap_2_0_is_spoken_to_in_its_own_way() {
    let info = GetInfoResponse { pin_uv_auth_protocols: vec![1], ..with_options(&[("clientPin", true)]) };
    let old = Platform { info, ..platform(Client::SpecL3) };
    let mut peer = Peer::new(1, Some(PIN));
    assert!(verified(&create(wish("preferred"), &old, Some(PIN), &mut peer).unwrap()));
    assert_eq!(peer.asked, [KEY, Asked::Pin(Subcommand::GET_PIN_TOKEN.0), MAKE]);
}

#[test]
fn a_long_list_is_searched_with_the_token() {
    let mut platform = key_with_pin();
    platform.info.max_credential_count_in_list = Some(1);
    let list: Vec<_> =
        [&b"x"[..], b"a", b"y"].map(|id| json!({ "type": "public-key", "id": base64url::encode(id) })).into();
    let mut peer = Peer::new(2, Some(PIN));
    // The peer panics over any proof that is wrong.
    let mut members = wish("required");
    members["allowCredentials"] = list.clone().into();
    get(members, &platform, Some(PIN), &mut peer).unwrap();
    assert_eq!(peer.asked, [KEY, BY_PIN, Asked::Silently, Asked::Silently, ASSERT]);
    let mut peer = Peer::new(2, Some(PIN));
    let mut members = wish("required");
    members["excludeCredentials"] = list.into();
    create(members, &platform, Some(PIN), &mut peer).unwrap();
    assert_eq!(peer.asked, [KEY, BY_PIN, Asked::Silently, Asked::Silently, MAKE]);
    assert_eq!(peer.granted, bound_to(Permissions::MC | Permissions::GA), "the search is a sign-in");
}
