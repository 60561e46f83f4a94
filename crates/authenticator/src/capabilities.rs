//! What this authenticator can do now. getInfo prints it and every command obeys it, so that what is
//! advertised is what is done.
use crate::Link;
use crate::profile::{Profile, Seen, Verification};
use alloc::{string::ToString, vec::Vec};
use wire::cose::Algorithm;
use wire::ctap2::GetInfoResponse;

/// Computed at power-up from the profile; a later PIN or setting will be a further argument.
pub(crate) struct Capabilities {
    pub(crate) profile: Profile,
    /// A version from CTAP 2.1 on is advertised.
    pub(crate) speaks_2_1: bool,
}

impl Capabilities {
    pub(crate) fn of(profile: Profile) -> Self {
        let speaks_2_1 = profile.versions.iter().any(|v| v == "FIDO_2_1" || v == "FIDO_2_3");
        Self { profile, speaks_2_1 }
    }

    /// The `rk` option.
    pub(crate) fn discoverable(&self) -> bool {
        self.profile.discoverable.is_some()
    }

    /// The `uv` option: built-in user verification is there and set up.
    pub(crate) fn built_in_verification(&self) -> bool {
        self.profile.verification != Verification::None
    }

    /// Whether a command that asks for `uv` or not verifies its user.
    pub(crate) fn verifies(&self, uv: Option<bool>) -> bool {
        match self.profile.verification {
            Verification::None => false,
            Verification::OnRequest => uv == Some(true),
            Verification::Always => true,
        }
    }

    /// The first offered algorithm that is ours: the platform's order decides, never ours.
    pub(crate) fn choose(&self, offered: &[Algorithm]) -> Option<Algorithm> {
        offered.iter().copied().find(|algorithm| self.profile.algorithms.contains(algorithm))
    }

    /// Whether an excludeList or allowList of `len` entries is too long.
    pub(crate) fn list_too_long(&self, len: usize) -> bool {
        u32::try_from(len).map_or(true, |len| len > self.profile.max_credential_count_in_list)
    }

    /// The answer to getInfo over `link`, CTAP 2.1 §6.4.
    pub(crate) fn get_info(&self, link: Link) -> GetInfoResponse {
        let profile = &self.profile;
        let seen = profile.seen(link);
        let mut options = Vec::from([
            ("plat".to_string(), seen.is_some_and(|seen| seen.platform)),
            ("rk".to_string(), self.discoverable()),
            ("up".to_string(), true),
        ]);
        if self.built_in_verification() {
            options.push(("uv".to_string(), true));
        }
        GetInfoResponse {
            versions: profile.versions.clone(),
            extensions: Vec::new(),
            aaguid: profile.aaguid,
            options,
            max_msg_size: Some(profile.max_msg_size.into()),
            max_credential_count_in_list: Some(profile.max_credential_count_in_list.into()),
            max_credential_id_length: Some(profile.max_credential_id_length.into()),
            transports: seen.map(|Seen { transports, .. }| transports.clone()).unwrap_or_default(),
            algorithms: profile.algorithms.clone(),
            firmware_version: profile.firmware_version,
        }
    }
}
