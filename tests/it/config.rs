//! authenticatorConfig, CTAP 2.1 §6.11, subcommand by subcommand.
use crate::tokens::{self, PIN};
use authenticator::Gesture;
use authenticator::profile::{Extension, PinClaims, Profile, Verification};
use authenticator::store::{Settings, StoreError};
use tests::platform::{Pin, Token};
use tests::{NOW, Rig, USB, all_in, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::config::Subcommand;
use wire::ctap2::{Command, Config, GetInfoResponse, MakeCredential, Permissions};
use wire::status::Status;

const ENTERPRISE: Subcommand = Subcommand::ENABLE_ENTERPRISE_ATTESTATION;
const ALWAYS_UV: Subcommand = Subcommand::TOGGLE_ALWAYS_UV;
const PIN_LENGTH: Subcommand = Subcommand::SET_MIN_PIN_LENGTH;
const LONG_TOUCH: Subcommand = Subcommand::ENABLE_LONG_TOUCH_FOR_RESET;

fn request(subcommand: Subcommand) -> Config {
    Config {
        subcommand,
        raw_parameters: None,
        new_min_pin_length: None,
        min_pin_length_rp_ids: None,
        force_change_pin: None,
        pin_complexity_policy: None,
        protocol: None,
        pin_uv_auth_param: None,
    }
}

/// The parameters of setMinPINLength.
#[derive(Clone, Debug, Default)]
struct Minimum {
    length: Option<u64>,
    rp_ids: Option<Vec<&'static str>>,
    force: Option<bool>,
    complex: Option<bool>,
}

impl Minimum {
    fn request(&self) -> Config {
        let rp_ids = self.rp_ids.as_ref();
        let parameters = cbor::int_map([
            (1, self.length.map(Value::from)),
            (2, rp_ids.map(|ids| Value::Array(ids.iter().map(|id| cbor::text(*id)).collect()))),
            (3, self.force.map(Value::Bool)),
            (4, self.complex.map(Value::Bool)),
        ]);
        Config { raw_parameters: Some(parameters), ..request(PIN_LENGTH) }
    }
}

/// The request with the proof of a token over its subcommand and parameters.
fn proven(request: Config, token: &Token) -> Config {
    let mut message =
        [&[0xFF; 32], [0x0D].as_slice(), &[u8::try_from(request.subcommand.0).unwrap()]].concat();
    if let Some(parameters) = &request.raw_parameters {
        message.extend(cbor::encode(parameters));
    }
    Config {
        pin_uv_auth_param: Some(token.authenticate(&message)),
        protocol: Some(token.protocol),
        ..request
    }
}

fn send(rig: &mut Rig, request: &Config) -> Vec<u8> {
    rig.call_silently(&request.encode())
}

fn info(rig: &mut Rig) -> GetInfoResponse {
    GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap()
}

fn settings(rig: &Rig) -> Settings {
    rig.shelf.stored().state.unwrap().settings
}

#[test]
fn subcommands_that_are_not_there_are_an_invalid_parameter() {
    let mut rig = Rig::new(all_in());
    for unknown in [0, 5, 0x7F, 0xFE, 0xFF, 0x100, 0x101, 0x102, i64::MAX] {
        assert_eq!(
            send(&mut rig, &request(Subcommand(unknown))),
            status(Status::INVALID_PARAMETER),
            "{unknown}"
        );
    }
    for lacking in 1..=4 {
        let config_commands = (1..=4).filter(|command| *command != lacking).collect();
        let mut rig = Rig::new(Profile { config_commands, ..all_in() });
        let reply = send(&mut rig, &request(Subcommand(lacking.into())));
        assert_eq!(reply, status(Status::INVALID_PARAMETER), "{lacking}");
    }
    let mut rig = Rig::new(Profile { config_commands: vec![], ..all_in() });
    assert_eq!(send(&mut rig, &request(ENTERPRISE)), status(Status::INVALID_COMMAND));
    let mut rig = Rig::new(Profile { config_commands: vec![0xFF], ..all_in() });
    let vendor = request(Subcommand::VENDOR_PROTOTYPE);
    assert_eq!(send(&mut rig, &vendor), status(Status::INVALID_PARAMETER), "no vendor has any");
}

#[test]
fn who_is_not_protected_needs_no_token() {
    for subcommand in [ENTERPRISE, ALWAYS_UV, PIN_LENGTH, LONG_TOUCH] {
        let mut rig = Rig::new(all_in());
        assert_eq!(send(&mut rig, &request(subcommand)), status(Status::OK), "{subcommand:?}");
    }
}

#[test]
fn who_is_protected_wants_a_token_over_exactly_this_with_acfg() {
    let mut rig = tokens::protected(all_in());
    let minimum = Minimum { length: Some(4), ..Minimum::default() }.request();
    for request in [request(ENTERPRISE), request(ALWAYS_UV), minimum.clone(), request(LONG_TOUCH)] {
        let before = settings(&rig);
        assert_eq!(send(&mut rig, &request), status(Status::PUAT_REQUIRED));
        for protocol in [1, 2] {
            let token = tokens::token(&mut rig, protocol, Permissions::ACFG, None);
            let with = |protocol| Config { protocol, ..proven(request.clone(), &token) };
            assert_eq!(send(&mut rig, &with(None)), status(Status::MISSING_PARAMETER));
            assert_eq!(send(&mut rig, &with(Some(3))), status(Status::INVALID_PARAMETER));
            assert_eq!(send(&mut rig, &with(Some(3 - protocol))), status(Status::PIN_AUTH_INVALID));
            let other = proven(Config { subcommand: Subcommand(9), ..request.clone() }, &token);
            let more = proven(Minimum { force: Some(false), ..Minimum::default() }.request(), &token);
            for wrong in [
                Some(vec![]),
                Some(vec![0; 16]),
                Some(vec![0; 32]),
                other.pin_uv_auth_param,
                more.pin_uv_auth_param,
            ] {
                let request = Config { pin_uv_auth_param: wrong, ..proven(request.clone(), &token) };
                assert_eq!(send(&mut rig, &request), status(Status::PIN_AUTH_INVALID), "{request:?}");
            }
        }
        for permission in
            [Permissions::MC, Permissions::GA, Permissions::CM, Permissions::LBW, Permissions::PCMR]
        {
            let token = tokens::token(&mut rig, 2, permission, None);
            let reply = send(&mut rig, &proven(request.clone(), &token));
            assert_eq!(reply, status(Status::PIN_AUTH_INVALID), "{permission:?}");
        }
        assert_eq!(settings(&rig), before);
        for protocol in [1, 2] {
            let token = tokens::token(&mut rig, protocol, Permissions::ACFG, None);
            assert_eq!(send(&mut rig, &proven(request.clone(), &token)), status(Status::OK));
        }
    }
}

#[test]
fn built_in_verification_protects_as_a_pin_does() {
    let mut rig = Rig::new(Profile { verification: Verification::OnRequest, ..all_in() });
    assert_eq!(send(&mut rig, &request(LONG_TOUCH)), status(Status::PUAT_REQUIRED));
}

#[test]
fn always_verifying_by_nothing_may_be_undone_and_nothing_else_be_done() {
    let mut rig = Rig::new(Profile { always_uv: Some(true), ..all_in() });
    for subcommand in [ENTERPRISE, PIN_LENGTH, LONG_TOUCH] {
        assert_eq!(send(&mut rig, &request(subcommand)), status(Status::PUAT_REQUIRED), "{subcommand:?}");
    }
    assert_eq!(send(&mut rig, &request(ALWAYS_UV)), status(Status::OK));
    assert_eq!(info(&mut rig).option("alwaysUv"), Some(false));
}

#[test]
fn enterprise_attestation_is_enabled_for_good_and_twice_is_no_error() {
    let mut rig = Rig::new(all_in());
    assert_eq!(info(&mut rig).option("ep"), Some(false));
    assert_eq!(send(&mut rig, &request(ENTERPRISE)), status(Status::OK));
    let commits = rig.shelf.commits();
    assert_eq!(send(&mut rig, &request(ENTERPRISE)), status(Status::OK));
    assert_eq!(rig.shelf.commits(), commits, "nothing to write");
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(info(&mut rig).option("ep"), Some(true));
    let mut rig = Rig::new(Profile { enterprise: None, ..all_in() });
    assert_eq!(send(&mut rig, &request(ENTERPRISE)), status(Status::INVALID_PARAMETER));
}

#[test]
fn always_uv_is_switched_and_switches_what_depends_on_it() {
    let versions = ["U2F_V2", "FIDO_2_0", "FIDO_2_1"].map(String::from);
    let mut rig = Rig::new(Profile { versions: versions.to_vec(), ..all_in() });
    let without_pin = MakeCredential { rk: Some(false), ..registration("alice") }.encode();
    for on in [true, false, true] {
        assert_eq!(send(&mut rig, &request(ALWAYS_UV)), status(Status::OK));
        rig.authenticator.power_cycle(NOW).unwrap();
        let info = info(&mut rig);
        assert_eq!(info.option("alwaysUv"), Some(on));
        assert_eq!(info.option("makeCredUvNotRqd"), Some(!on));
        assert_eq!(info.versions, if on { &versions[1..] } else { &versions });
        let wanted = if on { Status::PUAT_REQUIRED } else { Status::OK };
        assert_eq!(rig.call(&without_pin)[0], wanted.0);
        assert_eq!(rig.call(&sign_in().encode())[0], if on { wanted } else { Status::NO_CREDENTIALS }.0);
    }
    let mut rig = Rig::new(Profile { always_uv: None, ..all_in() });
    assert_eq!(send(&mut rig, &request(ALWAYS_UV)), status(Status::OPERATION_DENIED));
    assert_eq!(info(&mut rig).option("alwaysUv"), None);
}

#[test]
fn a_long_touch_for_reset_is_enabled_for_good() {
    let mut rig = Rig::new(all_in());
    assert_eq!(info(&mut rig).long_touch_for_reset, Some(false));
    for _ in 0..2 {
        assert_eq!(send(&mut rig, &request(LONG_TOUCH)), status(Status::OK));
        assert_eq!(info(&mut rig).long_touch_for_reset, Some(true));
    }
}

#[test]
fn the_minimum_grows_up_to_the_maximum_and_never_shrinks() {
    let pin = |min_length, max_length| PinClaims { min_length, max_length, ..all_in().pin.unwrap() };
    for (min, max) in [(4, 63), (6, 8), (8, 8), (4, 20)] {
        for asked in (0..=70).chain([255, 256, 260, u64::from(u32::MAX), i64::MAX.unsigned_abs()]) {
            let mut rig = Rig::new(Profile { pin: Some(pin(min, max)), ..all_in() });
            let reply = send(&mut rig, &Minimum { length: Some(asked), ..Minimum::default() }.request());
            let fits = (u64::from(min)..=u64::from(max)).contains(&asked);
            assert_eq!(
                reply,
                status(if fits { Status::OK } else { Status::PIN_POLICY_VIOLATION }),
                "{asked}"
            );
            let now = if fits { asked } else { min.into() };
            assert_eq!(info(&mut rig).min_pin_length, Some(now), "{asked}");
            let shorter = Minimum { length: Some(now - 1), ..Minimum::default() }.request();
            assert_eq!(send(&mut rig, &shorter), status(Status::PIN_POLICY_VIOLATION), "{asked}");
        }
    }
}

#[test]
fn without_any_parameter_nothing_changes() {
    let mut rig = Rig::new(all_in());
    let (before, commits) = (settings(&rig), rig.shelf.commits());
    let all_false =
        Minimum { length: Some(4), force: Some(false), complex: Some(false), ..Minimum::default() };
    for request in [request(PIN_LENGTH), Minimum::default().request(), all_false.request()] {
        assert_eq!(send(&mut rig, &request), status(Status::OK));
    }
    assert_eq!((settings(&rig), rig.shelf.commits()), (before, commits));
}

#[test]
fn relying_parties_that_may_know_the_minimum_replace_those_before() {
    let mut rig = Rig::new(all_in());
    for list in [vec!["a.test", "b.test", "c.test", "d.test"], vec!["e.test"], vec![]] {
        let request = Minimum { rp_ids: Some(list.clone()), ..Minimum::default() }.request();
        assert_eq!(send(&mut rig, &request), status(Status::OK));
        assert_eq!(settings(&rig).min_pin_length_rp_ids, list);
    }
    send(&mut rig, &Minimum { rp_ids: Some(vec!["kept.test"]), ..Minimum::default() }.request());
    let five = Minimum { length: Some(9), rp_ids: Some(vec!["x.test"; 5]), ..Minimum::default() };
    assert_eq!(
        send(&mut rig, &five.request()),
        status(Status::KEY_STORE_FULL),
        "maxRPIDsForSetMinPINLength is 4"
    );
    send(&mut rig, &Minimum { length: Some(5), ..Minimum::default() }.request());
    assert_eq!(settings(&rig).min_pin_length_rp_ids, ["kept.test"]);
    assert_eq!(settings(&rig).min_pin_length, 5, "what is refused is refused whole");

    let bare = Profile { extensions: vec![Extension::CredProtect], ..all_in() };
    let request = Minimum { rp_ids: Some(vec!["a.test"]), ..Minimum::default() }.request();
    assert_eq!(
        send(&mut Rig::new(bare.clone()), &request),
        status(Status::INVALID_PARAMETER),
        "nobody could ask"
    );
    let shorter = Minimum { length: Some(3), rp_ids: Some(vec!["a.test"]), ..Minimum::default() }.request();
    assert_eq!(
        send(&mut Rig::new(bare), &shorter),
        status(Status::INVALID_PARAMETER),
        "step 2 comes before step 3, which would say PIN_POLICY_VIOLATION"
    );
}

#[test]
fn a_member_of_another_type_has_its_own_code() {
    let mut rig = Rig::new(all_in());
    for key in 1..=4 {
        let parameters = cbor::int_map([(key, Some(cbor::text("?")))]);
        let request = Config { raw_parameters: Some(parameters), ..request(PIN_LENGTH) };
        assert_eq!(send(&mut rig, &request), status(Status::CBOR_UNEXPECTED_TYPE), "{key}");
    }
}

#[test]
fn a_change_can_be_forced_only_where_a_pin_is_set() {
    let force = Minimum { length: Some(9), force: Some(true), ..Minimum::default() }.request();
    let mut rig = Rig::new(all_in());
    assert_eq!(send(&mut rig, &force), status(Status::PIN_NOT_SET));
    assert_eq!(info(&mut rig).min_pin_length, Some(4), "what is refused is refused whole");
    assert_eq!(info(&mut rig).force_pin_change, Some(false));
}

#[test]
fn a_forced_change_ends_tokens_until_the_pin_is_another() {
    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::ACFG, None);
    let force = Minimum { force: Some(true), ..Minimum::default() }.request();
    assert_eq!(send(&mut rig, &proven(force, &token)), status(Status::OK));
    assert_eq!(info(&mut rig).force_pin_change, Some(true));
    let again = proven(request(LONG_TOUCH), &token);
    assert_eq!(send(&mut rig, &again), status(Status::PIN_AUTH_INVALID), "the token has ended");
    let refused = Pin::new(2).token(&mut rig, PIN, Permissions::ACFG, None).err();
    assert_eq!(refused, Some(Status::PIN_POLICY_VIOLATION));
    Pin::new(2).change(&mut rig, PIN, "another one").unwrap();
    assert_eq!(info(&mut rig).force_pin_change, Some(false));
    let token = Pin::new(2).token(&mut rig, "another one", Permissions::ACFG, None).unwrap();
    assert_eq!(send(&mut rig, &proven(request(LONG_TOUCH), &token)), status(Status::OK));
}

