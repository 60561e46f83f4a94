//! enrollBegin, enrollCaptureNextSample and cancelCurrentEnrollment, CTAP 2.1 §6.7.4 and §6.7.5.
use super::*;
use authenticator::{Link, Progress, Request};
use std::time::Duration;
use wire::time::Instant;

fn timeout(millis: u64) -> (i64, Option<Value>) {
    (3, Some(millis.into()))
}

#[test]
fn section_6_7_4_good_samples_enrol_a_finger_with_the_last_one() {
    let mut platform = Enroller::new(with_reader());
    let commits = platform.rig.shelf.commits();
    let first = platform.sample(request(BEGIN, None), Gesture::Present);
    let id = first.template_id.clone().unwrap();
    let expected = BioEnrollmentResponse {
        template_id: Some(id.clone()),
        last_sample: Some(SampleStatus::FP_GOOD),
        remaining_samples: Some(2),
        ..BioEnrollmentResponse::default()
    };
    assert_eq!(first, expected);
    for (gesture, remaining) in [(Gesture::Verified, 1), (Gesture::LongTouch, 0)] {
        assert_eq!(platform.rig.shelf.commits(), commits, "only the last sample stores anything");
        let next = platform.sample(request(NEXT, of(&id)), gesture);
        let expected = BioEnrollmentResponse {
            last_sample: Some(SampleStatus::FP_GOOD),
            remaining_samples: Some(remaining),
            ..BioEnrollmentResponse::default()
        };
        assert_eq!(next, expected, "{gesture:?}");
    }
    assert_eq!(platform.rig.shelf.commits(), commits + 1);
    assert_eq!(platform.fingers(), [Finger { id: id.clone(), name: None }]);
    let asked: Vec<_> = platform.rig.prompts.iter().map(|prompt| prompt.purpose.clone()).collect();
    assert_eq!(asked, [3, 2, 1].map(|remaining| Purpose::EnrollSample { remaining }));
    assert!(platform.rig.prompts.iter().all(|prompt| !prompt.verification));
    assert_eq!(platform.send(request(NEXT, of(&id))), status(Status::INVALID_PARAMETER), "it is enrolled");
}

#[test]
fn a_reader_that_takes_one_sample_enrols_at_once() {
    let verification = Verification::Enrollable { capacity: 1, samples: 1, preview: false, by_finger: false };
    let mut platform = Enroller::new(Profile { verification, ..all_in() });
    let bad = platform.sample(request(BEGIN, None), Gesture::NotVerified);
    assert_eq!((bad.last_sample, bad.remaining_samples), (Some(SampleStatus::FP_TOO_FAST), Some(1)));
    let good = platform.sample(request(BEGIN, None), Gesture::Present);
    assert_eq!((good.last_sample, good.remaining_samples), (Some(SampleStatus::FP_GOOD), Some(0)));
    assert_eq!(platform.told(), [(good.template_id.unwrap(), String::new())]);
}

#[test]
fn a_bad_sample_and_no_sample_are_answers_that_take_nothing_away() {
    for (gesture, expected) in [
        (Gesture::NotVerified, SampleStatus::FP_TOO_FAST),
        (Gesture::TimedOut, SampleStatus::NO_USER_ACTIVITY),
    ] {
        let mut platform = Enroller::new(with_reader());
        let first = platform.sample(request(BEGIN, None), gesture);
        assert_eq!((first.last_sample, first.remaining_samples), (Some(expected), Some(3)), "{gesture:?}");
        let id = first.template_id.expect("the enrolment has begun all the same");
        for (gesture, remaining) in [(Gesture::Present, 2), (gesture, 2), (gesture, 2), (Gesture::Present, 1)]
        {
            let next = platform.sample(request(NEXT, of(&id)), gesture);
            assert_eq!(next.remaining_samples, Some(remaining), "{gesture:?}");
        }
        platform.sample(request(NEXT, of(&id)), Gesture::Present);
        assert_eq!(platform.told(), [(id, String::new())]);
        assert_eq!(tests::platform::Pin::new(2).uv_retries(&mut platform.rig), Ok(5), "nobody was verified");
    }
}

#[test]
fn a_user_who_declines_ends_the_command_and_not_the_enrolment() {
    let mut platform = Enroller::new(with_reader());
    let declined = status(Status::OPERATION_DENIED);
    assert_eq!(platform.ask(request(BEGIN, None), |_| Gesture::Declined), declined);
    let id = platform.begin();
    assert_eq!(platform.ask(request(NEXT, of(&id)), |_| Gesture::Declined), declined);
    assert_eq!(platform.sample(request(NEXT, of(&id)), Gesture::Present).remaining_samples, Some(1));
}

