use super::peer::{Asked, Peer};
use super::with_options;
use crate::pin::{By, ChangePin, GetToken, PinRetries, Protocol, Retries, SetPin};
use crate::{Ceremony, ClientError, Next, Pin, PinError, run};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{ClientPin, ClientPinResponse, GetInfoResponse, Permissions};
use wire::status::Status;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn speaking(protocol: i64, options: &[(&str, bool)]) -> GetInfoResponse {
    GetInfoResponse { pin_uv_auth_protocols: vec![protocol], ..with_options(options) }
}

fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

fn with<C: Ceremony>(begun: (C, Vec<u8>), peer: &mut Peer) -> Result<C::Outcome, ClientError> {
    run(begun, |message| Ok::<_, ClientError>(peer.exchange(message)))
}

#[test]
fn a_pin_has_4_characters_to_63_bytes() {
    let refused = |text: &str| Pin::new(text).err();
    assert_eq!(refused("123"), Some(PinError::TooShort { length: 3, min: 4 }));
    // Code points count, not bytes.
    assert_eq!(refused("äöü"), Some(PinError::TooShort { length: 3, min: 4 }));
    assert_eq!(refused("äöüß"), None);
    assert_eq!(refused(&"9".repeat(63)), None);
    assert_eq!(refused(&"9".repeat(64)), Some(PinError::TooLong { length: 64, max: 63 }));
    assert_eq!(refused(&"ä".repeat(32)), Some(PinError::TooManyBytes(64)));
    assert_eq!(refused("1234\0"), Some(PinError::EndsInZero));
    assert_eq!(refused("12\0 34"), None);
}

#[test]
fn the_same_characters_are_the_same_pin_however_they_were_typed() {
    // One code point, and a letter with a combining mark.
    assert!(pin("caf\u{e9}").hash() == pin("cafe\u{301}").hash());
    assert!(pin("caf\u{e9}").hash() != pin("cafe").hash());
    assert_eq!(Pin::new("cae\u{301}").err(), Some(PinError::TooShort { length: 3, min: 4 }));
}

#[test]
fn an_authenticator_may_want_longer_pins_and_no_shorter_ones() {
    let info = |min, max| GetInfoResponse { min_pin_length: min, max_pin_length: max, ..Default::default() };
    assert_eq!(pin("12345").check_for(&info(Some(6), None)), Err(PinError::TooShort { length: 5, min: 6 }));
    assert_eq!(pin("12345").check_for(&info(Some(5), Some(5))), Ok(()));
    assert_eq!(pin("12345").check_for(&info(None, Some(4))), Err(PinError::TooLong { length: 5, max: 4 }));
    assert_eq!(pin("1234").check_for(&info(Some(0), Some(u64::MAX))), Ok(()));
    let refused = SetPin::begin(&info(Some(u64::MAX), None), pin("1234"), &mut rng()).err().unwrap();
    assert!(matches!(refused, ClientError::Pin(PinError::TooShort { .. })), "{refused}");
}

#[test]
fn a_pin_is_set_changed_and_exchanged_for_a_token_by_either_protocol() {
    for protocol in [1, 2] {
        let info = speaking(protocol, &[("clientPin", true), ("pinUvAuthToken", true)]);
        let mut peer = Peer::new(protocol, None);
        with(SetPin::begin(&info, pin("1234"), &mut rng()).unwrap(), &mut peer).unwrap();
        assert_eq!(peer.pin.as_deref(), Some("1234"));
        with(ChangePin::begin(&info, pin("1234"), pin("äöüß9"), &mut rng()).unwrap(), &mut peer).unwrap();
        assert_eq!(peer.pin.as_deref(), Some("äöüß9"));

        let wrong = ChangePin::begin(&info, pin("1234"), pin("5678"), &mut rng()).unwrap();
        let error = with(wrong, &mut peer).unwrap_err();
        assert_eq!((error.status(), peer.pin.as_deref()), (Some(Status::PIN_INVALID), Some("äöüß9")));
        assert!(error.hint().unwrap().contains("tries"));

        let permissions = Permissions::GA | Permissions::LBW;
        let by = || pin("äöüß9");
        let begun = GetToken::begin(&info, By::Pin(&by()), permissions, Some("a.test"), &mut rng()).unwrap();
        let token = with(begun, &mut peer).ok().unwrap();
        assert_eq!(token.protocol().number(), protocol);
        assert_eq!(peer.granted, Some((permissions, Some("a.test".into()))));
        assert_eq!(token.authenticate(b"message").len(), if protocol == 1 { 16 } else { 32 });
        assert_eq!(
            peer.asked[peer.asked.len() - 2..],
            [Asked::Pin(Subcommand::GET_KEY_AGREEMENT.0), Asked::Pin(Subcommand::GET_TOKEN_USING_PIN.0)]
        );
    }
}

