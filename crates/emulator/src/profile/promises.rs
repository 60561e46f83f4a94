//! What one claim promises of others: the mandatory features of a version (CTAP 2.1 §9, CTAP 2.3 §9) and the
//! members of getInfo that go together (CTAP 2.1 §6.4).
use authenticator::profile::{Attestation, Extension, Profile, Protocol, Untold, Verification};
use wire::aaguid::Aaguid;
use wire::cose::Algorithm;

/// Refuses what does not go together: key, reason, way out.
pub(super) fn problems(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    preview(claims, refuse);
    versions(claims, refuse);
    pin(claims, refuse);
    untold(claims, refuse);
    fingers(claims, refuse);
    extensions(claims, refuse);
    commands(claims, refuse);
    attestation(claims, refuse);
    u2f(claims, refuse);
}

/// CTAP 2.1 §6.4: FIDO_2_1_PRE is how devices of before CTAP 2.1 tell that they have a command in preview.
fn preview(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    let bio = matches!(claims.verification, Verification::Enrollable { .. });
    if claims.versions.iter().any(|version| version == "FIDO_2_1_PRE")
        && !claims.credential_management.preview
        && !bio
    {
        let why = "FIDO_2_1_PRE promises a command in preview (CTAP 2.1 §6.4), and there is none";
        refuse("versions", why.into(), "add \"preview\" to credential-management, or leave FIDO_2_1_PRE out");
    }
}

