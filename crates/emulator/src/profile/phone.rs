//! What a profile may not say of itself as a phone, reached over hybrid (CTAP 2.2 §11.5).
use super::parse::{line_in, line_of};
use super::{DeviceProfile, Problem};
use authenticator::Link;
use authenticator::profile::{Extension, Verification};
use wire::ctap2::Versions;

/// What takes a command that is not there over hybrid: a shared secret by clientPIN, or the large-blob array.
const OUT_OF_REACH: [Extension; 3] =
    [Extension::HmacSecret, Extension::HmacSecretMc, Extension::LargeBlobKey];

/// What has no limit or setting that [ctap] would have to tell.
const ON_ITS_OWN: [Extension; 2] = [Extension::Prf, Extension::LargeBlob];

pub(super) fn problems(profile: &DeviceProfile) -> Vec<Problem> {
    let claims = &profile.authenticator;
    let mut problems = Vec::new();
    let mut refuse = |key: &'static str, line: Option<usize>, why: String, hint: &str| {
        problems.push(Problem { key, line, why, hint: hint.into() });
    };
    if claims.extensions.contains(&Extension::Prf) {
        refuse(
            "extensions",
            line_in(&profile.source, "ctap", "extensions"),
            "prf goes in the clear, which only the tunnel of hybrid encrypts (CTAP 2.2 §11.5)".into(),
            "say extensions = [\"prf\"] under [seen.hybrid], and \"hmac-secret\" here",
        );
    }
    let Some((_, seen)) = claims.seen.iter().find(|(link, _)| *link == Link::Hybrid) else { return problems };
    let line = |key| line_of(&profile.source, key);
    let line_here = |key| line_in(&profile.source, "seen.hybrid", key);

    if !matches!(claims.verification, Verification::OnRequest | Verification::Always) {
        refuse(
            "verification",
            line("verification"),
            "a phone verifies its user by itself from the first day: without uv: true browsers give up over hybrid (CTAP 2.2 §11.5)".into(),
            "say verification = \"always\", or leave the [seen.hybrid] table out",
        );
    }
    if !claims.display {
        refuse(
            "display",
            line("display"),
            "over hybrid nobody is told of a second account, so its user chooses on the phone (CTAP 2.2 §11.5)".into(),
            "say display = true, or leave the [seen.hybrid] table out",
        );
    }
    let versions = seen.versions.as_ref().unwrap_or(&claims.versions);
    for version in versions.iter().filter(|version| !Versions::DEFINED.contains(&version.as_str())) {
        refuse(
            "versions",
            line_here("versions"),
            format!("`{version}` is not a defined version (CTAP 2.3 §6.4)"),
            "iOS says FIDO_2_0, Android FIDO_2_0 and FIDO_2_1",
        );
    }
    if versions.iter().all(|version| version == "U2F_V2") {
        refuse(
            "versions",
            line_here("versions"),
            "hybrid carries CTAP2, and no version of it is here (CTAP 2.2 §11.5)".into(),
            "say versions = [\"FIDO_2_0\"]",
        );
    }
    let extensions = seen.extensions.as_deref().unwrap_or_default();
    for (at, extension) in extensions.iter().enumerate() {
        let name = extension.name();
        let mut refuse = |why: String, hint: &str| refuse("extensions", line_here("extensions"), why, hint);
        if extensions[..at].contains(extension) {
            refuse(format!("{name} stands there twice"), "leave one out");
        } else if OUT_OF_REACH.contains(extension) {
            let why =
                format!("{name} takes a command that phones do not answer over hybrid (CTAP 2.2 §11.5)");
            refuse(why, "phones say \"prf\" in place of hmac-secret");
        } else if *extension == Extension::LargeBlob && claims.large_blobs.is_some() {
            let why = "largeBlob excludes the largeBlobs command (CTAP 2.3 §12)".into();
            refuse(why, "leave one of them out");
        } else if !ON_ITS_OWN.contains(extension) && !claims.extensions.contains(extension) {
            refuse(
                format!("{name} is not among the extensions of [ctap], so that its limits are not known"),
                "add it there too, or leave it out",
            );
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::{DeviceProfile, ProfileError};

    const PHONE: &str = include_str!("../../profiles/ms-authenticator-android.toml");

    /// The phone with some of its text replaced: which key is refused, on which line, and why.
    fn refused(changes: &[(&str, &str)]) -> Vec<(&'static str, Option<usize>, String)> {
        let mut source = PHONE.to_owned();
        for (from, to) in changes {
            assert!(source.contains(from), "{from}");
            source = source.replacen(from, to, 1);
        }
        match DeviceProfile::read("test", &source) {
            Ok(_) => Vec::new(),
            Err(ProfileError::Refused { problems, .. }) => {
                assert!(problems.iter().all(|problem| !problem.hint.is_empty()), "{problems:?}");
                problems.into_iter().map(|problem| (problem.key, problem.line, problem.why)).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// The line of the phone that begins so, counted from 1, from the table of hybrid on or from the top.
    fn line(beginning: &str, hybrid: bool) -> Option<usize> {
        let from = PHONE.lines().position(|line| line.starts_with("[seen.hybrid]")).filter(|_| hybrid);
        let lines = PHONE.lines().enumerate().skip(from.unwrap_or(0));
        lines.into_iter().find(|(_, line)| line.starts_with(beginning)).map(|(at, _)| at + 1)
    }

    #[test]
    fn a_phone_that_clients_would_not_take_for_one_is_refused_by_its_key() {
        const VERSIONS: &str = "versions = [\"FIDO_2_0\", \"FIDO_2_1\"]";
        const PRF: &str = "extensions = [\"prf\"]";
        assert_eq!(refused(&[]), []);
        let none = [("verification = \"always\"", "verification = \"none\"")];
        for (changes, key, hybrid, why) in [
            (&none[..], "verification", false, "without uv: true browsers give up"),
            (&[("display = true", "display = false")], "display", false, "its user chooses on the phone"),
            (&[(VERSIONS, "versions = []")], "versions", true, "no version of it"),
            (&[(VERSIONS, "versions = [\"U2F_V2\"]")], "versions", true, "hybrid carries CTAP2"),
            (&[(VERSIONS, "versions = [\"FIDO_2_2\"]")], "versions", true, "is not a defined version"),
            (&[(PRF, "extensions = [\"prf\", \"prf\"]")], "extensions", true, "prf stands there twice"),
            (&[(PRF, "extensions = [\"hmac-secret\"]")], "extensions", true, "takes a command"),
            (&[(PRF, "extensions = [\"largeBlobKey\"]")], "extensions", true, "takes a command"),
            (&[(PRF, "extensions = [\"credProtect\"]")], "extensions", true, "not among the extensions of"),
        ] {
            let found = refused(changes);
            let [(its, at, said)] = &found[..] else { panic!("{changes:?}: {found:?}") };
            assert_eq!((*its, *at), (key, line(key, hybrid)), "{changes:?}");
            assert!(said.contains(why), "{changes:?}: {said}");
        }
        let on_request = [("verification = \"always\"", "verification = \"on-request\"")];
        assert_eq!(refused(&on_request), []);
        assert_eq!(refused(&[(PRF, "extensions = [\"largeBlob\", \"prf\"]")]), []);
        assert_eq!(
            refused(&[
                ("max-msg-size", "extensions = [\"credProtect\"]\nmax-msg-size"),
                (PRF, "extensions = [\"credProtect\"]")
            ]),
            []
        );
    }

    #[test]
    fn prf_in_the_clear_is_for_hybrid_alone() {
        let found = refused(&[("max-msg-size", "extensions = [\"prf\"]\nmax-msg-size")]);
        let [(key, at, why)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((*key, *at), ("extensions", line("max-msg-size", false)));
        assert!(why.contains("which only the tunnel of hybrid encrypts"), "{why}");
        for other in ["seen.hid", "seen.same-device"] {
            let table = format!("[{other}]");
            let error = DeviceProfile::read("x", &PHONE.replace(&table, &format!("{table}\nversions = []")));
            assert!(error.unwrap_err().to_string().contains("unknown field `versions`"), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_under_hybrid_is_told_with_its_own_line() {
        for (key, value) in [("aaguid", "\"0\""), ("extensions", "[\"pfr\"]")] {
            let at = line(key, true).unwrap();
            let lines = PHONE.lines().enumerate().map(|(line, text)| match line + 1 == at {
                true => format!("{key} = {value}\n"),
                false => format!("{text}\n"),
            });
            let error = DeviceProfile::read("x", &lines.collect::<String>()).unwrap_err();
            assert!(error.to_string().starts_with(&format!("x: line {at}: {key}: ")), "{error}");
        }
    }

    /// Profiles that were written before it was known what phones say.
    #[test]
    fn a_phone_that_says_no_more_than_its_looks_is_read() {
        let hybrid = PHONE.find("versions = [\"FIDO_2_0\", \"FIDO_2_1\"]").unwrap();
        let end = PHONE.find("[seen.same-device]").unwrap();
        let old = format!("{}platform = true\n\n{}", &PHONE[..hybrid], &PHONE[end..]);
        let seen = DeviceProfile::read("old", &old).unwrap().authenticator;
        let seen = seen.seen(authenticator::Link::Hybrid).unwrap();
        assert_eq!((&seen.versions, seen.aaguid, &seen.extensions), (&None, None, &None));
    }
}
