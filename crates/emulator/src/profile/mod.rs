//! Device profiles: everything that makes one virtual device differ from another, as pure data in TOML.
//!
//! The built-in ones are under `crates/emulator/profiles/`, each value with its basis. A profile that is loaded
//! is one that can be kept: what it advertises is what the authenticator does, and a device-bound one never
//! claims that its passkeys are backed up.
mod card;
mod check;
mod keys;
mod parse;
mod phone;
mod promises;

pub use card::Card;
pub use check::{ALGORITHMS, Problem};
pub use keys::Key;
pub use parse::InvalidToml;

use authenticator::Link;
use std::str::FromStr;

/// How a relying party sees where the authenticator is, WebAuthn Level 3 §5.4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// In the device that the client runs on.
    Platform,
    /// Roaming.
    CrossPlatform,
}

impl Attachment {
    /// The value in `authenticatorAttachment`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::CrossPlatform => "cross-platform",
        }
    }
}

/// What a computer learns of a device on USB or its stand-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsbIdentity {
    /// idVendor.
    pub vendor_id: u16,
    /// idProduct.
    pub product_id: u16,
    /// iManufacturer.
    pub manufacturer: String,
    /// iProduct.
    pub product: String,
    /// Major, minor and build in the answer to CTAPHID_INIT.
    pub device_version: [u8; 3],
}

/// A device profile.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceProfile {
    /// What it is called on the command line.
    pub name: String,
    /// For people.
    pub title: String,
    /// Passkeys never leave the device.
    pub device_bound: bool,
    /// What the authenticator claims to be.
    pub authenticator: authenticator::Profile,
    /// The attachment over each link that is described.
    pub attachments: Vec<(Link, Attachment)>,
    /// For USB and its stand-ins.
    pub usb: UsbIdentity,
    /// For readers of smart cards, where it can be put on or into one.
    pub card: Option<Card>,
    /// The TOML that it was read from, with the basis of each value in comments.
    pub source: String,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The text does not fit the schema.
    #[error("{origin}: {invalid}")]
    Toml {
        /// A file or a name.
        origin: String,
        /// Where and what.
        invalid: InvalidToml,
    },
    /// The text fits, but what it says cannot be.
    #[error("{origin}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused {
        /// A file or a name.
        origin: String,
        /// At least one.
        problems: Vec<Problem>,
    },
}

impl ProfileError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Toml { invalid, .. } => invalid.hint.clone(),
            Self::Refused { problems, .. } => problems.first().map(|problem| problem.hint.clone()),
        }
    }
}

const BUILT_IN: [&str; 19] = [
    include_str!("../../profiles/ms-authenticator-ios.toml"),
    include_str!("../../profiles/ms-authenticator-android.toml"),
    include_str!("../../profiles/windows-hello-hardware.toml"),
    include_str!("../../profiles/windows-hello-vbs.toml"),
    include_str!("../../profiles/windows-hello-software.toml"),
    include_str!("../../profiles/icloud-keychain.toml"),
    include_str!("../../profiles/google-password-manager.toml"),
    include_str!("../../profiles/1password.toml"),
    include_str!("../../profiles/bitwarden.toml"),
    include_str!("../../profiles/yubikey-5-nfc.toml"),
    include_str!("../../profiles/yubikey-5c.toml"),
    include_str!("../../profiles/yubikey-5-fips.toml"),
    include_str!("../../profiles/titan-v2.toml"),
    include_str!("../../profiles/feitian-biopass.toml"),
    include_str!("../../profiles/security-key.toml"),
    include_str!("../../profiles/fingerprint-key.toml"),
    include_str!("../../profiles/ctap-2-0-key.toml"),
    include_str!("../../profiles/u2f-key.toml"),
    include_str!("../../profiles/all-in.toml"),
];

impl DeviceProfile {
    /// Reads a profile and checks it. `origin` names it in errors.
    ///
    /// # Errors
    /// If the text does not fit the schema, or what it says cannot be kept.
    pub fn read(origin: &str, source: &str) -> Result<Self, ProfileError> {
        let profile =
            parse::parse(source).map_err(|invalid| ProfileError::Toml { origin: origin.into(), invalid })?;
        let problems = check::problems(&profile);
        if problems.is_empty() {
            Ok(profile)
        } else {
            Err(ProfileError::Refused { origin: origin.into(), problems })
        }
    }

    /// The profiles that come with fauxkey.
    pub fn built_in() -> Vec<Self> {
        let read = |source: &str| {
            Self::read("built-in profile", source).expect("a test reads every built-in profile")
        };
        BUILT_IN.into_iter().map(read).collect()
    }

    /// Every key that a profile may have.
    pub fn keys() -> Vec<Key> {
        keys::all()
    }

    /// The built-in profile with that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::built_in().into_iter().find(|profile| profile.name == name)
    }

    /// How a relying party sees where the authenticator is, over `link`.
    pub fn attachment(&self, link: Link) -> Attachment {
        let over =
            |link| self.attachments.iter().find(|(seen, _)| *seen == link).map(|(_, attachment)| *attachment);
        over(link).or_else(|| over(Link::Usb)).unwrap_or(Attachment::CrossPlatform)
    }
}

impl FromStr for DeviceProfile {
    type Err = ProfileError;

    fn from_str(source: &str) -> Result<Self, ProfileError> {
        Self::read("profile", source)
    }
}
