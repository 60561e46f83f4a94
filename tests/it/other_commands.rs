//! getInfo, selection, reset, cancel, and messages that are no commands.
use authenticator::profile::{Profile, Untold, Verification};
use authenticator::{Gesture, Link, Progress, Purpose, Request, Via};
use emulator::DeviceProfile;
use std::time::Duration;
use tests::platform::Pin;
use tests::{NOW, Rig, USB, all_in, everything, listed, registration, sign_in, since_2_1, status};
use wire::aaguid::Aaguid;
use wire::cbor::{self, Field, Value};
use wire::ctap2::{
    Command, GetAssertion, GetInfoResponse, MakeCredential, MakeCredentialResponse, Permissions,
    get_assertion, make_credential,
};
use wire::status::Status;
use wire::webauthn::AuthenticatorData;

fn info(rig: &mut Rig, link: Link) -> GetInfoResponse {
    let via = Via { link, channel: 1 };
    GetInfoResponse::decode(&rig.call_with(NOW, via, &GetInfoResponse::request(), |_| unreachable!()))
        .unwrap()
}

#[test]
fn get_info_says_what_the_profile_says_and_asks_nobody() {
    // A key of U2F only has no getInfo.
    for profile in
        DeviceProfile::built_in().into_iter().filter(|profile| profile.authenticator.speaks_ctap2())
    {
        let claims = profile.authenticator.clone();
        let mut rig = Rig::new(claims.clone());
        let info = info(&mut rig, Link::Usb);
        assert_eq!(info.aaguid, claims.aaguid, "{}", profile.name);
        assert_eq!(info.versions, claims.versions, "{}", profile.name);
        let silent = claims.untold.contains(&Untold::Algorithms);
        let algorithms = if silent { Vec::new() } else { claims.algorithms.clone() };
        assert_eq!(info.algorithms, algorithms, "{}", profile.name);
        assert_eq!(info.option("rk"), Some(claims.discoverable.is_some()), "{}", profile.name);
        let uv = match claims.verification {
            Verification::None => None,
            Verification::OnRequest | Verification::Always => Some(true),
            Verification::Enrollable { .. } => Some(false),
        };
        assert_eq!(info.option("uv"), uv, "{}: absent where it is not supported", profile.name);
        let pin = claims.pin.is_some().then_some(false);
        assert_eq!(info.option("clientPin"), pin, "{}: there, and not set", profile.name);
        assert_eq!(info.max_msg_size, Some(claims.max_msg_size.into()), "{}", profile.name);
    }
}

#[test]
fn get_info_is_the_same_after_a_power_cycle_but_for_what_is_sealed_anew() {
    let profiles = DeviceProfile::built_in().into_iter().map(|profile| profile.authenticator);
    for profile in profiles.filter(Profile::speaks_ctap2).chain([all_in(), since_2_1()]) {
        let mut rig = Rig::new(profile.clone());
        rig.call(&registration("alice").encode());
        if let Some(pin) = &profile.pin {
            Pin::new(pin.protocols[0].number()).set(&mut rig, "a1b2c3d4").unwrap();
        }
        if profile.credential_management.persistent_read_only {
            Pin::new(2).token(&mut rig, "a1b2c3d4", Permissions::PCMR, None).unwrap();
        }
        let told = |rig: &mut Rig| {
            let info = info(rig, Link::Usb);
            assert_eq!(info.enc_identifier.is_some(), profile.tells_identifier);
            GetInfoResponse { enc_identifier: None, enc_cred_store_state: None, ..info }
        };
        let before = told(&mut rig);
        rig.authenticator.power_cycle(NOW).unwrap();
        assert_eq!(told(&mut rig), before, "{:?}", profile.aaguid);
        assert!(rig.prompts.len() <= 1, "only the registration may have asked somebody");
    }
}

#[test]
fn a_phone_looks_different_over_each_link() {
    let profile = DeviceProfile::named("ms-authenticator-ios").unwrap().authenticator;
    let mut rig = Rig::new(profile);
    assert_eq!(info(&mut rig, Link::Usb).option("plat"), Some(false));
    assert_eq!(info(&mut rig, Link::Internal).option("plat"), Some(true));
    assert_eq!(info(&mut rig, Link::Hybrid).transports, ["internal", "hybrid"]);
}

