//! Ways to show who one is, and combinations of them.
use super::document::{bad, did_you_mean, quoted};
use crate::refusal::Refusal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeSet;
use std::fmt;
use wire::aaguid::Aaguid;

/// Graph `authenticationMethodModes`, in its order. Passkeys of all kinds are `fido2`: there is no mode of their own
/// for those in Authenticator, nor for synced ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// A password.
    Password,
    /// A phone call.
    Voice,
    /// A code of a token one holds in the hand.
    HardwareOath,
    /// A code of an app.
    SoftwareOath,
    /// A text message.
    Sms,
    /// A passkey.
    Fido2,
    /// Windows Hello for Business, and a platform credential of macOS.
    WindowsHelloForBusiness,
    /// A push notification of Microsoft Authenticator.
    MicrosoftAuthenticatorPush,
    /// Phone sign-in of Microsoft Authenticator, without a password.
    DeviceBasedPush,
    /// A Temporary Access Pass that is good for one sign-in.
    TemporaryAccessPassOneTime,
    /// A Temporary Access Pass that is good for its lifetime.
    TemporaryAccessPassMultiUse,
    /// A code by e-mail.
    Email,
    /// A certificate that counts as one factor.
    X509CertificateSingleFactor,
    /// A certificate that counts as two.
    X509CertificateMultiFactor,
    /// Another identity provider, which saw one factor.
    FederatedSingleFactor,
    /// Another identity provider, which saw two.
    FederatedMultiFactor,
    /// A QR code with a PIN.
    QrCodePin,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Password,
        Self::Voice,
        Self::HardwareOath,
        Self::SoftwareOath,
        Self::Sms,
        Self::Fido2,
        Self::WindowsHelloForBusiness,
        Self::MicrosoftAuthenticatorPush,
        Self::DeviceBasedPush,
        Self::TemporaryAccessPassOneTime,
        Self::TemporaryAccessPassMultiUse,
        Self::Email,
        Self::X509CertificateSingleFactor,
        Self::X509CertificateMultiFactor,
        Self::FederatedSingleFactor,
        Self::FederatedMultiFactor,
        Self::QrCodePin,
    ];

    /// Graph's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Voice => "voice",
            Self::HardwareOath => "hardwareOath",
            Self::SoftwareOath => "softwareOath",
            Self::Sms => "sms",
            Self::Fido2 => "fido2",
            Self::WindowsHelloForBusiness => "windowsHelloForBusiness",
            Self::MicrosoftAuthenticatorPush => "microsoftAuthenticatorPush",
            Self::DeviceBasedPush => "deviceBasedPush",
            Self::TemporaryAccessPassOneTime => "temporaryAccessPassOneTime",
            Self::TemporaryAccessPassMultiUse => "temporaryAccessPassMultiUse",
            Self::Email => "email",
            Self::X509CertificateSingleFactor => "x509CertificateSingleFactor",
            Self::X509CertificateMultiFactor => "x509CertificateMultiFactor",
            Self::FederatedSingleFactor => "federatedSingleFactor",
            Self::FederatedMultiFactor => "federatedMultiFactor",
            Self::QrCodePin => "qrCodePin",
        }
    }

    /// The mode of that word, in any case.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str().eq_ignore_ascii_case(word))
    }

    /// Whether it is multifactor authentication all by itself.
    pub const fn is_multi_factor(self) -> bool {
        matches!(
            self,
            Self::Fido2
                | Self::WindowsHelloForBusiness
                | Self::DeviceBasedPush
                | Self::TemporaryAccessPassOneTime
                | Self::TemporaryAccessPassMultiUse
                | Self::X509CertificateMultiFactor
                | Self::FederatedMultiFactor
        )
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What somebody showed, has or could register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Factor {
    /// What it is.
    pub mode: Mode,
    /// The passkey's model. `None` for other modes, and for a model that no list names.
    #[serde(with = "optional_aaguid")]
    pub aaguid: Option<Aaguid>,
}

impl Factor {
    /// A factor that is no passkey, or a passkey of a model that no list names.
    pub const fn plain(mode: Mode) -> Self {
        Self { mode, aaguid: None }
    }

    /// A passkey.
    pub const fn passkey(aaguid: Aaguid) -> Self {
        Self { mode: Mode::Fido2, aaguid: Some(aaguid) }
    }
}

/// Modes that are good together, such as `password,microsoftAuthenticatorPush`; never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Combination(BTreeSet<Mode>);

/// What strengths can be made of, as Graph lists it: the combinations of the built-in strengths, and single factors.
const PUBLISHED: [&str; 25] = [
    "windowsHelloForBusiness",
    "fido2",
    "x509CertificateMultiFactor",
    "deviceBasedPush",
    "temporaryAccessPassOneTime",
    "temporaryAccessPassMultiUse",
    "password,microsoftAuthenticatorPush",
    "password,softwareOath",
    "password,hardwareOath",
    "password,x509CertificateSingleFactor",
    "password,x509CertificateMultiFactor",
    "password,sms",
    "password,voice",
    "federatedMultiFactor",
    "microsoftAuthenticatorPush,federatedSingleFactor",
    "softwareOath,federatedSingleFactor",
    "hardwareOath,federatedSingleFactor",
    "sms,federatedSingleFactor",
    "voice,federatedSingleFactor",
    "password",
    "sms",
    "email",
    "x509CertificateSingleFactor",
    "federatedSingleFactor",
    "qrCodePin",
];

/// How many of [`PUBLISHED`] are multifactor authentication: what the built-in strength of that name allows.
const MULTI_FACTOR: usize = 19;

impl Combination {
    /// A mode by itself.
    pub fn single(mode: Mode) -> Self {
        Self(BTreeSet::from([mode]))
    }

    /// Reads one as Graph writes it, with or without spaces, in any case and order.
    ///
    /// # Errors
    /// BadRequest, if a word is no mode, is there twice, or if no strength can be made of the combination.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut modes = BTreeSet::new();
        for word in text.split(',').map(str::trim) {
            let Some(mode) = Mode::of(word) else {
                let known = Mode::ALL.map(Mode::as_str);
                return Err(bad(format!("{} is no authentication method mode", quoted(word)))
                    .hint(did_you_mean(word, &known)));
            };
            if !modes.insert(mode) {
                return Err(bad(format!("the combination {} has {mode} twice", quoted(text))));
            }
        }
        let combination = Self(modes);
        if !PUBLISHED.contains(&combination.to_string().as_str()) {
            return Err(bad(format!("no strength can be made of the combination {combination}"))
                .hint(format!("expected one of {}", PUBLISHED.join("; "))));
        }
        Ok(combination)
    }

    /// All that count as multifactor authentication, in Graph's order.
    pub fn multi_factor() -> Vec<Self> {
        let read = |text: &&str| Self::parse(text).expect("what is published is in its own list");
        PUBLISHED[..MULTI_FACTOR].iter().map(read).collect()
    }

    /// All that there are, in Graph's order.
    pub fn published() -> impl Iterator<Item = Self> {
        PUBLISHED.iter().map(|text| Self::parse(text).expect("what is published is in its own list"))
    }

    /// What it is made of.
    pub fn modes(&self) -> impl Iterator<Item = Mode> {
        self.0.iter().copied()
    }

    /// Whether it is multifactor authentication.
    pub fn is_multi_factor(&self) -> bool {
        self.0.len() > 1 || self.modes().all(Mode::is_multi_factor)
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mode) in self.0.iter().enumerate() {
            write!(f, "{}{mode}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Serialize for Combination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Combination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// An AAGUID that may be missing, as text.
mod optional_aaguid {
    use super::{Aaguid, de};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        aaguid: &Option<Aaguid>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match aaguid {
            Some(aaguid) => serializer.collect_str(aaguid),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Aaguid>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
    }
}
