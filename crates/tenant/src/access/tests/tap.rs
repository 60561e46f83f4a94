//! Temporary Access Pass: its life to the millisecond, under a clock that jumps.
use super::*;
use crate::access::tap::{REGISTRATION_WINDOW, check_maker, may_register};
use crate::access::{Tap, TapPolicy, UsabilityReason};
use crate::user::Subject;
use std::collections::BTreeSet;

const TYPE: &str = "#microsoft.graph.temporaryAccessPassAuthenticationMethodConfiguration";

fn policy(changes: &Value) -> TapPolicy {
    let mut body = json!({ "@odata.type": TYPE, "state": "enabled" });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    TapPolicy::default().patched(&body).unwrap()
}

fn make(policy: &TapPolicy, request: &Value) -> (Tap, String) {
    let user = user(1, UserType::Member);
    let groups = BTreeSet::new();
    let subject = Subject { user: &user, groups: &groups };
    let (tap, text) = Tap::create(policy, subject, request, NOW, &mut rng()).unwrap();
    (tap, text.to_string())
}

fn reason(tap: &Tap, policy: &TapPolicy, at: Time) -> UsabilityReason {
    let user = user(1, UserType::Member);
    let groups = BTreeSet::from([Guid::small(9)]);
    let usability = tap.usability(policy, &Subject { user: &user, groups: &groups }, at);
    assert_eq!(usability.is_usable, usability.reason == UsabilityReason::EnabledByPolicy);
    usability.reason
}

#[test]
fn a_pass_lives_from_its_first_millisecond_to_the_one_before_its_end() {
    use UsabilityReason::{EnabledByPolicy, Expired, NotYetValid};
    let policy = policy(&json!({ "minimumLifetimeInMinutes": 10, "maximumLifetimeInMinutes": 43200 }));
    for minutes in [10, 60, 480, 43_200_i64] {
        for later in [0, 1, 90_000, 86_400_000] {
            let start = Time(NOW.0 + later);
            let request = json!({ "lifetimeInMinutes": minutes, "startDateTime": start });
            let (tap, _) = make(&policy, &request);
            assert_eq!((tap.start, tap.created), (start, NOW));
            let end = start.0 + minutes * 60_000;
            assert_eq!(tap.end(), Time(end));
            // Forth and back again: the clock may jump, and the answer goes by the time alone.
            for (at, expected) in [
                (end + 86_400_000, Expired),
                (i64::MIN, NotYetValid),
                (start.0 - 1, NotYetValid),
                (start.0, EnabledByPolicy),
                (start.0 + 1, EnabledByPolicy),
                (end - 1, EnabledByPolicy),
                (end, Expired),
                (end + 1, Expired),
                (i64::MAX, Expired),
                (start.0, EnabledByPolicy),
            ] {
                assert_eq!(reason(&tap, &policy, Time(at)), expected, "{minutes} {later} {at}");
            }
        }
    }
}

#[test]
fn a_one_time_pass_that_was_used_stays_used() {
    let policy = policy(&json!({}));
    let (mut tap, _) = make(&policy, &json!({ "isUsableOnce": true }));
    assert_eq!(tap.mode(), Mode::TemporaryAccessPassOneTime);
    tap.used = Some(NOW);
    for at in [i64::MIN, NOW.0, tap.end().0, i64::MAX] {
        assert_eq!(reason(&tap, &policy, Time(at)), UsabilityReason::OneTimeUsed);
    }
    let (mut tap, _) = make(&policy, &json!({ "isUsableOnce": "false" }));
    assert_eq!(tap.mode(), Mode::TemporaryAccessPassMultiUse);
    tap.used = Some(NOW);
    assert_eq!(reason(&tap, &policy, NOW), UsabilityReason::EnabledByPolicy);
}

#[test]
fn a_policy_that_changes_afterwards_is_felt_by_passes_that_are_there() {
    let open = policy(&json!({}));
    let (tap, _) = make(&open, &json!({}));
    let me = json!({ "targetType": "user", "id": Guid::small(1) });
    let my_group = json!({ "targetType": "group", "id": Guid::small(9) });
    let other = json!({ "targetType": "group", "id": Guid::small(8) });
    for (changes, allowed) in [
        (json!({}), true),
        (json!({ "state": "disabled" }), false),
        (json!({ "isUsableOnce": true }), false),
        (json!({ "includeTargets": [other] }), false),
        (json!({ "includeTargets": [] }), false),
        (json!({ "includeTargets": [me] }), true),
        (json!({ "includeTargets": [other, my_group] }), true),
        (json!({ "excludeTargets": [my_group] }), false),
        (json!({ "includeTargets": [me], "excludeTargets": [my_group] }), false),
        (json!({ "excludeTargets": [other] }), true),
    ] {
        let expected =
            if allowed { UsabilityReason::EnabledByPolicy } else { UsabilityReason::DisabledByPolicy };
        assert_eq!(reason(&tap, &policy(&changes), NOW), expected, "{changes}");
    }
}

