//! Device profiles by name: the built-in ones, and those of one's own.
pub mod capture;
pub mod edit;

use crate::control::{Failure, FailureKind};
use crate::files;
use crate::home::Home;
use authenticator::profile::Attestation;
use emulator::DeviceProfile;
use emulator::profile::ProfileError;
use std::path::{Path, PathBuf};

/// What may stand behind a profile's name.
const OPTIONS: &str =
    "+packed, +packed-self, +fido-u2f, +tpm, +android-key, +android-safetynet, +apple and +none";

/// Where profiles are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// One's own, each as `NAME.toml`; `None` if there can be none.
    folder: Option<PathBuf>,
}

/// A profile that is there, or a file that should be one.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it is called on the command line.
    pub name: String,
    /// Its file, or `None` if it is built in.
    pub file: Option<PathBuf>,
    /// The profile, or why it cannot be used.
    pub profile: Result<DeviceProfile, Failure>,
}

impl Profiles {
    /// The built-in ones, and those in [`Home::profiles`].
    pub fn of(home: &Home) -> Self {
        Self { folder: Some(home.profiles()) }
    }

    /// The built-in ones alone.
    pub fn built_in() -> Self {
        Self { folder: None }
    }

    /// All profiles: the built-in ones, then one's own by name. A file that cannot be used is listed with the
    /// reason.
    ///
    /// # Errors
    /// Broken, if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, Failure> {
        let built_in = DeviceProfile::built_in().into_iter();
        let mut listed: Vec<Listed> = built_in
            .map(|profile| Listed { name: profile.name.clone(), file: None, profile: Ok(profile) })
            .collect();
        for (name, path) in self.files()? {
            let profile = own(&name, &path).and_then(|profile| profile.ok_or_else(|| self.unknown(&name)));
            listed.push(Listed { name, file: Some(path), profile });
        }
        Ok(listed)
    }

    /// The profile with that name, which may end in an option, whatever the profile says: `NAME+packed` attests by
    /// the test CA, `NAME+packed-self` by the new key itself, `NAME+fido-u2f` as a U2F key does and ES256 only, and
    /// `NAME+none` does not attest. The rest are statements of a platform's, by the test CA too: `NAME+tpm` and so on.
    ///
    /// # Errors
    /// NotFound if there is none; Invalid for an unknown option; Broken if its file makes no sense or says what
    /// cannot be kept.
    pub fn find(&self, name: &str) -> Result<DeviceProfile, Failure> {
        let Some((plain, option)) = name.split_once('+') else { return self.find_plain(name) };
        let attestation = match option {
            "packed" => Attestation::Packed,
            "packed-self" => Attestation::PackedSelf,
            "fido-u2f" => Attestation::FidoU2f,
            "tpm" => Attestation::Tpm,
            "android-key" => Attestation::AndroidKey,
            "android-safetynet" => Attestation::AndroidSafetyNet,
            "apple" => Attestation::Apple,
            "none" => Attestation::None,
            unknown => {
                let message = format!("`{}` is no option of a profile", unknown.escape_debug());
                let hint = format!("behind {plain}, the options are {OPTIONS}");
                return Err(Failure::new(FailureKind::Invalid, message).hint(hint));
            }
        };
        let mut profile = self.find_plain(plain)?;
        profile.name = name.into();
        let claims = &mut profile.authenticator;
        claims.attestation = attestation;
        claims.further_attestations.clear();
        // U2F goes with a certificate (FIDO U2F Raw Message Formats 1.2 §4.3).
        if !claims.attestations().any(|mode| matches!(mode, Attestation::Packed | Attestation::FidoU2f)) {
            claims.versions.retain(|version| version != "U2F_V2");
        }
        if claims.versions.is_empty() {
            let message = format!("`{plain}` speaks U2F only, and every U2F registration has a certificate");
            return Err(Failure::new(FailureKind::Invalid, message).hint("leave the option out"));
        }
        claims.algorithms.retain(|algorithm| attestation.attests(*algorithm));
        if claims.algorithms.is_empty() {
            let message = format!("{plain} makes no ES256 keys, and +{option} attests no others");
            return Err(Failure::new(FailureKind::Invalid, message));
        }
        // CTAP 2.1 §7.1: it goes with certificates in packed statements.
        if attestation != Attestation::Packed {
            claims.enterprise = None;
            claims.config_commands.retain(|command| *command != 1);
        }
        Ok(profile)
    }

    fn find_plain(&self, name: &str) -> Result<DeviceProfile, Failure> {
        if let Some(profile) = DeviceProfile::named(name) {
            return Ok(profile);
        }
        // What cannot be the name of a profile must not become a path.
        let own = match &self.folder {
            Some(folder) if is_name(name) => own(name, &file(folder, name))?,
            _ => None,
        };
        own.ok_or_else(|| self.unknown(name))
    }

    /// Checks a file and keeps a copy of it as a profile of one's own, durably.
    ///
    /// # Errors
    /// NotFound if there is no such file; Invalid if it is no profile that can be kept; Conflict if its name is
    /// taken by a built-in profile, or by another one of one's own; Broken if the copy cannot be written.
    pub fn add(&self, source: &Path) -> Result<DeviceProfile, Failure> {
        self.keep(source, check(source)?)
    }

    /// Checks a text and keeps it as a profile of one's own, durably. `origin` names it in errors.
    ///
    /// # Errors
    /// As those of [`Profiles::add`], but for the file.
    pub fn add_text(&self, origin: &str, text: &str) -> Result<DeviceProfile, Failure> {
        let profile = DeviceProfile::read(origin, text);
        let profile = profile.map_err(|error| failure(FailureKind::Invalid, &error))?;
        self.keep(Path::new(origin), profile)
    }

    fn keep(&self, source: &Path, profile: DeviceProfile) -> Result<DeviceProfile, Failure> {
        let name = &profile.name;
        if DeviceProfile::named(name).is_some() {
            return Err(shadows(source, name));
        }
        let Some(folder) = &self.folder else {
            let message = "an instance that keeps nothing on disk has the built-in profiles alone";
            return Err(Failure::new(FailureKind::Conflict, message));
        };
        let path = file(folder, name);
        match files::read_text(&path).map_err(|error| files::refused("read", &path, &error))? {
            Some(text) if text == profile.source => return Ok(profile),
            Some(_) => {
                let message = format!("there is another profile named `{name}` already: {}", path.display());
                let hint = "give this one another name, or delete that file first";
                return Err(Failure::new(FailureKind::Conflict, message).hint(hint));
            }
            None => {}
        }
        files::replace(&path, profile.source.as_bytes())
            .map_err(|error| files::refused("write", &path, &error))?;
        Ok(profile)
    }

    fn files(&self) -> Result<Vec<(String, PathBuf)>, Failure> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        files::toml_files(folder).map_err(|error| files::refused("read", folder, &error))
    }

    fn unknown(&self, name: &str) -> Failure {
        let message = format!("there is no profile named `{}`", name.escape_debug());
        let built_in = DeviceProfile::built_in().into_iter().map(|profile| profile.name);
        let own = self.files().unwrap_or_default().into_iter().map(|(name, _)| name);
        let names: Vec<String> = built_in.chain(own).collect();
        let hint = match files::nearest(name, names.iter().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there are: {}", names.join(", ")),
        };
        Failure::new(FailureKind::NotFound, message).hint(hint)
    }
}

