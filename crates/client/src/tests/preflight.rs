use super::{RP_ID, assertion, descriptor, info, platform};
use crate::conveyance::Client;
use crate::error::{AnswerError, ClientError};
use crate::preflight::{Bounds, Found, Plan, Preflight, descriptors};
use crate::selection::Platform;
use proptest::prelude::*;
use wire::ctap2::{Command, Descriptor, GetAssertion, GetInfoResponse, Request};
use wire::status::Status;
use wire::webauthn::json;

fn limited(max_msg_size: Option<u64>, count: Option<u64>, id_length: Option<u64>) -> Platform {
    let info = GetInfoResponse {
        max_msg_size,
        max_credential_count_in_list: count,
        max_credential_id_length: id_length,
        ..info()
    };
    Platform { info, ..platform(Client::SpecL3) }
}

fn plan(platform: &Platform, list: &[Descriptor]) -> (Plan, Vec<String>) {
    let mut notes = Vec::new();
    let bounds = Bounds { command: Command::GET_ASSERTION, length: 100, search: false };
    let plan = Plan::new(platform, bounds, RP_ID, list.to_vec(), &mut notes).unwrap();
    (plan, notes)
}

fn ids(count: u8) -> Vec<Descriptor> {
    (0..count).map(|n| descriptor([n; 16])).collect()
}

