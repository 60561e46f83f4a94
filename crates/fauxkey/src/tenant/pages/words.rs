//! What Graph's words mean to people.

/// The names of `authenticationMethodModes` that this tenant knows, as pages say them.
pub(super) const MODES: [(&str, &str); 9] = [
    ("fido2", "Face, fingerprint, PIN or security key"),
    ("password", "Password"),
    ("temporaryAccessPassOneTime", "Temporary Access Pass (one-time use)"),
    ("temporaryAccessPassMultiUse", "Temporary Access Pass (multi-use)"),
    ("microsoftAuthenticatorPush", "Approve a notification in Microsoft Authenticator"),
    ("deviceBasedPush", "Phone sign-in with Microsoft Authenticator"),
    ("softwareOath", "Code from Microsoft Authenticator"),
    ("windowsHelloForBusiness", "Windows Hello for Business"),
    ("x509CertificateMultiFactor", "Certificate (multifactor)"),
];

/// `methodsRegistered` of reports, as the portal's filter has them.
pub(super) const METHODS: [(&str, &str); 9] = [
    ("passKeyDeviceBoundAuthenticator", "Passkey (Microsoft Authenticator)"),
    ("passKeyDeviceBound", "Passkey (device-bound)"),
    ("passKeyDeviceBoundWindowsHello", "Passkey (Windows Hello)"),
    ("passKeySynced", "Passkey (synced)"),
    ("fido2SecurityKey", "Security key"),
    ("microsoftAuthenticatorPush", "Microsoft Authenticator (push)"),
    ("microsoftAuthenticatorPasswordless", "Microsoft Authenticator (passwordless)"),
    ("softwareOneTimePasscode", "Software one-time passcode"),
    ("temporaryAccessPass", "Temporary Access Pass"),
];

/// A word as people say it; itself where nobody says it otherwise.
pub(super) fn say(table: &[(&str, &'static str)], word: &str) -> String {
    table.iter().find(|(known, _)| *known == word).map_or_else(|| word.to_owned(), |(_, said)| (*said).into())
}

/// A clause's sentence, with a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    // `iOS` stays as it is.
    if letters.as_str().starts_with(|second: char| second.is_uppercase()) {
        return format!("{text}{end}");
    }
    format!("{}{}{end}", first.to_uppercase(), letters.as_str())
}
