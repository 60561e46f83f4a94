//! authenticatorBioEnrollment, CTAP 2.1 §6.7, subcommand by subcommand.
mod any_order;
mod samples;
mod verification;

use crate::tokens;
use authenticator::profile::{Profile, Verification};
use authenticator::store::Finger;
use authenticator::{Gesture, Prompt, Purpose, Via};
use tests::platform::Token;
use tests::{NOW, Rig, USB, all_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::bio_enrollment::{FINGERPRINT, FingerprintKind, SampleStatus, Subcommand};
use wire::ctap2::{BioEnrollment, BioEnrollmentResponse, Command, GetInfoResponse, Permissions};
use wire::status::Status;

const BEGIN: Subcommand = Subcommand::ENROLL_BEGIN;
const NEXT: Subcommand = Subcommand::ENROLL_CAPTURE_NEXT_SAMPLE;
const CANCEL: Subcommand = Subcommand::CANCEL_CURRENT_ENROLLMENT;
const ENUMERATE: Subcommand = Subcommand::ENUMERATE_ENROLLMENTS;
const NAME: Subcommand = Subcommand::SET_FRIENDLY_NAME;
const REMOVE: Subcommand = Subcommand::REMOVE_ENROLLMENT;
const SENSOR: Subcommand = Subcommand::GET_FINGERPRINT_SENSOR_INFO;
/// The subcommands that want a token.
const GUARDED: [Subcommand; 5] = [BEGIN, NEXT, ENUMERATE, NAME, REMOVE];

/// Fingers that the reader of these tests holds, and samples that each takes.
const CAPACITY: u8 = 3;
const SAMPLES: u8 = 3;

/// With everything, and with a reader.
fn with_reader() -> Profile {
    let verification =
        Verification::Enrollable { capacity: CAPACITY, samples: SAMPLES, preview: false, by_finger: false };
    Profile { verification, ..all_in() }
}

fn request(subcommand: Subcommand, raw_parameters: Option<Value>) -> BioEnrollment {
    BioEnrollment { raw_parameters, ..BioEnrollment::new(subcommand) }
}

/// subCommandParams of a finger.
fn of(id: &[u8]) -> Option<Value> {
    Some(cbor::int_map([(1, Some(cbor::bytes(id)))]))
}

fn naming(id: &[u8], name: &str) -> BioEnrollment {
    request(NAME, Some(cbor::int_map([(1, Some(cbor::bytes(id))), (2, Some(cbor::text(name)))])))
}

/// A request of that subcommand with everything that it needs, about a finger.
fn complete(subcommand: Subcommand, id: &[u8]) -> BioEnrollment {
    match subcommand {
        NEXT | REMOVE => request(subcommand, of(id)),
        NAME => naming(id, "thumb"),
        _ => request(subcommand, None),
    }
}

/// The request with the proof of a token over its modality, subcommand and parameters.
fn proven(request: BioEnrollment, token: &Token) -> BioEnrollment {
    let byte = |number: Option<i64>| u8::try_from(number.unwrap_or(0)).unwrap();
    let mut message = vec![byte(request.modality), byte(request.subcommand.map(|subcommand| subcommand.0))];
    if let Some(parameters) = &request.raw_parameters {
        message.extend(cbor::encode(parameters));
    }
    let param = Some(token.authenticate(&message));
    BioEnrollment { pin_uv_auth_param: param, protocol: Some(token.protocol), ..request }
}

/// A platform that holds a token with be.
struct Enroller {
    rig: Rig,
    token: Token,
    via: Via,
}

impl Enroller {
    fn new(profile: Profile) -> Self {
        Self::with(tokens::protected(profile))
    }

    fn with(mut rig: Rig) -> Self {
        let token = tokens::token(&mut rig, 2, Permissions::BE, None);
        Self { rig, token, via: USB }
    }

    /// Sends a request with the proof of the token, and answers each question so.
    fn ask(&mut self, request: BioEnrollment, user: impl FnMut(&Prompt) -> Gesture) -> Vec<u8> {
        let message = proven(request, &self.token).encode();
        self.rig.call_with(NOW, self.via, &message, user)
    }

    /// Sends what must be answered without asking the user.
    fn send(&mut self, request: BioEnrollment) -> Vec<u8> {
        self.ask(request, |prompt| panic!("the user was asked: {prompt:?}"))
    }

    fn sample(&mut self, request: BioEnrollment, gesture: Gesture) -> BioEnrollmentResponse {
        BioEnrollmentResponse::decode(&self.ask(request, |_| gesture)).unwrap()
    }

    /// enrollBegin with a good first sample: the finger's ID.
    fn begin(&mut self) -> Vec<u8> {
        self.sample(request(BEGIN, None), Gesture::Present).template_id.unwrap()
    }

    /// A whole enrolment: the finger's ID.
    fn enrol(&mut self) -> Vec<u8> {
        let id = self.begin();
        for remaining in (0..SAMPLES - 1).rev() {
            let sampled = self.sample(request(NEXT, of(&id)), Gesture::Present);
            assert_eq!(sampled.remaining_samples, Some(remaining.into()));
        }
        id
    }

    /// What is stored.
    fn fingers(&self) -> Vec<Finger> {
        self.rig.shelf.stored().state.unwrap().verification.fingers
    }

    /// enumerateEnrollments: IDs and names.
    fn told(&mut self) -> Vec<(Vec<u8>, String)> {
        let reply = self.send(request(ENUMERATE, None));
        if reply == status(Status::INVALID_OPTION) {
            return Vec::new();
        }
        let templates = BioEnrollmentResponse::decode(&reply).unwrap().templates.unwrap();
        templates.into_iter().map(|info| (info.id, info.name.expect("always there"))).collect()
    }

    fn info(&mut self) -> GetInfoResponse {
        GetInfoResponse::decode(&self.rig.call_silently(&GetInfoResponse::request())).unwrap()
    }
}

#[test]
fn section_6_7_1_get_info_tells_whether_fingers_are_enrolled() {
    let mut platform = Enroller::new(with_reader());
    let options = ["uv", "bioEnroll", "userVerificationMgmtPreview"];
    let told = |platform: &mut Enroller| options.map(|option| platform.info().option(option));
    assert_eq!(told(&mut platform), [Some(false); 3]);
    assert_eq!(platform.info().option("uvBioEnroll"), None);
    assert_eq!(platform.info().uv_modality, Some(0x02), "fingerprint_internal");
    let id = platform.begin();
    assert_eq!(told(&mut platform), [Some(false); 3], "not yet");
    platform.sample(request(NEXT, of(&id)), Gesture::Present);
    platform.sample(request(NEXT, of(&id)), Gesture::Present);
    assert_eq!(told(&mut platform), [Some(true); 3]);
    platform.rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(told(&mut platform), [Some(true); 3], "for good");
}

#[test]
fn the_commands_are_there_only_where_getinfo_says_so() {
    let reader = |preview| Verification::Enrollable { capacity: 1, samples: 1, preview, by_finger: false };
    let before_2_1 = Profile { pin_uv_auth_token: false, ..all_in() };
    for (profile, standard, preview) in [
        (all_in(), false, false),
        (Profile { verification: Verification::OnRequest, ..all_in() }, false, false),
        (Profile { verification: reader(false), ..all_in() }, true, true),
        (Profile { verification: reader(true), ..before_2_1 }, false, true),
    ] {
        let mut rig = Rig::new(profile);
        let sensor = request(SENSOR, None).encode();
        for (command, there) in
            [(Command::BIO_ENROLLMENT, standard), (Command::BIO_ENROLLMENT_PREVIEW, preview)]
        {
            let reply = rig.call_silently(&[&[command.0], &sensor[1..]].concat());
            let expected = if there { Status::OK } else { Status::INVALID_COMMAND };
            assert_eq!(Status(reply[0]), expected, "{command}");
        }
        let info = GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap();
        assert_eq!(info.option("bioEnroll"), standard.then_some(false));
        assert_eq!(info.option("userVerificationMgmtPreview"), preview.then_some(false));
    }
}

#[test]
fn section_6_7_2_the_modality_is_told_to_whoever_asks() {
    let mut rig = Rig::new(with_reader());
    let ask = |get_modality| BioEnrollment { get_modality, ..BioEnrollment::default() }.encode();
    let answer = BioEnrollmentResponse::decode(&rig.call_silently(&ask(Some(true)))).unwrap();
    assert_eq!(
        answer,
        BioEnrollmentResponse { modality: Some(FINGERPRINT), ..BioEnrollmentResponse::default() }
    );
    assert_eq!(rig.call_silently(&ask(Some(false))), status(Status::INVALID_PARAMETER));
    assert_eq!(rig.call_silently(&ask(None)), status(Status::MISSING_PARAMETER), "there is nothing to do");
}

#[test]
fn section_6_7_3_the_sensor_is_told_to_whoever_asks() {
    let mut rig = Rig::new(with_reader());
    let answer = BioEnrollmentResponse::decode(&rig.call_silently(&request(SENSOR, None).encode())).unwrap();
    let expected = BioEnrollmentResponse {
        modality: Some(FINGERPRINT),
        fingerprint_kind: Some(FingerprintKind::TOUCH),
        max_capture_samples: Some(SAMPLES.into()),
        max_friendly_name: Some(64),
        ..BioEnrollmentResponse::default()
    };
    assert_eq!(answer, expected);
}

#[test]
fn every_subcommand_wants_the_modality_that_there_is_and_unknown_ones_are_refused() {
    let mut platform = Enroller::new(with_reader());
    let id = platform.enrol();
    for subcommand in GUARDED.into_iter().chain([CANCEL, SENSOR, Subcommand(0), Subcommand(8)]) {
        for (modality, expected) in [
            (None, Status::MISSING_PARAMETER),
            (Some(0), Status::INVALID_PARAMETER),
            (Some(2), Status::INVALID_PARAMETER),
        ] {
            let request = BioEnrollment { modality, ..complete(subcommand, &id) };
            assert_eq!(platform.send(request), status(expected), "{subcommand:?} {modality:?}");
        }
    }
    for unknown in [0, 8, 0x7F, 0xFF] {
        assert_eq!(platform.send(request(Subcommand(unknown), None)), status(Status::INVALID_SUBCOMMAND));
    }
    let request = BioEnrollment::new(Subcommand(i64::MAX)).encode();
    assert_eq!(platform.rig.call_silently(&request), status(Status::INVALID_SUBCOMMAND));
    // The modality has one byte in what is proven: a longer number must not pass for it.
    let longer = BioEnrollment { modality: Some(0x101), ..BioEnrollment::new(ENUMERATE) }.encode();
    assert_eq!(platform.rig.call_silently(&longer), status(Status::INVALID_PARAMETER));
}

#[test]
fn what_changes_or_tells_of_fingers_wants_a_token_that_may_enrol() {
    for protocol in [1, 2] {
        let mut platform = Enroller::new(with_reader());
        let id = platform.enrol();
        let before = platform.fingers();
        let rig = &mut platform.rig;
        for subcommand in GUARDED {
            let bare = complete(subcommand, &id);
            let sent =
                |rig: &mut Rig, request: BioEnrollment| Status(rig.call_silently(&request.encode())[0]);
            assert_eq!(sent(rig, bare.clone()), Status::PUAT_REQUIRED, "{subcommand:?}");

            let token = tokens::token(rig, protocol, Permissions::BE, None);
            let good = proven(bare.clone(), &token);
            let nameless = BioEnrollment { protocol: None, ..good.clone() };
            assert_eq!(sent(rig, nameless), Status::MISSING_PARAMETER, "{subcommand:?}");
            let third = BioEnrollment { protocol: Some(3), ..good.clone() };
            assert_eq!(sent(rig, third), Status::INVALID_PARAMETER, "{subcommand:?}");
            let other = BioEnrollment { protocol: Some(3 - protocol), ..good.clone() };
            assert_eq!(sent(rig, other), Status::PIN_AUTH_INVALID, "{subcommand:?}");
            let mut param = good.pin_uv_auth_param.clone().unwrap();
            param[0] ^= 1;
            let forged = BioEnrollment { pin_uv_auth_param: Some(param), ..good.clone() };
            assert_eq!(sent(rig, forged), Status::PIN_AUTH_INVALID, "{subcommand:?}");
            let more = Some(cbor::int_map([
                (1, Some(cbor::bytes(id.as_slice()))),
                (2, Some(cbor::text("x"))),
                (3, Some(1.into())),
            ]));
            let swapped = BioEnrollment { raw_parameters: more, ..good };
            assert_eq!(sent(rig, swapped), Status::PIN_AUTH_INVALID, "{subcommand:?}: proven over others");

            let every =
                Permissions::MC | Permissions::GA | Permissions::CM | Permissions::LBW | Permissions::ACFG;
            let token = tokens::token(rig, protocol, every, None);
            assert_eq!(
                sent(rig, proven(bare.clone(), &token)),
                Status::PIN_AUTH_INVALID,
                "{subcommand:?}: without be"
            );
            let token = tokens::token(rig, protocol, Permissions::PCMR, None);
            assert_eq!(
                sent(rig, proven(bare, &token)),
                Status::PIN_AUTH_INVALID,
                "{subcommand:?}: persistent"
            );
        }
        assert_eq!(platform.fingers(), before);
    }
}

#[test]
fn a_parameter_that_is_absent_is_missed_before_the_token_is_looked_at() {
    let mut platform = Enroller::new(with_reader());
    let id = platform.enrol();
    let only_name = Some(cbor::int_map([(2, Some(cbor::text("thumb")))]));
    for (subcommand, parameters) in [
        (NEXT, None),
        (NEXT, Some(cbor::int_map([(3, Some(500.into()))]))),
        (NAME, None),
        (NAME, of(&id)),
        (NAME, only_name),
        (REMOVE, None),
        (REMOVE, Some(Value::Map(vec![]))),
    ] {
        let incomplete = request(subcommand, parameters);
        assert_eq!(platform.send(incomplete.clone()), status(Status::MISSING_PARAMETER), "{incomplete:?}");
        let forged = BioEnrollment {
            pin_uv_auth_param: Some(vec![0; 32]),
            ..proven(incomplete.clone(), &platform.token)
        };
        assert_eq!(platform.rig.call_silently(&forged.encode()), status(Status::MISSING_PARAMETER));
        let bare = platform.rig.call_silently(&incomplete.encode());
        assert_eq!(bare, status(Status::PUAT_REQUIRED), "{incomplete:?}: that it is asked for comes first");
    }
}

#[test]
fn whoever_has_no_pin_cannot_enrol() {
    let mut rig = Rig::new(with_reader());
    assert_eq!(rig.call_silently(&request(BEGIN, None).encode()), status(Status::PUAT_REQUIRED));
}

#[test]
fn section_6_7_6_the_fingers_are_told_with_their_names() {
    let mut platform = Enroller::new(with_reader());
    assert_eq!(platform.send(request(ENUMERATE, None)), status(Status::INVALID_OPTION), "there are none");
    let (first, second) = (platform.enrol(), platform.enrol());
    assert_eq!(platform.send(naming(&second, "index")), status(Status::OK));
    assert_eq!(platform.told(), [(first.clone(), String::new()), (second.clone(), "index".into())]);
    platform.rig.authenticator.power_cycle(NOW).unwrap();
    let mut platform = Enroller::with(platform.rig);
    assert_eq!(platform.told(), [(first, String::new()), (second, "index".into())]);
}

#[test]
fn section_6_7_7_a_finger_gets_a_name_of_up_to_64_bytes() {
    let mut platform = Enroller::new(with_reader());
    let id = platform.enrol();
    let longest = "\u{fc}".repeat(32);
    for name in ["thumb", &longest, "", "thumb"] {
        assert_eq!(platform.send(naming(&id, name)), status(Status::OK), "{name}");
        assert_eq!(platform.told(), [(id.clone(), name.into())]);
    }
    let commits = platform.rig.shelf.commits();
    assert_eq!(platform.send(naming(&id, &format!("{longest}x"))), status(Status::INVALID_LENGTH));
    assert_eq!(platform.send(naming(b"nobody's", "thumb")), status(Status::INVALID_OPTION));
    assert_eq!(platform.send(naming(&id[1..], "thumb")), status(Status::INVALID_OPTION));
    assert_eq!(platform.rig.shelf.commits(), commits);
    assert_eq!(platform.told(), [(id, "thumb".into())]);
}

#[test]
fn section_6_7_8_a_finger_is_forgotten_for_good() {
    let mut platform = Enroller::new(with_reader());
    let (first, second) = (platform.enrol(), platform.enrol());
    assert_eq!(platform.send(request(REMOVE, of(b"nobody's"))), status(Status::INVALID_OPTION));
    assert_eq!(platform.send(request(REMOVE, of(&first))), status(Status::OK));
    assert_eq!(platform.told(), [(second.clone(), String::new())]);
    assert_eq!(platform.send(request(REMOVE, of(&first))), status(Status::INVALID_OPTION), "it is gone");
    assert_eq!(platform.info().option("uv"), Some(true));
    assert_eq!(platform.send(request(REMOVE, of(&second))), status(Status::OK));
    assert_eq!(platform.info().option("uv"), Some(false), "nothing is left to verify by");
    assert_eq!(platform.fingers(), []);
    platform.rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(platform.info().option("bioEnroll"), Some(false));
}

#[test]
fn a_store_that_fails_changes_no_finger() {
    let mut platform = Enroller::new(with_reader());
    let id = platform.enrol();
    platform.rig.shelf.refuse(Some(|| authenticator::store::StoreError::Failed("no".into())));
    assert_eq!(platform.send(naming(&id, "thumb")), status(Status::OTHER));
    assert_eq!(platform.send(request(REMOVE, of(&id))), status(Status::OTHER));
    platform.rig.shelf.refuse(None);
    assert_eq!(platform.told(), [(id, String::new())]);
}

/// CTAP 2.1 §6.5.2.1: a token that was used waits no longer for its first use, whatever became of the command.
#[test]
fn a_token_counts_as_used_even_if_the_subcommand_is_then_refused() {
    for uses in [false, true] {
        let mut platform = Enroller::new(with_reader());
        if uses {
            assert_eq!(platform.send(request(ENUMERATE, None)), status(Status::INVALID_OPTION));
        }
        let late = NOW + std::time::Duration::from_secs(31);
        let message = proven(request(ENUMERATE, None), &platform.token).encode();
        let reply = platform.rig.call_with(late, USB, &message, |_| unreachable!());
        assert_eq!(reply, status(if uses { Status::INVALID_OPTION } else { Status::PIN_AUTH_INVALID }));
    }
}

/// The preview command of FIDO_2_1_PRE is the same by another number; its tokens had no permissions.
#[test]
fn the_preview_enrols_with_a_token_of_before_permissions() {
    let verification = Verification::Enrollable { capacity: 1, samples: 1, preview: true, by_finger: false };
    let mut rig = tokens::protected(Profile { verification, pin_uv_auth_token: false, ..all_in() });
    let token = tests::platform::Pin::new(1).plain_token(&mut rig, tokens::PIN).unwrap();
    let mut send = |request: BioEnrollment| {
        let message = proven(request, &token).encode();
        rig.call(&[&[Command::BIO_ENROLLMENT_PREVIEW.0], &message[1..]].concat())
    };
    let enrolled = BioEnrollmentResponse::decode(&send(request(BEGIN, None))).unwrap();
    assert_eq!((enrolled.last_sample, enrolled.remaining_samples), (Some(SampleStatus::FP_GOOD), Some(0)));
    let id = enrolled.template_id.unwrap();
    assert_eq!(send(naming(&id, "thumb")), status(Status::OK));
    assert_eq!(send(request(REMOVE, of(&id))), status(Status::OK));
}