fn asked(message: &[u8]) -> GetAssertion {
    match Request::decode(message) {
        Ok(Request::GetAssertion(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// Every part in turn, answered as if none were here.
fn parts(mut preflight: Preflight) -> Vec<Vec<Descriptor>> {
    let mut parts = Vec::new();
    loop {
        parts.push(asked(&preflight.request()).allow_list);
        match preflight.handle_response(&[Status::NO_CREDENTIALS.0]).unwrap() {
            Found::Unknown(next) => preflight = next,
            Found::Nowhere => return parts,
            here @ Found::Here(_) => panic!("{here:?}"),
        }
    }
}

fn in_parts(platform: &Platform, list: &[Descriptor]) -> Preflight {
    match plan(platform, list) {
        (Plan::InParts(preflight), _) => preflight,
        (at_once, _) => panic!("{at_once:?}"),
    }
}

#[test]
fn a_list_that_fits_goes_at_once_and_a_longer_one_in_parts() {
    for (limit, given, sizes) in [
        (Some(8), 0, vec![]),
        (Some(8), 8, vec![]),
        (Some(8), 9, vec![8, 1]),
        (Some(8), 20, vec![8, 8, 4]),
        (Some(1), 3, vec![1, 1, 1]),
        (Some(0), 2, vec![1, 1]),
        (None, 1, vec![]),
        (None, 2, vec![1, 1]),
    ] {
        let platform = limited(Some(7609), limit, None);
        let list = ids(given);
        match plan(&platform, &list) {
            (Plan::AtOnce(sent), notes) => {
                assert_eq!((sent, sizes.len()), (list, 0), "{limit:?} {given}");
                assert!(notes.is_empty(), "{notes:?}");
            }
            (Plan::InParts(preflight), notes) => {
                let parts = parts(preflight);
                assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{limit:?} {given}");
                assert_eq!(parts.concat(), list);
                assert_eq!(notes, [format!("{given} credential IDs are asked for in {} parts", sizes.len())]);
            }
        }
    }
}

#[test]
fn the_question_is_silent_and_its_signature_useless() {
    let question = asked(&in_parts(&limited(None, Some(1), None), &ids(2)).request());
    assert_eq!((question.up, question.uv, question.rk), (Some(false), None, None));
    assert_eq!((question.rp_id.as_str(), question.client_data_hash), (RP_ID, [0; 32]));
    assert!(question.extensions.is_none() && question.pin_uv_auth_param.is_none());
}

#[test]
fn ids_that_cannot_be_from_this_authenticator_are_left_out() {
    let list = [descriptor([1; 64]), descriptor([2; 65]), descriptor([3; 200])];
    let (sent, notes) = plan(&limited(Some(7609), Some(8), Some(64)), &list);
    assert_eq!(sent, Plan::AtOnce(vec![descriptor([1; 64])]));
    assert_eq!(notes, ["2 credential IDs left out: too long to be from this authenticator"]);
    let (sent, _) = plan(&limited(Some(1024), Some(8), None), &[descriptor([1; 2000])]);
    assert_eq!(sent, Plan::AtOnce(Vec::new()), "longer than a whole message");
}

#[test]
fn a_part_that_is_here_is_what_is_found() {
    let list = ids(4);
    let begin = || in_parts(&limited(None, Some(2), None), &list);
    let named = assertion(Some(&[1; 16]), None, None).encode();
    assert_eq!(begin().handle_response(&named), Ok(Found::Here(vec![descriptor([1; 16])])));
    let unnamed = assertion(None, None, None).encode();
    assert_eq!(begin().handle_response(&unnamed), Ok(Found::Here(list[..2].to_vec())));
    let foreign = assertion(Some(&[9; 16]), None, None).encode();
    assert!(matches!(
        begin().handle_response(&foreign),
        Err(ClientError::Answer { error: AnswerError::NotAllowed(_), .. })
    ));
    let busy = begin().handle_response(&[Status::OPERATION_PENDING.0]).unwrap_err();
    assert_eq!(busy.status(), Some(Status::OPERATION_PENDING), "only NO_CREDENTIALS means: not here");
    assert!(begin().handle_response(&[]).is_err());
}

#[test]
fn a_message_that_is_too_long_without_any_list_is_an_error() {
    let refused = Plan::new(
        &limited(None, Some(8), None),
        Bounds { command: Command::MAKE_CREDENTIAL, length: 1025, search: false },
        RP_ID,
        Vec::new(),
        &mut Vec::new(),
    );
    let error = refused.unwrap_err();
    assert_eq!(
        error.to_string(),
        "authenticatorMakeCredential would have 1025 bytes, and the authenticator takes 1024"
    );
}

#[test]
fn transports_stay_with_the_platform_and_other_types_are_passed_over() {
    let entry = |kind: &str, id: u8| json::Descriptor {
        kind: kind.into(),
        id: vec![id].into(),
        transports: Some(vec!["usb".into()]),
    };
    let sent = descriptors(&[entry("public-key", 1), entry("future-key", 2), entry("public-key", 3)]);
    assert_eq!(sent, [descriptor([1]), descriptor([3])]);
}

proptest! {
    #[test]
    fn every_part_fits_the_message_and_nothing_is_lost(
        lengths in prop::collection::vec(0usize..300, 0..40),
        max in 400u64..2_000,
        count in 1u64..10,
    ) {
        let platform = limited(Some(max), Some(count), None);
        let list: Vec<Descriptor> =
            lengths.iter().zip(0u8..).map(|(length, n)| descriptor(vec![n; *length])).collect();
        let all = match plan(&platform, &list) {
            (Plan::AtOnce(list), _) => vec![list],
            (Plan::InParts(preflight), _) => parts(preflight),
        };
        let kept = all.concat();
        for part in all {
            prop_assert!(u64::try_from(part.len()).unwrap() <= count);
            let message = GetAssertion {
                rp_id: RP_ID.into(), client_data_hash: [0; 32], allow_list: part, extensions: None, up: Some(false),
                uv: None, rk: None, pin_uv_auth_param: None, pin_uv_auth_protocol: None,
            };
            prop_assert!(u64::try_from(message.encode().len()).unwrap() <= max);
        }
        // Whatever is missing would not even fit alone.
        for lost in list.iter().filter(|descriptor| !kept.contains(descriptor)) {
            prop_assert!(u64::try_from(lost.id.len()).unwrap() + 133 > max);
        }
    }
}
