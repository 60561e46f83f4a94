//! Each promise broken alone, in a profile that keeps all the others.
use super::*;
use crate::DeviceProfile;
use authenticator::profile::PinClaims;

/// Whether getInfo would say what it must not, and why.
fn refusals(change: impl FnOnce(&mut Profile)) -> Vec<(&'static str, String)> {
    let mut claims = DeviceProfile::named("all-in").expect("it is built in").authenticator;
    change(&mut claims);
    let mut refusals = Vec::new();
    problems(&claims, &mut |key, why, _: &str| refusals.push((key, why)));
    refusals
}

fn without(claims: &mut Profile, gone: &[Extension]) {
    claims.extensions.retain(|extension| !gone.contains(extension));
}

fn pin(claims: &mut Profile) -> &mut PinClaims {
    claims.pin.as_mut().expect("it has a PIN")
}

/// What is broken, and the one promise that stands against it.
type Broken = (fn(&mut Profile), &'static str, &'static str);

/// CTAP 2.1 §9 and CTAP 2.3 §9: what the version strings promise.
const MANDATORY: &[Broken] = &[
    (
        |claims| without(claims, &[Extension::HmacSecret, Extension::HmacSecretMc]),
        "extensions",
        "promises hmac-secret",
    ),
    (
        |claims| without(claims, &[Extension::CredProtect, Extension::CredBlob]),
        "extensions",
        "promises credProtect where there is user verification",
    ),
    (
        |claims| claims.credential_management.standard = false,
        "discoverable",
        "promises credential management where there are discoverable credentials",
    ),
    (|claims| claims.pin_uv_auth_token = false, "pin-uv-auth-token", "promises tokens with permissions"),
    (|claims| pin(claims).protocols = vec![Protocol::One], "protocols", "promises PIN/UV auth protocol two"),
];

/// CTAP 2.1 §6.4 to CTAP 2.3 §6.4: members of getInfo that go together.
const TOGETHER: &[Broken] = &[
    (|claims| pin(claims).protocols = vec![Protocol::Two; 2], "protocols", "stands there twice"),
    (|claims| pin(claims).min_length = 3, "min-length", "at least 4 code points"),
    (|claims| pin(claims).max_length = 64, "max-length", "8 to 63 code points"),
    (|claims| pin(claims).max_length = 7, "max-length", "8 to 63 code points"),
    (
        |claims| {
            pin(claims).min_length = 20;
            pin(claims).max_length = 19;
        },
        "max-length",
        "not fewer than the shortest",
    ),
    (|claims| claims.extensions.push(Extension::CredProtect), "extensions", "stands there twice"),
    (|claims| claims.max_cred_blob_length = 31, "max-cred-blob-length", "at least 32 bytes"),
    (|claims| claims.large_blobs = None, "extensions", "largeBlobKey goes with the largeBlobs command"),
    (|claims| claims.large_blobs = Some(1023), "large-blobs", "at least 1024 bytes"),
    (
        |claims| claims.extensions.push(Extension::LargeBlob),
        "extensions",
        "largeBlob excludes largeBlobKey and the largeBlobs command",
    ),
    (
        |claims| claims.config_commands.retain(|command| *command != 3),
        "extensions",
        "minPinLength goes with setMinPINLength",
    ),
    (
        |claims| claims.config_commands.retain(|command| *command != 2),
        "config-commands",
        "alwaysUv and toggleAlwaysUv, command 2, go together",
    ),
    (
        |claims| claims.always_uv = None,
        "config-commands",
        "alwaysUv and toggleAlwaysUv, command 2, go together",
    ),
    (|claims| claims.config_commands.push(5), "config-commands", "no command 5"),
    (
        |claims| claims.config_commands.retain(|command| *command != 1),
        "config-commands",
        "enterprise attestation and its command 1 go together",
    ),
];

#[test]
fn a_profile_that_keeps_every_promise_is_refused_nothing() {
    assert_eq!(refusals(|_| {}), []);
    for profile in DeviceProfile::built_in() {
        assert_eq!(refusals(|claims| *claims = profile.authenticator.clone()), [], "{}", profile.name);
    }
}

#[test]
fn each_promise_that_is_broken_alone_is_refused_by_its_key_and_reason() {
    for (at, (change, key, why)) in MANDATORY.iter().chain(TOGETHER).enumerate() {
        let refused = refusals(change);
        let [(its_key, its_why)] = refused.as_slice() else { panic!("row {at} ({why}): {refused:?}") };
        assert_eq!(its_key, key, "row {at}");
        assert!(its_why.contains(why), "row {at}: {its_why}");
    }
}

#[test]
fn before_ctap_2_1_nothing_is_promised_by_the_version() {
    for (change, ..) in MANDATORY {
        let refused = refusals(|claims| {
            change(claims);
            claims.versions = vec!["FIDO_2_0".into()];
        });
        assert_eq!(refused, []);
    }
}

#[test]
fn what_hangs_on_a_pin_is_refused_without_one() {
    let refused = refusals(|claims| claims.pin = None);
    for (key, why) in [
        ("discoverable", "user verification where there are discoverable credentials"),
        ("pin-uv-auth-token", "there is no PIN"),
        ("extensions", "pinComplexityPolicy goes with a PIN"),
        ("config-commands", "setMinPINLength, command 3, goes with a PIN"),
    ] {
        assert!(refused.iter().any(|(k, w)| *k == key && w.contains(why)), "{key}: {why}: {refused:?}");
    }
    let no_ga = refusals(|claims| {
        claims.pin = None;
        claims.no_mc_ga_permissions_with_client_pin = true;
    });
    assert!(no_ga.iter().any(|(key, _)| *key == "no-mc-ga-permissions-with-client-pin"), "{no_ga:?}");
    // Built-in verification alone has no protocol to hand a token over by.
    let built_in = refusals(|claims| {
        claims.pin = None;
        claims.verification = Verification::OnRequest;
    });
    assert!(built_in.iter().any(|(key, _)| *key == "pin-uv-auth-token"), "{built_in:?}");
}

#[test]
fn the_command_of_enterprise_attestation_without_it_is_refused() {
    let refused = refusals(|claims| claims.enterprise = None);
    assert!(
        refused.iter().any(|(key, why)| *key == "config-commands" && why.contains("go together")),
        "{refused:?}"
    );
}
