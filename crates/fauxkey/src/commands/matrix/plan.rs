//! What is tried, and what is done on the page for it.
use crate::cli::{Coordinates, Way};
use crate::control::{Failure, FailureKind};
use client::conveyance::Preference;
use serde::Deserialize;
use std::path::Path;

/// Profiles that are tried where none is named: one of each kind that a policy tells apart.
pub(super) const PROFILES: [&str; 5] = [
    "ms-authenticator-ios",
    "ms-authenticator-android",
    "yubikey-5c",
    "windows-hello-hardware",
    "icloud-keychain",
];

/// The cells, in the order in which they are tried and shown: all of a profile together, and in them all of a route.
pub(super) fn cells(
    profiles: &[String],
    ways: &[Way],
    preferences: &[Preference],
    only: &[Coordinates],
) -> Vec<Coordinates> {
    if !only.is_empty() {
        return only.to_vec();
    }
    let default_profiles = PROFILES.map(String::from);
    let profiles = if profiles.is_empty() { default_profiles.as_slice() } else { profiles };
    let ways = if ways.is_empty() { Way::ALL.as_slice() } else { ways };
    let preferences = if preferences.is_empty() { Preference::ALL.as_slice() } else { preferences };
    let mut cells = Vec::new();
    for profile in profiles {
        for &way in ways {
            for &preference in preferences {
                cells.push(Coordinates { profile: profile.clone(), way, preference });
            }
        }
    }
    cells
}

/// What is done on the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Steps {
    /// What is on the page when the passkey was taken.
    pub(super) accepted: Option<String>,
    /// In their order. None: what looks right is done.
    #[serde(default, rename = "step")]
    pub(super) steps: Vec<Step>,
}

/// One thing that is done. Targets are CSS selectors, or `text=` and words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(super) enum Step {
    /// A field gets a value. `{n}` in it is another number in every cell; `env:NAME` is a variable of the environment.
    Fill(String, String),
    /// A button is clicked.
    Click(String),
    /// Something is waited for.
    Wait(String),
    /// Another page is opened, by its URL or from this one.
    Open(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    fill: Option<String>,
    with: Option<String>,
    click: Option<String>,
    wait: Option<String>,
    open: Option<String>,
}

impl TryFrom<Written> for Step {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        match written {
            Written { fill: Some(target), with: Some(with), click: None, wait: None, open: None } => {
                Ok(Self::Fill(target, with))
            }
            Written { fill: None, with: None, click: Some(target), wait: None, open: None } => {
                Ok(Self::Click(target))
            }
            Written { fill: None, with: None, click: None, wait: Some(target), open: None } => {
                Ok(Self::Wait(target))
            }
            Written { fill: None, with: None, click: None, wait: None, open: Some(url) } => {
                Ok(Self::Open(url))
            }
            _ => Err("a step is one of: fill with `with`, click, wait, open"),
        }
    }
}

impl Step {
    /// What it did, without secrets.
    pub(super) fn told(&self, number: u32) -> String {
        match self {
            Self::Fill(target, with) => {
                format!("filled {target} with {}", with.replace("{n}", &number.to_string()))
            }
            Self::Click(target) => format!("clicked {target}"),
            Self::Wait(target) => format!("saw {target}"),
            Self::Open(url) => format!("opened {url}"),
        }
    }
}

/// The value that a field gets.
///
/// # Errors
/// NotFound, if it is a variable that the environment does not have.
pub(super) fn value(with: &str, number: u32) -> Result<String, Failure> {
    match with.strip_prefix("env:") {
        Some(name) => std::env::var(name).map_err(|_| {
            Failure::new(FailureKind::NotFound, format!("the environment has no variable {name}"))
        }),
        None => Ok(with.replace("{n}", &number.to_string())),
    }
}

impl Steps {
    /// Reads the file, if there is one. What was typed as accepted counts before what is written.
    ///
    /// # Errors
    /// Those of reading it; Invalid if it is none; NotFound if it names a variable that there is not.
    pub(super) fn read(file: Option<&Path>, accepted: Option<&str>) -> Result<Self, Failure> {
        let mut steps: Self = file.map(super::super::simulation::read).transpose()?.unwrap_or_default();
        if let Some(accepted) = accepted {
            steps.accepted = Some(accepted.into());
        }
        for step in &steps.steps {
            if let Step::Fill(_, with) = step {
                // Before anything is started.
                value(with, 0)?;
            }
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Steps, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn steps_are_read_in_their_order() {
        let text = "accepted = 'text=Welcome'\n[[step]]\nfill = '#u'\nwith = 'a{n}'\n[[step]]\nclick = 'text=Go'\n\
                    [[step]]\nwait = '#x'\n[[step]]\nopen = '/next'\n";
        let steps = read(text).unwrap();
        assert_eq!(steps.accepted.as_deref(), Some("text=Welcome"));
        let expected = [
            Step::Fill("#u".into(), "a{n}".into()),
            Step::Click("text=Go".into()),
            Step::Wait("#x".into()),
            Step::Open("/next".into()),
        ];
        assert_eq!(steps.steps, expected);
        assert_eq!(steps.steps[0].told(7), "filled #u with a7");
    }

    #[test]
    fn a_step_that_is_none_or_two_is_refused() {
        for bad in [
            "fill = '#u'",
            "with = 'a'",
            "click = 'a'\nwait = 'b'",
            "",
            "open = '/'\nwith = 'x'",
            "clik = 'a'",
        ] {
            assert!(read(&format!("[[step]]\n{bad}\n")).is_err(), "{bad}");
        }
        assert!(read("expected = 'x'").is_err());
    }

    #[test]
    fn a_secret_is_used_and_not_told() {
        // Every process has one.
        let path = std::env::var("PATH").unwrap();
        assert_eq!(value("env:PATH", 1).unwrap(), path);
        let told = Step::Fill("#p".into(), "env:PATH".into()).told(1);
        assert_eq!(told, "filled #p with env:PATH");
        assert_eq!(value("env:FAUXKEY_NO_SUCH_VARIABLE", 1).unwrap_err().kind, FailureKind::NotFound);
    }

    #[test]
    fn coordinates_are_read_as_they_are_written() {
        let cells = cells(&[], &[], &[], &[]);
        assert_eq!(cells.len(), PROFILES.len() * 4 * 4);
        for cell in &cells {
            assert_eq!(cell.to_string().parse(), Ok(cell.clone()));
        }
        for bad in ["", "a/exec", "a/usb/none", "a/exec/some", "a/exec/none/x"] {
            assert!(bad.parse::<Coordinates>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_profiles_that_are_tried_by_default_are_there() {
        for name in PROFILES {
            assert!(emulator::DeviceProfile::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_named_is_tried_and_nothing_else() {
        let one: Coordinates = "u2f-key/exec/direct".parse().unwrap();
        assert_eq!(cells(&[], &[], &[], std::slice::from_ref(&one)), std::slice::from_ref(&one));
        let few =
            cells(&["a".into(), "b".into()], &[Way::Script], &[Preference::None, Preference::Direct], &[]);
        let words: Vec<String> = few.iter().map(ToString::to_string).collect();
        assert_eq!(words, ["a/script/none", "a/script/direct", "b/script/none", "b/script/direct"]);
    }
}