#[test]
fn a_sample_is_waited_for_as_long_as_the_platform_says_up_to_a_minute() {
    let mut platform = Enroller::new(with_reader());
    for (millis, waits) in
        [(None, 30_000), (Some(500), 500), (Some(60_000), 60_000), (Some(u64::from(u32::MAX)), 60_000)]
    {
        let parameters = millis.map(|millis| cbor::int_map([timeout(millis)]));
        let message = proven(request(BEGIN, parameters), &platform.token).encode();
        let begun = platform.rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&message));
        assert!(matches!(begun, Progress::AwaitingUser(_)));
        let deadline = NOW + Duration::from_millis(waits);
        assert_eq!(platform.rig.authenticator.poll_timeout(), Some(deadline), "{millis:?}");
        let Some(Progress::Reply(reply)) = platform.rig.authenticator.handle_timeout(deadline) else {
            panic!()
        };
        let sampled = BioEnrollmentResponse::decode(&reply).unwrap();
        assert_eq!(sampled.last_sample, Some(SampleStatus::NO_USER_ACTIVITY));
    }
    let id = platform.begin();
    let parameters = cbor::int_map([(1, Some(cbor::bytes(id))), timeout(700)]);
    platform.ask(request(NEXT, Some(parameters)), |prompt| {
        assert_eq!(prompt.deadline, NOW + Duration::from_millis(700));
        Gesture::Present
    });
}

#[test]
fn a_full_reader_takes_no_other_finger_until_one_is_forgotten() {
    let mut platform = Enroller::new(with_reader());
    let ids: Vec<_> = (0..CAPACITY).map(|_| platform.enrol()).collect();
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), usize::from(CAPACITY));
    assert_eq!(platform.send(request(BEGIN, None)), status(Status::FP_DATABASE_FULL), "nobody is asked");
    let bare = platform.rig.call_silently(&request(BEGIN, None).encode());
    assert_eq!(bare, status(Status::PUAT_REQUIRED), "only a token learns that");
    assert_eq!(platform.send(request(REMOVE, of(&ids[1]))), status(Status::OK));
    let another = platform.enrol();
    let told: Vec<_> = platform.told().into_iter().map(|(id, _)| id).collect();
    assert_eq!(told, [ids[0].clone(), ids[2].clone(), another]);
}

#[test]
fn only_the_finger_that_is_being_enrolled_takes_samples() {
    let mut platform = Enroller::new(with_reader());
    assert_eq!(platform.send(request(NEXT, of(&[1; 8]))), status(Status::INVALID_PARAMETER), "there is none");
    let enrolled = platform.enrol();
    let id = platform.begin();
    for other in [enrolled.as_slice(), &[], &id[1..], b"nobody's"] {
        assert_eq!(platform.send(request(NEXT, of(other))), status(Status::INVALID_PARAMETER));
    }
    let unfinished = id;
    let another = platform.begin();
    assert_ne!(another, unfinished);
    assert_eq!(
        platform.send(request(NEXT, of(&unfinished))),
        status(Status::INVALID_PARAMETER),
        "another beginning ends it"
    );
    assert_eq!(platform.sample(request(NEXT, of(&another)), Gesture::Present).remaining_samples, Some(1));
}

#[test]
fn an_unfinished_enrolment_ends_with_the_power_a_cancel_a_reset_and_its_owners_change() {
    type End = fn(&mut Enroller);
    let ends: [(&str, End); 6] = [
        ("the power", |platform| platform.rig.authenticator.power_cycle(NOW).unwrap()),
        ("a cancel", |platform| {
            assert_eq!(
                platform.rig.call_silently(&request(CANCEL, None).encode()),
                status(Status::OK),
                "without a token"
            );
        }),
        ("a reset", |platform| {
            assert_eq!(platform.rig.call(&[Command::RESET.0]), status(Status::OK));
            tests::platform::Pin::new(2).set(&mut platform.rig, tokens::PIN).unwrap();
        }),
        ("a finger of its owner's", |platform| {
            platform.rig.authenticator.add_finger(NOW, None).result.unwrap();
        }),
        ("a factory reset", |platform| {
            platform.rig.authenticator.factory_reset(NOW).result.unwrap();
            tests::platform::Pin::new(2).set(&mut platform.rig, tokens::PIN).unwrap();
        }),
        ("nothing", |_| {}),
    ];
    for (name, end) in ends {
        let mut platform = Enroller::new(with_reader());
        let id = platform.begin();
        end(&mut platform);
        let mut platform = Enroller::with(platform.rig);
        let reply = platform.ask(request(NEXT, of(&id)), |_| Gesture::Present);
        let expected = if name == "nothing" { Status::OK } else { Status::INVALID_PARAMETER };
        assert_eq!(Status(reply[0]), expected, "{name}");
        assert!(platform.fingers().iter().all(|finger| finger.id != id), "{name}: it is not enrolled");
    }
}

