//! What a profile may not say, each with the reason.
use super::parse::line_of;
use super::{DeviceProfile, phone, promises};
use authenticator::{Link, longest_credential_id};
use std::fmt;
use wire::cose::Algorithm;
use wire::ctap2::Versions;
use wire::ctaphid::MAX_MESSAGE_SIZE;

/// One thing that a profile may not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key in the TOML.
    pub key: &'static str,
    /// The line on which it is set, counted from 1.
    pub line: Option<usize>,
    /// What is wrong, with the rule.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}: {}", self.key, self.why),
            None => write!(f, "{}: {}", self.key, self.why),
        }
    }
}

/// AuthenticatorTransport values, WebAuthn Level 3 §5.8.4.
const TRANSPORTS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];
/// What the authenticator can make keys for.
pub const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::ES256,
    Algorithm::EDDSA,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::ML_DSA_44,
    Algorithm::ML_DSA_65,
];
/// Versions whose mandatory features can all be had.
const VERSIONS: [&str; 5] = ["U2F_V2", "FIDO_2_0", "FIDO_2_1_PRE", "FIDO_2_1", "FIDO_2_3"];

pub(super) fn problems(profile: &DeviceProfile) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |key: &'static str, why: String, hint: &str| {
        problems.push(Problem { key, line: line_of(&profile.source, key), why, hint: hint.into() });
    };
    let claims = &profile.authenticator;

    if profile.name.is_empty()
        || !profile.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        refuse(
            "name",
            format!("`{}` is not made of lower-case letters, digits and hyphens", profile.name),
            "names are typed on command lines and used as file names",
        );
    }

    // WebAuthn Level 3 §6.1.3: BE and BS.
    const BOUND: &str = "leave the flag false, or say device-bound = false for a synced passkey";
    if profile.device_bound && claims.backup.eligible {
        refuse(
            "backup-eligible",
            "a device-bound passkey never leaves its device, so it cannot be backup eligible (WebAuthn §6.1.3, BE)".into(),
            BOUND,
        );
    }
    if profile.device_bound && claims.backup.backed_up {
        refuse(
            "backed-up",
            "a device-bound passkey never leaves its device, so it cannot be backed up (WebAuthn §6.1.3, BS)"
                .into(),
            BOUND,
        );
    }
    if claims.backup.backed_up && !claims.backup.eligible {
        refuse(
            "backed-up",
            "a passkey that is not backup eligible cannot be backed up (WebAuthn §6.1.3: BS without BE)"
                .into(),
            "set backup-eligible = true too, or backed-up = false",
        );
    }

    // CTAP 2.1 §6.4: versions, and what each promises (§9).
    if claims.versions.is_empty() {
        refuse(
            "versions",
            "getInfo needs at least one version (CTAP 2.1 §6.4)".into(),
            "say versions = [\"FIDO_2_0\"]",
        );
    }
    for version in &claims.versions {
        if !Versions::DEFINED.contains(&version.as_str()) {
            refuse(
                "versions",
                format!("`{version}` is not a defined version (CTAP 2.3 §6.4 has no FIDO_2_2 either)"),
                "the defined ones are U2F_V2, FIDO_2_0, FIDO_2_1_PRE, FIDO_2_1 and FIDO_2_3",
            );
        } else if !VERSIONS.contains(&version.as_str()) {
            refuse(
                "versions",
                format!("{version} promises features that this authenticator does not have (CTAP 2.1 §9)"),
                "say versions = [\"FIDO_2_0\"]: what is advertised must be done",
            );
        }
    }

    if claims.algorithms.is_empty() {
        refuse("algorithms", "there is no algorithm".into(), "say algorithms = [\"ES256\"]");
    }
    for algorithm in claims.algorithms.iter().filter(|algorithm| !ALGORITHMS.contains(algorithm)) {
        refuse(
            "algorithms",
            format!("this authenticator makes no {algorithm} keys"),
            "it makes ES256, EdDSA, ES384, RS256, ML-DSA-44 and ML-DSA-65 keys",
        );
    }

    // CTAP 2.1 §6.4: limits that a platform relies on.
    let size = usize::try_from(claims.max_msg_size).unwrap_or(usize::MAX);
    if !(1024..=MAX_MESSAGE_SIZE).contains(&size) {
        refuse(
            "max-msg-size",
            format!("{size} bytes is outside 1024 (CTAP 2.1 §6.4) to {MAX_MESSAGE_SIZE} (CTAPHID, §11.2.4)"),
            "1200 is a common figure",
        );
    }
    if claims.max_credential_count_in_list == 0 {
        refuse(
            "max-credential-count-in-list",
            "must be more than zero (CTAP 2.1 §6.4)".into(),
            "8 is a common figure",
        );
    }
    let longest = usize::try_from(claims.max_credential_id_length).unwrap_or(usize::MAX);
    let made = longest_credential_id(&claims.algorithms);
    if longest < made {
        refuse(
            "max-credential-id-length",
            format!("{longest} is less than the {made} bytes of the longest ID that these algorithms make"),
            "192 leaves room, or 384 with RS256",
        );
    }
    if claims.discoverable == Some(0) {
        refuse("discoverable", "room for none is no rk option at all".into(), "leave the key out");
    }

    promises::problems(claims, &mut refuse);

    if claims.seen.is_empty() {
        refuse("seen", "no link is described".into(), "describe at least [seen.hid]");
    }
    // Android says cable as well, the name that hybrid had before.
    let known = |link, transport: &str| {
        TRANSPORTS.contains(&transport) || (link == Link::Hybrid && transport == "cable")
    };
    for (link, seen) in &claims.seen {
        for transport in seen.transports.iter().filter(|transport| !known(*link, transport)) {
            refuse(
                "transports",
                format!("`{transport}` is no transport (WebAuthn §5.8.4)"),
                "the defined ones are usb, nfc, ble, smart-card, hybrid and internal",
            );
        }
    }
    problems.extend(phone::problems(profile));
    problems
}