#[test]
fn the_two_authenticators_answer_with_their_aaguids_and_the_flags_of_a_device_bound_phone() {
    for (name, aaguid) in [
        ("ms-authenticator-ios", "90a3ccdf-635c-4729-a248-9b709135078f"),
        ("ms-authenticator-android", "de1e552d-db1d-4423-a619-566b625cdc84"),
    ] {
        let mut rig = Rig::new(DeviceProfile::named(name).unwrap().authenticator);
        let created = MakeCredentialResponse::decode(&rig.call(&registration("alice").encode())).unwrap();
        let data = AuthenticatorData::decode(&created.auth_data).unwrap();
        assert_eq!((created.fmt.as_str(), data.flags.0, data.sign_count), ("none", 0x45, 0), "{name}");
        assert_eq!(data.attested.unwrap().aaguid, aaguid.parse::<Aaguid>().unwrap());
        let signed = wire::ctap2::GetAssertionResponse::decode(&rig.call(&sign_in().encode())).unwrap();
        let data = AuthenticatorData::decode(&signed.auth_data).unwrap();
        assert_eq!((data.flags.0, data.sign_count), (0x05, 0), "{name}");
    }
}

#[test]
fn selection_is_a_touch() {
    let mut rig = Rig::new(since_2_1());
    let select = [Command::SELECTION.0];
    assert_eq!(rig.call(&select), status(Status::OK));
    assert_eq!(rig.prompts[0].purpose, Purpose::Select);
    assert_eq!(rig.call_with(NOW, USB, &select, |_| Gesture::Declined), status(Status::OPERATION_DENIED));
    assert_eq!(rig.call_with(NOW, USB, &select, |_| Gesture::TimedOut), status(Status::USER_ACTION_TIMEOUT));
    let mut old = Rig::new(everything());
    assert_eq!(old.call_silently(&select), status(Status::INVALID_COMMAND), "it came with CTAP 2.1");
}

#[test]
fn cancel_ends_the_command_that_waits_and_stores_nothing() {
    for message in
        [registration("a").encode(), sign_in().encode(), vec![Command::SELECTION.0], vec![Command::RESET.0]]
    {
        let mut rig = Rig::new(since_2_1());
        rig.call(&registration("a").encode());
        let commits = rig.shelf.commits();
        assert_eq!(rig.authenticator.handle_cancel(NOW), None, "nothing waits yet");
        assert!(matches!(
            rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&message)),
            Progress::AwaitingUser(_)
        ));
        let cancelled = Some(Progress::Reply(status(Status::KEEPALIVE_CANCEL)));
        assert_eq!(rig.authenticator.handle_cancel(NOW), cancelled);
        assert_eq!(rig.authenticator.handle_gesture(NOW, Gesture::Present), None, "too late");
        assert_eq!(rig.shelf.commits(), commits);
    }
}

#[test]
fn the_user_is_waited_for_thirty_seconds() {
    let mut rig = Rig::new(everything());
    let _ = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&registration("a").encode()));
    let deadline = rig.authenticator.poll_timeout().unwrap();
    assert_eq!(deadline, NOW + Duration::from_secs(30));
    assert_eq!(rig.authenticator.handle_timeout(NOW + Duration::from_millis(29_999)), None);
    assert_eq!(
        rig.authenticator.handle_timeout(deadline),
        Some(Progress::Reply(status(Status::OPERATION_DENIED)))
    );
    assert_eq!(rig.authenticator.poll_timeout(), None);
}

#[test]
fn a_second_command_finds_the_authenticator_busy_and_does_not_disturb_the_first() {
    let mut rig = Rig::new(everything());
    let _ = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&registration("a").encode()));
    let other = Via { link: Link::Nfc, channel: 0 };
    let busy = rig.authenticator.handle_request(NOW, other, Request::Ctap2(&GetInfoResponse::request()));
    assert_eq!(busy, Progress::Reply(status(Status::CHANNEL_BUSY)));
    let Some(Progress::Reply(reply)) = rig.authenticator.handle_gesture(NOW, Gesture::Present) else {
        panic!()
    };
    assert_eq!(reply[0], 0);
}

#[test]
fn an_admin_change_cancels_the_command_that_waits_first() {
    let mut rig = Rig::new(everything());
    rig.call(&registration("alice").encode());
    let id = rig.authenticator.passkeys()[0].id.clone();
    let _ = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&sign_in().encode()));
    let changed = rig.authenticator.delete_passkey(NOW, &id);
    assert_eq!(changed.cancelled, Some(Progress::Reply(status(Status::KEEPALIVE_CANCEL))));
    assert_eq!((changed.result.unwrap(), rig.authenticator.passkey_count()), (true, 0));
}

