//! Names and meanings of the small numbers and words in WebAuthn and CTAP.
use wire::cose::Algorithm;

/// Extensions that an authenticator may know, CTAP 2.3 §12, and what each is for.
const AUTHENTICATOR_EXTENSIONS: &[(&str, &str)] = &[
    ("credProtect", "who may learn of the credential"),
    ("credBlob", "a few bytes kept with the credential"),
    ("hmac-secret", "a secret derived from a salt"),
    ("hmac-secret-mc", "hmac-secret at creation"),
    ("largeBlobKey", "key to an entry of the large-blob array"),
    ("largeBlob", "a blob kept with the credential"),
    ("minPinLength", "tells the minimum PIN length"),
    ("pinComplexityPolicy", "tells whether PINs are checked for complexity"),
    ("thirdPartyPayment", "the credential may confirm payments"),
    ("uvm", "how the user was verified"),
];

/// Extensions that a page may ask for, WebAuthn Level 3 §10 and the names that platforms give CTAP's.
const CLIENT_EXTENSIONS: &[(&str, &str)] = &[
    ("appid", "a U2F AppID to try"),
    ("appidExclude", "a U2F AppID whose credentials exclude"),
    ("credProps", "tells whether the credential is discoverable"),
    ("prf", "a secret derived from a salt"),
    ("largeBlob", "a blob kept with the credential"),
    ("uvm", "how the user was verified"),
    ("credProtect", "who may learn of the credential"),
    ("credentialProtectionPolicy", "who may learn of the credential"),
    ("enforceCredentialProtectionPolicy", "fail if that cannot be promised"),
    ("hmacCreateSecret", "asks for hmac-secret"),
    ("hmacGetSecret", "asks hmac-secret for secrets"),
    ("credBlob", "a few bytes kept with the credential"),
    ("getCredBlob", "asks for the credBlob"),
    ("minPinLength", "asks for the minimum PIN length"),
    ("payment", "Secure Payment Confirmation"),
    ("remoteDesktopClientOverride", "the page runs on another machine"),
];

fn look_up(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

/// What an extension in authenticator data or a CTAP message is for; `None` if it is not known here.
pub(super) fn authenticator_extension(name: &str) -> Option<&'static str> {
    look_up(AUTHENTICATOR_EXTENSIONS, name)
}

/// What an extension in WebAuthn JSON is for; `None` if it is not known here.
pub(super) fn client_extension(name: &str) -> Option<&'static str> {
    look_up(CLIENT_EXTENSIONS, name)
}

/// The credProtect levels, CTAP 2.1 §12.1.
pub(super) fn cred_protect(level: i128) -> Option<&'static str> {
    match level {
        1 => Some("userVerificationOptional"),
        2 => Some("userVerificationOptionalWithCredentialIDList"),
        3 => Some("userVerificationRequired"),
        _ => None,
    }
}

/// AuthenticatorTransport values, WebAuthn Level 3 §5.8.4.
pub(super) const TRANSPORTS: &[&str] = &["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

/// A COSE algorithm with the best name that there is.
pub(super) fn algorithm(number: i128) -> String {
    let more = match number {
        -9 => Some("ESP256"),
        -19 => Some("Ed25519"),
        -25 => Some("ECDH-ES + HKDF-256"),
        -38 => Some("PS384"),
        -39 => Some("PS512"),
        -50 => Some("ML-DSA-87"),
        -258 => Some("RS384"),
        -259 => Some("RS512"),
        _ => None,
    };
    let name = i64::try_from(number).ok().and_then(|number| Algorithm(number).name()).or(more);
    name.map_or_else(
        || format!("{number}, an algorithm without a name here"),
        |name| format!("{name} ({number})"),
    )
}

/// Whether an algorithm has a name here.
pub(super) fn is_known_algorithm(number: i64) -> bool {
    !algorithm(number.into()).ends_with("here")
}

/// Permissions of a pinUvAuthToken, CTAP 2.3 §6.5.5.7.
pub(super) fn permissions(bits: i128) -> String {
    const NAMES: [(i128, &str); 7] =
        [(1, "mc"), (2, "ga"), (4, "cm"), (8, "be"), (0x10, "lbw"), (0x20, "acfg"), (0x40, "pcmr")];
    let known = NAMES.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect::<Vec<_>>();
    known.join(" ")
}

/// Statement formats of the IANA registry "WebAuthn Attestation Statement Format Identifiers".
pub(super) fn statement_format(fmt: &str) -> Option<&'static str> {
    Some(match fmt {
        "none" => "no statement: nothing proves the model",
        "packed" => "the WebAuthn format",
        "tpm" => "a TPM's statement",
        "android-key" => "an Android keystore's certificate chain",
        "android-safetynet" => "a SafetyNet response, withdrawn by Google",
        "fido-u2f" => "a U2F key's statement",
        "apple" => "Apple's anonymous attestation",
        "compound" => "several statements",
        _ => return None,
    })
}