#[test]
fn registration_ends_ten_minutes_after_a_one_time_pass_was_shown() {
    let window = i64::try_from(REGISTRATION_WINDOW.as_millis()).unwrap();
    assert_eq!(window, 600_000);
    for (later, may) in
        [(0, true), (window - 1, true), (window, true), (window + 1, false), (i64::MAX / 2, false)]
    {
        assert_eq!(may_register(NOW, Time(NOW.0.saturating_add(later))), may, "{later}");
    }
    assert!(may_register(NOW, Time(NOW.0 - 1)), "a clock that was set back is nobody's fault");
}

#[test]
fn only_the_pass_itself_matches_and_nothing_tells_it() {
    for length in [8_u32, 9, 48] {
        let policy = policy(&json!({ "defaultLength": length }));
        let (tap, text) = make(&policy, &json!({}));
        assert_eq!(text.len(), length as usize);
        assert!(!text.contains(|c: char| "0Oo1IilL".contains(c) || !c.is_ascii_alphanumeric()), "{text}");
        assert!(tap.matches(&text));
        for other in ["", " ", &text[1..], &format!("{text} "), &text.to_uppercase()] {
            assert!(!tap.matches(other), "{other}");
        }
        let kept = serde_json::to_string(&tap).unwrap();
        assert!(!kept.contains(&text) && !format!("{tap:?}").contains(&text), "{kept}");
        assert_eq!(serde_json::from_str::<Tap>(&kept).unwrap(), tap);
        let usability =
            crate::access::Usability { is_usable: true, reason: UsabilityReason::EnabledByPolicy };
        assert_eq!(tap.to_graph(usability, None)["temporaryAccessPass"], Value::Null);
    }
}

#[test]
fn every_letter_of_the_alphabet_comes_up_about_as_often() {
    let policy = policy(&json!({ "defaultLength": 48 }));
    let user = user(1, UserType::Member);
    let groups = BTreeSet::new();
    let mut rng = rng();
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..200 {
        let subject = Subject { user: &user, groups: &groups };
        let (_, text) = Tap::create(&policy, subject, &json!({}), NOW, &mut rng).unwrap();
        for letter in text.chars() {
            *counts.entry(letter).or_insert(0_u32) += 1;
        }
    }
    // 9600 letters in 31 kinds: 310 each, and five standard deviations are 87.
    assert_eq!(counts.len(), 31, "{counts:?}");
    assert!(counts.values().all(|count| count.abs_diff(310) < 87), "{counts:?}");
    // A remainder that is not thrown away would favour the first seven: 2168 of them, and three deviations are 123.
    let first: u32 = ('a'..='g').map(|letter| counts[&letter]).sum();
    assert!(first.abs_diff(2168) < 123, "{first} {counts:?}");
}

#[test]
fn nobody_makes_a_pass_for_himself() {
    assert!(check_maker(None, Guid::small(1)).is_ok());
    assert!(check_maker(Some(Guid::small(2)), Guid::small(1)).is_ok());
    let refusal = check_maker(Some(Guid::small(1)), Guid::small(1)).unwrap_err();
    assert_eq!(refusal.kind, crate::refusal::RefusalKind::Forbidden);
}

#[test]
fn every_lifetime_outside_the_policy_is_refused_and_every_one_inside_is_taken() {
    let policy = policy(&json!({}));
    let user = user(1, UserType::Member);
    let groups = BTreeSet::new();
    for (minutes, taken) in [
        (json!(59), false),
        (json!(60), true),
        (json!("61"), true),
        (json!(480), true),
        (json!(481), false),
        (json!(0), false),
        (json!(-60), false),
        (json!(60.5), false),
        (json!(u64::MAX), false),
        (json!(true), false),
        (Value::Null, true),
    ] {
        let subject = Subject { user: &user, groups: &groups };
        let request = json!({ "lifetimeInMinutes": minutes });
        let made = Tap::create(&policy, subject, &request, NOW, &mut rng());
        assert_eq!(made.is_ok(), taken, "{minutes}");
    }
}

#[test]
fn a_policy_of_one_time_passes_makes_no_other() {
    let policy = policy(&json!({ "isUsableOnce": "True" }));
    assert!(make(&policy, &json!({})).0.is_usable_once);
    assert!(make(&policy, &json!({ "ISUSABLEONCE": true })).0.is_usable_once);
    let user = user(1, UserType::Member);
    let subject = Subject { user: &user, groups: &BTreeSet::new() };
    let refusal =
        Tap::create(&policy, subject, &json!({ "isUsableOnce": false }), NOW, &mut rng()).unwrap_err();
    assert!(refusal.message.contains("one-time passes only"), "{refusal:?}");
}