/// Reads any file as a profile.
fn check(source: &Path) -> Result<DeviceProfile, Failure> {
    let text = files::read_text(source).map_err(|error| files::refused("read", source, &error))?;
    let Some(text) = text else {
        return Err(Failure::new(FailureKind::NotFound, format!("there is no file {}", source.display())));
    };
    DeviceProfile::read(&source.display().to_string(), &text)
        .map_err(|error| failure(FailureKind::Invalid, &error))
}

/// One's own profile of that name, if there is such a file.
fn own(name: &str, path: &Path) -> Result<Option<DeviceProfile>, Failure> {
    let text = files::read_text(path).map_err(|error| files::refused("read", path, &error))?;
    let Some(text) = text else { return Ok(None) };
    let profile = DeviceProfile::read(&path.display().to_string(), &text)
        .map_err(|error| failure(FailureKind::Broken, &error))?;
    if DeviceProfile::named(name).is_some() {
        return Err(shadows(path, name));
    }
    if profile.name != name {
        let message = format!("{}: the profile in it is named `{}`", path.display(), profile.name);
        return Err(Failure::new(FailureKind::Broken, message).hint("file and profile must have one name"));
    }
    Ok(Some(profile))
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.toml"))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn shadows(file: &Path, name: &str) -> Failure {
    let message = format!("{}: `{name}` is the name of a built-in profile", file.display());
    Failure::new(FailureKind::Conflict, message).hint("give it another name")
}

