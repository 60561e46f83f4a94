//! authenticatorLargeBlobs, CTAP 2.1 §6.10.2, step by step.
use crate::tokens;
use authenticator::profile::Profile;
use authenticator::store::{NO_LARGE_BLOBS, StoreError};
use authenticator::{Gesture, Link, Via};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tests::platform::Token;
use tests::{NOW, Rig, USB, all_in, registration, status};
use wire::cbor::{self, Value};
use wire::ctap2::{Command, GetInfoResponse, LargeBlobs, MakeCredential, Permissions};
use wire::status::Status;
use wire::time::Instant;

/// maxMsgSize of the sample profile less 64.
const MAX_FRAGMENT: usize = 1136;
/// maxSerializedLargeBlobArray of the sample profile.
const MAX_ARRAY: usize = 2048;

/// A serialized array of `len` bytes: anything, and its trailer.
fn array(len: usize) -> Vec<u8> {
    let blobs: Vec<u8> = (0..len - 16).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let trailer = Sha256::digest(&blobs);
    [blobs.as_slice(), &trailer[..16]].concat()
}

fn get(offset: u64, len: u64) -> LargeBlobs {
    LargeBlobs { get: Some(len), offset: Some(offset), ..LargeBlobs::default() }
}

fn set(offset: usize, fragment: &[u8], length: Option<usize>) -> LargeBlobs {
    LargeBlobs {
        set: Some(fragment.into()),
        offset: Some(u64::try_from(offset).unwrap()),
        length: length.map(|length| u64::try_from(length).unwrap()),
        ..LargeBlobs::default()
    }
}

/// The request with the proof of a token over its own offset and fragment.
fn proven(request: LargeBlobs, token: &Token) -> LargeBlobs {
    let offset = u32::try_from(request.offset.unwrap()).unwrap().to_le_bytes();
    let hash = Sha256::digest(request.set.as_ref().unwrap());
    let message = [&[0xFF; 32], [0x0C, 0x00].as_slice(), &offset, &hash].concat();
    LargeBlobs {
        pin_uv_auth_param: Some(token.authenticate(&message)),
        protocol: Some(token.protocol),
        ..request
    }
}

fn send(rig: &mut Rig, request: &LargeBlobs) -> Vec<u8> {
    rig.call_silently(&request.encode())
}

fn send_at(rig: &mut Rig, now: Instant, via: Via, request: &LargeBlobs) -> Vec<u8> {
    rig.call_with(now, via, &request.encode(), |_| unreachable!())
}

fn read(rig: &mut Rig, offset: u64, len: u64) -> Vec<u8> {
    let reply = send(rig, &get(offset, len));
    assert_eq!(reply[0], 0);
    let Value::Map(members) = cbor::decode(&reply[1..]).unwrap() else { panic!() };
    let [(key, Value::Bytes(config))] = members.as_slice() else { panic!("{members:?}") };
    assert_eq!(*key, Value::from(1));
    config.clone()
}

/// The whole array, as a platform reads it.
fn stored(rig: &mut Rig) -> Vec<u8> {
    let (mut all, len) = (Vec::new(), u64::try_from(MAX_FRAGMENT).unwrap());
    loop {
        let part = read(rig, u64::try_from(all.len()).unwrap(), len);
        all.extend_from_slice(&part);
        if part.len() < MAX_FRAGMENT {
            return all;
        }
    }
}

fn write(rig: &mut Rig, array: &[u8]) {
    for (at, fragment) in array.chunks(MAX_FRAGMENT).enumerate() {
        let length = (at == 0).then_some(array.len());
        assert_eq!(send(rig, &set(at * MAX_FRAGMENT, fragment, length)), status(Status::OK));
    }
}

#[test]
fn at_first_there_is_an_empty_array_and_its_trailer() {
    let mut rig = Rig::new(all_in());
    assert_eq!(NO_LARGE_BLOBS[0], 0x80);
    assert_eq!(Sha256::digest([0x80])[..16], NO_LARGE_BLOBS[1..]);
    assert_eq!(stored(&mut rig), NO_LARGE_BLOBS);
}

#[test]
fn get_info_tells_of_the_command_and_a_profile_without_it_refuses_it() {
    let info =
        |rig: &mut Rig| GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap();
    let mut rig = Rig::new(all_in());
    assert_eq!(info(&mut rig).option("largeBlobs"), Some(true));
    assert_eq!(info(&mut rig).max_serialized_large_blob_array, Some(2048));
    let mut rig = Rig::new(Profile { large_blobs: None, ..all_in() });
    assert_eq!(info(&mut rig).option("largeBlobs"), None);
    assert_eq!(info(&mut rig).max_serialized_large_blob_array, None);
    assert_eq!(send(&mut rig, &get(0, 1)), status(Status::INVALID_COMMAND));
}

