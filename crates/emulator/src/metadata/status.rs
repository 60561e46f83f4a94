//! What is reported of a model: FIDO Metadata Service 3.1 §3.1.3 and §3.1.4.
use super::{Date, base64};
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;

macro_rules! statuses {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)*) => {
        /// AuthenticatorStatus, §3.1.4.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Status {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Status {
            /// All of them, in the order of the specification.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value in a status report.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}
statuses! {
    /// It was not certified.
    NotFidoCertified = "NOT_FIDO_CERTIFIED";
    /// It passed functional certification, by the programme before there were levels.
    FidoCertified = "FIDO_CERTIFIED";
    /// Malware can get around the verification of its user.
    UserVerificationBypass = "USER_VERIFICATION_BYPASS";
    /// The attestation key is known to be compromised.
    AttestationKeyCompromise = "ATTESTATION_KEY_COMPROMISE";
    /// Registered keys can be extracted from afar.
    UserKeyRemoteCompromise = "USER_KEY_REMOTE_COMPROMISE";
    /// Registered keys can be extracted by who holds the device.
    UserKeyPhysicalCompromise = "USER_KEY_PHYSICAL_COMPROMISE";
    /// There is a newer firmware.
    UpdateAvailable = "UPDATE_AVAILABLE";
    /// It is not to be trusted any more.
    Revoked = "REVOKED";
    /// Its vendor filled in a self-assertion checklist.
    SelfAssertionSubmitted = "SELF_ASSERTION_SUBMITTED";
    /// Certified at level 1.
    FidoCertifiedL1 = "FIDO_CERTIFIED_L1";
    /// Certified at level 1+.
    FidoCertifiedL1Plus = "FIDO_CERTIFIED_L1plus";
    /// Certified at level 2.
    FidoCertifiedL2 = "FIDO_CERTIFIED_L2";
    /// Certified at level 2+.
    FidoCertifiedL2Plus = "FIDO_CERTIFIED_L2plus";
    /// Certified at level 3.
    FidoCertifiedL3 = "FIDO_CERTIFIED_L3";
    /// Certified at level 3+.
    FidoCertifiedL3Plus = "FIDO_CERTIFIED_L3plus";
}

/// There is no such status; with the one that was most likely meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownStatus(pub Option<Status>);

impl Status {
    /// Whether the specification has reports of it name a certificate.
    const fn names_a_certificate(self) -> bool {
        matches!(self, Self::AttestationKeyCompromise)
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    /// In capitals or not, with `-` or `_`.
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        let plain = |text: &str| text.to_ascii_uppercase().replace('-', "_");
        let wanted = plain(text);
        let distance = |status: &Self| strsim::damerau_levenshtein(&plain(status.name()), &wanted);
        let nearest = Self::ALL.iter().copied().min_by_key(distance);
        let nearest = nearest.filter(|status| distance(status) <= wanted.len() / 3);
        nearest.filter(|status| distance(status) == 0).ok_or(UnknownStatus(nearest))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// That a model has a status, §3.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// What is reported.
    pub status: Status,
    /// The day from which on it is so.
    pub effective_date: Date,
}

impl StatusReport {
    /// The report of a model with that attestation certificate.
    pub(super) fn to_value(self, certificate: Option<&[u8]>) -> Value {
        let mut report =
            json!({ "status": self.status.name(), "effectiveDate": self.effective_date.to_string() });
        if let Some(certificate) = certificate.filter(|_| self.status.names_a_certificate()) {
            report["certificate"] = base64(certificate).into();
        }
        report
    }
}
