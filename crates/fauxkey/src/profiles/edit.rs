//! Changing a profile's TOML key by key; all else stays as it is written, comments too.
use crate::control::{Failure, FailureKind};
use crate::files;
use emulator::DeviceProfile;
use emulator::profile::Key;
use toml_edit::{DocumentMut, Item, Table, Value, value};

/// `KEY=VALUE`, as it is typed behind `--set`.
pub type Setting = (String, String);

/// The profile under another name, with keys changed in their order.
///
/// # Errors
/// Invalid if the text is no TOML, or a setting names no key, or more than one.
pub fn edited(source: &str, name: &str, settings: &[Setting]) -> Result<String, Failure> {
    let mut document: DocumentMut = source.parse().map_err(|error: toml_edit::TomlError| {
        Failure::new(FailureKind::Invalid, format!("the profile is no TOML: {}", error.message()))
    })?;
    replace(document.as_table_mut(), "name", name.into());
    for (key, text) in settings {
        let found = find(&document, key)?;
        let table = table(&mut document, found.table)?;
        replace(table, found.name, read(text));
    }
    Ok(document.to_string())
}

/// Puts a value where the old one stood; its basis goes with it, as it was not the new one's.
fn replace(table: &mut Table, key: &str, mut new: Value) {
    let plain = table.get(key).and_then(Item::as_value).map(|old| {
        let suffix = old.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or_default();
        suffix.trim().is_empty()
    });
    let suffix = if plain == Some(true) { "" } else { " # guess: chosen with --set" };
    *new.decor_mut() = toml_edit::Decor::new(" ", suffix);
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(new),
        None => {
            table.insert(key, value(new));
        }
    }
}

/// A TOML value, or a string without its quotation marks.
fn read(text: &str) -> Value {
    text.parse().unwrap_or_else(|_| Value::from(text))
}

/// The table at a path, made if it is not there yet.
fn table<'a>(document: &'a mut DocumentMut, path: &str) -> Result<&'a mut Table, Failure> {
    let mut table = document.as_table_mut();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let inner = table.entry(part).or_insert_with(|| {
            let mut new = Table::new();
            // A table that holds nothing but tables has no line of its own.
            new.set_implicit(path.contains('.') && path.starts_with(part));
            Item::Table(new)
        });
        table = inner.as_table_mut().ok_or_else(|| {
            Failure::new(FailureKind::Invalid, format!("`{part}` is not written as a [{part}] table"))
                .hint("--set changes profiles that are written as the built-in ones are")
        })?;
    }
    Ok(table)
}

