//! Counters, by the three ways of looking at them.
use super::Town;
use serde_json::json;
use tenant::{Behaviour, CounterMode};

#[test]
fn a_counter_is_ignored_or_has_to_grow_as_the_mode_says() {
    for (mode, good) in
        [(CounterMode::Ignore, true), (CounterMode::W3c, false), (CounterMode::Entra2026, false)]
    {
        let mut town = Town::with(Behaviour::Current, |settings| settings.counter = mode);
        let (mut key, _) = town.registered("security-key");
        town.sign_in(&mut key).unwrap();
        key.arm("counter-backwards,once");
        let signed = town.sign_in(&mut key);
        assert_eq!(signed.is_ok(), good, "{mode:?}");
        if let Err(refusal) = signed {
            assert_eq!(refusal.number, Some(135_017));
            let entry = town.last_sign_in();
            assert_eq!(
                entry["status"]["failureReason"],
                "Unexpected Signature Counter received from authenticator."
            );
            assert_eq!(entry["authenticationDetails"][0]["succeeded"], false);
        }
        // The next one is good again.
        town.sign_in(&mut key).unwrap();
    }
}

#[test]
fn a_synced_passkey_that_counts_is_dead_as_measured_in_2026() {
    let mut town = Town::new(Behaviour::Current);
    town.patch(
        "fido2",
        json!({
            "defaultPasskeyProfile": "00000000-0000-0000-0000-000000000001",
            "includeTargets": [{
                "targetType": "group", "id": "all_users", "isRegistrationRequired": false,
                "allowedPasskeyProfiles": ["00000000-0000-0000-0000-000000000001"],
            }],
            "passkeyProfiles": [{
                "id": "00000000-0000-0000-0000-000000000001", "name": "Default passkey profile",
                "passkeyTypes": "deviceBound,synced", "attestationEnforcement": "disabled",
                "keyRestrictions": { "isEnforced": false, "enforcementType": "allow", "aaGuids": [] },
            }],
        }),
    );
    let (mut device, _) = town.registered("icloud-keychain");
    town.sign_in(&mut device).unwrap();
    device.arm("counter-jumping,once");
    let refusal = town.sign_in(&mut device).unwrap_err();
    assert_eq!(refusal.number, Some(135_017));
    // Afterwards even zero is refused, and a restart does not mend it.
    town.restart(Behaviour::Current);
    let refusal = town.sign_in(&mut device).unwrap_err();
    assert_eq!((refusal.number, refusal.code.as_str()), (Some(135_017), "sim_dead"));
}