#[test]
fn section_6_7_5_there_need_not_be_anything_to_cancel() {
    let mut rig = Rig::new(with_reader());
    for _ in 0..2 {
        assert_eq!(rig.call_silently(&request(CANCEL, None).encode()), status(Status::OK));
    }
    assert_eq!(rig.shelf.commits(), 1, "the factory state");
}

#[test]
fn other_commands_and_other_platforms_leave_an_enrolment_alone() {
    let mut platform = Enroller::new(with_reader());
    let id = platform.begin();
    platform.info();
    platform.rig.call(&[Command::SELECTION.0]);
    assert_eq!(platform.send(request(ENUMERATE, None)), status(Status::INVALID_OPTION));
    let sensor = platform.rig.call_silently(&request(SENSOR, None).encode());
    assert_eq!(sensor[0], 0);
    for other in [Via { link: Link::Usb, channel: 2 }, Via { link: Link::Nfc, channel: 1 }] {
        platform.via = other;
        assert_eq!(platform.send(request(CANCEL, None)), status(Status::OK));
        assert_eq!(platform.send(request(NEXT, of(&id))), status(Status::INVALID_PARAMETER), "not theirs");
    }
    platform.via = USB;
    assert_eq!(platform.sample(request(NEXT, of(&id)), Gesture::Present).remaining_samples, Some(1));
}

/// CTAPHID_CANCEL withdraws one command; platforms then send cancelCurrentEnrollment.
#[test]
fn cancelling_the_wait_for_a_sample_takes_only_that_sample() {
    let mut platform = Enroller::new(with_reader());
    let id = platform.begin();
    for message in [request(NEXT, of(&id)), request(BEGIN, None)] {
        let message = proven(message, &platform.token).encode();
        let authenticator = &mut platform.rig.authenticator;
        assert!(matches!(
            authenticator.handle_request(NOW, USB, Request::Ctap2(&message)),
            Progress::AwaitingUser(_)
        ));
        let cancelled = Some(Progress::Reply(status(Status::KEEPALIVE_CANCEL)));
        assert_eq!(authenticator.handle_cancel(NOW), cancelled);
    }
    assert_eq!(platform.sample(request(NEXT, of(&id)), Gesture::Present).remaining_samples, Some(1));
}

#[test]
fn a_last_sample_that_cannot_be_stored_can_be_given_again() {
    let mut platform = Enroller::new(with_reader());
    let id = platform.begin();
    platform.sample(request(NEXT, of(&id)), Gesture::Present);
    platform.rig.shelf.refuse(Some(|| authenticator::store::StoreError::Full));
    let refused = platform.ask(request(NEXT, of(&id)), |_| Gesture::Present);
    assert_eq!(refused, status(Status::KEY_STORE_FULL));
    assert_eq!(platform.fingers(), []);
    platform.rig.shelf.refuse(None);
    assert_eq!(platform.sample(request(NEXT, of(&id)), Gesture::Present).remaining_samples, Some(0));
    assert_eq!(platform.told(), [(id, String::new())]);
}

/// Enrolling is no test of user presence that a token is spent by, and lets it live beyond its first 30 seconds.
#[test]
fn one_token_enrols_many_fingers_for_ten_minutes() {
    let mut platform = Enroller::new(with_reader());
    let at = |platform: &mut Enroller, now: Instant, request: BioEnrollment| {
        let message = proven(request, &platform.token).encode();
        platform.rig.call_with(now, USB, &message, |_| Gesture::Present)
    };
    let second = |seconds| NOW + Duration::from_secs(seconds);
    let begun = BioEnrollmentResponse::decode(&at(&mut platform, second(29), request(BEGIN, None))).unwrap();
    let id = begun.template_id.unwrap();
    assert_eq!(at(&mut platform, second(300), request(NEXT, of(&id)))[0], 0);
    assert_eq!(at(&mut platform, second(600), request(NEXT, of(&id)))[0], 0);
    assert_eq!(at(&mut platform, second(601), naming(&id, "thumb")), status(Status::PIN_AUTH_INVALID));
}