#[test]
fn steps_1_to_3_offset_and_exactly_one_of_get_and_set_are_needed() {
    let mut rig = Rig::new(all_in());
    for (get, set, offset) in [
        (Some(1), None, None),
        (None, Some(vec![1]), None),
        (None, None, None),
        (None, None, Some(0)),
        (Some(1), Some(vec![1]), Some(0)),
    ] {
        let request = LargeBlobs { get, set, offset, ..LargeBlobs::default() };
        assert_eq!(send(&mut rig, &request), status(Status::INVALID_PARAMETER), "{request:?}");
    }
}

#[test]
fn step_4_get_takes_nothing_but_an_offset() {
    let mut rig = Rig::new(all_in());
    for request in [
        LargeBlobs { length: Some(17), ..get(0, 1) },
        LargeBlobs { pin_uv_auth_param: Some(vec![0; 32]), ..get(0, 1) },
        LargeBlobs { protocol: Some(2), ..get(0, 1) },
    ] {
        assert_eq!(send(&mut rig, &request), status(Status::INVALID_PARAMETER), "{request:?}");
    }
}

#[test]
fn step_4_get_answers_what_there_is_from_the_offset_on() {
    let mut rig = Rig::new(all_in());
    let array = array(100);
    write(&mut rig, &array);
    for offset in 0..=100 {
        for len in [0, 1, 50, 100, 1136] {
            let from = usize::try_from(offset).unwrap();
            let to = usize::try_from(offset + len).unwrap().min(array.len());
            assert_eq!(read(&mut rig, offset, len), array[from..to], "{len} from {offset}");
        }
    }
    for offset in [101, 1 << 32, i64::MAX.unsigned_abs()] {
        assert_eq!(send(&mut rig, &get(offset, 1)), status(Status::INVALID_PARAMETER), "{offset}");
    }
    for len in [1137, u64::from(u32::MAX), i64::MAX.unsigned_abs()] {
        assert_eq!(send(&mut rig, &get(0, len)), status(Status::INVALID_LENGTH), "{len}: maxFragmentLength");
    }
}

#[test]
fn step_5_an_array_replaces_the_old_one_with_its_last_fragment_and_not_before() {
    let array = array(40);
    for split in 0..=array.len() {
        let mut rig = Rig::new(all_in());
        let before = rig.shelf.commits();
        let (first, second) = array.split_at(split);
        assert_eq!(send(&mut rig, &set(0, first, Some(40))), status(Status::OK));
        if split < 40 {
            assert_eq!(rig.shelf.commits(), before, "{split}");
            assert_eq!(rig.shelf.stored().state.unwrap().large_blobs, NO_LARGE_BLOBS);
            let second = set(split, second, (split == 0).then_some(40));
            assert_eq!(send(&mut rig, &second), status(Status::OK), "{split}");
        }
        assert_eq!(rig.shelf.commits(), before + 1, "{split}: one transaction");
        assert_eq!(stored(&mut rig), array, "{split}");
        rig.authenticator.power_cycle(NOW).unwrap();
        assert_eq!(stored(&mut rig), array, "{split}: after a power cycle");
    }
}

#[test]
fn step_5_the_first_fragment_tells_a_length_that_fits() {
    let mut rig = Rig::new(all_in());
    for (length, refusal) in [
        (None, Status::INVALID_PARAMETER),
        (Some(0), Status::INVALID_PARAMETER),
        (Some(16), Status::INVALID_PARAMETER),
        (Some(MAX_ARRAY + 1), Status::LARGE_BLOB_STORAGE_FULL),
        (Some(usize::MAX >> 1), Status::LARGE_BLOB_STORAGE_FULL),
    ] {
        assert_eq!(send(&mut rig, &set(0, &[1], length)), status(refusal), "{length:?}");
    }
    for length in [17, MAX_ARRAY] {
        write(&mut rig, &array(length));
        assert_eq!(stored(&mut rig), array(length), "{length}");
    }
}

#[test]
fn step_5_a_later_fragment_tells_no_length() {
    let mut rig = Rig::new(all_in());
    send(&mut rig, &set(0, &[1], Some(40)));
    assert_eq!(send(&mut rig, &set(1, &[1], Some(40))), status(Status::INVALID_PARAMETER));
}