fn failure(kind: FailureKind, error: &ProfileError) -> Failure {
    Failure { kind, message: error.to_string(), hint: error.hint() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn home() -> (tempfile::TempDir, Profiles) {
        let folder = tempfile::tempdir().unwrap();
        let profiles = Profiles::of(&Home::at(folder.path()));
        (folder, profiles)
    }

    /// A profile of one's own: a built-in one under another name.
    fn source(name: &str) -> String {
        let security_key = DeviceProfile::named("security-key").unwrap();
        security_key.source.replace("name = \"security-key\"", &format!("name = \"{name}\""))
    }

    fn write(folder: &tempfile::TempDir, text: &str) -> PathBuf {
        let path = folder.path().join("some file.toml");
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn an_option_behind_the_name_decides_the_attestation() {
        let profiles = Profiles::built_in();
        for (name, attestation) in [
            ("ms-authenticator-ios", Attestation::None),
            ("ms-authenticator-ios+packed-self", Attestation::PackedSelf),
            ("security-key", Attestation::PackedSelf),
            ("security-key+none", Attestation::None),
            ("ms-authenticator-ios+packed", Attestation::Packed),
            ("all-in+fido-u2f", Attestation::FidoU2f),
        ] {
            let profile = profiles.find(name).unwrap();
            assert_eq!((profile.name.as_str(), profile.authenticator.attestation), (name, attestation));
        }
        assert_eq!(profiles.find("u2f-key+none").unwrap_err().kind, FailureKind::Invalid, "no certificate");
        let u2f = profiles.find("all-in+fido-u2f").unwrap().authenticator;
        assert_eq!((u2f.algorithms, u2f.enterprise), (vec![wire::cose::Algorithm::ES256], None));
        assert!(u2f.further_attestations.is_empty() && !u2f.config_commands.contains(&1));
        let unknown = profiles.find("security-key+pear").unwrap_err();
        assert_eq!(unknown.message, "`pear` is no option of a profile");
        for option in OPTIONS.split(['+', ',', ' ']).filter(|word| !["", "and"].contains(word)) {
            let profile = profiles.find(&format!("all-in+{option}")).unwrap().authenticator;
            assert!(option.starts_with(profile.attestation.format()), "{option}");
        }
        let apple = profiles.find("windows-hello-hardware+apple").unwrap_err();
        assert_eq!(apple.message, "windows-hello-hardware makes no ES256 keys, and +apple attests no others");
        assert_eq!(profiles.find("security-kee+none").unwrap_err().kind, FailureKind::NotFound);
    }

    #[test]
    fn a_profile_that_was_added_is_found_and_listed_after_the_built_in_ones() {
        let (folder, profiles) = home();
        let path = write(&folder, &source("mine"));
        let added = profiles.add(&path).unwrap();
        assert_eq!(profiles.find("mine").unwrap(), added);
        assert_eq!(profiles.add(&path).unwrap(), added, "once more is no error");
        let listed = profiles.list().unwrap();
        let names: Vec<_> = listed.iter().map(|listed| listed.name.as_str()).collect();
        let built_in = DeviceProfile::built_in();
        let expected: Vec<_> = built_in.iter().map(|profile| profile.name.as_str()).chain(["mine"]).collect();
        assert_eq!(names, expected);
        assert_eq!(listed.iter().filter(|listed| listed.file.is_some()).count(), 1);
        assert!(listed.iter().all(|listed| listed.profile.is_ok()));
        assert_eq!(added.source, source("mine"), "comments and all");
    }

    #[test]
    fn built_in_profiles_need_no_folder_and_cannot_be_shadowed() {
        let (folder, profiles) = home();
        for profiles in [&profiles, &Profiles::built_in()] {
            assert_eq!(profiles.find("security-key").unwrap().title, "Generic security key");
            let path = write(&folder, &source("security-key"));
            let refused = profiles.add(&path).unwrap_err();
            assert_eq!(refused.kind, FailureKind::Conflict);
            assert!(
                refused.message.ends_with("`security-key` is the name of a built-in profile"),
                "{refused}"
            );
        }
        let path = folder.path().join("config/profiles/security-key.toml");
        files::replace(&path, source("security-key").replace("Generic", "Shadow").as_bytes()).unwrap();
        assert_eq!(profiles.find("security-key").unwrap().title, "Generic security key");
        let listed = profiles.list().unwrap();
        assert_eq!(listed.last().unwrap().profile.as_ref().unwrap_err().kind, FailureKind::Conflict);
    }

    #[test]
    fn another_profile_of_the_same_name_is_not_overwritten() {
        let (folder, profiles) = home();
        profiles.add(&write(&folder, &source("mine"))).unwrap();
        let other = write(&folder, &source("mine").replace("Generic", "Other"));
        assert_eq!(profiles.add(&other).unwrap_err().kind, FailureKind::Conflict);
        assert_eq!(profiles.find("mine").unwrap().title, "Generic security key");
    }

    #[test]
    fn an_unknown_profile_is_refused_with_the_nearest_name_or_all_of_them() {
        let (folder, profiles) = home();
        profiles.add(&write(&folder, &source("mine"))).unwrap();
        let refused = profiles.find("ms-authenticator-iso").unwrap_err();
        assert_eq!(refused.kind, FailureKind::NotFound);
        assert_eq!(refused.message, "there is no profile named `ms-authenticator-iso`");
        assert_eq!(refused.hint.unwrap(), "did you mean `ms-authenticator-ios`?");
        let hint = profiles.find("toaster").unwrap_err().hint.unwrap();
        assert!(hint.starts_with("there are: ms-authenticator-ios, ms-authenticator-android, "), "{hint}");
        assert!(hint.ends_with(", all-in, mine"), "{hint}");
        for path in ["../profiles/mine", "", "mine\0", "Mine"] {
            assert_eq!(profiles.find(path).unwrap_err().kind, FailureKind::NotFound, "{path:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_profile_is_refused_with_its_line_and_hides_no_other() {
        let (folder, profiles) = home();
        let misspelt = source("mine").replace("aaguid =", "aagiud =");
        let refused = profiles.add(&write(&folder, &misspelt)).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Invalid);
        assert!(refused.message.contains("some file.toml: line "), "{refused}");
        assert_eq!(refused.hint.unwrap(), "did you mean `aaguid`?");
        let claims = source("mine").replace("backup-eligible = false", "backup-eligible = true");
        let refused = profiles.add(&write(&folder, &claims)).unwrap_err();
        assert!(refused.message.contains("device-bound") && refused.hint.is_some(), "{refused:?}");
        assert_eq!(profiles.add(&folder.path().join("none.toml")).unwrap_err().kind, FailureKind::NotFound);
        assert_eq!(profiles.list().unwrap().len(), DeviceProfile::built_in().len(), "nothing was kept");

        let path = |name: &str| folder.path().join(format!("config/profiles/{name}.toml"));
        files::replace(&path("broken"), misspelt.as_bytes()).unwrap();
        files::replace(&path("renamed"), source("mine").as_bytes()).unwrap();
        files::replace(&path("good"), source("good").as_bytes()).unwrap();
        let failures = |listed: Listed| Some((listed.name, listed.profile.err()?.kind));
        let broken: Vec<_> = profiles.list().unwrap().into_iter().filter_map(failures).collect();
        assert_eq!(broken, [("broken".into(), FailureKind::Broken), ("renamed".into(), FailureKind::Broken)]);
        assert_eq!(profiles.find("broken").unwrap_err().kind, FailureKind::Broken);
        let renamed = profiles.find("renamed").unwrap_err();
        assert!(renamed.message.ends_with("the profile in it is named `mine`"), "{renamed}");
        profiles.find("good").unwrap();
    }
}
