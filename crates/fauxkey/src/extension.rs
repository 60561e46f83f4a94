//! The browser extension: its files, which are in the binary, and its pairing with an instance.
use crate::api::pairing;
use crate::control::{Failure, FailureKind};
use crate::files;
use crate::page::Choice;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The package: one for Chromium and Firefox.
const FILES: [(&str, &str); 8] = [
    ("manifest.json", include_str!("../extension/manifest.json")),
    ("shim.js", SHIM),
    ("main.js", include_str!("../extension/main.js")),
    ("relay.js", include_str!("../extension/relay.js")),
    ("worker.js", include_str!("../extension/worker.js")),
    ("options.html", include_str!("../extension/options.html")),
    ("options.js", include_str!("../extension/options.js")),
    ("pairing.json", ""),
];
/// The file by which the package is paired. No page can read it: it is in no `web_accessible_resources`.
const PAIRING: &str = "pairing.json";
/// What runs in pages, whoever brings it there.
pub const SHIM: &str = include_str!("../extension/shim.js");
/// What our package calls itself, by which a folder is known to be one.
const NAME: &str = "\"name\": \"fauxkey\"";

/// With whom a package talks. It has a token in it, and so no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairing {
    /// The address of the WebSocket.
    url: String,
    /// The token, which opens nothing else.
    token: String,
    /// Which device pages see, if it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Whose rules to follow, if it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<String>,
}

impl Pairing {
    /// With the instance at `url`, which has that token.
    pub fn new(url: &str, token: &str, choice: Choice) -> Self {
        let url = format!("{}/api/v1/extension", url.replacen("http", "ws", 1));
        Self { url, token: pairing(token), device: choice.device, client: choice.client }
    }
}

/// Writes the package into a folder, which is made, or is one that we wrote before. Nobody else can read it.
///
/// # Errors
/// Conflict if there is something else in the folder; Broken if it cannot be written.
pub fn write(folder: &Path, pairing: Option<&Pairing>) -> Result<(), Failure> {
    let broken = |error: std::io::Error| files::refused("write", folder, &error);
    files::make_folder(folder).map_err(broken)?;
    let is_empty = fs::read_dir(folder).map_err(broken)?.next().is_none();
    let manifest = files::read_text(&folder.join("manifest.json")).ok().flatten();
    if !is_empty && !manifest.is_some_and(|manifest| manifest.contains(NAME)) {
        let message = format!("the folder {} has something else in it", folder.display());
        return Err(Failure::new(FailureKind::Conflict, message).hint("name a folder that is not there yet"));
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        let written = match (name, pairing) {
            (PAIRING, Some(pairing)) => {
                files::replace(&path, &serde_json::to_vec(pairing).expect("text is JSON"))
            }
            // One of before would be with an instance that is gone.
            (PAIRING, None) => files::remove(&path),
            _ => files::replace(&path, text.as_bytes()),
        };
        written.map_err(|error| files::refused("write", &path, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::os::unix::fs::PermissionsExt;

    fn pairing() -> Pairing {
        let choice = Choice { device: Some("key".into()), client: None };
        Pairing::new("http://127.0.0.1:1", "secret", choice)
    }

    #[test]
    fn a_package_has_everything_that_its_manifest_names() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), None).unwrap();
        let there = |name: &str| folder.path().join(name).is_file();
        let manifest: Value =
            serde_json::from_str(&fs::read_to_string(folder.path().join("manifest.json")).unwrap()).unwrap();
        let scripts = manifest["content_scripts"].as_array().unwrap();
        let scripts = scripts.iter().flat_map(|one| one["js"].as_array().unwrap());
        let background = manifest["background"]["scripts"].as_array().unwrap().iter();
        for name in scripts.chain(background).chain([&manifest["options_ui"]["page"]]) {
            assert!(there(name.as_str().unwrap()), "{name}");
        }
        assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
        assert!(manifest.get("web_accessible_resources").is_none(), "pages must not read the pairing");
        assert!(manifest.get("externally_connectable").is_none(), "no other page may talk to the worker");
        assert!(!there(PAIRING));
    }

    #[test]
    fn a_pairing_is_for_its_owner_alone_and_has_not_the_token_of_the_api() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("package"), Some(&pairing())).unwrap();
        let path = folder.path().join("package").join(PAIRING);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (read["url"].as_str(), read["device"].as_str()),
            (Some("ws://127.0.0.1:1/api/v1/extension"), Some("key"))
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        write(&folder.path().join("package"), None).unwrap();
        assert!(!path.exists(), "a pairing of before is gone");
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("manifest.json"), "{}").unwrap();
        assert_eq!(write(folder.path(), None).unwrap_err().kind, FailureKind::Conflict);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