#[test]
fn step_5_a_fragment_is_no_longer_than_a_message_less_64_bytes() {
    let mut rig = Rig::new(Profile { max_msg_size: 1024, ..all_in() });
    // What is around the fragment is shorter than 64 bytes without a pinUvAuthParam, so that the message fits.
    assert_eq!(send(&mut rig, &set(0, &[1; 960], Some(2000))), status(Status::OK));
    assert_eq!(send(&mut rig, &set(0, &[1; 961], Some(2000))), status(Status::INVALID_LENGTH));
}

#[test]
fn step_5_only_the_expected_offset_goes_on() {
    let array = array(40);
    for wrong in [1, 9, 11, 39, 40, 41, 1 << 40] {
        let mut rig = Rig::new(all_in());
        assert_eq!(send(&mut rig, &set(wrong, &[1], None)), status(Status::INVALID_SEQ), "{wrong} first");
        send(&mut rig, &set(0, &array[..10], Some(40)));
        assert_eq!(
            send(&mut rig, &set(wrong, &[1], None)),
            status(Status::INVALID_SEQ),
            "{wrong} instead of 10"
        );
        assert_eq!(
            send(&mut rig, &set(10, &array[10..], None)),
            status(Status::OK),
            "{wrong}: 10 still goes on"
        );
        assert_eq!(stored(&mut rig), array);
        assert_eq!(send(&mut rig, &set(40, &[], None)), status(Status::INVALID_SEQ), "it is over");
    }
}

#[test]
fn step_5_a_fragment_beyond_the_length_is_refused() {
    let mut rig = Rig::new(all_in());
    assert_eq!(send(&mut rig, &set(0, &[1; 41], Some(40))), status(Status::INVALID_PARAMETER));
    send(&mut rig, &set(0, &[1; 30], Some(40)));
    assert_eq!(send(&mut rig, &set(30, &[1; 11], None)), status(Status::INVALID_PARAMETER));
}

#[test]
fn step_5_any_flipped_bit_is_an_integrity_failure_and_the_old_array_stays() {
    let mut rig = Rig::new(all_in());
    let old = array(30);
    write(&mut rig, &old);
    let commits = rig.shelf.commits();
    for bit in 0..20 * 8 {
        let mut bad = array(20);
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(send(&mut rig, &set(0, &bad, Some(20))), status(Status::INTEGRITY_FAILURE), "bit {bit}");
        assert_eq!(send(&mut rig, &set(20, &[], None)), status(Status::INVALID_SEQ), "it is over");
    }
    assert_eq!((stored(&mut rig), rig.shelf.commits()), (old, commits));
}

#[test]
fn fragments_belong_to_one_channel() {
    let array = array(40);
    let mut rig = Rig::new(all_in());
    send(&mut rig, &set(0, &array[..10], Some(40)));
    for other in [Via { channel: 2, ..USB }, Via { link: Link::Nfc, ..USB }] {
        let reply = send_at(&mut rig, NOW, other, &set(10, &array[10..], None));
        assert_eq!(reply, status(Status::INVALID_SEQ), "{other:?}");
    }
    assert_eq!(send(&mut rig, &set(10, &array[10..], None)), status(Status::OK));
}

#[test]
fn fragments_follow_each_other_within_30_seconds() {
    let array = array(40);
    let after = |millis| NOW + Duration::from_millis(millis);
    for (second, third, wanted) in [
        (30_000, 60_000, Status::OK),
        (30_001, 30_001, Status::INVALID_SEQ),
        (1, 30_002, Status::INVALID_SEQ),
    ] {
        let mut rig = Rig::new(all_in());
        send(&mut rig, &set(0, &array[..10], Some(40)));
        send_at(&mut rig, after(second), USB, &set(10, &array[10..20], None));
        let reply = send_at(&mut rig, after(third), USB, &set(20, &array[20..], None));
        assert_eq!(reply, status(wanted), "{second} {third}");
    }
}

#[test]
fn any_other_command_ends_the_writing() {
    let array = array(40);
    for other in [GetInfoResponse::request(), get(0, 1).encode(), vec![Command::GET_NEXT_ASSERTION.0]] {
        let mut rig = Rig::new(all_in());
        send(&mut rig, &set(0, &array[..10], Some(40)));
        rig.call_silently(&other);
        assert_eq!(send(&mut rig, &set(10, &array[10..], None)), status(Status::INVALID_SEQ), "{other:02x?}");
    }
    let mut rig = Rig::new(all_in());
    send(&mut rig, &set(0, &array[..10], Some(40)));
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(send(&mut rig, &set(10, &array[10..], None)), status(Status::INVALID_SEQ), "a power cycle");
}