#[test]
fn a_minimum_beyond_the_pin_forces_a_change() {
    let set = u64::try_from(PIN.chars().count()).unwrap();
    for length in [set - 1, set, set + 1] {
        let mut rig = tokens::protected(all_in());
        let token = tokens::token(&mut rig, 2, Permissions::ACFG, None);
        let minimum = Minimum { length: Some(length), ..Minimum::default() }.request();
        assert_eq!(send(&mut rig, &proven(minimum, &token)), status(Status::OK));
        assert_eq!(info(&mut rig).force_pin_change, Some(length > set), "{length}");
        let outlives = send(&mut rig, &proven(request(LONG_TOUCH), &token)) == status(Status::OK);
        assert_eq!(outlives, length <= set, "{length}");
    }
}

#[test]
fn complexity_is_switched_on_for_good_and_forces_a_change() {
    let complex = |complex| Minimum { complex: Some(complex), ..Minimum::default() }.request();
    let mut rig = Rig::new(all_in());
    assert_eq!(info(&mut rig).pin_complexity_policy, Some(false));
    for asked in [true, true, false] {
        assert_eq!(send(&mut rig, &complex(asked)), status(Status::OK));
        assert_eq!(info(&mut rig).pin_complexity_policy, Some(true));
        assert_eq!(info(&mut rig).force_pin_change, Some(false), "there is no PIN");
    }
    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::ACFG, None);
    assert_eq!(send(&mut rig, &proven(complex(true), &token)), status(Status::OK));
    assert_eq!(info(&mut rig).force_pin_change, Some(true), "nobody can say whether the PIN is complex");

    let simple = PinClaims { complexity: None, ..all_in().pin.unwrap() };
    let mut rig = Rig::new(Profile { pin: Some(simple), ..all_in() });
    assert_eq!(send(&mut rig, &complex(true)), status(Status::INVALID_PARAMETER));
    assert_eq!(info(&mut rig).pin_complexity_policy, None);
}