#[test]
fn an_authenticator_without_permissions_gives_a_token_for_everything() {
    let mut peer = Peer::new(1, Some("1234"));
    let info = speaking(1, &[("clientPin", true)]);
    let begun = GetToken::begin(&info, By::Pin(&pin("1234")), Permissions::MC, Some("a.test"), &mut rng());
    assert!(with(begun.unwrap(), &mut peer).is_ok());
    assert_eq!(peer.granted, None);
    assert_eq!(peer.asked.last(), Some(&Asked::Pin(Subcommand::GET_PIN_TOKEN.0)));
}

#[test]
fn built_in_verification_gives_a_token_with_permissions() {
    let mut peer = Peer::new(2, None);
    let info = speaking(2, &[("uv", true), ("pinUvAuthToken", true)]);
    let begun = GetToken::begin(&info, By::BuiltIn, Permissions::MC, None, &mut rng()).unwrap();
    assert!(with(begun, &mut peer).is_ok());
    assert_eq!(peer.granted, Some((Permissions::MC, None)));
    assert_eq!(peer.asked.last(), Some(&Asked::Pin(Subcommand::GET_TOKEN_USING_UV.0)));
}

#[test]
fn retries_are_told_as_they_are() {
    let begun = PinRetries::begin(&speaking(2, &[])).unwrap();
    let retries = with(begun, &mut Peer::new(2, None)).unwrap();
    assert_eq!(retries, Retries { left: 7, power_cycle: Some(false) });
    let (sequence, message) = PinRetries::begin(&speaking(1, &[])).unwrap();
    // CTAP 2.0 wanted the protocol named even here.
    let request = ClientPin { protocol: Some(1), ..ClientPin::new(Subcommand::GET_PIN_RETRIES) };
    assert_eq!(message, request.encode());
    let answer = ClientPinResponse { pin_retries: Some(0), ..Default::default() }.encode();
    let Ok(Next::Done(retries)) = sequence.handle_response(&answer) else { panic!("it is over") };
    assert_eq!(retries, Retries { left: 0, power_cycle: None });
}

#[test]
fn no_sequence_begins_where_no_protocol_is_common() {
    let info = speaking(3, &[("clientPin", true)]);
    assert_eq!(SetPin::begin(&info, pin("1234"), &mut rng()).err(), Some(ClientError::NoPinProtocol));
    assert_eq!(PinRetries::begin(&info).err(), Some(ClientError::NoPinProtocol));
    assert_eq!(Protocol::preferred(&info), None);
}

#[test]
fn an_answer_without_what_was_asked_for_is_an_error() {
    let empty = ClientPinResponse::default().encode();
    let info = speaking(2, &[("clientPin", true)]);
    let error = |result: Result<_, ClientError>| result.err().unwrap().to_string();
    let (set, _) = SetPin::begin(&info, pin("1234"), &mut rng()).unwrap();
    assert!(error(set.handle_response(&empty).map(|_| ())).contains("keyAgreement is missing"));
    let (retries, _) = PinRetries::begin(&info).unwrap();
    assert!(error(retries.handle_response(&empty).map(|_| ())).contains("pinRetries is missing"));
    // A token of any length that encrypt gives, but of 32 bytes only.
    for length in [0, 15, 16, 32, 48, 64, 80] {
        let mut peer = Peer::new(2, Some("1234"));
        let by = pin("1234");
        let begun = GetToken::begin(&info, By::Pin(&by), Permissions::GA, None, &mut rng()).unwrap();
        let token = ClientPinResponse { pin_uv_auth_token: Some(vec![7; length]), ..Default::default() };
        let result = run(begun, |message| {
            let answer = peer.exchange(message);
            let last = peer.asked.last() == Some(&Asked::Pin(Subcommand::GET_PIN_TOKEN.0));
            Ok::<_, ClientError>(if last { token.encode() } else { answer })
        });
        assert_eq!(result.is_ok(), length == 48, "{length}");
    }
}

proptest! {
    #[test]
    fn no_text_and_no_answer_makes_a_sequence_panic(text in ".{0,70}", answer: Vec<u8>) {
        let Ok(pin) = Pin::new(&text) else { return Ok(()) };
        let info = speaking(2, &[("clientPin", true)]);
        let (sequence, _) = SetPin::begin(&info, pin, &mut rng()).unwrap();
        let ok = [&[0], answer.as_slice()].concat();
        prop_assert!(sequence.handle_response(&ok).is_err());
    }
}
