//! The fingers of a device with a reader, and the questions that go with them.
use super::*;
use crate::control::{Finger, Gesture, Prompt};
use wire::ctap2::GetInfoResponse;

fn key() -> Instance {
    let instance = Instance::ephemeral(None).unwrap();
    instance.add_device("phone", "fingerprint-key").unwrap();
    instance
}

fn uv(instance: &Instance) -> Option<bool> {
    let info = instance.ctap2("phone", Link::Usb, GET_INFO).unwrap();
    GetInfoResponse::decode(&info).unwrap().option("uv")
}

#[test]
fn fingers_are_added_renamed_and_removed_by_id_or_name() {
    let instance = key();
    assert_eq!((instance.fingers("phone"), uv(&instance)), (Ok(vec![]), Some(false)));
    let thumb = instance.add_finger("phone", Some("thumb".into())).unwrap();
    let nameless = instance.add_finger("phone", None).unwrap();
    assert_eq!((thumb.id.len(), thumb.name.as_deref(), &nameless.name), (16, Some("thumb"), &None));
    assert_eq!(instance.fingers("phone"), Ok(vec![thumb.clone(), nameless.clone()]));
    assert_eq!(uv(&instance), Some(true));

    let index = instance.rename_finger("phone", &nameless.id, "index".into()).unwrap();
    assert_eq!(index, Finger { name: Some("index".into()), ..nameless });
    for id in ["index", &index.id[..12], &index.id.to_uppercase()] {
        assert_eq!(instance.rename_finger("phone", id, "index".into()).as_ref(), Ok(&index), "{id}");
    }
    let unnamed = instance.rename_finger("phone", "index", String::new()).unwrap();
    assert_eq!(unnamed.name, None);
    instance.remove_finger("phone", "thumb").unwrap();
    assert_eq!(instance.fingers("phone"), Ok(vec![unnamed.clone()]));
    instance.remove_finger("phone", &unnamed.id).unwrap();
    assert_eq!(uv(&instance), Some(false));
}

#[test]
fn what_cannot_be_done_with_fingers_has_its_kind_and_a_way_out() {
    let instance = key();
    for _ in 0..5 {
        instance.add_finger("phone", Some("thumb".into())).unwrap();
    }
    let full = instance.add_finger("phone", None).unwrap_err();
    assert_eq!(
        (full.kind, full.message.as_str()),
        (FailureKind::Conflict, "phone has no room for another finger")
    );
    for (id, kind) in [
        ("thumb", FailureKind::Invalid),
        ("index", FailureKind::NotFound),
        ("", FailureKind::NotFound),
        ("a\n", FailureKind::NotFound),
    ] {
        for failure in [
            instance.remove_finger("phone", id).unwrap_err(),
            instance.rename_finger("phone", id, "x".into()).unwrap_err(),
        ] {
            assert_eq!(failure.kind, kind, "{failure:?}");
            assert!(failure.hint.is_some() && !failure.message.contains('\n'), "{failure:?}");
        }
    }
    let first = instance.fingers("phone").unwrap()[0].id.clone();
    let long = instance.rename_finger("phone", &first, "x".repeat(65)).unwrap_err();
    assert_eq!(
        (long.kind, long.message.as_str()),
        (FailureKind::Invalid, "a finger's name has at most 64 bytes")
    );
    let none = phone().add_finger("phone", None).unwrap_err();
    assert_eq!((none.kind, none.hint.is_some()), (FailureKind::Refused, true));
    assert_eq!(phone().fingers("phone"), Ok(vec![]));
}

#[test]
fn a_question_tells_of_a_long_touch_and_of_samples() {
    use authenticator::Purpose;
    let deadline = wire::time::Instant::POWER_UP;
    let told = |purpose| {
        let link = authenticator::Link::Usb;
        let prompt =
            authenticator::Prompt { number: 1, purpose, verification: false, attempts: 3, link, deadline };
        serde_json::to_value(Prompt::from(&prompt)).unwrap()
    };
    let long = told(Purpose::Reset { long_touch: true });
    assert_eq!((&long["purpose"], &long["longTouch"]), (&"reset".into(), &true.into()));
    assert_eq!(told(Purpose::Reset { long_touch: false }).get("longTouch"), None);
    let sample = told(Purpose::EnrollSample { remaining: 2 });
    assert_eq!((&sample["purpose"], &sample["samples"]), (&"enroll-sample".into(), &2.into()));
    assert_eq!(told(Purpose::Select).get("samples"), None);
}

/// authenticatorConfig 4, then a reset that a person answers.
#[test]
fn a_person_gives_a_long_touch_where_a_short_one_does_not_reset() {
    let instance = std::sync::Arc::new(Instance::ephemeral(None).unwrap());
    instance.add_device("phone", "all-in").unwrap();
    assert_eq!(instance.ctap2("phone", Link::Usb, &[0x0D, 0xA1, 0x01, 0x04]), Ok(vec![0]));
    instance.set_user("phone", user(Answer::Ask)).unwrap();
    let mut asked = 0;
    for (gesture, expected) in
        [(Gesture::Present, Status::USER_ACTION_TIMEOUT), (Gesture::LongTouch, Status::OK)]
    {
        let waiting = instance.clone();
        let reset = thread::spawn(move || waiting.ctap2("phone", Link::Usb, &[0x07]).unwrap());
        asked = question(&instance, asked);
        assert!(instance.prompt("phone").unwrap().unwrap().long_touch);
        instance.answer("phone", asked, gesture).unwrap();
        assert_eq!(status(&reset.join().unwrap()), expected, "{gesture:?}");
    }
    // Unattended, whoever approves touches as long as it takes.
    instance.set_user("phone", user(Answer::Approve)).unwrap();
    assert_eq!(instance.ctap2("phone", Link::Usb, &[0x0D, 0xA1, 0x01, 0x04]), Ok(vec![0]));
    assert_eq!(instance.ctap2("phone", Link::Usb, &[0x07]), Ok(vec![0]));
}
