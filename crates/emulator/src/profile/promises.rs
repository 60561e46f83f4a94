//! What one claim promises of others: the mandatory features of a version (CTAP 2.1 §9, CTAP 2.3 §9) and the
//! members of getInfo that go together (CTAP 2.1 §6.4).
use authenticator::profile::{Extension, Profile, Protocol, Verification};

/// Refuses what does not go together: key, reason, way out.
pub(super) fn problems(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    versions(claims, refuse);
    pin(claims, refuse);
    extensions(claims, refuse);
    commands(claims, refuse);
}

/// CTAP 2.1 §9: what FIDO_2_1 and later promise.
fn versions(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    let Some(version) = claims.versions.iter().find(|v| *v == "FIDO_2_1" || *v == "FIDO_2_3") else { return };
    let has = |extension| claims.extensions.contains(&extension);
    let verifies = claims.pin.is_some() || claims.verification != Verification::None;
    let mut demand = |holds: bool, key, what: &str, hint: &str| {
        if !holds {
            refuse(key, format!("{version} promises {what} (CTAP 2.1 §9)"), hint);
        }
    };
    demand(has(Extension::HmacSecret), "extensions", "hmac-secret", "add \"hmac-secret\" to extensions");
    demand(
        claims.discoverable.is_none() || verifies,
        "discoverable",
        "user verification where there are discoverable credentials",
        "add a [pin] table, or built-in verification",
    );
    demand(
        claims.discoverable.is_none() || claims.credential_management.standard,
        "discoverable",
        "credential management where there are discoverable credentials",
        "add \"standard\" to credential-management",
    );
    demand(
        !verifies || has(Extension::CredProtect),
        "extensions",
        "credProtect where there is user verification",
        "add \"credProtect\" to extensions",
    );
    demand(
        !verifies || claims.pin_uv_auth_token,
        "pin-uv-auth-token",
        "tokens with permissions where there is user verification",
        "say pin-uv-auth-token = true",
    );
    let protocol_two = claims.pin.as_ref().is_none_or(|pin| pin.protocols.contains(&Protocol::Two));
    demand(protocol_two, "protocols", "PIN/UV auth protocol two", "say protocols = [2, 1]");
}

/// CTAP 2.1 §6.4 and §6.5.1.
fn pin(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    let Some(pin) = &claims.pin else {
        for (key, claimed) in [
            // The protocols of a token stand in that table too: without it there is no authenticatorClientPIN.
            ("pin-uv-auth-token", claims.pin_uv_auth_token),
            ("no-mc-ga-permissions-with-client-pin", claims.no_mc_ga_permissions_with_client_pin),
        ] {
            if claimed {
                refuse(
                    key,
                    "there is no PIN to which this could belong (CTAP 2.1 §6.4)".into(),
                    "add a [pin] table",
                );
            }
        }
        return;
    };
    if pin.protocols.is_empty() {
        refuse(
            "protocols",
            "a PIN needs a PIN/UV auth protocol (CTAP 2.1 §6.4)".into(),
            "say protocols = [2, 1]",
        );
    }
    let twice = pin.protocols.iter().filter(|protocol| **protocol == Protocol::Two).count() > 1
        || pin.protocols.iter().filter(|protocol| **protocol == Protocol::One).count() > 1;
    if twice {
        refuse("protocols", "a protocol stands there twice (CTAP 2.1 §6.4)".into(), "say protocols = [2, 1]");
    }
    if pin.min_length < 4 {
        refuse(
            "min-length",
            "PINs have at least 4 code points (CTAP 2.1 §6.5.1)".into(),
            "say min-length = 4",
        );
    }
    if !(8..=63).contains(&pin.max_length) || pin.max_length < pin.min_length {
        let why =
            "the longest PIN has 8 to 63 code points, and not fewer than the shortest (CTAP 2.1 §6.5.1)";
        refuse("max-length", why.into(), "say max-length = 63");
    }
}

/// CTAP 2.1 §12 and CTAP 2.3 §12.
fn extensions(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    let has = |extension| claims.extensions.contains(&extension);
    let needs = [
        (
            Extension::HmacSecretMc,
            has(Extension::HmacSecret),
            "hmac-secret-mc goes with hmac-secret (CTAP 2.2 §12)",
        ),
        (Extension::CredBlob, has(Extension::CredProtect), "credBlob goes with credProtect (CTAP 2.1 §12.2)"),
        (
            Extension::LargeBlobKey,
            claims.large_blobs.is_some(),
            "largeBlobKey goes with the largeBlobs command (CTAP 2.1 §12.3)",
        ),
        (
            Extension::LargeBlob,
            !has(Extension::LargeBlobKey) && claims.large_blobs.is_none(),
            "largeBlob excludes largeBlobKey and the largeBlobs command (CTAP 2.3 §12)",
        ),
        (
            Extension::MinPinLength,
            claims.config_commands.contains(&3),
            "minPinLength goes with setMinPINLength, authenticatorConfig command 3 (CTAP 2.1 §9)",
        ),
        (
            Extension::PinComplexityPolicy,
            claims.pin.is_some(),
            "pinComplexityPolicy goes with a PIN (CTAP 2.2 §12)",
        ),
    ];
    for (extension, _, why) in needs.into_iter().filter(|(extension, holds, _)| has(*extension) && !holds) {
        refuse(
            "extensions",
            why.into(),
            &format!("leave {} out, or add what it goes with", extension.name()),
        );
    }
    if has(Extension::CredBlob) && claims.max_cred_blob_length < 32 {
        refuse("max-cred-blob-length", "a credBlob has at least 32 bytes (CTAP 2.1 §12.2)".into(), "say 32");
    }
    for (at, extension) in claims.extensions.iter().enumerate() {
        if claims.extensions[..at].contains(extension) {
            refuse("extensions", format!("{} stands there twice", extension.name()), "leave one out");
        }
    }
}

/// CTAP 2.1 §6.10 and §6.11.
fn commands(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    if claims.large_blobs.is_some_and(|size| size < 1024) {
        refuse("large-blobs", "the array has at least 1024 bytes (CTAP 2.1 §6.10)".into(), "say 1024");
    }
    if let Some(unknown) = claims.config_commands.iter().find(|command| !(1..=4).contains(*command)) {
        let why = format!("authenticatorConfig has no command {unknown} here (CTAP 2.3 §6.11)");
        refuse("config-commands", why, "the commands are 1, 2, 3 and 4");
    }
    if claims.config_commands.contains(&3) && claims.pin.is_none() {
        let why = "setMinPINLength, command 3, goes with a PIN (CTAP 2.1 §6.4)";
        refuse("config-commands", why.into(), "add a [pin] table");
    }
    if claims.enterprise.is_some() {
        // CTAP 2.1 §7.1: what is attested is one device of an enterprise, which self attestation cannot say.
        let why = "enterprise attestation needs a certificate, and this authenticator has none yet";
        refuse("rp-ids", why.into(), "leave the [enterprise] table out");
    }
    if claims.enterprise.is_some() != claims.config_commands.contains(&1) {
        let why = "enterprise attestation and its command 1 go together (CTAP 2.1 §7.1)";
        refuse("config-commands", why.into(), "have both an [enterprise] table and command 1, or neither");
    }
    if claims.always_uv.is_some() != claims.config_commands.contains(&2) {
        let why = "alwaysUv and toggleAlwaysUv, command 2, go together (CTAP 2.1 §6.11.2)";
        refuse("config-commands", why.into(), "have both always-uv and command 2, or neither");
    }
}

#[cfg(test)]
mod tests;