#[test]
fn messages_that_are_no_commands_have_codes_of_their_own() {
    let mut rig = Rig::new(everything());
    assert_eq!(rig.call_silently(&[]), status(Status::INVALID_LENGTH));
    for unknown in [0x00, 0x03, 0x05, 0x06, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x40, 0x41, 0xFF] {
        assert_eq!(rig.call_silently(&[unknown]), status(Status::INVALID_COMMAND), "{unknown:02x}");
    }
    for command in [0x01, 0x02] {
        assert_eq!(rig.call_silently(&[command]), status(Status::INVALID_CBOR), "no parameters at all");
        assert_eq!(rig.call_silently(&[command, 0x80]), status(Status::CBOR_UNEXPECTED_TYPE), "an array");
        assert_eq!(rig.call_silently(&[command, 0xA0]), status(Status::MISSING_PARAMETER));
        assert_eq!(
            rig.call_silently(&[command, 0xA0, 0x00]),
            status(Status::INVALID_CBOR),
            "bytes after the map"
        );
        assert_eq!(
            rig.call_silently(&[command, 0xBF, 0xFF]),
            status(Status::INVALID_CBOR),
            "indefinite length"
        );
    }
    let small = u32::try_from(registration("a").encode().len()).unwrap() - 1;
    let mut rig = Rig::new(Profile { max_msg_size: small, ..everything() });
    assert_eq!(rig.call_silently(&registration("a").encode()), status(Status::REQUEST_TOO_LARGE));
}

/// Takes each row of a request's table in turn: out altogether, and with a value of every other CBOR type.
#[test]
fn every_member_that_is_absent_or_of_another_type_has_its_own_code() {
    let full_registration = MakeCredential {
        exclude_list: vec![listed(b"x")],
        extensions: Some(Value::Map(vec![])),
        uv: Some(false),
        pin_uv_auth_param: Some(vec![1; 16]),
        pin_uv_auth_protocol: Some(1),
        enterprise_attestation: Some(1),
        attestation_formats: Some(vec!["packed".into()]),
        ..registration("a")
    };
    let full_sign_in = GetAssertion {
        allow_list: vec![listed(b"x")],
        extensions: Some(Value::Map(vec![])),
        uv: Some(false),
        pin_uv_auth_param: Some(vec![1; 16]),
        pin_uv_auth_protocol: Some(1),
        ..sign_in()
    };
    let mut rig = Rig::new(everything());
    for (message, table) in [
        (full_registration.encode(), make_credential::REQUEST),
        (full_sign_in.encode(), get_assertion::REQUEST),
    ] {
        let (command, parameters) = message.split_first().unwrap();
        let Value::Map(members) = cbor::decode(parameters).unwrap() else { panic!() };
        assert_eq!(members.len(), table.len(), "the sample has every member");
        for field in table {
            check_row(&mut rig, *command, &members, field);
        }
    }
}

fn check_row(rig: &mut Rig, command: u8, members: &[(Value, Value)], field: &Field) {
    let key = Value::from(field.key);
    let mut send = |members: Vec<(Value, Value)>| {
        rig.call_silently(&[&[command], cbor::encode(&Value::Map(members)).as_slice()].concat())
    };
    let without: Vec<_> = members.iter().filter(|(k, _)| *k != key).cloned().collect();
    if field.required {
        assert_eq!(send(without.clone()), status(Status::MISSING_PARAMETER), "{}", field.name);
    }
    let every_type = [
        Value::from(-1),
        Value::from(u64::MAX),
        Value::Bytes(vec![]),
        Value::Text(String::new()),
        Value::Array(vec![]),
        Value::Map(vec![]),
        Value::Bool(true),
        Value::Null,
    ];
    let right = members.iter().find(|(k, _)| *k == key).map(|(_, value)| value).unwrap();
    for wrong in
        every_type.into_iter().filter(|value| std::mem::discriminant(value) != std::mem::discriminant(right))
    {
        let mut changed = without.clone();
        changed.push((key.clone(), wrong.clone()));
        assert_eq!(send(changed), status(Status::CBOR_UNEXPECTED_TYPE), "{} as {wrong:?}", field.name);
    }
}

#[test]
fn members_that_nobody_knows_are_ignored() {
    let mut rig = Rig::new(since_2_1());
    let message = registration("a").encode();
    let Value::Map(mut members) = cbor::decode(&message[1..]).unwrap() else { panic!() };
    members.push((Value::from(0x7F), Value::Null));
    members.push((Value::from(-5), Value::Array(vec![])));
    members.push((Value::from("text"), Value::Bool(true)));
    let reply = rig.call(&[&message[..1], cbor::encode(&Value::Map(members)).as_slice()].concat());
    assert_eq!(reply[0], 0);
    for command in [Command::GET_INFO, Command::SELECTION] {
        assert_eq!(rig.call(&[command.0, 0xA0])[0], 0, "{command}: parameters of a later edition");
        assert_eq!(rig.call_silently(&[command.0, 0xFF]), status(Status::INVALID_CBOR), "{command}");
    }
}

#[test]
fn a_u2f_message_is_answered_instruction_not_supported() {
    let mut rig = Rig::new(everything());
    let reply = rig.authenticator.handle_request(NOW, USB, Request::U2f(&[0, 3, 0, 0]));
    assert_eq!(reply, Progress::Reply(vec![0x6D, 0x00]));
}