#[test]
fn a_reset_brings_the_factory_settings_back() {
    let mut rig = Rig::new(all_in());
    let factory = settings(&rig);
    for subcommand in [ENTERPRISE, LONG_TOUCH] {
        send(&mut rig, &request(subcommand));
    }
    let minimum =
        Minimum { length: Some(7), rp_ids: Some(vec!["a.test"]), complex: Some(true), ..Minimum::default() };
    send(&mut rig, &minimum.request());
    send(&mut rig, &request(ALWAYS_UV));
    let all = Settings {
        min_pin_length: 7,
        min_pin_length_rp_ids: vec!["a.test".into()],
        force_pin_change: false,
        pin_complexity: true,
        always_uv: true,
        enterprise_attestation: true,
        long_touch_for_reset: true,
    };
    assert_eq!(settings(&rig), all);
    assert_eq!(rig.call_with(NOW, USB, &[Command::RESET.0], |_| Gesture::LongTouch), status(Status::OK));
    assert_eq!(settings(&rig), factory);
}

#[test]
fn a_store_that_fails_changes_no_setting_and_ends_no_token() {
    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::ACFG, None);
    let force = proven(Minimum { force: Some(true), ..Minimum::default() }.request(), &token);
    rig.shelf.refuse(Some(|| StoreError::Full));
    assert_eq!(send(&mut rig, &force), status(Status::KEY_STORE_FULL));
    assert_eq!(info(&mut rig).force_pin_change, Some(false));
    rig.shelf.refuse(None);
    assert_eq!(send(&mut rig, &force), status(Status::OK));
}