#[cfg(test)]
mod tests {
    use super::super::{DeviceProfile, ProfileError};

    const GOOD: &str = include_str!("../../profiles/security-key.toml");

    /// The problems of the good profile with one line replaced.
    fn with(key: &str, value: &str) -> Vec<(&'static str, String)> {
        let line = GOOD.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
        match DeviceProfile::read("test", &GOOD.replace(line, &format!("{key} = {value}"))) {
            Ok(_) => Vec::new(),
            Err(ProfileError::Refused { problems, .. }) => {
                problems.into_iter().map(|p| (p.key, p.to_string())).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_device_bound_profile_may_set_neither_be_nor_bs() {
        let problems = with("backup-eligible", "true");
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].1.contains("never leaves its device") && problems[0].1.contains("BE"),
            "{problems:?}"
        );
        let keys: Vec<_> = with("backed-up", "true").into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["backed-up", "backed-up"], "not on a device-bound one, and not without BE");
        assert_eq!(with("device-bound", "false"), []);
    }

    #[test]
    fn each_claim_that_cannot_be_kept_is_refused_by_its_key() {
        for (key, value) in [
            ("name", "\"Has Space\""),
            ("versions", "[]"),
            ("versions", "[\"FIDO_2_2\"]"),
            ("algorithms", "[]"),
            ("algorithms", "[\"ES512\"]"),
            ("max-msg-size", "1023"),
            ("max-msg-size", "7610"),
            ("max-credential-count-in-list", "0"),
            ("max-credential-id-length", "150"),
            ("discoverable", "0"),
            ("transports", "[\"wifi\"]"),
        ] {
            let problems = with(key, value);
            assert_eq!(
                problems.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
                [key],
                "{key} = {value}: {problems:?}"
            );
            assert!(problems[0].1.starts_with("line "), "{problems:?}");
        }
    }

    /// The problems of the profile with a reader, with some of its text replaced.
    fn reader(changes: &[(&str, &str)]) -> Result<(), ProfileError> {
        let mut source = include_str!("../../profiles/fingerprint-key.toml").to_owned();
        for (from, to) in changes {
            assert!(source.contains(from), "{from}");
            source = source.replacen(from, to, 1);
        }
        DeviceProfile::read("test", &source).map(drop)
    }

    #[test]
    fn a_reader_that_cannot_be_is_refused_by_its_key() {
        let pin = include_str!("../../profiles/fingerprint-key.toml");
        let pin = &pin[pin.find("[pin]").unwrap()..pin.find("[credential]").unwrap()];
        assert!(reader(&[]).is_ok());
        for (changes, key) in [
            (vec![("capacity = 5", "capacity = 0")], "capacity"),
            (vec![("capacity = 5", "capacity = 65")], "capacity"),
            (vec![("samples = 5", "samples = 0")], "samples"),
            (vec![(pin, "")], "verification"),
            (vec![("[\"FIDO_2_0\", \"FIDO_2_1\"]", "[\"FIDO_2_0\"]")], "verification"),
            (vec![("preview = false", "preview = true")], "preview"),
            (vec![("preview = false", "preview = true")], "uv-bio-enroll"),
        ] {
            let Err(ProfileError::Refused { problems, .. }) = reader(&changes) else { panic!("{changes:?}") };
            let problem = problems.iter().find(|problem| problem.key == key);
            let problem = problem.unwrap_or_else(|| panic!("{changes:?}: {problems:?}"));
            assert!(problem.line.is_some() && !problem.hint.is_empty(), "{problem:?}");
        }
        assert!(reader(&[("capacity = 5", "capacity = 64")]).is_ok());
    }

    #[test]
    fn enrollable_and_the_table_of_fingers_go_together() {
        let source = include_str!("../../profiles/fingerprint-key.toml");
        let table = &source[source.find("[fingers]").unwrap()..source.find("[seen.hid]").unwrap()];
        for changes in [
            vec![(table, "")],
            vec![("\"enrollable\"", "\"none\"")],
            vec![("\"enrollable\"", "\"on-request\"")],
            vec![("\"enrollable\"", "\"always\"")],
        ] {
            let error = reader(&changes).unwrap_err();
            assert!(error.to_string().starts_with("test: line "), "{error}");
            assert!(error.to_string().contains("[fingers] table"), "{error}");
            assert!(error.hint().is_some(), "{error}");
        }
        let error = reader(&[("samples = 5", "sample = 5")]).unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean `samples`?"));
    }