/// What getInfo has to tell: CTAP 2.1 §6.4 wants minPINLength where it can be set.
fn untold(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    for (at, member) in claims.untold.iter().enumerate() {
        if claims.untold[..at].contains(member) {
            refuse("untold", format!("{} stands there twice", member.name()), "leave one out");
        }
    }
    if claims.untold.contains(&Untold::MinPinLength) && claims.config_commands.contains(&3) {
        let why = "minPINLength is told where setMinPINLength, command 3, can change it (CTAP 2.1 §6.4)";
        refuse("untold", why.into(), "leave minPINLength out of untold");
    }
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

/// Fingers whose IDs and names fit one answer to enumerateEnrollments, which CTAPHID carries whole.
const MOST_FINGERS: u8 = 64;

/// CTAP 2.1 §6.7: a reader whose fingers platforms enrol.
fn fingers(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    let Verification::Enrollable { capacity, samples, preview, by_finger } = claims.verification else {
        return;
    };
    if !(1..=MOST_FINGERS).contains(&capacity) {
        let why =
            format!("a reader holds 1 to {MOST_FINGERS} fingers here, not {capacity} (CTAP 2.1 §6.7.6)");
        refuse("capacity", why, "say capacity = 5");
    }
    if samples == 0 {
        refuse("samples", "a finger takes at least one sample (CTAP 2.1 §6.7.3)".into(), "say samples = 5");
    }
    if claims.pin.is_none() {
        let why = "the first finger needs a token, and only a PIN gives one (CTAP 2.1 §6.7.4)";
        refuse("verification", why.into(), "add a [pin] table");
    }
    let later = claims.versions.iter().any(|version| version == "FIDO_2_1" || version == "FIDO_2_3");
    let permits = later && claims.pin_uv_auth_token;
    if !preview && !permits {
        let why = "bioEnroll is of CTAP 2.1 and needs tokens with permissions (CTAP 2.1 §6.7.4)";
        refuse(
            "verification",
            why.into(),
            "speak FIDO_2_1 with pin-uv-auth-token = true, or say preview = true",
        );
    }
    if preview && claims.pin_uv_auth_token {
        let why = "no token may enrol by the preview alone: its permission comes with bioEnroll (CTAP 2.1 §6.5.5.7)";
        refuse("preview", why.into(), "say preview = false: the preview command is then there, too");
    }
    if preview && by_finger {
        let why = "uvBioEnroll goes with bioEnroll (CTAP 2.1 §6.4)";
        refuse("uv-bio-enroll", why.into(), "leave it out");
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
    if claims.enterprise.is_some() && !claims.attestations().any(|mode| mode == Attestation::Packed) {
        // CTAP 2.1 §7.1: what is attested is one device of an enterprise, which takes a certificate to say.
        let why = "enterprise attestation goes with attestation by certificate (CTAP 2.1 §7.1)";
        refuse("rp-ids", why.into(), "say attestation = \"packed\", or leave the [enterprise] table out");
    }
    if claims.enterprise.as_ref().is_some_and(|table| table.rp_ids.is_empty() && !table.platform_managed) {
        let why = "nobody could ever get an enterprise attestation (CTAP 2.1 §7.1)";
        refuse("rp-ids", why.into(), "name an RP ID, or say platform-managed = true");
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

/// CTAP 2.2 §6.4 (attestationFormats) and WebAuthn Level 3 §8.6.
fn attestation(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    let mut refuse = |why: String, hint| refuse("attestation", why, hint);
    let formats: Vec<_> = claims.attestations().map(Attestation::format).collect();
    for (at, format) in formats.iter().enumerate() {
        if formats[..at].contains(format) {
            refuse(format!("the format {format} stands there twice (CTAP 2.2 §6.4)"), "leave one out");
        }
    }
    if claims.further_attestations.contains(&Attestation::None) {
        let why = "`none` is no format that a platform could prefer among others (CTAP 2.2 §6.4)";
        refuse(why.into(), "leave it out: a platform that wants no attestation gets none all the same");
    }
    let unattested =
        claims.algorithms.iter().find(|&&alg| !claims.attestations().any(|mode| mode.attests(alg)));
    if let Some(algorithm) = unattested {
        let formats = formats.join(" and ");
        let why = format!("{formats} attests no {algorithm} keys (WebAuthn Level 3 §8.3 to §8.9)");
        refuse(why, "leave the algorithm out, or attest by packed as well");
    }
}

/// FIDO U2F Raw Message Formats 1.2, and CTAP 2.1 §10 for keys that speak nothing else.
fn u2f(claims: &Profile, refuse: &mut impl FnMut(&'static str, String, &str)) {
    if !claims.speaks_u2f() {
        return;
    }
    let mut demand = |holds: bool, key, why: &str, hint: &str| {
        if !holds {
            refuse(key, why.into(), hint);
        }
    };
    demand(
        claims.algorithms.contains(&Algorithm::ES256),
        "algorithms",
        "U2F_V2 is ES256 (U2F Raw Message Formats §4.3)",
        "add \"ES256\" to algorithms",
    );
    demand(
        claims.attestations().any(|mode| matches!(mode, Attestation::Packed | Attestation::FidoU2f)),
        "attestation",
        "every U2F registration has a certificate (U2F Raw Message Formats §4.3)",
        "say attestation = \"packed\" or \"fido-u2f\", or leave U2F_V2 out of versions",
    );
    demand(
        claims.verification != Verification::Always,
        "verification",
        "U2F knows presence only, and this verifies its user at every use (CTAP 2.1 §7.2)",
        "leave U2F_V2 out of versions",
    );
    if claims.speaks_ctap2() {
        return;
    }
    const ONLY: &str = "a key of U2F only has nothing like it (CTAP 2.1 §10)";
    const LEAVE: &str = "leave it out, or add a FIDO version to versions";
    demand(
        claims.aaguid == Aaguid::default(),
        "aaguid",
        "U2F has no AAGUID (CTAP 2.1 §10.2)",
        "say all zeroes",
    );
    demand(claims.discoverable.is_none(), "discoverable", ONLY, LEAVE);
    demand(claims.pin.is_none(), "min-length", ONLY, "leave the [pin] table out");
    demand(claims.verification == Verification::None, "verification", ONLY, "say verification = \"none\"");
    demand(claims.extensions.is_empty(), "extensions", ONLY, LEAVE);
    demand(claims.config_commands.is_empty(), "config-commands", ONLY, LEAVE);
    demand(claims.large_blobs.is_none(), "large-blobs", ONLY, LEAVE);
    let management = &claims.credential_management;
    demand(!management.standard && !management.preview, "credential-management", ONLY, LEAVE);
}

#[cfg(test)]
mod tests;
