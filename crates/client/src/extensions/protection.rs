//! `credentialProtectionPolicy` and `enforceCredentialProtectionPolicy`, CTAP 2.1 §12.1.
use super::input::{text, wrong};
use crate::error::ClientError;
use serde_json::{Map, Value};
use wire::cbor;
use wire::ctap2::GetInfoResponse;

/// How well a credential is to be protected.
#[derive(Clone, Copy)]
pub(super) struct Protection {
    /// 1 to 3.
    level: i64,
    enforced: bool,
}

const POLICIES: [(&str, i64); 3] = [
    ("userVerificationOptional", 1),
    ("userVerificationOptionalWithCredentialIDList", 2),
    ("userVerificationRequired", 3),
];

impl Protection {
    pub(super) const POLICY: &'static str = "credentialProtectionPolicy";
    pub(super) const ENFORCE: &'static str = "enforceCredentialProtectionPolicy";

    /// `None` if the page does not ask for any.
    ///
    /// # Errors
    /// A `TypeError` for an unknown policy; a `NotAllowedError` if it is to be enforced and cannot be: then no
    /// authenticator that lacks the extension is a candidate.
    pub(super) fn read(
        extensions: &Map<String, Value>,
        info: &GetInfoResponse,
    ) -> Result<Option<Self>, ClientError> {
        let Some(policy) = extensions.get(Self::POLICY) else { return Ok(None) };
        let policy = text(Self::POLICY, policy)?;
        let (_, level) = POLICIES
            .into_iter()
            .find(|(name, _)| *name == policy)
            .ok_or_else(|| wrong(Self::POLICY, &format!("{policy:?} is no policy")))?;
        let enforced = extensions.get(Self::ENFORCE).is_some_and(super::is_true);
        if super::has(info, "credProtect") {
            return Ok(Some(Self { level, enforced }));
        }
        if enforced && level > 1 {
            return Err(ClientError::Extension {
                id: Self::POLICY,
                why: format!("{policy} is to be enforced, and the authenticator has no credProtect"),
                exception: "NotAllowedError",
            });
        }
        Ok(None)
    }

    pub(super) fn input(self) -> cbor::Value {
        self.level.into()
    }

    /// What to say about the level that the credential got.
    pub(super) fn note(self, output: Option<&cbor::Value>) -> Option<String> {
        let got = output.and_then(|level| i64::try_from(level.as_integer()?).ok());
        if got.is_some_and(|got| got >= self.level) {
            return None;
        }
        let got = got.map_or("none".into(), |got| got.to_string());
        let odd = if self.enforced { "odd: enforced " } else { "odd: " };
        Some(format!("{odd}credProtect {} was asked for, and the authenticator says {got}", self.level))
    }
}