    /// U2F Raw Message Formats 1.2, CTAP 2.1 §10.
    #[test]
    fn what_u2f_needs_and_what_a_key_of_u2f_only_cannot_have_is_refused() {
        let u2f = include_str!("../../profiles/u2f-key.toml");
        let refused = |source: &str, key: &str, value: &str| {
            let line = source.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
            let changed = source.replace(line, &format!("{key} = {value}"));
            match DeviceProfile::read("test", &changed) {
                Ok(_) => Vec::new(),
                Err(ProfileError::Refused { problems, .. }) => problems.into_iter().map(|p| p.key).collect(),
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(refused(u2f, "name", "\"mine\""), <[&str; 0]>::default());
        for (key, value, problem) in [
            ("attestation", "\"none\"", "attestation"),
            ("attestation", "\"packed-self\"", "attestation"),
            ("verification", "\"on-request\"", "verification"),
            ("aaguid", "\"fa0c5e11-0000-4000-8000-736563757265\"", "aaguid"),
            ("max-credential-count-in-list", "1\ndiscoverable = 1", "discoverable"),
            ("max-credential-count-in-list", "1\nextensions = [\"credProtect\"]", "extensions"),
            ("max-credential-count-in-list", "1\nlarge-blobs = 1024", "large-blobs"),
            (
                "max-credential-count-in-list",
                "1\ncredential-management = [\"standard\"]",
                "credential-management",
            ),
            ("max-credential-count-in-list", "1\nconfig-commands = [4]", "config-commands"),
        ] {
            assert!(refused(u2f, key, value).contains(&problem), "{key} = {value}");
        }
        // A key that speaks both.
        let both = GOOD.replace("versions = [", "versions = [\"U2F_V2\", ");
        let both = both.replace("attestation = \"packed-self\"", "attestation = \"packed\"");
        assert_eq!(refused(&both, "name", "\"mine\""), <[&str; 0]>::default());
        for (key, value) in [
            ("algorithms", "[\"EdDSA\"]"),
            ("attestation", "\"packed-self\""),
            ("attestation", "\"none\""),
            ("verification", "\"always\""),
        ] {
            assert!(refused(&both, key, value).contains(&key), "{key} = {value}");
        }
    }

    #[test]
    fn the_room_for_a_credential_id_follows_from_the_algorithms() {
        assert_eq!(with("algorithms", "[\"ES384\", \"ML-DSA-44\", \"ML-DSA-65\"]"), []);
        let problems = with("algorithms", "[\"ES256\", \"RS256\"]");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].1.contains("192 is less than the 306 bytes"), "{problems:?}");
        let roomy = GOOD.replace("max-credential-id-length = 192", "max-credential-id-length = 306");
        let roomy = roomy.replace("[\"ES256\", \"EdDSA\"]", "[\"RS256\"]");
        DeviceProfile::read("roomy", &roomy).unwrap();
    }

    #[test]
    fn a_wrong_key_names_its_line_and_the_nearest_right_one() {
        let typo = GOOD.replace("max-msg-size", "max-message-size");
        let error = DeviceProfile::read("my.toml", &typo).unwrap_err();
        assert!(error.to_string().starts_with("my.toml: line "), "{error}");
        assert_eq!(error.hint().as_deref(), Some("did you mean `max-msg-size`?"));
    }

    #[test]
    fn a_value_that_is_no_aaguid_or_algorithm_names_its_line() {
        for (key, bad) in [("aaguid", "\"fa0c5e11\""), ("algorithms", "[\"ES1024\"]")] {
            let line = GOOD.lines().find(|line| line.starts_with(key)).unwrap();
            let error = DeviceProfile::read("x", &GOOD.replace(line, &format!("{key} = {bad}"))).unwrap_err();
            assert!(error.to_string().starts_with("x: line ") && error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn every_value_of_every_built_in_profile_says_how_it_is_known() {
        for profile in DeviceProfile::built_in() {
            for line in profile.source.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')) {
                let key = line.split(" = ").next().unwrap();
                if key != "name" && key != "title" {
                    let (_, comment) =
                        line.split_once("# ").unwrap_or_else(|| panic!("{}: {line}", profile.name));
                    let basis = comment.split([' ', ':']).next().unwrap();
                    assert!(["documented", "measured", "guess"].contains(&basis), "{}: {line}", profile.name);
                    assert!(basis == "guess" || comment.contains('['), "{}: no source: {line}", profile.name);
                }
            }
        }
    }

    #[test]
    fn the_authenticator_profiles_are_device_bound_and_do_not_count() {
        for name in ["ms-authenticator-ios", "ms-authenticator-android"] {
            let profile = DeviceProfile::named(name).unwrap();
            assert!(profile.device_bound && !profile.authenticator.backup.eligible);
            assert_eq!(profile.authenticator.counter, authenticator::profile::Counter::Zero);
        }
    }
}
