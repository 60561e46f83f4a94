//! The list of devices: one small file for each, or, in an instance that leaves nothing on disk, none.
//!
//! ```toml
//! profile = "ms-authenticator-ios"        # what it claims to be
//! id = "0123456789abcdef0123456789abcdef" # where its passkeys are in the vault
//! user = "ask"                            # what its user does; approve if absent
//! ```
use crate::control::{Failure, FailureKind};
use crate::files;
use emulator::profile::InvalidToml;
use emulator::{Answer, UserPolicy};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use toml::Spanned;
use vault::AuthenticatorId;

/// What is known of a device before it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name of its profile.
    pub profile: String,
    /// Its name in the vault.
    pub id: AuthenticatorId,
    /// What its user does when asked.
    pub user: UserPolicy,
}

/// The devices of one home.
pub enum Devices {
    /// One TOML file for each in this folder.
    OnDisk(PathBuf),
    /// Nothing on disk.
    InMemory(Mutex<BTreeMap<String, Definition>>),
}

/// The longest device name in bytes.
const LONGEST_NAME: usize = 32;

/// Whether `name` can be the name of a device: 1 to 32 lower-case letters, digits and hyphens.
///
/// # Errors
/// Invalid, if it cannot.
pub fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let failure = Failure::new(FailureKind::Invalid, format!("`{}` is no device name", name.escape_debug()));
    Err(failure.hint("a name has 1 to 32 lower-case letters, digits and hyphens, such as phone or key-2"))
}

/// The name of a device that was given none: its profile's. Where that is too long the profile's own part is cut, so that
/// devices of one profile that attest in two ways have two names.
pub fn name_after(profile: &str) -> String {
    let (own, option) = profile.find('+').map_or((profile, ""), |at| profile.split_at(at));
    let left = LONGEST_NAME.saturating_sub(option.len());
    own.chars().take(left).chain(option.chars()).take(LONGEST_NAME).collect::<String>().replace('+', "-")
}

impl Devices {
    /// No devices, and nothing on disk ever.
    pub fn in_memory() -> Self {
        Self::InMemory(Mutex::default())
    }

    /// The names of all devices, sorted.
    ///
    /// # Errors
    /// Broken, if the folder cannot be read or has a file in it that is named like no device.
    pub fn names(&self) -> Result<Vec<String>, Failure> {
        let folder = match self {
            Self::InMemory(devices) => return Ok(lock(devices).keys().cloned().collect()),
            Self::OnDisk(folder) => folder,
        };
        let files = files::toml_files(folder).map_err(|error| files::refused("read", folder, &error))?;
        let name = |(name, path): (String, PathBuf)| match check_name(&name) {
            Ok(()) => Ok(name),
            Err(why) => Err(Failure {
                kind: FailureKind::Broken,
                message: format!("{}: {}", path.display(), why.message),
                hint: why.hint,
            }),
        };
        files.into_iter().map(name).collect()
    }

    /// The definition of a device.
    ///
    /// # Errors
    /// Invalid for what is no name; NotFound if there is no such device; Broken if its file makes no sense.
    pub fn find(&self, name: &str) -> Result<Definition, Failure> {
        check_name(name)?;
        let found = match self {
            Self::InMemory(devices) => lock(devices).get(name).cloned(),
            Self::OnDisk(folder) => {
                let path = file(folder, name);
                let text = files::read_text(&path).map_err(|error| files::refused("read", &path, &error))?;
                text.map(|text| parse(&path, &text)).transpose()?
            }
        };
        found.ok_or_else(|| self.no_such_device(name))
    }

    /// Makes a device or changes its definition, durably.
    ///
    /// # Errors
    /// Invalid for what is no name; Broken if the file cannot be written.
    pub fn put(&self, name: &str, definition: &Definition) -> Result<(), Failure> {
        check_name(name)?;
        match self {
            Self::InMemory(devices) => {
                lock(devices).insert(name.into(), definition.clone());
                Ok(())
            }
            Self::OnDisk(folder) => {
                let path = file(folder, name);
                files::replace(&path, print(definition).as_bytes())
                    .map_err(|error| files::refused("write", &path, &error))
            }
        }
    }

    /// Forgets a device, durably. Forgetting none is no error.
    ///
    /// # Errors
    /// Invalid for what is no name; Broken if the file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        check_name(name)?;
        match self {
            Self::InMemory(devices) => {
                lock(devices).remove(name);
                Ok(())
            }
            Self::OnDisk(folder) => {
                let path = file(folder, name);
                files::remove(&path).map_err(|error| files::refused("remove", &path, &error))
            }
        }
    }

    fn no_such_device(&self, name: &str) -> Failure {
        let failure = Failure::new(FailureKind::NotFound, format!("there is no device named `{name}`"));
        let names = self.names().unwrap_or_default();
        match files::nearest(name, names.iter().map(String::as_str)) {
            Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
            None if names.is_empty() => {
                failure.hint(format!("there is no device at all; `fauxkey device add {name}` makes this one"))
            }
            None => failure.hint(format!("there are: {}", names.join(", "))),
        }
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.toml"))
}