#[test]
fn who_is_protected_wants_a_token_with_lbw_for_each_fragment_and_reads_without() {
    let array = array(40);
    let mut rig = tokens::protected(all_in());
    let first = set(0, &array[..10], Some(40));
    let second = set(10, &array[10..], None);
    assert_eq!(send(&mut rig, &first), status(Status::PUAT_REQUIRED));
    for protocol in [1, 2] {
        let token = tokens::token(&mut rig, protocol, Permissions::LBW, None);
        let with = |protocol| LargeBlobs { protocol, ..proven(first.clone(), &token) };
        assert_eq!(send(&mut rig, &with(None)), status(Status::MISSING_PARAMETER));
        assert_eq!(send(&mut rig, &with(Some(3))), status(Status::INVALID_PARAMETER));
        assert_eq!(send(&mut rig, &with(Some(3 - protocol))), status(Status::PIN_AUTH_INVALID));

        let other_bytes = proven(set(0, &array[..9], Some(40)), &token).pin_uv_auth_param;
        let other_offset = proven(set(1, &array[..10], None), &token).pin_uv_auth_param;
        for wrong in [Some(vec![]), Some(vec![0; 16]), Some(vec![0; 32]), other_bytes, other_offset] {
            let request = LargeBlobs { pin_uv_auth_param: wrong, ..proven(first.clone(), &token) };
            assert_eq!(send(&mut rig, &request), status(Status::PIN_AUTH_INVALID), "{request:?}");
        }
        assert_eq!(send(&mut rig, &proven(first.clone(), &token)), status(Status::OK));
        assert_eq!(send(&mut rig, &second), status(Status::PUAT_REQUIRED), "each fragment");
        assert_eq!(send(&mut rig, &proven(second.clone(), &token)), status(Status::OK));
        assert_eq!(stored(&mut rig), array);
    }
}

#[test]
fn no_other_permission_writes() {
    let mut rig = tokens::protected(all_in());
    for permission in
        [Permissions::MC, Permissions::GA, Permissions::CM, Permissions::ACFG, Permissions::PCMR]
    {
        let token = tokens::token(&mut rig, 2, permission, None);
        let request = proven(set(0, &array(20), Some(20)), &token);
        assert_eq!(send(&mut rig, &request), status(Status::PIN_AUTH_INVALID), "{permission:?}");
    }
}

#[test]
fn always_uv_wants_a_token_even_where_nobody_could_get_one() {
    let mut rig = Rig::new(Profile { always_uv: Some(true), ..all_in() });
    assert_eq!(send(&mut rig, &set(0, &array(20), Some(20))), status(Status::PUAT_REQUIRED));
}

#[test]
fn lbw_outlives_the_touch_that_ends_the_other_permissions() {
    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::MC | Permissions::LBW, None);
    let request = registration("alice");
    let made = MakeCredential {
        pin_uv_auth_param: Some(token.authenticate(&request.client_data_hash)),
        pin_uv_auth_protocol: Some(2),
        ..request
    };
    assert_eq!(rig.call(&made.encode())[0], 0);
    assert_eq!(rig.call_silently(&made.encode()), status(Status::PIN_AUTH_INVALID), "mc is spent");
    let request = proven(set(0, &array(20), Some(20)), &token);
    assert_eq!(send(&mut rig, &request), status(Status::OK));
}

#[test]
fn a_reset_empties_the_array() {
    let mut rig = Rig::new(all_in());
    write(&mut rig, &array(60));
    assert_eq!(rig.call_with(NOW, USB, &[Command::RESET.0], |_| Gesture::Present), status(Status::OK));
    assert_eq!(stored(&mut rig), NO_LARGE_BLOBS);
}

#[test]
fn a_store_that_fails_keeps_the_old_array() {
    for (failure, wanted) in [
        ((|| StoreError::Full) as fn() -> StoreError, Status::LARGE_BLOB_STORAGE_FULL),
        (|| StoreError::Failed("the disk is gone".into()), Status::OTHER),
    ] {
        let mut rig = Rig::new(all_in());
        rig.shelf.refuse(Some(failure));
        assert_eq!(send(&mut rig, &set(0, &array(20), Some(20))), status(wanted));
        assert_eq!(stored(&mut rig), NO_LARGE_BLOBS);
    }
}