/// The key that is meant: with its table, or alone where that says which.
fn find(document: &DocumentMut, typed: &str) -> Result<Key, Failure> {
    let invalid = |message: String| Failure::new(FailureKind::Invalid, message);
    let keys = DeviceProfile::keys();
    let full = |key: &Key| match key.table {
        "" => key.name.to_owned(),
        table => format!("{table}.{}", key.name),
    };
    if typed == "name" {
        let message = "the name of a profile is not set, but given";
        return Err(invalid(message.into()).hint("fauxkey profile add NAME --from PROFILE"));
    }
    if let Some(key) = keys.iter().find(|key| full(key) == typed) {
        return Ok(*key);
    }
    let meant: Vec<Key> = keys.iter().copied().filter(|key| key.name == typed).collect();
    let there = |key: &&Key| {
        let mut parts = key.table.split('.').filter(|part| !part.is_empty());
        parts.try_fold(document.as_item(), |item, part| item.get(part)).is_some()
    };
    let mut candidates: Vec<Key> = meant.iter().filter(there).copied().collect();
    if candidates.is_empty() {
        candidates = meant;
    }
    // What a phone says over hybrid stands beside what the device is, which is meant where no table is named.
    if candidates.iter().any(|key| !key.table.starts_with("seen.")) {
        candidates.retain(|key| !key.table.starts_with("seen."));
    }
    match candidates[..] {
        [key] => Ok(key),
        [] => {
            let names: Vec<String> = keys.iter().flat_map(|key| [key.name.to_owned(), full(key)]).collect();
            let failure = invalid(format!("`{}` is no key of a profile", typed.escape_debug()));
            Err(match files::nearest(typed, names.iter().map(String::as_str)) {
                Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
                None => failure.hint("`fauxkey profile show NAME` has the keys, such as ctap.max-msg-size"),
            })
        }
        _ => {
            let names: Vec<String> = candidates.iter().map(full).collect();
            let message = format!("`{typed}` stands in more than one table");
            Err(invalid(message).hint(format!("say one of {}", names.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> String {
        DeviceProfile::named("security-key").unwrap().source
    }

    fn set(settings: &[(&str, &str)]) -> Result<String, Failure> {
        let settings: Vec<Setting> =
            settings.iter().map(|(key, text)| ((*key).into(), (*text).into())).collect();
        edited(&source(), "mine", &settings)
    }

    #[test]
    fn what_is_not_set_stays_as_it_is_written() {
        assert_eq!(set(&[]).unwrap(), source().replace("name = \"security-key\"", "name = \"mine\""));
    }

    #[test]
    fn a_key_is_set_and_loses_its_basis() {
        let text = set(&[("max-msg-size", "2048"), ("credential.attestation", "none")]).unwrap();
        let changed: Vec<_> = source()
            .lines()
            .zip(text.lines())
            .filter(|(before, after)| before != after)
            .map(|(_, after)| after.to_owned())
            .collect();
        assert_eq!(
            changed,
            [
                "name = \"mine\"",
                "max-msg-size = 2048 # guess: chosen with --set",
                "attestation = \"none\" # guess: chosen with --set",
            ]
        );
        assert_eq!(DeviceProfile::read("mine", &text).unwrap().authenticator.max_msg_size, 2048);
    }

    #[test]
    fn a_key_and_a_table_that_are_not_there_are_made() {
        let text = set(&[
            ("certifications", "{ FIDO = 1 }"),
            ("atr", "3B 02 14 50"),
            ("seen.nfc.transports", "[\"usb\"]"),
            ("seen.nfc.attachment", "cross-platform"),
            ("seen.nfc.platform", "false"),
        ]);
        let profile = DeviceProfile::read("mine", &text.unwrap()).unwrap();
        assert_eq!(profile.authenticator.certifications, [("FIDO".to_owned(), 1)]);
        assert_eq!(profile.card.unwrap().atr, [0x3B, 0x02, 0x14, 0x50]);
        assert_eq!(profile.authenticator.seen.len(), 2);
    }

    #[test]
    fn a_key_that_is_none_and_one_that_is_two_are_refused_with_a_hint() {
        for (key, message, hint) in [
            ("max-message-size", "`max-message-size` is no key of a profile", "did you mean `max-msg-size`?"),
            ("ctap.algorithm", "`ctap.algorithm` is no key of a profile", "did you mean `ctap.algorithms`?"),
            (
                "name",
                "the name of a profile is not set, but given",
                "fauxkey profile add NAME --from PROFILE",
            ),
        ] {
            let failure = set(&[(key, "1")]).unwrap_err();
            assert_eq!((failure.message.as_str(), failure.hint.as_deref()), (message, Some(hint)));
        }
        let phone = DeviceProfile::named("ms-authenticator-ios").unwrap().source;
        let aaguid = "fa0c5e11-0000-4000-8000-736563757265";
        let text = edited(&phone, "mine", &[("aaguid".into(), aaguid.into())]).unwrap();
        let claims = DeviceProfile::read("mine", &text).unwrap().authenticator;
        assert_eq!(claims.aaguid.to_string(), aaguid, "the device's, and not what iOS says");
        let failure = edited(&phone, "mine", &[("transports".into(), "[]".into())]).unwrap_err();
        assert_eq!(failure.message, "`transports` stands in more than one table");
        let hint = "say one of seen.hid.transports, seen.hybrid.transports, seen.same-device.transports";
        assert_eq!(failure.hint.as_deref(), Some(hint));
    }
}