fn lock(devices: &Mutex<BTreeMap<String, Definition>>) -> MutexGuard<'_, BTreeMap<String, Definition>> {
    devices.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    profile: String,
    id: Spanned<String>,
    user: Option<Spanned<String>>,
}

fn parse(path: &Path, text: &str) -> Result<Definition, Failure> {
    let broken = |invalid: InvalidToml| Failure {
        kind: FailureKind::Broken,
        message: format!("{}: {invalid}", path.display()),
        hint: invalid.hint,
    };
    let document: Document = toml::from_str(text).map_err(|error| broken(InvalidToml::new(text, &error)))?;
    let wrong = |value: &Spanned<String>, why: String, hint: &str| {
        let line = Some(InvalidToml::line_at(text, value.span().start));
        broken(InvalidToml { line, why, hint: Some(hint.into()) })
    };
    let id = &document.id;
    // `hex::decode` passes over white space and colons, which have no place here.
    let digits = Some(id.get_ref()).filter(|id| id.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let bytes = digits.and_then(|id| wire::hex::decode(id)?.try_into().ok());
    let bytes = bytes.ok_or_else(|| {
        let why = format!("id: `{}` is not 32 hexadecimal digits", id.get_ref().escape_debug());
        wrong(id, why, "it names the device's passkeys in the vault: restore it from a copy")
    })?;
    let user = document.user.as_ref().map(|user| {
        let policy = user.get_ref().parse::<UserPolicy>();
        policy.map_err(|error| wrong(user, format!("user: {error}"), "write user = \"approve\""))
    });
    let user = user.transpose()?.unwrap_or_default();
    Ok(Definition { profile: document.profile, id: AuthenticatorId(bytes), user })
}

/// The file of a definition, as [`parse`] reads it.
fn print(definition: &Definition) -> String {
    let Definition { profile, id, user } = definition;
    let mut text = format!("profile = {}\nid = \"{id}\"\n", toml::Value::from(profile.as_str()));
    if *user != UserPolicy::default() {
        text.push_str(&format!("user = \"{}\"\n", print_user(user)));
    }
    text
}

/// A policy in the words that [`UserPolicy`] is read from.
fn print_user(user: &UserPolicy) -> String {
    let answer = match user.answer {
        Answer::Approve => "approve".into(),
        Answer::Ask => "ask".into(),
        Answer::Deny => "deny".into(),
        Answer::Ignore => "ignore".into(),
        Answer::WrongFinger => "wrong-finger".into(),
        Answer::Account(place) => format!("account={place}"),
    };
    match user.delay.as_millis() {
        0 => answer,
        millis => format!("{answer},after={millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    fn definition() -> Definition {
        Definition {
            profile: "security-key".into(),
            id: AuthenticatorId([0xA5; 16]),
            user: UserPolicy::default(),
        }
    }

    /// A folder with one device file in it.
    fn with(name: &str, text: &str) -> (tempfile::TempDir, Devices) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
        let devices = Devices::OnDisk(folder.path().into());
        (folder, devices)
    }

    #[test]
    fn devices_of_every_profile_and_option_can_be_named_after_it_and_no_two_alike() {
        let mut names = std::collections::BTreeSet::new();
        for profile in emulator::DeviceProfile::built_in() {
            for option in ["", "+none", "+packed-self", "+packed", "+fido-u2f"] {
                let name = name_after(&format!("{}{option}", profile.name));
                assert_eq!(check_name(&name), Ok(()), "{name}");
                assert!(names.insert(name), "{}{option}", profile.name);
            }
        }
    }

    #[test]
    fn what_is_put_is_found_again_on_disk_and_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        for devices in [Devices::OnDisk(folder.path().join("devices")), Devices::in_memory()] {
            assert_eq!(devices.names().unwrap(), <[String; 0]>::default());
            let mut definition = definition();
            for (answer, millis) in [
                (Answer::Approve, 0),
                (Answer::Ask, 0),
                (Answer::Deny, 250),
                (Answer::Ignore, 1),
                (Answer::WrongFinger, 0),
                (Answer::Account(2), 5),
                (Answer::Approve, 2_000),
            ] {
                definition.user = UserPolicy { answer, delay: Duration::from_millis(millis) };
                devices.put("phone", &definition).unwrap();
                assert_eq!(devices.find("phone").unwrap(), definition);
            }
            devices.put("key-2", &definition).unwrap();
            assert_eq!(devices.names().unwrap(), ["key-2", "phone"]);
            devices.remove("phone").unwrap();
            devices.remove("phone").unwrap();
            assert_eq!(devices.names().unwrap(), ["key-2"]);
            assert_eq!(devices.find("phone").unwrap_err().kind, FailureKind::NotFound);
        }
    }

    #[test]
    fn a_file_says_profile_and_id_and_no_more_than_it_must() {
        let text = print(&definition());
        assert_eq!(text, "profile = \"security-key\"\nid = \"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\"\n");
    }

    #[test]
    fn an_unknown_device_is_refused_with_the_nearest_name_or_all_of_them() {
        let devices = Devices::in_memory();
        let refused = devices.find("phone").unwrap_err();
        assert_eq!(refused.message, "there is no device named `phone`");
        assert_eq!(
            refused.hint.unwrap(),
            "there is no device at all; `fauxkey device add phone` makes this one"
        );
        devices.put("phone", &definition()).unwrap();
        devices.put("key", &definition()).unwrap();
        assert_eq!(devices.find("fone").unwrap_err().hint.unwrap(), "did you mean `phone`?");
        assert_eq!(devices.find("tablet").unwrap_err().hint.unwrap(), "there are: key, phone");
    }

    #[test]
    fn what_is_no_name_is_refused_before_it_becomes_a_path() {
        let longest = "a".repeat(32);
        for good in ["a", "-", "0", "phone-2", &longest] {
            check_name(good).unwrap();
        }
        let (_folder, devices) = with("phone", "");
        let long = "a".repeat(33);
        for bad in ["", "Phone", "my phone", "../phone", "a/b", "a.b", "é", "a\0", &long] {
            for failure in [
                devices.find(bad).unwrap_err(),
                devices.put(bad, &definition()).unwrap_err(),
                devices.remove(bad).unwrap_err(),
            ] {
                assert_eq!(failure.kind, FailureKind::Invalid, "{bad:?}");
                assert!(failure.message.ends_with("is no device name"), "{failure}");
            }
        }
    }

    #[test]
    fn a_file_that_makes_no_sense_is_refused_with_its_line() {
        let id = "id = \"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\"";
        let short = "id = \"a5\"";
        for (text, says, hint) in [
            (
                format!("profil = \"x\"\n{id}"),
                "line 1: unknown field `profil`",
                Some("did you mean `profile`?"),
            ),
            (
                format!("profile = \"x\"\n{id}\nidd = \"\""),
                "line 3: unknown field `idd`",
                Some("did you mean `id`?"),
            ),
            (
                format!("profile = \"x\"\n\n{short}"),
                "line 3: id: `a5` is not 32 hexadecimal digits",
                Some("it names"),
            ),
            (format!("profile = 3\n{id}"), "line 1: invalid type", None),
            (format!("profile = \"x\"\n{id}\n{id}"), "line 3: duplicate key", None),
            (
                format!("profile = \"x\"\n{id}\nuser = \"maybe\""),
                "line 3: user: `maybe` is no user policy",
                Some("write"),
            ),
            (id.to_string(), "missing field `profile`", None),
            ("profile = \"x\"".into(), "missing field `id`", None),
            ("profile".into(), "line 1: ", None),
            (format!("profile = \"x\"\nid = \"{}\"", "a5:".repeat(16)), "line 2: id: ", Some("it names")),
        ] {
            let (folder, devices) = with("phone", &text);
            let failure = devices.find("phone").unwrap_err();
            let path = folder.path().join("phone.toml");
            assert_eq!(failure.kind, FailureKind::Broken);
            assert!(failure.message.starts_with(&format!("{}: ", path.display())), "{failure}");
            assert!(failure.message.contains(says), "{says}: {failure}");
            assert!(!failure.message.contains('\n'), "{failure}");
            match hint {
                Some(hint) => assert!(failure.hint.as_ref().unwrap().starts_with(hint), "{failure:?}"),
                None => assert_eq!(failure.hint, None),
            }
        }
    }

    #[test]
    fn a_file_that_is_named_like_no_device_is_not_passed_over() {
        let (folder, devices) = with("My Phone", "");
        let failure = devices.names().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Broken);
        let path = folder.path().join("My Phone.toml");
        assert_eq!(failure.message, format!("{}: `My Phone` is no device name", path.display()));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("devices"), "a file where the folder should be").unwrap();
        let devices = Devices::OnDisk(folder.path().join("devices"));
        for failure in [devices.put("phone", &definition()).unwrap_err(), devices.find("phone").unwrap_err()]
        {
            assert_eq!(failure.kind, FailureKind::Broken);
            assert!(failure.message.contains("devices/phone.toml: "), "{failure}");
        }
    }
}
